#include "models/mmu/champsim_vmem.h"

#include <set>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr std::uint64_t frames = 1ULL << 13;
constexpr Pfn root{7};
constexpr VirtAddr page{0x7f1234567000};

struct Vmem : testing::Test {
    ChampSimFrames draw{frames, 1}, same_draw{frames, 1};
    ChampSimVmem vmem{draw, 5, WalkCacheConfig{}};
    std::vector<PhysAddr> walk(VirtAddr address) {
        const auto references = vmem.walk(address, 0, root);
        return {references.begin(), references.end()};
    }
};

TEST_F(Vmem, FirstWalkReadsAnEntryOfEachLevel) {
    const auto references = walk(page);
    ASSERT_EQ(references.size(), 5U);
    const std::set<PhysAddr> different(references.begin(), references.end());
    EXPECT_EQ(different.size(), 5U);
    for (const PhysAddr where : references) EXPECT_LT(where.value(), frames * page_size);
}

TEST_F(Vmem, RepeatedWalkReadsItsLastEntryTwice) {
    const PhysAddr leaf = walk(page).back();
    EXPECT_EQ(walk(page), (std::vector{leaf, leaf}));
}

TEST_F(Vmem, NeighbourResumesInTheFrameOfThePageBeforeAndEndsInItsOwn) {
    const PhysAddr leaf = walk(page).back();
    const auto neighbour = walk(page + page_size);
    ASSERT_EQ(neighbour.size(), 2U);
    EXPECT_EQ(neighbour[0], leaf + 8);
    EXPECT_NE(neighbour[0].value() >> page_shift, neighbour[1].value() >> page_shift);
    EXPECT_EQ(neighbour[0].page_offset(), neighbour[1].page_offset());
}

TEST_F(Vmem, WalkAfterAFaultDrawsNothing) {
    const auto before = [&](std::size_t taken) { return same_draw.of_page(taken); };
    for (std::size_t taken = 0; taken < 5; ++taken)
        static_cast<void>(before(taken)); // the root and four tables
    static_cast<void>(walk(page));        // faults
    static_cast<void>(walk(page));
    EXPECT_EQ(vmem.place_of(1), before(5));
    static_cast<void>(walk(page)); // its leaf table's frame is taken once more
    static_cast<void>(before(6));
    static_cast<void>(walk(page + page_size)); // one for the neighbour's
    static_cast<void>(before(7));
    EXPECT_EQ(vmem.place_of(2), before(8));
}

TEST_F(Vmem, CountsTheTablesThatAWalkIsTheFirstToComeTo) {
    static_cast<void>(walk(page));
    EXPECT_EQ(vmem.new_tables(), 4U);
    static_cast<void>(walk(page + page_size));
    EXPECT_EQ(vmem.new_tables(), 1U);
    static_cast<void>(walk(page));
    EXPECT_EQ(vmem.new_tables(), 0U);
}

TEST_F(Vmem, WalkOfAPageThatWasNotThereGoesOnOnce) {
    static_cast<void>(walk(page));
    vmem.faulted(Cycles(70));
    EXPECT_EQ(vmem.goes_on_from(page + 8), Cycles(70));
    EXPECT_FALSE(vmem.goes_on_from(page + page_size));
    static_cast<void>(vmem.place_of(1));
    EXPECT_FALSE(vmem.goes_on_from(page));
}

} // namespace
} // namespace pagewalk::models
