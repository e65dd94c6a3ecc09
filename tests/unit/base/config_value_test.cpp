#include "base/config_value.h"
#include "base/printable.h"
#include "base/rng.h"

#include <gtest/gtest.h>

using namespace pagewalk;

TEST(ConfigValue, CutsBlanksAndComments) {
    EXPECT_EQ(parse_config_value("  8 # wide"), "8");
    EXPECT_EQ(parse_config_value(" two words \r"), "two words");
    EXPECT_EQ(parse_config_value("# nothing"), "");
    EXPECT_EQ(parse_config_value(""), "");
}

TEST(ConfigValue, KeepsANumberSignThatBeginsNoWordOrIsQuoted) {
    EXPECT_EQ(parse_config_value(R"(/bin/echo a#b "c # d")"), R"(/bin/echo a#b "c # d")");
    EXPECT_EQ(parse_config_value("sh -c 'echo # x' # comment"), "sh -c 'echo # x'");
    EXPECT_EQ(parse_config_value("Bob's machine # it's old"), "Bob's machine");
}

TEST(ConfigValue, ReadsQuotedTextWithEscapes) {
    EXPECT_EQ(parse_config_value(R"($'a\nb\\\'\x41 # b' # comment)"), "a\nb\\'A # b");
    EXPECT_EQ(parse_config_value("$''"), "");
}

TEST(ConfigValue, SaysWhatIsWrongWithQuotedText) {
    EXPECT_EQ(parse_config_value("$'a").error(), "has no closing quote");
    EXPECT_EQ(parse_config_value("$'a' b").error(), "has text behind its closing quote");
    for (const char* text : {R"($'\q')", R"($'\x4')", R"($'\xg1')", R"($'\x+1')"})
        EXPECT_TRUE(parse_config_value(text).error().starts_with("has an unknown escape")) << text;
}

TEST(ConfigValue, IsWrittenPlainWhereThatReadsBack) {
    EXPECT_EQ(format_config_value("4KiB"), "4KiB");
    EXPECT_EQ(format_config_value(R"(echo a#b "c # d")"), R"(echo a#b "c # d")");
    EXPECT_EQ(format_config_value("a # b"), "$'a # b'");
    EXPECT_EQ(format_config_value("a\n\x1b\xff ü"), "$'a\\n\\x1b\\xff ü'");
}

TEST(ConfigValue, AnyBytesReadBackFromOneLineOfUtf8) {
    Rng rng(1, "config_value");
    constexpr std::string_view likely = "ab #'\"\\$\n\t\r=[x4\xc3\xbc\xff";
    for (int round = 0; round < 20000; ++round) {
        std::string value(rng.below(12), '\0');
        for (char& c : value)
            c = rng.below(3) == 0 ? static_cast<char>(rng.below(256)) : likely[rng.below(likely.size())];
        const std::string line = format_config_value(value);
        EXPECT_EQ(parse_config_value(line), value) << line;
        EXPECT_EQ(printable(line), line);
        EXPECT_EQ(line.find_first_of("\n\t"), std::string::npos) << line;
    }
}
