#include "os/file/readahead.h"

#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

// The windows are those that a Linux 6.1 has chosen for the same reads; read_ahead_kb is 128, 32 pages.
namespace pagewalk::os {
namespace {

using Pages = std::pair<std::uint64_t, std::uint64_t>; ///< first and last page that are brought in
using Windows = std::vector<Pages>;

/// A file of which nothing is cached, and who reads it.
struct File {
    std::uint64_t pages = 1 << 20;
    PageCache cached;
    std::set<std::uint64_t> marks;
    Windows added;

    void bring_in(const ReadaheadWindow& window) {
        const std::uint64_t end = std::min(window.start + window.pages, pages);
        const std::size_t before = added.size();
        for (std::uint64_t at = window.start; at < end; ++at) {
            if (cached.find(at) != no_pfn) continue;
            cached.insert(at, Pfn(at + 1));
            if (window.lookahead != 0 && at + window.lookahead == end) marks.insert(at);
            if (added.size() > before && added.back().second + 1 == at)
                added.back().second = at;
            else
                added.emplace_back(at, at);
        }
    }
    /// read() of whole pages.
    void read(ReadaheadState& state, std::uint64_t first, std::uint64_t count) {
        Readahead readahead(state, cached, {});
        for (std::uint64_t at = first; at < first + count; ++at) {
            const std::uint64_t asked = first + count - at;
            if (cached.find(at) == no_pfn) bring_in(readahead.on_miss(at, asked));
            if (marks.erase(at) != 0) bring_in(readahead.on_mark(at, asked));
        }
        state.previous = (first + count) << page_shift;
    }
    /// An access through a mapping, of a page that is not mapped yet.
    void touch(ReadaheadState& state, std::uint64_t at,
               Readahead::MappedUse use = Readahead::MappedUse::Normal) {
        Readahead readahead(state, cached, {});
        if (cached.find(at) == no_pfn) bring_in(readahead.on_fault_miss(at, use));
        if (marks.erase(at) != 0) bring_in(readahead.on_fault_mark(at));
    }
    void drop() {
        for (std::uint64_t at = cached.next(0); at != PageCache::none; at = cached.next(at)) cached.erase(at);
        marks.clear();
        added.clear();
    }
};

TEST(Readahead, DoublesTheWindowOfASequentialReader) {
    File file;
    ReadaheadState state;
    for (std::uint64_t i = 0; i < 64; ++i) file.read(state, i, 1);
    EXPECT_EQ(file.added, (Windows{{0, 3}, {4, 11}, {12, 27}, {28, 59}, {60, 91}, {92, 123}}));
}

TEST(Readahead, ReadsTheNextWindowAtTheMark) {
    File file;
    ReadaheadState state;
    for (std::uint64_t i = 0; i < 4; ++i) file.read(state, i, 1);
    EXPECT_EQ(file.added, (Windows{{0, 3}, {4, 11}}));
    file.read(state, 4, 1);
    EXPECT_EQ(file.added.back(), (Pages{12, 27}));
}

TEST(Readahead, BeginsWithMoreForALargerRead) {
    File small, half;
    ReadaheadState of_small, of_half;
    for (std::uint64_t i = 0; i < 4; ++i) small.read(of_small, 3 * i, 3);
    EXPECT_EQ(small.added, (Windows{{0, 7}, {8, 23}, {24, 55}}));
    for (std::uint64_t i = 0; i < 3; ++i) half.read(of_half, 16 * i, 16);
    EXPECT_EQ(half.added, (Windows{{0, 31}, {32, 63}, {64, 95}}));
}

TEST(Readahead, ReadsAsMuchAheadAsAReadBeyondTheWindowAsksFor) {
    File file, other;
    ReadaheadState state, of_other;
    for (std::uint64_t i = 0; i < 3; ++i) file.read(state, 256 * i, 256);
    EXPECT_EQ(file.added, (Windows{{0, 255}, {256, 511}, {512, 767}, {768, 1023}}));
    for (std::uint64_t i = 0; i < 2; ++i) other.read(of_other, 75 * i, 75);
    EXPECT_EQ(other.added, (Windows{{0, 74}, {75, 149}, {150, 224}}));
}

TEST(Readahead, BringsInNoMoreThanALoneReadAsksFor) {
    File file;
    ReadaheadState state;
    file.read(state, 3967, 1);
    file.read(state, 3191, 1);
    file.read(state, 2197, 4);
    EXPECT_EQ(file.added, (Windows{{3967, 3967}, {3191, 3191}, {2197, 2200}}));
}

TEST(Readahead, TakesTheNextPageForTheStartOfAStream) {
    File file;
    ReadaheadState state;
    file.read(state, 3223, 1);
    file.read(state, 3224, 1);
    EXPECT_EQ(file.added, (Windows{{3223, 3223}, {3224, 3227}}));
    file.read(state, 0, 1);
    file.read(state, 3228, 1); // what is cached before it tells of a stream
    EXPECT_EQ(file.added.back(), (Pages{3228, 3233}));
}

TEST(Readahead, LeavesHalfOfAWindowThatIsWantedAtOnceForItsMark) {
    File file;
    ReadaheadState state;
    state.start = 96;
    state.size = state.async_size = 32;
    for (std::uint64_t at = 96; at < 128; ++at) file.cached.insert(at, Pfn(at + 1));
    file.read(state, 128, 16);
    EXPECT_EQ(file.added, (Windows{{128, 159}}));
    file.read(state, 144, 1);
    EXPECT_EQ(file.added.back(), (Pages{160, 191}));
}

TEST(Readahead, ReadsBackwardsAndWithAStridePageByPage) {
    File back, strided;
    ReadaheadState of_back, of_strided;
    for (std::uint64_t i = 20; i-- != 10;) back.read(of_back, i, 1);
    EXPECT_EQ(back.added.size(), 10U);
    for (std::uint64_t i = 0; i < 4; ++i) strided.read(of_strided, 5 * i, 1);
    EXPECT_EQ(strided.added, (Windows{{0, 3}, {5, 5}, {10, 10}, {15, 15}}));
}

TEST(Readahead, KeepsTwoStreamsOfOneOpenFileApart) {
    File file;
    ReadaheadState state;
    for (std::uint64_t i = 0; i < 16; ++i) {
        file.read(state, i, 1);
        file.read(state, 512 + i, 1);
    }
    EXPECT_EQ(file.added, (Windows{{0, 3},
                                   {512, 512},
                                   {4, 11},
                                   {513, 513},
                                   {514, 516},
                                   {12, 29},
                                   {517, 520},
                                   {521, 528},
                                   {529, 544},
                                   {30, 61}}));
}

TEST(Readahead, BeginsInTheMiddleOfAFileAsSoonAsAStreamShows) {
    File file;
    ReadaheadState state;
    for (std::uint64_t i = 0; i < 13; ++i) file.read(state, 512 + i, 1);
    EXPECT_EQ(file.added, (Windows{{512, 512}, {513, 516}, {517, 524}, {525, 540}}));
}

TEST(Readahead, FollowsAdviceForAnOpenFile) {
    File file;
    ReadaheadState state;
    state.window_factor = 2; // POSIX_FADV_SEQUENTIAL
    for (std::uint64_t i = 0; i < 61; ++i) file.read(state, i, 1);
    EXPECT_EQ(file.added, (Windows{{0, 3}, {4, 11}, {12, 27}, {28, 59}, {60, 123}, {124, 187}}));
    file.drop();
    state.random = true;
    for (std::uint64_t i = 0; i < 3; ++i) file.read(state, i, 1);
    EXPECT_EQ(file.added, (Windows{{0, 0}, {1, 1}, {2, 2}}));
}

TEST(Readahead, ReadsAroundAFault) {
    File file{.pages = 256};
    ReadaheadState state;
    file.touch(state, 0);
    file.touch(state, 197);
    file.touch(state, 255);
    EXPECT_EQ(file.added, (Windows{{0, 31}, {181, 212}, {239, 255}}));
}

TEST(Readahead, GoesOnAtTheMarkOfAMapping) {
    File file{.pages = 256};
    ReadaheadState state;
    for (std::uint64_t i = 0; i < 128; ++i) file.touch(state, i);
    EXPECT_EQ(file.added, (Windows{{0, 31}, {32, 63}, {64, 95}, {96, 127}, {128, 159}}));
    file.touch(state, 255);
    file.touch(state, 197);
    file.added.clear();
    for (std::uint64_t i = 128; i < 256; ++i) file.touch(state, i);
    EXPECT_EQ(file.added, (Windows{{160, 180}, {213, 223}, {224, 238}}));
}

TEST(Readahead, FollowsAdviceForAMapping) {
    File file{.pages = 256};
    ReadaheadState state;
    for (const std::uint64_t at : {40, 41}) file.touch(state, at, Readahead::MappedUse::Random);
    EXPECT_EQ(file.added, (Windows{{40, 40}, {41, 41}}));
    file.added.clear();
    for (std::uint64_t i = 64; i < 104; ++i) file.touch(state, i, Readahead::MappedUse::Sequential);
    EXPECT_EQ(file.added, (Windows{{64, 95}, {96, 127}}));
    EXPECT_TRUE(file.marks.empty());
}

/// The order of 24 random touches, then all pages one after the other: marks of other windows are met, and
/// the cache is full behind some of them.
TEST(Readahead, CountsTheLastPageItLooksAtForMissing) {
    File file{.pages = 256};
    ReadaheadState state;
    for (const std::uint64_t at : {28, 244, 210, 155, 68, 178, 86, 133}) file.touch(state, at);
    EXPECT_EQ(
        file.added,
        (Windows{{12, 43}, {228, 255}, {194, 225}, {139, 170}, {52, 83}, {171, 193}, {84, 101}, {117, 138}}));
    file.added.clear();
    for (std::uint64_t i = 0; i < 256; ++i) file.touch(state, i);
    EXPECT_EQ(file.added, (Windows{{0, 11}, {44, 51}, {102, 107}, {108, 116}, {226, 226}, {227, 227}}));
}

TEST(Readahead, ReadsOnePageWhereThereIsNone) {
    PageCache nothing;
    ReadaheadState state;
    Readahead readahead(state, nothing, {.window = 0});
    EXPECT_EQ(readahead.on_miss(5, 8).pages, 1U);
    EXPECT_EQ(readahead.on_fault_miss(5, Readahead::MappedUse::Normal).pages, 1U);
    EXPECT_EQ(readahead.on_mark(5, 8).pages, 0U);
}

} // namespace
} // namespace pagewalk::os
