#include "models/mmu/design/spot.h"
#include "tests/unit/models/mmu/paging_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using rig::PagingRig;

constexpr VirtAddr user{0x7f0000000000};
constexpr VirtAddr pc{0x401000};
constexpr Pfn frame{0x80000};
constexpr std::uint64_t later = 100'000;

/// Eight contiguous pages, then eight whose frames lie elsewhere.
struct SpotTest : testing::Test {
    SpotTest() : rig(config()) {
        for (std::uint64_t i = 0; i < 8; ++i) {
            rig.space.map(user + i * page_size, frame + i);
            rig.space.map(user + (8 + i) * page_size, frame + 1000 + 3 * i);
        }
    }
    static MmuConfig config() {
        MmuConfig config;
        config.l1d_4k = {1, 1};
        config.l2 = {2, 2};
        config.design.kind = TranslationDesignKind::Spot;
        return config;
    }
    /// How long the load waits for its translation, beyond the second level's look-up.
    std::uint64_t wait(std::uint64_t page, VirtAddr by = pc) {
        now += later;
        const Translation got = rig.mmu.translate_load(user + page * page_size, Cycles(now), by);
        return got.ready.value() - now - 7;
    }
    static constexpr std::uint64_t walk = 1 + rig::l1_cycles; ///< whose entries the caches hold
    PagingRig rig;
    std::uint64_t now = 0;
};

TEST_F(SpotTest, GoesOnWithAGuessAfterTwoThatWereRight) {
    (void)wait(0);
    EXPECT_EQ(wait(1), walk); // the first that follows: confidence 1
    EXPECT_EQ(wait(2), walk); // 2
    EXPECT_EQ(wait(3), 0U);
    EXPECT_EQ(wait(4), 0U);
    EXPECT_EQ(rig.mmu.walker().stats().walks, 5U) << "each guess is verified";
}

TEST_F(SpotTest, WrongGuessCostsItsWalkAndAFlush) {
    for (const std::uint64_t page : {0, 1, 2, 3}) (void)wait(page);
    (void)wait(15, pc + 4); // its line of entries is in the caches
    EXPECT_EQ(wait(8), walk + 20);
    EXPECT_EQ(wait(4), 0U); // it was trusted more than once
    for (const std::uint64_t page : {8, 9, 10}) (void)wait(page);
    EXPECT_EQ(wait(11), walk) << "it is trusted no more";
}

TEST_F(SpotTest, LearnsForEachInstruction) {
    for (const std::uint64_t page : {0, 1, 2}) (void)wait(page);
    EXPECT_EQ(wait(3, pc + 8), walk);
    EXPECT_EQ(wait(4), 0U);
}

} // namespace
} // namespace pagewalk::models
