#include "models/mmu/mmu_config.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

struct MmuConfigTest : testing::Test {
    MmuConfigTest() { config.declare(options.group("mmu")); }
    MmuConfig config;
    OptionSet options;
};

TEST_F(MmuConfigTest, DefaultsAreValid) { EXPECT_NO_THROW(config.validate(options)); }

TEST_F(MmuConfigTest, OptionsReachTheirFields) {
    options.set("mmu.l2_tlb.entries", "1536", "--set");
    options.set("mmu.l2_tlb.ways", "12", "--set");
    options.set("mmu.levels", "5", "--set");
    options.set("mmu.walk_cache.pml4e.entries", "0", "--set");
    EXPECT_EQ(config.l2.entries, 1536U);
    EXPECT_EQ(config.l2.ways, 12U);
    EXPECT_EQ(config.levels, 5U);
    EXPECT_EQ(config.walk_cache.entries[2], 0U);
    EXPECT_NO_THROW(config.validate(options));
}

TEST_F(MmuConfigTest, RefusesLevelsOtherThanFourAndFive) {
    EXPECT_THROW(options.set("mmu.levels", "3", "--set"), ConfigError);
    EXPECT_THROW(options.set("mmu.levels", "6", "--set"), ConfigError);
}

TEST_F(MmuConfigTest, NamesTheTlbWhoseSetsDoNotFit) {
    options.set("mmu.l1d_2m.entries", "24", "machine.cfg:7");
    try {
        config.validate(options);
        FAIL() << "accepted 24 entries in 4 ways";
    } catch (const ConfigError& error) {
        const std::string text = error.what();
        EXPECT_NE(text.find("mmu.l1d_2m.entries"), std::string::npos) << text;
        EXPECT_NE(text.find("machine.cfg:7"), std::string::npos) << text;
        EXPECT_NE(text.find("24"), std::string::npos) << text;
    }
}

TEST_F(MmuConfigTest, RefusesWalkCachesWhoseSetsDoNotFit) {
    options.set("mmu.walk_cache.pdpte.entries", "12", "--set");
    EXPECT_THROW(config.validate(options), ConfigError);
}

} // namespace
} // namespace pagewalk::models
