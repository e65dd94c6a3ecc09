#include "contract/page_tables/hashed.h"
#include "tests/unit/contract/page_tables/table_frames_rig.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace pagewalk {
namespace {

using rig::CountedFrames;
using rig::Memory;

constexpr VirtAddr user{0x7f0000000000};

TEST(HashedTable, GrowsAtHalfItsSize) {
    CountedFrames frames;
    HashedTable table;
    for (std::uint64_t line = 0; line < 32; ++line)
        ASSERT_TRUE(table.ensure(user + line * 8 * page_size, frames));
    EXPECT_EQ(table.frames(), 1U); // 64 lines
    ASSERT_TRUE(table.ensure(user + 32 * 8 * page_size, frames));
    EXPECT_EQ(table.frames(), 2U);
}

TEST(HashedTable, EightPagesShareALine) {
    CountedFrames frames;
    HashedTable table;
    const PhysAddr first = table.ensure(user, frames).where;
    for (std::uint64_t i = 1; i < 8; ++i)
        EXPECT_EQ(table.ensure(user + i * page_size, frames).where, first + i * 8);
    EXPECT_NE(table.ensure(user + 8 * page_size, frames).where.line(), first.line());
}

TEST(HashedTable, WalkReadsLineAfterLine) {
    CountedFrames frames;
    Memory memory;
    HashedTable table;
    std::size_t longest = 0, total = 0;
    constexpr std::size_t lines = 4000;
    for (std::size_t line = 0; line < lines; ++line)
        ASSERT_TRUE(table.ensure(user + line * 8 * page_size, frames));
    for (std::size_t line = 0; line < lines; ++line) {
        const FormatWalk walk = table.walk(user + line * 8 * page_size, memory);
        ASSERT_TRUE(walk.found);
        EXPECT_EQ(walk.references[walk.count - 1].where, walk.found.where);
        for (std::size_t i = 1; i < walk.count; ++i) {
            EXPECT_FALSE(walk.references[i].with_last);
            EXPECT_EQ(walk.references[i].where - walk.references[i - 1].where, line_size); // none wraps here
        }
        longest = std::max(longest, walk.count);
        total += walk.count;
    }
    // Linear probing at a load a of 0.49 finds what it has in (1 + 1 / (1 - a)) / 2 = 1.48 (Knuth, vol.
    // 3, 6.4).
    EXPECT_GT(longest, 1U);
    EXPECT_LT(total, lines * 160 / 100);
}

} // namespace
} // namespace pagewalk
