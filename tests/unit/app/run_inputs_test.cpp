#include "app/run_inputs.h"
#include "base/scratch_folder.h"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

void write(const std::filesystem::path& file, const char* text) { std::ofstream(file) << text; }

TEST(RunInputs, AreTheProgramAndTheFilesItsWordsName) {
    const ScratchFolder folder, scratch;
    write(folder / "data", "abc");
    SystemConfig config;
    config.options.set("workload.kind", "program", "test");
    config.options.set("workload.program", "cat data /absent " + (folder / "data").string() + " -n", "test");
    const std::vector<InputFile> files = input_files(config, folder.path(), scratch.path());
    ASSERT_EQ(files.size(), 2u);
    EXPECT_EQ(files[0].path.filename(), "cat");
    EXPECT_EQ(files[1].path, folder / "data");
    EXPECT_EQ(files[1].bytes, 3u);
}

TEST(RunInputs, LeaveOutWhatSetupMakes) {
    const ScratchFolder scratch;
    write(scratch / "data", "abc");
    SystemConfig config;
    config.options.set("workload.kind", "program", "test");
    config.options.set("workload.program", "cat data", "test");
    EXPECT_EQ(input_files(config, scratch.path(), scratch.path()).size(), 1u);
}

TEST(RunInputs, ChangesAreNoticed) {
    const ScratchFolder folder;
    write(folder / "same", "abc");
    write(folder / "longer", "abc");
    write(folder / "gone", "abc");
    SystemConfig config;
    for (const char* number : {"1", "2", "3"})
        config.options.set("program." + std::string(number) + ".trace",
                           (folder / (number[0] == '1'   ? "same"
                                      : number[0] == '2' ? "longer"
                                                         : "gone"))
                               .string(),
                           "test");
    const std::vector<InputFile> files = parse_inputs(inputs_text(input_files(config, "", "")));
    ASSERT_EQ(files.size(), 3u);
    EXPECT_THAT(changed_inputs(files), IsEmpty());
    write(folder / "longer", "abcd");
    std::filesystem::remove(folder / "gone");
    EXPECT_THAT(changed_inputs(files),
                ElementsAre(HasSubstr("longer is another"), HasSubstr("gone is gone")));
}

TEST(RunEnvironment, IsRestoredWithoutSecrets) {
    ::setenv("PAGEWALK_TEST", "two words\nand a line", 1);
    ::setenv("PAGEWALK_API_TOKEN", "hidden", 1);
    const std::string text = environment_text();
    EXPECT_EQ(text.find("hidden"), std::string::npos);
    ::setenv("PAGEWALK_TEST", "another", 1);
    ::setenv("PAGEWALK_LATER", "1", 1);
    restore_environment(text);
    EXPECT_STREQ(std::getenv("PAGEWALK_TEST"), "two words\nand a line");
    EXPECT_STREQ(std::getenv("PAGEWALK_API_TOKEN"), "hidden");
    EXPECT_EQ(std::getenv("PAGEWALK_LATER"), nullptr);
}

} // namespace
} // namespace pagewalk::app
