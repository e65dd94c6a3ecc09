#include "os/page/frame_list.h"
#include "os/page/page_map.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(PageMap, StartsWithoutMemoryAndTakesOnWhatItIsFilledWith) {
    PageMap pages(Pfn(8192), 9);
    EXPECT_TRUE(pages.peek(Pfn(5000)).is(PageState::Absent));
    pages.fill(Pfn(1000), Pfn(5000), PageMap::Default::Reserved);
    EXPECT_TRUE(pages.peek(Pfn(999)).is(PageState::Absent));
    EXPECT_TRUE(pages.peek(Pfn(1000)).is(PageState::Reserved));
    EXPECT_TRUE(pages.peek(Pfn(4096)).is(PageState::Reserved));
    EXPECT_TRUE(pages.peek(Pfn(4999)).is(PageState::Reserved));
    EXPECT_TRUE(pages.peek(Pfn(5000)).is(PageState::Absent));
}

TEST(PageMap, KeepsWhatWasWrittenWhenARangeIsMaterialised) {
    PageMap pages(Pfn(4096), 9);
    pages.fill(Pfn(0), Pfn(4096), PageMap::Default::Plain);
    pages.at(Pfn(1024)).refcount = 7;
    pages.at(Pfn(1025)).refcount = 8;
    EXPECT_EQ(pages.peek(Pfn(1024)).refcount, 7);
    EXPECT_EQ(pages.peek(Pfn(1025)).refcount, 8);
    EXPECT_EQ(pages.peek(Pfn(1026)).refcount, 0);
}

TEST(PageMap, FindsMemoryInUntouchedAndTouchedRanges) {
    PageMap pages(Pfn(16384), 9);
    EXPECT_FALSE(pages.has_memory(0, 16384));
    pages.fill(Pfn(4096), Pfn(8192), PageMap::Default::Reserved);
    EXPECT_TRUE(pages.has_memory(0, 4097));
    EXPECT_FALSE(pages.has_memory(0, 4096));
    EXPECT_FALSE(pages.has_memory(8192, 16384));
    pages.fill(Pfn(9999), Pfn(10000), PageMap::Default::Plain);
    EXPECT_TRUE(pages.has_memory(8192, 16384));
    EXPECT_FALSE(pages.has_memory(10000, 16384));
}

TEST(PageMap, AnIdleTerabyteCostsLittle) {
    PageMap pages(Pfn((1ULL << 40) >> page_shift), 9);
    pages.fill(Pfn(0), pages.end(), PageMap::Default::Plain);
    EXPECT_LT(pages.host_bytes(), 16ULL << 20);
}

TEST(PageMap, ZoneBoundariesInsideARangeAreNotHidden) {
    PageMap pages(Pfn(4096), 9);
    pages.set_zone_index(Pfn(0), Pfn(1500), 0);
    pages.set_zone_index(Pfn(1500), Pfn(4096), 1);
    EXPECT_EQ(pages.zone_index(0), 0);
    EXPECT_EQ(pages.zone_index(1200), PageMap::mixed_zones);
    EXPECT_EQ(pages.zone_index(2048), 1);
}

TEST(PageMap, PageblockTypesAndSkipHintsDoNotDisturbEachOther) {
    PageMap pages(Pfn(4096), 9);
    pages.set_pageblock_type(600, Migratetype::Movable);
    pages.set_pageblock_skip(600, true);
    pages.set_pageblock_type(600, Migratetype::Reclaimable);
    EXPECT_EQ(pages.pageblock_type(Pfn(1023)), Migratetype::Reclaimable);
    EXPECT_TRUE(pages.pageblock_skip(512));
    EXPECT_EQ(pages.pageblock_type(Pfn(511)), Migratetype::Unmovable);
    EXPECT_FALSE(pages.pageblock_skip(1024));
}

TEST(FrameList, KeepsOrderThroughInsertionAndRemoval) {
    PageMap pages(Pfn(4096), 9);
    FrameList list;
    list.push_back(pages, 10);
    list.push_back(pages, 20);
    list.push_front(pages, 5);
    list.push_back(pages, 30);
    list.remove(pages, 20);
    EXPECT_EQ(list.frames(pages), (std::vector{Pfn(5), Pfn(10), Pfn(30)}));
    list.remove(pages, 5);
    list.remove(pages, 30);
    EXPECT_EQ(list.first(), 10u);
    EXPECT_EQ(list.last(), 10u);
    list.remove(pages, 10);
    EXPECT_TRUE(list.empty());
}

TEST(FrameList, RotatesWithoutLosingAnElement) {
    PageMap pages(Pfn(4096), 9);
    FrameList list;
    for (const std::uint32_t frame : {1U, 2U, 3U, 4U}) list.push_back(pages, frame);
    list.rotate_to_front(pages, 3);
    EXPECT_EQ(list.frames(pages), (std::vector{Pfn(3), Pfn(4), Pfn(1), Pfn(2)}));
    EXPECT_EQ(list.last(), 2u);
    list.rotate_to_front(pages, 2);
    EXPECT_EQ(list.frames(pages), (std::vector{Pfn(2), Pfn(3), Pfn(4), Pfn(1)}));
}

} // namespace
} // namespace pagewalk::os
