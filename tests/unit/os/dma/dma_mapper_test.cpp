#include "base/error.h"
#include "os/dma/dma_mapper.h"
#include "tests/unit/os/task/task_rig.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
constexpr DeviceId device{0};

/// 6 GiB, half of them above 4 GiB; swiotlb's pool is taken from the page allocator here.
struct Mapper : testing::Test {
    static constexpr std::uint64_t pool_bytes = 2ULL << 20;
    test::TaskRig rig{1, {6ULL << 30}};
    PageTableMemory tables;
    DmaMapper dma{rig.frames, tables};
    std::vector<BusPage> pages;
    Pfn low = allocate(gfp::kernel | gfp::dma32);
    Pfn high = allocate(gfp::kernel);

    Pfn allocate(GfpMask mask) { return *rig.allocator->allocate({.mask = mask}); }
    void set_up_pool() {
        const Pfn pool = *rig.allocator->allocate({.mask = gfp::kernel | gfp::dma32, .order = 9});
        dma.configure({.swiotlb = pool_bytes}, {address_of(pool), address_of(pool) + pool_bytes});
    }
    void add(unsigned bits, std::uint64_t most = 64) {
        rig.run(cpu0, [&](Operation& op) { dma.add_device(op, {device, bits}, most, 1); });
    }
    bool map(std::vector<Pfn> frames) {
        bool mapped = false;
        rig.run(cpu0, [&](Operation& op) { mapped = dma.map(op, device, frames, pages); });
        return mapped;
    }
    /// Returns how many bytes were copied.
    std::uint64_t unmap(DmaDirection direction, std::vector<Pfn> frames) {
        const std::uint64_t before = dma.stats().bytes_copied;
        rig.run(cpu0, [&](Operation& op) { dma.unmap(op, device, direction, frames, pages); });
        return dma.stats().bytes_copied - before;
    }
};

TEST_F(Mapper, GivesAWideDeviceMemoryItself) {
    ASSERT_GE(address_of(high).value(), 1ULL << 32);
    add(64);
    ASSERT_TRUE(map({high, low}));
    EXPECT_EQ(pages, (std::vector{untranslated(high), untranslated(low)}));
    EXPECT_EQ(unmap(DmaDirection::FromDevice, {high, low}), 0U);
    EXPECT_EQ(dma.stats().pages_mapped, 2U);
    EXPECT_EQ(dma.stats().pages_unmapped, 2U);
}

TEST_F(Mapper, BouncesOnlyWhatA32BitDeviceDoesNotReach) {
    set_up_pool();
    add(32);
    ASSERT_TRUE(map({high, low}));
    EXPECT_TRUE(dma.swiotlb().holds(Pfn(pages[0].value())));
    EXPECT_EQ(pages[1], untranslated(low));
    EXPECT_EQ(dma.stats().bounced_pages, 1U);
    EXPECT_EQ(dma.stats().bytes_copied, page_size);
    EXPECT_EQ(unmap(DmaDirection::FromDevice, {high, low}), page_size);
    EXPECT_EQ(dma.swiotlb().free_pages(), dma.swiotlb().pages());
}

TEST_F(Mapper, CopiesBackOnlyWhatADeviceHasWritten) {
    set_up_pool();
    add(32);
    ASSERT_TRUE(map({high}));
    EXPECT_EQ(unmap(DmaDirection::ToDevice, {high}), 0U);
}

TEST_F(Mapper, PutsAMappingOffWhileNoBufferIsFree) {
    set_up_pool();
    add(32, 512);
    const std::vector<Pfn> all(dma.swiotlb().pages(), high);
    ASSERT_TRUE(map(all));
    const std::vector<BusPage> held = pages;
    EXPECT_FALSE(map({low, high}));
    EXPECT_EQ(dma.stats().refused, 1U);
    EXPECT_EQ(dma.swiotlb().free_pages(), 0U);
    pages = held;
    unmap(DmaDirection::ToDevice, all);
    EXPECT_TRUE(map({low, high}));
}

TEST_F(Mapper, LetsANarrowDevicesDriverCopyThroughZoneDma) {
    set_up_pool();
    add(24, 4);
    ASSERT_TRUE(map({high, low}));
    for (const BusPage page : pages) EXPECT_LT(address_of(page).value(), 1ULL << 24);
    EXPECT_EQ(dma.stats().driver_pages, 2U);
    EXPECT_EQ(dma.stats().reserve_pages, 0U);
    EXPECT_EQ(unmap(DmaDirection::FromDevice, {high, low}), 2 * page_size);
}

TEST_F(Mapper, FallsBackOnTheDriversReserveWhereZoneDmaIsEmpty) {
    add(24, 2);
    while (rig.allocator->allocate({.mask = gfp::atomic | gfp::dma})) {
    }
    ASSERT_TRUE(map({high, high}));
    EXPECT_EQ(dma.stats().reserve_pages, 2U);
    const std::vector<BusPage> held = pages;
    EXPECT_FALSE(map({high}));
    pages = held;
    unmap(DmaDirection::ToDevice, {high, high});
    EXPECT_TRUE(map({high}));
}

TEST_F(Mapper, RefusesADeviceThatNothingBouncesFor) {
    try {
        add(32);
        FAIL();
    } catch (const ConfigError& error) {
        EXPECT_NE(std::string(error.what()).find("os.swiotlb"), std::string::npos) << error.what();
    }
}

TEST_F(Mapper, TakesCoherentMemoryFromTheZoneOfTheMask) {
    set_up_pool();
    const auto coherent = [&](unsigned bits) {
        add(bits, 1);
        PhysAddr memory{};
        rig.run(cpu0,
                [&](Operation& op) { memory = dma.allocate_coherent(op, device, 3 * page_size)->memory; });
        return memory.value();
    };
    EXPECT_LT(coherent(24), 1ULL << 24);
    EXPECT_EQ(dma.stats().coherent_dma, 4 * page_size);
    const std::uint64_t dma32 = coherent(32);
    EXPECT_GE(dma32, 1ULL << 24);
    EXPECT_LT(dma32, 1ULL << 32);
    EXPECT_GE(coherent(64), 1ULL << 32);
    EXPECT_LT(coherent(32 + 0), 1ULL << 32);
    EXPECT_LT(coherent(33) + 4 * page_size, 1ULL << 33);
}

TEST_F(Mapper, GoesDownToZoneDmaForAMaskWithinDma32) {
    set_up_pool();
    while (address_of(allocate(gfp::kernel | gfp::dma32)).value() < 1ULL << 25) {
    }
    add(25, 1); // what is left of ZONE_DMA32 is beyond 32 MiB
    rig.run(cpu0, [&](Operation& op) {
        const auto memory = dma.allocate_coherent(op, device, page_size);
        ASSERT_TRUE(memory);
        EXPECT_LT(memory->memory.value(), 1ULL << 24);
    });
    EXPECT_EQ(dma.stats().coherent_dma, page_size);
    EXPECT_EQ(dma.stats().coherent_dma32, 0U);
}

TEST_F(Mapper, TellsOfEachDeviceThatIsTranslated) {
    struct Any final : IommuDevice {
        void attach(DeviceId, Pfn) override {}
        void invalidate(DeviceId, BusPage, std::uint64_t) override {}
        void invalidate_all(DeviceId) override {}
    } iommu;
    dma.configure({.iommu = IommuMode::Strict}, {});
    dma.connect(iommu);
    rig.run(cpu0, [&](Operation& op) {
        dma.add_device(op, {.id = DeviceId{0}, .name = "disk"}, 64, 1);
        dma.add_device(op, {.id = DeviceId{1}, .name = "nic"}, 64, 1);
    });
    rig.run(cpu0, [&](Operation& op) { ASSERT_TRUE(dma.map(op, DeviceId{1}, std::span(&low, 1), pages)); });
    StatRegistry registry;
    dma.declare(registry.group("dma"));
    std::map<std::string, std::uint64_t> mappings;
    for (const Statistic& counter : registry.counters())
        if (counter.name == "mappings") mappings[counter.path] = *counter.value;
    EXPECT_EQ(mappings, (std::map<std::string, std::uint64_t>{{"dma/iommu/disk", 0}, {"dma/iommu/nic", 1}}));
}

TEST(DmaConfig, WantsWholeSegments) {
    EXPECT_NO_THROW(DmaConfig{.swiotlb = 0}.validate());
    EXPECT_NO_THROW(DmaConfig{.swiotlb = 2ULL << 20}.validate());
    EXPECT_THROW(DmaConfig{.swiotlb = 1ULL << 20}.validate(), ConfigError);
    EXPECT_THROW(DmaConfig{.swiotlb = (2ULL << 20) + 4096}.validate(), ConfigError);
}

} // namespace
} // namespace pagewalk::os
