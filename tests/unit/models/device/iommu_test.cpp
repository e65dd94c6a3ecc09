#include "contract/kernel_path.h"
#include "models/device/iommu.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr DeviceId device{2};
constexpr DeviceId other{1};
constexpr Tick answer{50'000};

/// An IOMMU over a memory that answers after 50 ns, with tables that a test fills.
struct Translated : testing::Test, SharedMemory {
    PageTableMemory tables;
    std::vector<LineRequest> seen;
    IommuConfig config{.iotlb_entries = 4, .walk_cache_entries = 0, .walkers = 1, .latency = Tick(1000)};
    Pfn root{10};
    Pfn next_table{11};

    LineResponse request(const LineRequest& request) override {
        seen.push_back(request);
        return {request.time + answer};
    }
    Translated() { tables.add(root); }
    void map(BusPage page, Pfn frame) {
        const VirtAddr address(address_of(page).value());
        Pfn table = root;
        for (unsigned level = 4; level > 1; --level) {
            PageTableEntry& entry = tables.table(table)[table_index(address, level)];
            if (!entry.present()) {
                tables.add(next_table);
                entry = PageTableEntry(next_table, PageTableEntry::Present);
                ++next_table;
            }
            table = entry.frame();
        }
        tables.table(table)[table_index(address, 1)] = PageTableEntry(frame, PageTableEntry::Present);
    }
    Iommu make() {
        Iommu iommu(config, *this, tables);
        iommu.attach(device, root);
        return iommu;
    }
    static Tick access(Iommu& iommu, std::uint64_t address, Tick now = {},
                       AccessKind kind = AccessKind::WriteBack) {
        return iommu.request({PhysAddr(address), device, kind, now}).ready;
    }
};

TEST_F(Translated, WalksFourLevelsThroughMemoryThenAccesses) {
    map(BusPage(0x123), Pfn(0x777));
    Iommu iommu = make();
    EXPECT_EQ(access(iommu, 0x123'040), Tick(1000) + answer + answer + answer + answer + answer);
    ASSERT_EQ(seen.size(), 5U);
    EXPECT_EQ(seen[0].line, address_of(root));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)].kind, AccessKind::Dma);
    EXPECT_EQ(seen[4].line, PhysAddr(0x777'040));
    EXPECT_EQ(seen[4].kind, AccessKind::WriteBack);
    EXPECT_EQ(iommu.stats().walk_loads, 4U);
}

TEST_F(Translated, HitsTheIotlbAtItsLatency) {
    map(BusPage(5), Pfn(50));
    Iommu iommu = make();
    const Tick later{1'000'000};
    access(iommu, 0x5000);
    EXPECT_EQ(access(iommu, 0x5f80, later), later + Tick(1000) + answer);
    EXPECT_EQ(iommu.stats().iotlb_hits, 1U);
    EXPECT_EQ(iommu.stats().iotlb_misses, 1U);
}

TEST_F(Translated, WaitsForAWalkThatIsOnItsWay) {
    map(BusPage(5), Pfn(50));
    Iommu iommu = make();
    access(iommu, 0x5000);
    EXPECT_EQ(access(iommu, 0x5040, Tick(10)), Tick(1000) + answer + answer + answer + answer + answer);
    EXPECT_EQ(iommu.stats().iotlb_misses, 1U);
}

TEST_F(Translated, WalksAsManyAtATimeAsItHasWalkers) {
    map(BusPage(5), Pfn(50));
    map(BusPage(6), Pfn(60));
    Iommu iommu = make();
    const Tick first = access(iommu, 0x5000);
    EXPECT_EQ(access(iommu, 0x6000), first + answer + answer + answer + answer);
    config.walkers = 2;
    Iommu wide = make();
    EXPECT_EQ(access(wide, 0x5000), access(wide, 0x6000));
}

TEST_F(Translated, StartsAtTheLowestTableThatItsWalkCachesKnow) {
    map(BusPage(5), Pfn(50));
    map(BusPage(6), Pfn(60));
    config.walk_cache_entries = 4;
    Iommu iommu = make();
    access(iommu, 0x5000);
    access(iommu, 0x6000, Tick(1'000'000));
    EXPECT_EQ(iommu.stats().walk_loads, 5U);
}

TEST_F(Translated, ReplacesTheLeastRecentlyUsed) {
    for (std::uint64_t page = 1; page <= 5; ++page) map(BusPage(page), Pfn(page));
    Iommu iommu = make();
    for (std::uint64_t page = 1; page <= 4; ++page) access(iommu, page << 12);
    access(iommu, 1 << 12);
    access(iommu, 5 << 12); // in the place of page 2
    access(iommu, 1 << 12);
    EXPECT_EQ(iommu.stats().iotlb_misses, 5U);
    access(iommu, 2 << 12);
    EXPECT_EQ(iommu.stats().iotlb_misses, 6U);
}

TEST_F(Translated, UsesAStaleTranslationUntilItIsInvalidated) {
    map(BusPage(5), Pfn(50));
    map(BusPage(6), Pfn(60));
    Iommu iommu = make();
    access(iommu, 0x5000);
    access(iommu, 0x6000);
    map(BusPage(5), Pfn(51));
    access(iommu, 0x5000);
    EXPECT_EQ(seen.back().line, PhysAddr(50 << 12));
    iommu.invalidate(device, BusPage(5), 1);
    access(iommu, 0x5000);
    EXPECT_EQ(seen.back().line, PhysAddr(51 << 12));
    const std::uint64_t misses = iommu.stats().iotlb_misses;
    access(iommu, 0x6000); // no other page's translation is dropped
    EXPECT_EQ(iommu.stats().iotlb_misses, misses);
    iommu.invalidate_all(device);
    access(iommu, 0x6000);
    EXPECT_EQ(iommu.stats().iotlb_misses, misses + 1);
}

TEST_F(Translated, LetsDevicesPassThatAreNotAttached) {
    Iommu iommu = make();
    EXPECT_EQ(iommu.request({PhysAddr(0x9000), other, AccessKind::Dma, Tick()}).ready, answer);
    EXPECT_EQ(seen.back().line, PhysAddr(0x9000));
    EXPECT_EQ(iommu.stats().translations, 0U);
}

TEST_F(Translated, RefusesAndKeepsAnAccessToAPageThatNobodyMapped) {
    map(BusPage(5), Pfn(50));
    Iommu iommu = make();
    EXPECT_EQ(access(iommu, 0x6040, Tick(7)), no_time);
    EXPECT_EQ(access(iommu, 1ULL << 40, {}, AccessKind::Dma), no_time); // no table either
    EXPECT_EQ(iommu.stats().faults, 2U);
    for (const LineRequest& each : seen) EXPECT_NE(each.kind, AccessKind::WriteBack); // walks alone
    ASSERT_EQ(iommu.faults().size(), 2U);
    EXPECT_EQ(iommu.faults()[0].device, device);
    EXPECT_EQ(iommu.faults()[0].time, Tick(7));
    EXPECT_EQ(
        to_string(iommu.faults()[0], "NIC"),
        "IOMMU: the NIC writes to I/O address 0x6040, which no driver has mapped: the device is stopped and "
        "reset");
    EXPECT_NE(access(iommu, 0x5000), no_time); // others go on
}

TEST_F(Translated, KeepsTheFirstFaultsOnly) {
    Iommu iommu = make();
    for (int i = 0; i < 20; ++i) access(iommu, 0x6000);
    EXPECT_EQ(iommu.stats().faults, 20U);
    EXPECT_EQ(iommu.faults().size(), 16U);
}

TEST_F(Translated, RefusesTheLineThatItIsTold) {
    map(BusPage(5), Pfn(50));
    config.fault_at = 2;
    Iommu iommu = make();
    EXPECT_NE(access(iommu, 0x5000), no_time);
    EXPECT_EQ(access(iommu, 0x5040), no_time);
    EXPECT_NE(access(iommu, 0x5040), no_time);
}

} // namespace
} // namespace pagewalk::models
