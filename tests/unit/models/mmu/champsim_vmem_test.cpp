#include "models/mmu/champsim_vmem.h"

#include <set>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr std::uint64_t frames = 1ULL << 13; // an odd number of bits
constexpr VirtAddr page{0x7f1234567000};

struct Vmem : testing::Test {
    ChampSimVmem vmem{frames, 1, 5, WalkCacheConfig{}};
    std::vector<PhysAddr> walk(VirtAddr address) {
        const auto references = vmem.walk(address, 0);
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

TEST_F(Vmem, PlacesAreAPermutationOfTheFrames) {
    std::set<std::uint64_t> places;
    std::uint64_t in_order = 0;
    for (std::uint64_t frame = 0; frame < frames; ++frame) {
        const std::uint64_t place = vmem.place_of(frame);
        EXPECT_LT(place, frames);
        places.insert(place);
        in_order += place + 1 == vmem.place_of(frame + 1) ? 1 : 0;
    }
    EXPECT_EQ(places.size(), frames);
    EXPECT_LT(in_order, 10U);
    EXPECT_EQ(vmem.place_of(frames + 5), vmem.place_of(5));
    EXPECT_NE(vmem.place_of(5), ChampSimVmem(frames, 2, 5, WalkCacheConfig{}).place_of(5));
}

} // namespace
} // namespace pagewalk::models
