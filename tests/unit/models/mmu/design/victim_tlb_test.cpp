#include "models/mmu/design/victim_tlb.h"
#include "tests/unit/models/mmu/paging_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using rig::PagingRig;

constexpr VirtAddr user{0x7f0000000000};
constexpr Pfn frame{0x80000};
constexpr std::uint64_t later = 100'000;

/// A first level of one entry, a second of one set of two.
struct VictimTlbTest : testing::Test {
    VictimTlbTest() : rig(config()) {
        for (std::uint64_t i = 0; i < 8; ++i) rig.space.map(user + i * page_size, frame + i);
    }
    static MmuConfig config() {
        MmuConfig config;
        config.l1d_4k = {1, 1};
        config.l2 = {2, 2};
        config.design.kind = TranslationDesignKind::VictimTlb;
        config.design.victim_tlb = {{2, 2}, Cycles(3)};
        return config;
    }
    Translation load(std::uint64_t page) {
        now += later;
        return rig.mmu.translate_load(user + page * page_size, Cycles(now));
    }
    PagingRig rig;
    std::uint64_t now = 0;
};

TEST_F(VictimTlbTest, ServesWhatTheSecondLevelHasDropped) {
    for (const std::uint64_t page : {0, 1, 2}) (void)load(page); // drops 0
    EXPECT_EQ(rig.mmu.walker().stats().walks, 3U);
    EXPECT_EQ(rig.mmu.design_stats().hits, 0U);
    const Translation again = load(0);
    EXPECT_EQ(again.address, address_of(frame));
    EXPECT_EQ(again.ready.value(), now + 7 + 3); // second level, victim TLB
    EXPECT_EQ(rig.mmu.walker().stats().walks, 3U);
    EXPECT_EQ(rig.mmu.design_stats().hits, 1U);
    EXPECT_EQ(rig.mmu.design_stats().look_ups, 4U);
}

TEST_F(VictimTlbTest, SwapsWithTheSecondLevel) {
    for (const std::uint64_t page : {0, 1, 2, 0, 1}) (void)load(page);
    // Two levels of two: four pages have room, one after the other.
    EXPECT_EQ(rig.mmu.walker().stats().walks, 3U);
    (void)load(3);
    for (const std::uint64_t page : {0, 1, 2, 3}) (void)load(page);
    EXPECT_EQ(rig.mmu.walker().stats().walks, 4U);
}

TEST_F(VictimTlbTest, DropsItsOldestWhenFull) {
    for (const std::uint64_t page : {0, 1, 2, 3, 4}) (void)load(page); // 0 has left both
    (void)load(0);
    EXPECT_EQ(rig.mmu.walker().stats().walks, 6U);
}

TEST_F(VictimTlbTest, MissDelaysTheWalkByItsLookUp) {
    (void)load(0);
    // A page of the same line of entries: a look-up in the walk caches (1), a reference that hits L1.
    const Translation second = load(1);
    EXPECT_EQ(second.ready.value(), now + 7 + 3 + 1 + rig::l1_cycles);
}

} // namespace
} // namespace pagewalk::models
