#include "base/rng.h"
#include "os/vm/vma_list.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

Vma area_at(std::uint64_t page) {
    Vma area;
    area.start = VirtAddr(page * page_size);
    area.end = area.start + page_size;
    return area;
}

/// The same areas in a vector.
struct VmaListTest : testing::Test {
    VmaList list;
    std::vector<std::uint64_t> pages;

    void insert(std::uint64_t page) {
        const auto place = std::ranges::lower_bound(pages, page);
        if (place != pages.end() && *place == page) return;
        const auto at = static_cast<std::size_t>(place - pages.begin());
        EXPECT_EQ(list.find(VirtAddr(page * page_size)), at);
        EXPECT_EQ(list.insert(at, area_at(page)).start, VirtAddr(page * page_size));
        pages.insert(place, page);
    }
    void erase(std::size_t first, std::size_t last) {
        list.erase(first, last);
        pages.erase(pages.begin() + static_cast<std::ptrdiff_t>(first),
                    pages.begin() + static_cast<std::ptrdiff_t>(last));
    }
    void expect_same() {
        ASSERT_EQ(list.size(), pages.size());
        std::size_t i = 0;
        for (const Vma& area : list) EXPECT_EQ(area.start, VirtAddr(pages[i++] * page_size));
        for (i = pages.size(); i-- != 0;) EXPECT_EQ(list[i].start, VirtAddr(pages[i] * page_size));
    }
};

TEST_F(VmaListTest, FindsTheFirstThatEndsAboveAnAddress) {
    for (const std::uint64_t page : {10, 12}) insert(page);
    EXPECT_EQ(list.find(VirtAddr(9 * page_size)), 0U);
    EXPECT_EQ(list.find(VirtAddr(11 * page_size - 1)), 0U);
    EXPECT_EQ(list.find(VirtAddr(11 * page_size)), 1U);
    EXPECT_EQ(list.find(VirtAddr(13 * page_size)), 2U);
}

TEST_F(VmaListTest, IsEmptyAgainWhenAllHaveGone) {
    for (std::uint64_t page = 0; page < 1000; ++page) insert(2 * page);
    list.clear();
    EXPECT_TRUE(list.empty());
    EXPECT_EQ(list.find(VirtAddr()), 0U);
    pages.clear();
    insert(5);
    expect_same();
}

TEST_F(VmaListTest, GrowsAtEitherEnd) {
    for (std::uint64_t page = 0; page < 500; ++page) insert(1000 + 2 * page);
    for (std::uint64_t page = 500; page-- != 0;) insert(2 * page);
    expect_same();
}

TEST_F(VmaListTest, IsAsAVectorWhateverComesAndGoes) {
    Rng random(7, "areas");
    for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < 300; ++i) insert(random.below(4000));
        for (int i = 0; i < 12; ++i) {
            const std::size_t first = random.below(pages.size());
            erase(first, std::min<std::size_t>(pages.size(), first + random.below(40)));
        }
        expect_same();
    }
}

} // namespace
} // namespace pagewalk::os
