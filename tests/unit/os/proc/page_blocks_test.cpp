#include "os/proc/page_blocks.h"
#include "tests/unit/os/page/machines.h"

#include <map>
#include <sstream>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

/// Sums of the columns after `type`, over all blocks.
std::map<std::string, std::uint64_t> totals(const std::string& text) {
    std::istringstream lines(text);
    std::string head, name;
    std::getline(lines, head);
    std::map<std::string, std::uint64_t> sums;
    std::uint64_t first = 0, blocks = 0, node = 0;
    std::string zone, type;
    while (lines >> first >> blocks >> node >> zone >> type) {
        sums["blocks " + type] += blocks;
        for (const char* use : {"free", "reserved", "anonymous", "file", "kernel", "other"}) {
            std::uint64_t frames = 0;
            lines >> frames;
            sums[use] += frames * blocks;
        }
    }
    return sums;
}

TEST(PageBlocks, CountEveryFrameOnce) {
    const auto allocator = boot_page_allocator(one_node(64 * mib));
    const auto sums = totals(page_blocks_text(*allocator));
    EXPECT_EQ(sums.at("free"), free_frames(*allocator));
    std::uint64_t present = 0;
    for (const auto& zone : allocator->zones()) present += zone->present;
    EXPECT_EQ(sums.at("free") + sums.at("reserved") + sums.at("kernel") + sums.at("other"), present);
}

TEST(PageBlocks, AllocatedFramesAreNoLongerFree) {
    const auto allocator = boot_page_allocator(one_node(64 * mib));
    const auto before = totals(page_blocks_text(*allocator));
    const auto page = allocator->allocate({.mask = gfp::kernel, .order = 3, .cpu = CpuId{0}});
    ASSERT_TRUE(page);
    const auto after = totals(page_blocks_text(*allocator));
    EXPECT_EQ(after.at("free"), free_frames(*allocator));
    EXPECT_EQ(before.at("free") - after.at("free"), 8u);
    EXPECT_EQ(after.at("other") + after.at("kernel"), before.at("other") + before.at("kernel") + 8u);
}

TEST(PageBlocks, BlocksOfOneKindShareALine) {
    const std::string text = page_blocks_text(*boot_page_allocator(one_node(512 * mib)));
    EXPECT_LT(std::ranges::count(text, '\n'), 20);
    EXPECT_EQ(totals(text).at("blocks Movable"), 256u);
}

} // namespace
} // namespace pagewalk::os
