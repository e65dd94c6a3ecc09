#include "contract/page_tables/cuckoo.h"
#include "tests/unit/contract/page_tables/table_frames_rig.h"

#include <gtest/gtest.h>

namespace pagewalk {
namespace {

using rig::CountedFrames;
using rig::Memory;

constexpr VirtAddr user{0x7f0000000000};

struct CuckooTableTest : testing::Test {
    void add(std::uint64_t line) { ASSERT_TRUE(table.ensure(user + line * 8 * page_size, frames)); }
    CountedFrames frames;
    Memory memory;
    CuckooTable table;
};

TEST_F(CuckooTableTest, WalkReadsAllWaysAtOnceOrTheKnownOne) {
    add(0);
    const FormatWalk first = table.walk(user, memory);
    ASSERT_EQ(first.count, 4U); // three ways and the walk tables' entry
    EXPECT_FALSE(first.references[0].with_last);
    for (std::size_t i = 1; i < 4; ++i) EXPECT_TRUE(first.references[i].with_last);
    // The section of 2 MiB is known from now on, also for lines that come later.
    add(1);
    EXPECT_EQ(table.walk(user + 8 * page_size, memory).count, 1U);
    EXPECT_EQ(table.walk(user + level_span(2), memory).count, 4U);
}

TEST_F(CuckooTableTest, ResizesBitByBit) {
    // Three ways of 64 lines: beyond a load of 0.6 are 116 lines.
    for (std::uint64_t line = 0; line < 115; ++line) add(line);
    EXPECT_FALSE(table.resizing());
    EXPECT_EQ(table.frames(), 3U + 1);
    add(115);
    EXPECT_TRUE(table.resizing());
    EXPECT_EQ(table.frames(), 3U + 6 + 1); // old, new, walk tables
    std::uint64_t line = 116;
    for (; table.resizing(); ++line) {
        for (std::uint64_t other = 0; other < line; other += 7) {
            const FormatWalk walk = table.walk(user + other * 8 * page_size, memory);
            ASSERT_TRUE(walk.found) << other;
            ASSERT_LE(walk.count, 4U);
        }
        const std::uint64_t stores = frames.stores;
        add(line);
        ASSERT_LT(frames.stores - stores, 40U) << "an insertion moves few lines";
    }
    EXPECT_EQ(line, 116 + 63U); // one line of each way at each insertion
    EXPECT_EQ(table.frames(), 6U + 1);
}

TEST_F(CuckooTableTest, GoesOnFullerWhereItCannotGrow) {
    add(0);
    frames.limit = frames.taken;
    std::uint64_t line = 1;
    while (line < 1000 && table.ensure(user + line * 8 * page_size, frames)) ++line;
    EXPECT_GE(line, 192U * 80 / 100);
    EXPECT_LE(line, 192U * 85 / 100 + 1);
    for (std::uint64_t held = 0; held < line; ++held) EXPECT_TRUE(table.find(user + held * 8 * page_size));
}

} // namespace
} // namespace pagewalk
