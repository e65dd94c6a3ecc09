#include "base/printable.h"

#include <gtest/gtest.h>

using namespace pagewalk;
using namespace std::string_view_literals;

TEST(Utf8Length, KnowsEveryLengthAndItsEnds) {
    for (const auto& [text, length] : {std::pair{"a"sv, 1},
                                       {"\x7f"sv, 1},
                                       {"\xc2\x80"sv, 2},
                                       {"\xdf\xbf"sv, 2},
                                       {"\xe0\xa0\x80"sv, 3},
                                       {"\xef\xbf\xbf"sv, 3},
                                       {"\xf0\x90\x80\x80"sv, 4},
                                       {"\xf4\x8f\xbf\xbf"sv, 4},
                                       {"\0"sv, 1}})
        EXPECT_EQ(utf8_length(text), static_cast<std::size_t>(length)) << printable(text);
}

TEST(Utf8Length, RefusesOverlongSurrogatesAndWhatIsBeyondUnicode) {
    for (const std::string_view text :
         {""sv, "\x80"sv, "\xc1\xbf"sv, "\xc2"sv, "\xc2g"sv, "\xe0\x9f\xbf"sv, "\xed\xa0\x80"sv,
          "\xf0\x8f\xbf\xbf"sv, "\xf4\x90\x80\x80"sv, "\xff"sv})
        EXPECT_EQ(utf8_length(text), 0U) << printable(text);
}

TEST(Printable, KeepsTextAndEscapesWhatATerminalObeys) {
    EXPECT_EQ(printable("a\tb\nü €"), "a\tb\nü €");
    EXPECT_EQ(printable("\x1b[2J\0\xff\x7f"sv), "\\x1b[2J\\x00\\xff\\x7f");
}

TEST(Excerpt, IsOneLineAndCutsBetweenCharacters) {
    EXPECT_EQ(excerpt("short\ntext"), "short text");
    EXPECT_EQ(excerpt("12345678", 8), "12345678");
    EXPECT_EQ(excerpt("123456789", 8), "12345678...");
    EXPECT_EQ(excerpt("1234567ü", 8), "1234567...");
}
