#include "models/mmu/champsim_frames.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr std::uint64_t frames = 1ULL << 12;
constexpr Pfn root{7};
constexpr VirtAddr page{0x7f1234567000};

/// What a draw gives to pages asked for one after the other.
std::vector<Pfn> drawn(std::uint32_t seed, std::size_t count) {
    ChampSimFrames draw(frames, seed);
    std::vector<Pfn> places;
    for (std::size_t i = 0; i < count; ++i) places.push_back(draw.of_page(i));
    return places;
}

TEST(ChampSimFrames, GivesEveryFrameAboveTheFirstMebibyteOnceAndThenAgain) {
    const std::size_t all = frames - ChampSimFrames::first_frame;
    const std::vector<Pfn> places = drawn(1, all + 1);
    const std::set<Pfn> different(places.begin(), places.end());
    EXPECT_EQ(different.size(), all);
    EXPECT_EQ(different.begin()->value(), ChampSimFrames::first_frame);
    EXPECT_EQ(different.rbegin()->value(), frames - 1);
    EXPECT_EQ(places.back(), places.front());
}

TEST(ChampSimFrames, DrawsByItsSeed) {
    EXPECT_EQ(drawn(1, 100), drawn(1, 100));
    EXPECT_NE(drawn(1, 100), drawn(2, 100));
}

TEST(ChampSimFrames, PageStaysWhereItIs) {
    ChampSimFrames draw(frames, 1);
    const Pfn place = draw.of_page(5);
    EXPECT_NE(draw.of_page(6), place);
    EXPECT_EQ(draw.of_page(5), place);
}

TEST(ChampSimFrames, TakesAFrameForATableThatIsThereAndLosesIt) {
    const std::vector<Pfn> order = drawn(1, 5);
    ChampSimFrames draw(frames, 1);
    EXPECT_EQ(draw.of_root(root), order[0]);
    EXPECT_EQ(draw.of_table(root, page, 1), order[1]);
    EXPECT_EQ(draw.of_table(root, page, 1), order[1]); // takes order[2]
    EXPECT_EQ(draw.known_table(root, page, 1), order[1]);
    EXPECT_EQ(draw.of_root(root), order[0]);
    EXPECT_EQ(draw.of_page(0), order[3]);
    EXPECT_EQ(draw.of_table(root, page, 2), order[4]);
}

TEST(ChampSimFrames, TablesAreAProcesssOwn) {
    ChampSimFrames draw(frames, 1);
    const Pfn other(8);
    EXPECT_NE(draw.of_root(root), draw.of_root(other));
    EXPECT_NE(draw.of_table(root, page, 1), draw.of_table(other, page, 1));
}

} // namespace
} // namespace pagewalk::models
