#include "models/mmu/nested/host_tables.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

NestedConfig config(HostPages pages) {
    NestedConfig config;
    config.pages = pages;
    config.base = 1ULL << 30;
    config.bytes = 1ULL << 20;
    return config;
}

TEST(HostTables, BackAPageWithTheFrameOfItsNumber) {
    HostTables host(config(HostPages::Small));
    EXPECT_FALSE(host.backs(PhysAddr(0x5000)));
    host.back(PhysAddr(0x5123));
    EXPECT_TRUE(host.backs(PhysAddr(0x5fff)));
    EXPECT_FALSE(host.backs(PhysAddr(0x6000)));
    EXPECT_EQ(host.leaf_level(), 1U);
    EXPECT_EQ(host.frames(), 4U); // a table for each level
    EXPECT_EQ(host.root(), pfn_of(PhysAddr(1ULL << 30)));
}

TEST(HostTables, LargerPagesTakeFewerLevels) {
    HostTables large(config(HostPages::Large)), giant(config(HostPages::Giant));
    large.back(PhysAddr(0x200000));
    EXPECT_TRUE(large.backs(PhysAddr(0x3fffff)));
    EXPECT_FALSE(large.backs(PhysAddr(0x400000)));
    EXPECT_EQ(large.frames(), 3U);
    giant.back(PhysAddr(0));
    EXPECT_TRUE(giant.backs(PhysAddr((1ULL << 30) - 1)));
    EXPECT_EQ(giant.frames(), 2U);
}

TEST(HostTables, HaveRoomForAllOfAGuestsMemory) {
    NestedConfig all = config(HostPages::Small);
    constexpr std::uint64_t memory = 1ULL << 30;
    all.bytes = NestedConfig::table_bytes(memory);
    HostTables host(all);
    for (std::uint64_t at = 0; at < memory; at += level_span(2)) host.back(PhysAddr(at));
    EXPECT_LE(host.frames() * page_size, all.bytes);
}

} // namespace
} // namespace pagewalk::models
