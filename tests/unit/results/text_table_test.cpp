#include "results/text_table.h"

#include <limits>

#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

TEST(TextTable, AlignsTextLeftAndNumbersRight) {
    TextTable table;
    table.add({"name", "7", "cycles"});
    table.add({"x", "1234", "1/kinstr"});
    EXPECT_EQ(table.text("  "), "  name     7  cycles\n  x     1234  1/kinstr\n");
}

TEST(TextTable, CountsCharactersNotBytes) {
    TextTable table;
    table.add({"\xc3\xb6\xc3\xb6", "a"});
    table.add({"xxx", "b"});
    EXPECT_EQ(table.text(), "\xc3\xb6\xc3\xb6   a\nxxx  b\n");
}

TEST(FormatValue, ShowsCountsInFullAndNoValueAsADash) {
    EXPECT_EQ(format_value(std::uint64_t{12345678901234}), "12345678901234");
    EXPECT_EQ(format_value(0.123456789), "0.123457");
    EXPECT_EQ(format_value(123456789.6), "123456790");
    EXPECT_EQ(format_value(std::numeric_limits<double>::quiet_NaN()), "-");
    EXPECT_EQ(format_value(std::string("complete")), "complete");
}

} // namespace
} // namespace pagewalk::results
