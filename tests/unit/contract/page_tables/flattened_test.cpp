#include "contract/page_tables/flattened.h"
#include "tests/unit/contract/page_tables/table_frames_rig.h"

#include <gtest/gtest.h>

namespace pagewalk {
namespace {

using rig::CountedFrames;
using rig::Memory;

constexpr VirtAddr user{0x7f0000000000};
constexpr std::uint64_t gigabyte = 1ULL << 30;

TEST(FlattenedTable, WalkReadsTwoEntriesAndOneOnceTheUpperIsKnown) {
    CountedFrames frames;
    Memory memory;
    FlattenedTable table;
    ASSERT_TRUE(table.ensure(user, frames));
    EXPECT_EQ(frames.taken, 256U + 512); // 1 MiB for the root, 2 MiB for 1 GiB
    EXPECT_EQ(table.walk(user, memory).count, 2U);
    ASSERT_TRUE(table.ensure(user + gigabyte - page_size, frames));
    EXPECT_EQ(frames.taken, 256U + 512);
    EXPECT_EQ(table.walk(user + gigabyte - page_size, memory).count, 1U);
    ASSERT_TRUE(table.ensure(user + gigabyte, frames));
    EXPECT_EQ(table.walk(user + gigabyte, memory).count, 2U);
}

TEST(FlattenedTable, EntriesLieInTheOrderOfTheirPages) {
    CountedFrames frames;
    FlattenedTable table;
    const PhysAddr first = table.ensure(user, frames).where;
    EXPECT_EQ(table.ensure(user + gigabyte - page_size, frames).where, first + ((1 << 18) - 1) * 8);
    EXPECT_EQ(table.ensure(user + level_span(2), frames).where, first + page_size);
}

TEST(FlattenedTable, WithoutLargeBlocksTheLowerTableHasTwoLevels) {
    CountedFrames frames;
    Memory memory;
    FlattenedTable table;
    ASSERT_TRUE(table.ensure(user, frames));
    frames.most_order = 8;
    ASSERT_TRUE(table.ensure(user + gigabyte, frames));
    EXPECT_EQ(frames.taken, 256U + 512 + 2);
    EXPECT_EQ(table.walk(user + gigabyte, memory).count, 3U);
    EXPECT_EQ(table.walk(user + gigabyte, memory).count, 1U);
    ASSERT_TRUE(table.ensure(user + gigabyte + level_span(2), frames));
    EXPECT_EQ(table.walk(user + gigabyte + level_span(2), memory).count, 2U);
}

} // namespace
} // namespace pagewalk
