#include "app/sweep_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::HasSubstr;

std::optional<FilterValue> word(std::string_view name) {
    if (name == "entries") return FilterValue(1536.0);
    if (name == "table") return FilterValue(4.0 * 1024 * 1024);
    if (name == "slab") return FilterValue(std::string("slub"));
    if (name == "slob") return FilterValue(std::string("slob"));
    return {};
}

bool kept(std::string_view text) {
    const auto result = evaluate_filter(text, word);
    EXPECT_TRUE(result) << text << ": " << result.error();
    return result.value_or(false);
}

std::string refusal(std::string_view text) {
    const auto result = evaluate_filter(text, word);
    return result ? "none" : result.error();
}

TEST(SweepFilter, ComparesNumbersWithUnits) {
    EXPECT_TRUE(kept("table == 4MiB"));
    EXPECT_TRUE(kept("entries >= 1536 and entries<=1536"));
    EXPECT_FALSE(kept("entries > 2k"));
    EXPECT_TRUE(kept("20% < 30%"));
    EXPECT_TRUE(kept("25.6GB/s > 3GB/s"));
}

TEST(SweepFilter, CalculatesBeforeItComparesAndBindsTighterFirst) {
    EXPECT_FALSE(kept("entries * 4KiB < table"));
    EXPECT_TRUE(kept("1 + 2 * 3 == 7"));
    EXPECT_TRUE(kept("(1 + 2) * 3 == 9"));
    EXPECT_TRUE(kept("8 - 2 - 1 == 5"));
    EXPECT_TRUE(kept("entries == 1 or entries == 2 and slab == 'x' or slab == 'slub'"));
    EXPECT_TRUE(kept("not (entries == 1 or table == 1)"));
}

TEST(SweepFilter, ComparesTexts) {
    EXPECT_TRUE(kept("slab == \"slub\""));
    EXPECT_TRUE(kept("slab != slob"));
}

TEST(SweepFilter, SaysWhatIsWrong) {
    EXPECT_THAT(refusal("entrys > 1"), HasSubstr("'entrys' is neither"));
    EXPECT_THAT(refusal("entries > slab"), HasSubstr("a number with a text"));
    EXPECT_THAT(refusal("entries"), HasSubstr("condition"));
    EXPECT_THAT(refusal("entries > 1 )"), HasSubstr("not expected"));
    EXPECT_THAT(refusal("(entries > 1"), HasSubstr("closing parenthesis"));
    EXPECT_THAT(refusal("entries > "), HasSubstr("ends where"));
    EXPECT_THAT(refusal("entries > 4KB"), HasSubstr("4KB"));
    EXPECT_THAT(refusal("slab == 'x"), HasSubstr("open quote"));
    EXPECT_THAT(refusal("slab < slob"), HasSubstr("no number"));
    EXPECT_THAT(refusal("entries == 1536 or nothing > 1"), HasSubstr("nothing"));
    EXPECT_THAT(refusal(std::string(100'000, '(')), HasSubstr("nested"));
    EXPECT_THAT(refusal(std::string(100'000, '!')), HasSubstr("expected"));
}

} // namespace
} // namespace pagewalk::app
