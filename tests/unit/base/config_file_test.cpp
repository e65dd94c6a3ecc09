#include "base/config_file.h"
#include "base/scratch_folder.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace pagewalk;
using testing::AllOf;
using testing::HasSubstr;

namespace {

class ConfigFile : public testing::Test {
protected:
    ConfigFile() {
        std::filesystem::create_directories(folder / "sub");
        OptionGroup group = options.group("core");
        group.number("width", width, {1, 8}, {Unit::Count, "width", "assumed"});
        group.number("depth", depth, {1, 100}, {Unit::Count, "depth", "assumed"});
        options.group("").text("title", title, {Unit::None, "title", "user"});
    }

    std::filesystem::path write(const std::string& name, const std::string& text) {
        std::ofstream(folder / name) << text;
        return folder / name;
    }
    std::string error_of(const std::filesystem::path& file) {
        try {
            load_config_file(file, options);
        } catch (const ConfigError& error) {
            return error.what();
        }
        return "";
    }

    ScratchFolder folder;
    OptionSet options;
    std::uint32_t width = 4, depth = 10;
    std::string title;
};

} // namespace

TEST_F(ConfigFile, LayersOnItsBaseAndRemembersTheLine) {
    write("base.cfg", "title = from base\n[core]\nwidth = 2\ndepth = 20\n");
    load_config_file(write("sub/top.cfg", "# comment\nbase = ../base.cfg\n[core]\nwidth = 6 # wide\n"),
                     options);
    EXPECT_EQ(width, 6U);
    EXPECT_EQ(depth, 20U);
    EXPECT_EQ(title, "from base");
    EXPECT_THAT(options.where("core.width"), HasSubstr("top.cfg:4"));
    EXPECT_THAT(options.where("core.depth"), HasSubstr("base.cfg:4"));
}

TEST_F(ConfigFile, SettingsOfTheCommandLineWin) {
    load_config_file(write("a.cfg", "[core]\nwidth = 2\n"), options);
    apply_settings(std::vector<std::string>{"core.width=5", "core.width = 7"}, options);
    EXPECT_EQ(width, 7U);
    EXPECT_THROW(apply_settings(std::vector<std::string>{"core.width"}, options), ConfigError);
}

TEST_F(ConfigFile, ABadValueNamesFileLineKeyValueAndRange) {
    EXPECT_THAT(error_of(write("a.cfg", "[core]\n\nwidth = 9\n")),
                AllOf(HasSubstr("a.cfg:3"), HasSubstr("core.width"), HasSubstr("9"), HasSubstr("1 to 8")));
}

TEST_F(ConfigFile, RejectsUnknownAndRepeatedKeysAndStrayText) {
    EXPECT_THAT(error_of(write("a.cfg", "[core]\nwidht = 2\n")),
                AllOf(HasSubstr("a.cfg:2"), HasSubstr("core.width")));
    EXPECT_THAT(error_of(write("b.cfg", "[core]\nwidth = 2\nwidth = 3\n")),
                AllOf(HasSubstr("b.cfg:3"), HasSubstr("line 2")));
    EXPECT_THAT(error_of(write("c.cfg", "[core]\nwidth 2\n")), HasSubstr("c.cfg:2"));
}

TEST_F(ConfigFile, ReadsEmptyFilesAndThoseThatBeginWithAByteOrderMark) {
    EXPECT_EQ(error_of(write("empty.cfg", "")), "");
    EXPECT_EQ(error_of(write("marked.cfg", "\xef\xbb\xbf[core] # the core\r\nwidth = 2\r\n")), "");
    EXPECT_EQ(width, 2U);
}

TEST_F(ConfigFile, KeepsNumberSignsWithinAValueAndLoadsItsOwnResolvedText) {
    load_config_file(write("a.cfg", "title = /bin/echo a#b \"c # d\" # comment\n"), options);
    EXPECT_EQ(title, "/bin/echo a#b \"c # d\"");
    for (const std::string value : {"a # b", "a\nb = 1\n[core]", " blanks ", "\xff\x01", "$'x'", "it's"}) {
        options.set("title", value, "--set");
        const std::string resolved = options.resolved();
        title.clear();
        load_config_file(write("b.cfg", resolved), options);
        EXPECT_EQ(title, value) << resolved;
    }
}

TEST_F(ConfigFile, RejectsWhatIsNoText) {
    EXPECT_THAT(error_of(write("nul.cfg", std::string("title = a\0b", 11))),
                AllOf(HasSubstr("nul.cfg:1"), HasSubstr("a\\x00b")));
    EXPECT_THAT(error_of(write("quote.cfg", "title = $'a\n")), HasSubstr("no closing quote"));
    EXPECT_THAT(error_of(write("zero.cfg", "base = /dev/zero\n")),
                AllOf(HasSubstr("/dev/zero"), HasSubstr("16MiB"), HasSubstr("zero.cfg")));
    EXPECT_THAT(error_of(write("long.cfg", std::string(10 << 20, 'k') + " = 1\n")),
                AllOf(HasSubstr("long.cfg:1"), HasSubstr("kkk..."), HasSubstr("unknown option")));
}

TEST_F(ConfigFile, RejectsMissingFilesFoldersAndCircles) {
    EXPECT_THAT(error_of(folder / "none.cfg"), HasSubstr("none.cfg"));
    EXPECT_THAT(error_of(folder.path()), HasSubstr("directory"));
    EXPECT_THAT(error_of(write("top.cfg", "base = none.cfg\n")),
                AllOf(HasSubstr("none.cfg"), HasSubstr("top.cfg")));
    write("one.cfg", "base = two.cfg\n");
    EXPECT_THAT(error_of(write("two.cfg", "base = one.cfg\n")), HasSubstr("circle"));
}
