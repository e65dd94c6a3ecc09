#include "os/dma/iommu_domain.h"
#include "tests/unit/os/task/task_rig.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;

/// Writes down what the kernel tells it.
struct ToldIommu final : IommuDevice {
    Pfn root = no_pfn;
    std::uint64_t ranges = 0, all = 0;
    BusPage first{};
    std::uint64_t pages = 0;

    void attach(DeviceId, Pfn tables) override { root = tables; }
    void invalidate(DeviceId, BusPage page, std::uint64_t count) override {
        ++ranges;
        first = page;
        pages = count;
    }
    void invalidate_all(DeviceId) override { ++all; }
};

struct Domain : testing::Test {
    test::TaskRig rig;
    PageTableMemory tables;
    ToldIommu iommu;
    DmaDevice device{DeviceId{0}, 64};
    std::vector<Pfn> frames{Pfn(1000), Pfn(2000), Pfn(3000)};

    IommuDomain make(IommuMode mode) {
        IommuDomain domain({rig.frames, tables, iommu}, device, mode, 2);
        rig.run(cpu0, [&](Operation& op) { domain.attach(op); });
        return domain;
    }
    BusPage map(IommuDomain& domain) {
        BusPage first{};
        rig.run(cpu0, [&](Operation& op) { first = domain.map(op, frames).value(); });
        return first;
    }
    void unmap(IommuDomain& domain, BusPage first) {
        rig.run(cpu0, [&](Operation& op) { domain.unmap(op, first, frames.size()); });
    }
    /// As the IOMMU reads the tables.
    PageTableEntry entry(BusPage page) {
        Pfn table = iommu.root;
        for (unsigned level = 4; level > 1; --level)
            table = tables.table(table)[table_index(VirtAddr(address_of(page).value()), level)].frame();
        return tables.table(table)[table_index(VirtAddr(address_of(page).value()), 1)];
    }
};

TEST_F(Domain, WritesTheTablesThatTheIommuWalks) {
    IommuDomain domain = make(IommuMode::Strict);
    const BusPage first = map(domain);
    EXPECT_LE(address_of(first + 3).value(), 1ULL << 32); // 32-bit addresses first
    for (std::size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(entry(first + i).frame(), frames[i]);
    EXPECT_EQ(domain.stats().table_pages, 4U);
    unmap(domain, first);
    EXPECT_FALSE(entry(first).present());
    EXPECT_EQ(domain.stats().table_pages, 4U); // tables stay
}

TEST_F(Domain, TakesNoFrameWhoseOldTableIsStillRead) {
    IommuDomain domain = make(IommuMode::Strict);
    rig.run(cpu0, [&](Operation& op) { // a process's tables: freed, while a walk may still read them
        std::vector<Pfn> dead;
        for (int i = 0; i < 3; ++i) {
            dead.push_back(*rig.frames.allocate(
                op, {.mask = gfp::atomic | gfp::zero, .purpose = AllocationPurpose::PageTable}));
            tables.add(dead.back());
        }
        for (const Pfn frame : dead) rig.frames.free(op, frame, 0);
    });
    const BusPage first = map(domain);
    for (std::size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(entry(first + i).frame(), frames[i]);
    EXPECT_EQ(tables.count(), 4U + 3U);
}

TEST_F(Domain, InvalidatesAtOnceWhereItIsStrict) {
    IommuDomain domain = make(IommuMode::Strict);
    const BusPage first = map(domain);
    unmap(domain, first);
    EXPECT_EQ(iommu.ranges, 1U);
    EXPECT_EQ(iommu.first, first);
    EXPECT_EQ(iommu.pages, 3U);
    EXPECT_EQ(map(domain), first); // the address is free again
}

TEST_F(Domain, KeepsAddressesBackUntilALazyFlush) {
    IommuDomain domain = make(IommuMode::Lazy);
    std::vector<BusPage> used;
    for (std::size_t i = 0; i < IommuDomain::flush_queue_ranges; ++i) {
        const BusPage first = map(domain);
        EXPECT_EQ(std::ranges::count(used, first), 0);
        used.push_back(first);
        unmap(domain, first);
    }
    EXPECT_EQ(iommu.all, 0U);
    unmap(domain, map(domain)); // one more than the queue holds
    EXPECT_EQ(iommu.all, 1U);
    EXPECT_EQ(iommu.ranges, 0U);
    EXPECT_EQ(domain.stats().queue_full, 1U);
    EXPECT_EQ(std::ranges::count(used, map(domain)), 1);
}

TEST_F(Domain, FlushesALazyQueueAfterTenMilliseconds) {
    IommuDomain domain = make(IommuMode::Lazy);
    const BusPage first = map(domain);
    const Tick begin = rig.now;
    unmap(domain, first);
    rig.now = begin + IommuDomain::flush_queue_timeout - Tick(1);
    map(domain);
    EXPECT_EQ(iommu.all, 0U);
    rig.now = begin + IommuDomain::flush_queue_timeout;
    map(domain);
    EXPECT_EQ(iommu.all, 1U);
    EXPECT_EQ(domain.stats().queue_timeouts, 1U);
}

TEST_F(Domain, KeepsToANarrowDevicesMask) {
    device.bits = 24;
    IommuDomain domain = make(IommuMode::Lazy);
    // 4095 pages are there: those that wait for a flush are needed again.
    for (int i = 0; i < 2000; ++i) {
        const BusPage first = map(domain);
        ASSERT_LE(address_of(first + 3).value(), 1ULL << 24);
        unmap(domain, first);
    }
    EXPECT_GT(iommu.all, 0U);
}

TEST_F(Domain, CostsAWaitedInvalidationOnlyWhereItIsStrict) {
    const auto instructions = [&](IommuMode mode) {
        IommuDomain domain = make(mode);
        const BusPage first = map(domain);
        const Tick begin = rig.now;
        unmap(domain, first);
        return (rig.now - begin).value() / ticks_per_ns;
    };
    const auto cost = [&](KernelFunction function) {
        return std::uint64_t{rig.costs[function].instructions};
    };
    const std::uint64_t lazy = instructions(IommuMode::Lazy);
    const std::uint64_t strict = instructions(IommuMode::Strict);
    EXPECT_EQ(lazy, cost(KernelFunction::IommuUnmap) + 2 * cost(KernelFunction::IommuUnmapPage) +
                        cost(KernelFunction::FlushQueueAdd));
    EXPECT_EQ(strict - lazy, cost(KernelFunction::IotlbInvalidate) + cost(KernelFunction::IotlbWait) +
                                 cost(KernelFunction::FreeIova) - cost(KernelFunction::FlushQueueAdd));
}

} // namespace
} // namespace pagewalk::os
