#include "base/rng.h"
#include "os/vmalloc/vmalloc_tree.h"

#include <deque>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

class VmapTreeTest : public testing::Test {
protected:
    VmapArea& add(std::uint64_t first_page, std::uint64_t pages) {
        VmapArea& area = areas.emplace_back();
        area.start = VirtAddr(first_page * page_size);
        area.end = area.start + pages * page_size;
        tree.insert(area);
        return area;
    }
    VmapArea* fit(std::uint64_t pages, std::uint64_t align_pages = 1, std::uint64_t from_page = 0) {
        const std::uint64_t size = pages * page_size;
        const std::uint64_t align = align_pages * page_size;
        return tree.lowest_fit(size, align, VirtAddr(from_page * page_size),
                               align_pages == 1 ? size : size + align - 1);
    }

    VmallocTrace trace;
    std::deque<VmapArea> areas;
    VmapTree tree{trace};
};

TEST_F(VmapTreeTest, StaysSoundThroughInsertionsErasuresAndResizes) {
    Rng rng(3, "vmap_tree");
    std::vector<VmapArea*> in;
    for (int step = 0; step < 4000; ++step) {
        if (in.size() < 10 || rng.below(100) < 52) {
            VmapArea* area = &areas.emplace_back();
            area->start = VirtAddr(static_cast<std::uint64_t>(step) * 7919 % 4001 * 16 * page_size);
            area->end = area->start + (1 + rng.below(15)) * page_size;
            if (tree.find(area->start) != nullptr) continue;
            tree.insert(*area);
            in.push_back(area);
        } else {
            const std::size_t victim = rng.below(in.size());
            if (rng.below(3) == 0) {
                in[victim]->end = in[victim]->start + (1 + rng.below(15)) * page_size;
                tree.resized(*in[victim]);
            } else {
                tree.erase(*in[victim]);
                in[victim] = in.back();
                in.pop_back();
            }
        }
        ASSERT_TRUE(tree.is_sound()) << step;
        ASSERT_EQ(tree.size(), in.size());
    }
}

TEST_F(VmapTreeTest, FindsTheAreaAroundAnAddress) {
    VmapArea& low = add(10, 5);
    VmapArea& high = add(20, 5);
    EXPECT_EQ(tree.find(VirtAddr(10 * page_size)), &low);
    EXPECT_EQ(tree.find(VirtAddr(15 * page_size - 1)), &low);
    EXPECT_EQ(tree.find(VirtAddr(15 * page_size)), nullptr);
    EXPECT_EQ(tree.find_below(VirtAddr(19 * page_size)), &low);
    EXPECT_EQ(tree.find_below(VirtAddr(99 * page_size)), &high);
    EXPECT_EQ(tree.find_below(VirtAddr(9 * page_size)), nullptr);
}

TEST_F(VmapTreeTest, TakesTheLowestAreaThatIsLargeEnough) {
    add(10, 3);
    VmapArea& middle = add(20, 5);
    add(30, 5);
    VmapArea& large = add(40, 9);
    EXPECT_EQ(fit(4), &middle);
    EXPECT_EQ(fit(5), &middle);
    EXPECT_EQ(fit(6), &large);
    EXPECT_EQ(fit(10), nullptr);
}

TEST_F(VmapTreeTest, LooksNoLowerThanAsked) {
    add(10, 5);
    VmapArea& middle = add(20, 5);
    VmapArea& high = add(30, 5);
    EXPECT_EQ(fit(3, 1, 22), &middle); // pages 22 to 24 of it
    EXPECT_EQ(fit(4, 1, 22), &high);
    EXPECT_EQ(fit(1, 1, 35), nullptr);
}

// An area that fits only because it happens to be aligned is seen when the search passes it, and missed when
// it hides in a subtree that lacks room for the worst case.
TEST_F(VmapTreeTest, MayMissRoomThatFitsByLuckOfAlignment) {
    add(20, 1); // the root, once the others are in
    add(8, 4);  // aligned to 4, exactly 4 pages
    VmapArea& roomy = add(33, 8);
    EXPECT_EQ(fit(4, 4), &roomy);
    EXPECT_EQ(fit(4, 1), tree.first());
}

TEST_F(VmapTreeTest, VisitsAboutTwiceTheLogarithmOfTheAreas) {
    for (std::uint64_t i = 0; i < 1024; ++i) add(16 * i, 1 + i % 3);
    trace.begin();
    EXPECT_NE(tree.find(VirtAddr(16 * 777 * page_size)), nullptr);
    EXPECT_LE(trace.times(AllocatorWork::VisitArea), 20u);
    EXPECT_GE(trace.times(AllocatorWork::VisitArea), 2u);
}

} // namespace
} // namespace pagewalk::os
