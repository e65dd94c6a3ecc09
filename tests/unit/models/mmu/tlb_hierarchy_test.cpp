#include "contract/page_table.h"
#include "models/mmu/tlb_hierarchy.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr VirtAddr user{0x7f0000000000};

TlbEntry entry(PageSize size) { return {.frame = 512ULL * 512, .size = size}; }

TEST(TlbHierarchy, EachSizeHasItsFirstLevel) {
    TlbHierarchy tlbs{MmuConfig{}};
    for (const PageSize size : {PageSize::Page4K, PageSize::Page2M, PageSize::Page1G}) {
        tlbs.fill_l1_data(user, 1, entry(size));
        EXPECT_TRUE(tlbs.l1d(size).contains({user, size, 1}));
    }
    EXPECT_FALSE(tlbs.l1d_2m.contains({user, PageSize::Page1G, 1}));
}

TEST(TlbHierarchy, GigabytePagesLieWithThe2MibOnesWhereTheyHaveNoTlb) {
    MmuConfig config;
    config.l1d_1g.entries = 0;
    TlbHierarchy tlbs{config};
    tlbs.fill_l1_data(user, 1, entry(PageSize::Page1G));
    EXPECT_TRUE(tlbs.l1d_2m.contains({user, PageSize::Page1G, 1}));
}

TEST(TlbHierarchy, SecondLevelHoldsSmallAndLargePagesAndTellsWhatItDrops) {
    MmuConfig config;
    config.l2 = {2, 2};
    TlbHierarchy tlbs{config};
    tlbs.fill_second_level(user, 1, entry(PageSize::Page4K));
    tlbs.fill_second_level(user + level_span(3), 1, entry(PageSize::Page2M));
    EXPECT_NE(tlbs.find_second_level(user, 1), nullptr);
    std::optional<TaggedTlbEntry> evicted;
    tlbs.fill_second_level(user + 2 * page_size, 1, entry(PageSize::Page4K), &evicted);
    ASSERT_TRUE(evicted);
    EXPECT_EQ(evicted->tag, PageTag(user + level_span(3), PageSize::Page2M, 1));
    EXPECT_EQ(tlbs.find_second_level(user + level_span(3), 1), nullptr);
    EXPECT_EQ(tlbs.l2.stats().hits, 1U);
    EXPECT_EQ(tlbs.l2.stats().misses, 1U);
}

TEST(TlbHierarchy, InvalidationReachesEveryLevel) {
    TlbHierarchy tlbs{MmuConfig{}};
    tlbs.fill_l1_data(user, 1, entry(PageSize::Page4K));
    tlbs.fill_second_level(user, 1, entry(PageSize::Page4K));
    EXPECT_EQ(tlbs.invalidate({TlbInvalidation::Scope::Range, 1, user, user + page_size, {}}), 2U);
    EXPECT_EQ(tlbs.find_second_level(user, 1), nullptr);
}

} // namespace
} // namespace pagewalk::models
