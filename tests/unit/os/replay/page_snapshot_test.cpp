#include "base/error.h"
#include "os/replay/page_snapshot.h"

#include <string>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

/// One zone of 16 MiB with a free list, a per-CPU list and a page on the LRU.
std::string small_snapshot() {
    return "SNAP 0 cpus 1 nodes 1 pageblock_order 9 max_order 11 pcp_lists 14 migrate_types 5\n"
           "ZONE 0 1 DMA32 start 1000 spanned 4096 present 4096 managed 4000\n"
           "WMARK 0 1 min 10 low 20 high 30 promo 40 boost 5 flags 2 highatomic 512 isolate 0\n"
           "LOWMEM 0 1 0 0 7 7 7\n"
           "ZSTAT 0 1 18 0 0\n"
           "NRFREE 0 1 1 2\n"
           "FL 0 1 1 1 : 1020 1010\n"
           "NRFREE 0 1 4 1\n"
           "FL 0 1 4 0 : 1100\n"
           "PCP 0 1 0 count 3 high 27 batch 7 free_factor 2 expire 0\n"
           "PL 0 1 0 1 : 1030/1 1031/3\n"
           "PL 0 1 0 0 : 1040/0\n"
           "PZS 0 1 0 thr 6 -2 0 0\n"
           "PB 0 1 1000 7 1\n"
           "PB 0 1 1e00 1 -1\n"
           "PF 1000 8 1000\n"
           "PF 1008 8 10\n"
           "MISSED kprobe_pop 0 bulk 0\n"
           "END trunc 0\n";
}

std::string error_of(const std::string& text) {
    try {
        (void)PageSnapshot::parse(text, "snapA").build();
    } catch (const InputError& error) {
        return error.what();
    }
    return "accepted";
}

std::string altered(const std::string& from, const std::string& to) {
    std::string text = small_snapshot();
    text.replace(text.find(from), from.size(), to);
    return text;
}

TEST(PageSnapshot, BecomesAnAllocatorInThatState) {
    const auto allocator = PageSnapshot::parse(small_snapshot(), "snapA").build();
    const Zone& zone = *allocator->zones()[0];
    EXPECT_EQ(zone.areas[1].lists[1].frames(allocator->pages()), (std::vector{Pfn(0x1020), Pfn(0x1010)}));
    EXPECT_EQ(zone.areas[4].lists[0].frames(allocator->pages()), std::vector{Pfn(0x1100)});
    const PerCpuPages& lists = zone.pcp[CpuId{0}];
    EXPECT_EQ(lists.lists[1].frames(allocator->pages()), (std::vector{Pfn(0x1030), Pfn(0x1031)}));
    EXPECT_EQ(allocator->pages().peek(Pfn(0x1031)).type, 3);
    EXPECT_EQ(lists.free_factor, 2);
    EXPECT_EQ(lists.free_diff, -2);
    EXPECT_EQ(zone.free_pages, 18);
    EXPECT_EQ(zone.exact_free_pages(), 16);
    EXPECT_EQ(zone.stat_threshold, 6);
    EXPECT_EQ(zone.highatomic_pages, 512u);
    EXPECT_TRUE(zone.reclaim_active);
    EXPECT_EQ(zone.lowmem_reserve[index_of(ZoneType::Normal)], 7u);
    EXPECT_EQ(allocator->pages().pageblock_type(Pfn(0x1000)), Migratetype::Movable);
    EXPECT_TRUE(allocator->pages().peek(Pfn(0x1000)).is(PageState::Reserved));
    EXPECT_TRUE(allocator->pages().peek(Pfn(0x1008)).is(PageState::Lru));
}

TEST(PageSnapshot, ErrorsNameLineAndField) {
    EXPECT_NE(error_of(altered("spanned 4096", "spanned x4096")).find("snapA, line 2: spanned"),
              std::string::npos);
    EXPECT_NE(error_of(altered(": 1020 1010", ": 1020 9010")).find("line 7: frame 0x9010 is outside"),
              std::string::npos);
    EXPECT_NE(error_of(altered(": 1020 1010", ": 1020 1011")).find("not aligned"), std::string::npos);
    EXPECT_NE(error_of(altered("NRFREE 0 1 1 2", "NRFREE 0 1 1 3")).find("NRFREE says 3"), std::string::npos);
    EXPECT_NE(error_of(altered("count 3", "count 4")).find("PCP says 4"), std::string::npos);
    EXPECT_NE(error_of(altered("FL 0 1 4 0", "FL 0 1 14 0")).find("order is 14"), std::string::npos);
    EXPECT_NE(error_of(altered("FL 0 1 4 0", "FL 0 2 4 0")).find("has no ZONE line"), std::string::npos);
    EXPECT_NE(error_of(altered("1031/3", "1031")).find("frame/type"), std::string::npos);
    EXPECT_NE(error_of(altered("DMA32 start", "DMA33 start")).find("not a zone"), std::string::npos);
    EXPECT_NE(error_of(altered("max_order 11", "max_order 12")).find("max_order"), std::string::npos);
    EXPECT_NE(error_of(altered("bulk 0", "bulk 4")).find("lost probe events"), std::string::npos);
    EXPECT_NE(error_of(altered("trunc 0", "trunc 1")).find("incomplete"), std::string::npos);
}

TEST(PageSnapshot, AFrameCannotBeOnTwoLists) {
    EXPECT_NE(error_of(altered("1040/0", "1030/0")).find("two lists"), std::string::npos);
}

TEST(PageSnapshot, TruncationIsNoticedWhereverItHappens) {
    const std::string text = small_snapshot();
    for (std::size_t length = 0; length + 12 < text.size(); length += 7)
        EXPECT_NE(error_of(text.substr(0, length)), "accepted") << "cut at " << length;
}

} // namespace
} // namespace pagewalk::os
