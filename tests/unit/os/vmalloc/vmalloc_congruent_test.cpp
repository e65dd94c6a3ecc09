#include "tests/support/vmalloc_machine.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;
constexpr std::uint64_t atom = 2 * mib;

class CongruentAreas : public testing::Test {
protected:
    std::vector<VirtAddr> take(const std::vector<std::uint64_t>& offsets, std::uint64_t size) {
        const std::vector<std::uint64_t> sizes(offsets.size(), size);
        return machine.vmalloc.allocate_congruent(offsets, sizes, atom, CpuId{});
    }
    static VirtAddr top(std::uint64_t below) { return vmalloc_layout::limit + 1 - below; }

    VmallocMachine machine{vmalloc_memory(64 * mib)};
};

// The last aligned address is VMALLOC_END rounded down, so the topmost piece of the range stays free.
TEST_F(CongruentAreas, ComeFromTheTop) {
    EXPECT_EQ(take({0}, atom), std::vector{top(2 * atom)});
    EXPECT_EQ(take({0}, atom), std::vector{top(3 * atom)});
}

TEST_F(CongruentAreas, KeepTheirDistances) {
    const auto areas = take({0, 8 * atom}, 2 * atom);
    EXPECT_EQ(areas, (std::vector{top(11 * atom), top(3 * atom)}));
    // The next pair fits into the gap with its first part, so that the second lies below the last one's.
    EXPECT_EQ(take({0, 8 * atom}, 2 * atom), (std::vector{top(13 * atom), top(5 * atom)}));
}

TEST_F(CongruentAreas, SlideDownUntilAllFit) {
    take({0, 4 * atom}, atom); // at 6 and 2 atoms below the top
    // A pair at distance 1 first fits where neither 2 nor 6 is in the way: 4 and 3.
    EXPECT_EQ(take({0, atom}, atom), (std::vector{top(4 * atom), top(3 * atom)}));
    // At distance 4 the upper one could lie at 5, the lower one then at 9.
    EXPECT_EQ(take({0, 4 * atom}, atom), (std::vector{top(9 * atom), top(5 * atom)}));
}

TEST_F(CongruentAreas, GoBackWhenFreed) {
    const auto areas = take({0, 4 * atom}, atom);
    machine.vmalloc.free_congruent(areas, CpuId{});
    machine.vmalloc.unmap_aliases(CpuId{});
    EXPECT_EQ(take({0, 4 * atom}, atom), areas);
}

TEST_F(CongruentAreas, AreRefusedWhereTheyCannotFit) {
    EXPECT_TRUE(take({0, 1ULL << 45}, atom).empty());
    machine.vmalloc.unmap_aliases(CpuId{});
    EXPECT_TRUE(machine.vmalloc.space().busy_areas().empty());
}

} // namespace
} // namespace pagewalk::os
