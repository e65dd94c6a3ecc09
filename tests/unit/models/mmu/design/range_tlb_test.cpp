#include "models/mmu/design/range_tlb.h"
#include "tests/unit/models/mmu/paging_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using rig::PagingRig;

constexpr VirtAddr user{0x7f0000000000};
constexpr Pfn frame{0x80000};
constexpr std::uint64_t later = 100'000;

/// A range of 100 small pages and, after a page elsewhere, 100 more.
struct RangeTlbTest : testing::Test {
    RangeTlbTest() : rig(config()) {
        for (std::uint64_t i = 0; i < 100; ++i) {
            rig.space.map(user + i * page_size, frame + i);
            rig.space.map(user + (101 + i) * page_size, frame + 2000 + i);
        }
        rig.space.map(user + 100 * page_size, frame + 7000);
    }
    static MmuConfig config() {
        MmuConfig config;
        config.l1d_4k = {1, 1};
        config.l2 = {2, 2};
        config.design.kind = TranslationDesignKind::RangeTlb;
        config.design.range_tlb = {2, Cycles(40)};
        return config;
    }
    Translation load(std::uint64_t page, std::uint64_t after = later) {
        now += after;
        return rig.mmu.translate_load(user + page * page_size, Cycles(now));
    }
    [[nodiscard]] std::uint64_t walks() const { return rig.mmu.walker().stats().walks; }
    PagingRig rig;
    std::uint64_t now = 0;
};

TEST_F(RangeTlbTest, OneWalkBringsAllOfARange) {
    (void)load(50);
    for (const std::uint64_t page : {0, 99, 1, 98, 47}) {
        const Translation got = load(page);
        EXPECT_EQ(got.address, address_of(frame + page));
        EXPECT_EQ(got.ready.value(), now + 7);
    }
    EXPECT_EQ(walks(), 1U);
    (void)load(100);
    (void)load(150);
    EXPECT_EQ(walks(), 3U) << "a page elsewhere ends a range, and is one";
}

TEST_F(RangeTlbTest, RangeComesAfterItsOwnWalk) {
    const std::uint64_t ready = load(50).ready.value();
    EXPECT_EQ(load(60, 1).ready.value(), ready + 40);
}

TEST_F(RangeTlbTest, LeastRecentRangeGoes) {
    for (const std::uint64_t page : {10, 100, 150, 11}) (void)load(page);
    EXPECT_EQ(walks(), 4U);
}

TEST_F(RangeTlbTest, PageBehindARangeLengthensIt) {
    rig.space.entry(user + 60 * page_size, 1) = PageTableEntry();
    (void)load(10);  // pages 0 to 59
    (void)load(150); // and the other range: both places are taken
    rig.space.map(user + 60 * page_size, frame + 60);
    (void)load(60);
    EXPECT_EQ(walks(), 3U);
    for (const std::uint64_t page : {0, 99, 151}) (void)load(page);
    EXPECT_EQ(walks(), 3U) << "the longer range has taken the place of the shorter";
}

TEST_F(RangeTlbTest, RightsEndARange) {
    PageTableEntry& entry = rig.space.entry(user + 60 * page_size, 1);
    entry = entry.without(PageTableEntry::Writable);
    (void)load(50);
    EXPECT_EQ(walks(), 1U);
    (void)load(61);
    EXPECT_EQ(walks(), 2U);
}

TEST_F(RangeTlbTest, HugePagesAreOfARangeToo) {
    for (std::uint64_t i = 0; i < 4; ++i)
        rig.space.map(user + (8 + i) * level_span(2), Pfn(0x100000 + i * 512), PageSize::Page2M);
    (void)load(8 * 512 + 3);
    EXPECT_EQ(load(11 * 512 + 9).address, address_of(Pfn(0x100000 + 3 * 512 + 9)));
    EXPECT_EQ(walks(), 1U);
}

TEST_F(RangeTlbTest, InvalidationOfAPageDropsItsRange) {
    (void)load(50);
    rig.space.entry(user + 20 * page_size, 1) = PageTableEntry();
    rig.mmu.invalidate({TlbInvalidation::Scope::Range, 1, user + 20 * page_size, user + 21 * page_size, {}});
    EXPECT_TRUE(load(20).faulted());
    EXPECT_EQ(load(21).address, address_of(frame + 21));
    EXPECT_EQ(walks(), 3U);
    EXPECT_EQ(load(99).address, address_of(frame + 99));
    EXPECT_EQ(walks(), 3U);
    (void)load(19);
    EXPECT_EQ(walks(), 4U) << "the range has two parts now";
}

} // namespace
} // namespace pagewalk::models
