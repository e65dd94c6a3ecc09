#include "models/mmu/design/coalesced_tlb.h"
#include "tests/unit/models/mmu/paging_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using rig::PageTables;
using rig::PagingRig;

constexpr VirtAddr user{0x7f0000000000};
constexpr Pfn frame{0x80000};
constexpr std::uint64_t later = 100'000;

struct CoalescedTlbTest : testing::Test {
    CoalescedTlbTest() : rig(config()) {}
    static MmuConfig config() {
        MmuConfig config;
        config.l1d_4k = {1, 1};
        config.design.kind = TranslationDesignKind::CoalescedTlb;
        config.design.coalesced_tlb = {{2, 2}, 8};
        return config;
    }
    Translation load(std::uint64_t page) {
        now += later;
        return rig.mmu.translate_load(user + page * page_size, Cycles(now));
    }
    void map(std::uint64_t page, Pfn to, std::uint64_t flags = PageTables::page_flags) {
        rig.space.map(user + page * page_size, to, PageSize::Page4K, flags);
    }
    [[nodiscard]] std::uint64_t walks() const { return rig.mmu.walker().stats().walks; }
    PagingRig rig;
    std::uint64_t now = 0;
};

TEST_F(CoalescedTlbTest, OneEntryHoldsAGroupOfContiguousPages) {
    for (std::uint64_t i = 0; i < 9; ++i) map(i, frame + i + 3); // any frames that follow each other
    (void)load(2);
    for (std::uint64_t i = 0; i < 8; ++i) EXPECT_EQ(load(i).address, address_of(frame + i + 3)) << i;
    EXPECT_EQ(walks(), 1U);
    const Translation again = load(0);
    EXPECT_EQ(again.ready.value(), now + 7);
    (void)load(8); // of another group
    EXPECT_EQ(walks(), 2U);
}

TEST_F(CoalescedTlbTest, ScatteredPagesNeedAnEntryEach) {
    for (std::uint64_t i = 0; i < 8; ++i) map(i, frame + 2 * i);
    for (std::uint64_t i = 0; i < 8; ++i) (void)load(i);
    EXPECT_EQ(walks(), 8U);
    (void)load(6);
    (void)load(7); // two entries hold the last two
    EXPECT_EQ(walks(), 8U);
    (void)load(5);
    EXPECT_EQ(walks(), 9U);
}

TEST_F(CoalescedTlbTest, PagesOfOtherRightsStayApart) {
    for (std::uint64_t i = 0; i < 8; ++i)
        map(i, frame + i,
            i == 3 ? PageTables::page_flags & ~std::uint64_t{PageTableEntry::Writable}
                   : PageTables::page_flags);
    (void)load(0);
    (void)load(7);
    EXPECT_EQ(walks(), 1U);
    (void)load(3);
    EXPECT_EQ(walks(), 2U);
    now += later;
    EXPECT_TRUE(rig.mmu.translate_store(user + 3 * page_size, Cycles(now)).faulted());
}

TEST_F(CoalescedTlbTest, StoreToACleanPageJoinsTheDirtyRun) {
    for (std::uint64_t i = 0; i < 8; ++i)
        map(i, frame + i, i == 3 ? PageTables::table_flags : PageTables::page_flags);
    (void)load(0);
    now += later;
    EXPECT_FALSE(rig.mmu.translate_store(user + 3 * page_size, Cycles(now)).faulted());
    EXPECT_EQ(walks(), 2U);
    (void)load(0);
    now += later;
    EXPECT_FALSE(rig.mmu.translate_store(user + 3 * page_size, Cycles(now)).faulted());
    EXPECT_EQ(walks(), 2U);
}

TEST_F(CoalescedTlbTest, InvalidationTakesASinglePageOut) {
    for (std::uint64_t i = 0; i < 8; ++i) map(i, frame + i);
    (void)load(0);
    map(4, frame + 100);
    rig.mmu.invalidate({TlbInvalidation::Scope::Range, 1, user + 4 * page_size, user + 5 * page_size, {}});
    EXPECT_EQ(load(3).address, address_of(frame + 3));
    EXPECT_EQ(walks(), 1U);
    EXPECT_EQ(load(4).address, address_of(frame + 100));
    EXPECT_EQ(walks(), 2U);
}

TEST_F(CoalescedTlbTest, LeastRecentGroupLeaves) {
    for (std::uint64_t i = 0; i < 24; ++i) map(i, frame + i);
    for (const std::uint64_t page : {0, 8, 1, 16, 2}) (void)load(page); // 16's entry drops 8's
    EXPECT_EQ(walks(), 3U);
    (void)load(9);
    EXPECT_EQ(walks(), 4U);
}

TEST_F(CoalescedTlbTest, LargePagesStayInTheSecondLevel) {
    rig.space.map(user + level_span(3), frame, PageSize::Page2M);
    now += later;
    (void)rig.mmu.translate_load(user + level_span(3), Cycles(now));
    EXPECT_EQ(rig.mmu.design_stats().look_ups, 1U);
    for (int i = 0; i < 8; ++i) {
        now += later;
        (void)rig.mmu.translate_load(user + level_span(3) + i * page_size, Cycles(now));
    }
    EXPECT_EQ(rig.mmu.design_stats().look_ups, 1U);
}

} // namespace
} // namespace pagewalk::models
