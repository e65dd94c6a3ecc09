#include "results/summary_keys.h"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

TEST(SummaryKeys, AreTheOnesSchemaMdNames) {
    std::ifstream file(PAGEWALK_SOURCE_DIR "/results/schema.md");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    const std::string section = page.substr(page.find("## Summary keys"));
    for (const SummaryKey& key : summary_keys())
        EXPECT_THAT(section, testing::HasSubstr("`" + std::string(key.name) + "`"));
}

TEST(SummaryKeys, GiveTheirUnitAndDescription) {
    const SummaryValue value = summary_value("stlb_mpki", 1.5);
    EXPECT_EQ(value.unit, "1/kinstr");
    EXPECT_EQ(value.description, "second-level TLB misses a thousand instructions");
    EXPECT_EQ(std::get<double>(value.value), 1.5);
}

TEST(SummaryKeysDeathTest, UnknownKeysAreOurMistake) {
    EXPECT_DEATH((void)summary_value("no_such_key", 1.0), "found");
}

} // namespace
} // namespace pagewalk::results
