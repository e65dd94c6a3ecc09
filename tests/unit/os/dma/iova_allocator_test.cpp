#include "os/dma/iova_allocator.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr CpuId cpu0{0};
constexpr CpuId cpu1{1};
constexpr BusPage limit{1000};
using Place = IovaAllocator::Place;

TEST(IovaAllocator, FillsAddressesFromTheTop) {
    IovaAllocator addresses(1);
    const auto first = addresses.allocate(cpu0, 1, limit);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->first, BusPage(999));
    EXPECT_EQ(first->from, Place::Tree);
    EXPECT_EQ(addresses.allocate(cpu0, 1, limit)->first, BusPage(998));
}

TEST(IovaAllocator, AlignsARangeToItsSize) {
    IovaAllocator addresses(1);
    EXPECT_EQ(addresses.allocate(cpu0, 3, limit)->first, BusPage(996)); // four pages, as caches hold them
    EXPECT_EQ(addresses.allocate(cpu0, 100, limit)->first, BusPage(896));
    EXPECT_EQ(addresses.reserved_pages(), 104U);
}

TEST(IovaAllocator, GivesACpuBackWhatItFreed) {
    IovaAllocator addresses(2);
    const BusPage first = addresses.allocate(cpu0, 2, limit)->first;
    EXPECT_EQ(addresses.free(cpu0, first, 2), Place::Magazine);
    EXPECT_EQ(addresses.allocate(cpu1, 2, limit)->from, Place::Tree); // another CPU has its own
    const auto again = addresses.allocate(cpu0, 2, limit);
    EXPECT_EQ(again->first, first);
    EXPECT_EQ(again->from, Place::Magazine);
}

TEST(IovaAllocator, PassesFullMagazinesOnThroughTheDepot) {
    IovaAllocator addresses(2);
    std::vector<BusPage> taken;
    for (int i = 0; i < 257; ++i) taken.push_back(addresses.allocate(cpu0, 1, limit)->first);
    for (int i = 0; i < 256; ++i)
        EXPECT_EQ(addresses.free(cpu0, taken[static_cast<std::size_t>(i)], 1), Place::Magazine);
    EXPECT_EQ(addresses.free(cpu0, taken.back(), 1), Place::Depot);
    EXPECT_EQ(addresses.allocate(cpu1, 1, limit)->from, Place::Depot);
    EXPECT_EQ(addresses.allocate(cpu1, 1, limit)->from, Place::Magazine);
}

TEST(IovaAllocator, ReturnsLargeRangesToTheTreeAndFindsTheHole) {
    IovaAllocator addresses(1);
    const BusPage high = addresses.allocate(cpu0, 64, BusPage(256))->first;
    EXPECT_EQ(high, BusPage(192));
    EXPECT_EQ(addresses.allocate(cpu0, 64, BusPage(256))->first, BusPage(128));
    EXPECT_EQ(addresses.allocate(cpu0, 64, BusPage(256))->first, BusPage(64));
    EXPECT_FALSE(addresses.allocate(cpu0, 64, BusPage(256))); // page 0 is nobody's
    EXPECT_EQ(addresses.free(cpu0, high, 64), Place::Tree);
    EXPECT_EQ(addresses.allocate(cpu0, 64, BusPage(256))->first, high);
}

TEST(IovaAllocator, KeepsWhatADeviceDoesNotReachForOthers) {
    IovaAllocator addresses(1);
    const BusPage high = addresses.allocate(cpu0, 1, limit)->first;
    addresses.free(cpu0, high, 1);
    EXPECT_EQ(addresses.allocate(cpu0, 1, BusPage(500))->first, BusPage(499));
    EXPECT_EQ(addresses.allocate(cpu0, 1, limit)->first, high);
}

TEST(IovaAllocator, EmptiesItsCachesWhenAsked) {
    IovaAllocator addresses(1);
    std::vector<BusPage> taken;
    while (const auto range = addresses.allocate(cpu0, 1, BusPage(64))) taken.push_back(range->first);
    EXPECT_EQ(taken.size(), 63U);
    for (const BusPage page : taken) addresses.free(cpu0, page, 1);
    EXPECT_FALSE(addresses.allocate(cpu0, 32, BusPage(64)));
    addresses.drain_caches();
    EXPECT_EQ(addresses.reserved_pages(), 0U);
    EXPECT_TRUE(addresses.allocate(cpu0, 32, BusPage(64)));
}

} // namespace
} // namespace pagewalk::os
