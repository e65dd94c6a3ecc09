#include "base/enum_table.h"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk {
namespace {

enum class Colour : std::uint8_t { Red, Green, Blue };
enum class Switch : bool { Off, On };
enum class Call : std::uint32_t { Open = 0x50570000, Close };

using Wavelengths = EnumTable<Colour, int>;

TEST(EnumTable, CountsEnumerators) {
    EXPECT_EQ(enum_count<Colour>, 3U);
    EXPECT_EQ(enum_count<Switch>, 2U);
    EXPECT_EQ((enum_count<Call, Call::Open>), 2U);
}

TEST(EnumTable, FindsAValueByItsEnumeratorWhateverTheOrderOfRows) {
    constexpr Wavelengths table{{Colour::Blue, 470}, {Colour::Red, 700}, {Colour::Green, 530}};
    static_assert(table[Colour::Red] == 700);
    EXPECT_EQ(table[Colour::Green], 530);
    EXPECT_EQ(table[Colour::Blue], 470);
    EXPECT_EQ(std::vector<int>(table.begin(), table.end()), (std::vector<int>{700, 530, 470}));
}

TEST(EnumTable, TakesEnumerationsThatBeginElsewhere) {
    constexpr EnumNames<Call, Call::Open> names{{Call::Close, "close"}, {Call::Open, "open"}};
    EXPECT_EQ(names[Call::Open], "open");
    EXPECT_EQ(names[Call::Close], "close");
}

TEST(EnumTable, WantsOneRowForEachEnumerator) {
    EXPECT_TRUE(Wavelengths::is_complete({{Colour::Blue, 1}, {Colour::Red, 1}, {Colour::Green, 1}}));
    EXPECT_FALSE(Wavelengths::is_complete({{Colour::Blue, 1}, {Colour::Red, 1}}));
    EXPECT_FALSE(Wavelengths::is_complete({{Colour::Blue, 1}, {Colour::Red, 1}, {Colour::Red, 2}}));
}

} // namespace
} // namespace pagewalk
