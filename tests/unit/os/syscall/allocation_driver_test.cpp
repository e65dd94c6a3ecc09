#include "tests/unit/os/kernel/kernel_harness.h"

#include <gtest/gtest.h>

namespace pagewalk::os::test {
namespace {

struct Collector final : EventSink {
    std::vector<DriverEvent> rows;
    void append(const EventSchema&, std::span<const std::byte> bytes) override {
        const auto* first = reinterpret_cast<const DriverEvent*>(bytes.data());
        rows.insert(rows.end(), first, first + bytes.size() / sizeof(DriverEvent));
    }
};

class AllocationDriverCalls : public ::testing::Test {
protected:
    void boot(ObjectAllocatorConfig::Kind kind = ObjectAllocatorConfig::Kind::Slub) {
        machine.config.objects.kind = kind;
        machine.boot();
        (void)machine.pick();
        machine.kernel->journal().table<DriverEvent>().connect(&collector, {1});
    }
    PathTotals call(DriverCall call, std::array<std::uint64_t, 6> arguments) {
        const PathTotals totals = machine.call(static_cast<std::uint32_t>(call), arguments, 0);
        EXPECT_EQ(totals.locks_held, 0);
        machine.kernel->journal().table<DriverEvent>().flush();
        return totals;
    }

    Machine machine;
    Collector collector;
};

class EveryAllocator : public AllocationDriverCalls,
                       public ::testing::WithParamInterface<ObjectAllocatorConfig::Kind> {};

TEST_P(EveryAllocator, GivesEverythingBack) {
    boot(GetParam());
    call(DriverCall::CacheCreate, {1, 200, 0, 0, 0, 0});
    // Once round first: tables of the vmalloc range and empty slabs stay.
    std::uint64_t frames = 0;
    for (int round = 0; round < 3; ++round) {
        call(DriverCall::CacheAllocate, {1, 0, 300, 0, 200, 0});
        call(DriverCall::Kmalloc, {1000, 1000, 100, 0, 0, 0});
        call(DriverCall::Vmalloc, {5 * page_size, 2000, 10, 0, 0, 0});
        call(DriverCall::AllocatePages, {3, 3000, 5, 0, 0, 0});
        call(DriverCall::FreePages, {3, 3000, 5, 0, 0, 0});
        call(DriverCall::Vfree, {0, 2000, 10, 0, 0, 0});
        call(DriverCall::Kfree, {0, 1000, 100, 0, 0, 0});
        call(DriverCall::CacheFree, {1, 0, 300, 0, 0, 0});
        if (round == 1) frames = machine.free_frames();
    }
    EXPECT_EQ(machine.free_frames(), frames);
    EXPECT_TRUE(machine.kernel->driver().reports().empty());
    EXPECT_EQ(collector.rows.size(), 3U * 2 * 415 + 0U);
}

INSTANTIATE_TEST_SUITE_P(ObjectAllocators, EveryAllocator,
                         ::testing::Values(ObjectAllocatorConfig::Kind::Slub,
                                           ObjectAllocatorConfig::Kind::Slab,
                                           ObjectAllocatorConfig::Kind::Slob));

TEST_F(AllocationDriverCalls, MapsFramesThatAreNotContiguousInARow) {
    boot();
    for (std::uint64_t i = 0; i < 64; ++i) call(DriverCall::AllocatePages, {0, i, 1, 0, 0, 0});
    for (std::uint64_t i = 0; i < 64; i += 2) call(DriverCall::FreePages, {0, i, 1, 0, 0, 0});
    call(DriverCall::Vmalloc, {16 * page_size, 100, 1, 0, 0, 0});
    const VirtAddr address(collector.rows.back().address);
    EXPECT_GE(address.value(), 0xffffc90000000000ULL);
    const VmArea* area = machine.kernel->vmalloc().find(address);
    ASSERT_NE(area, nullptr);
    ASSERT_EQ(area->pages.size(), 16U);
    bool gap = false;
    for (std::size_t i = 1; i < area->pages.size(); ++i)
        gap = gap || area->pages[i].value() != area->pages[i - 1].value() + 1;
    EXPECT_TRUE(gap);
}

TEST_F(AllocationDriverCalls, MapsLargeAreasWithHugePagesWhereAsked) {
    machine.config.huge_vmalloc = VmallocConfig::HugeMappings::On;
    boot();
    call(DriverCall::Vmalloc, {4ULL << 20, 1, 1, 0, 0, 0});
    const VmArea* area = machine.kernel->vmalloc().find(VirtAddr(collector.rows.back().address));
    ASSERT_NE(area, nullptr);
    EXPECT_EQ(area->page_order, 9U);
    EXPECT_EQ(collector.rows.back().address % (2 << 20), 0U);
    const std::uint64_t frames = machine.free_frames();
    call(DriverCall::Vfree, {0, 1, 1, 0, 0, 0});
    EXPECT_GE(machine.free_frames(), frames + 1024);
}

TEST_F(AllocationDriverCalls, WritesEveryLineItIsAskedTo) {
    boot();
    call(DriverCall::Kmalloc, {4096, 1, 1, 0, 0, 0}); // makes the slab
    call(DriverCall::Kfree, {0, 1, 1, 0, 0, 0});
    const PathTotals none = call(DriverCall::Kmalloc, {4096, 1, 1, 0, 0, 0});
    call(DriverCall::Kfree, {0, 1, 1, 0, 0, 0});
    const PathTotals all = call(DriverCall::Kmalloc, {4096, 1, 1, 0, 4096, 0});
    EXPECT_EQ(all.steps, none.steps + 64);
}

TEST_F(AllocationDriverCalls, ReportsWhatAProgramNamesWronglyAndGoesOn) {
    boot();
    call(DriverCall::Kmalloc, {64, 1, 1, 0, 0, 0});
    call(DriverCall::Kmalloc, {64, 1, 1, 0, 0, 0});
    call(DriverCall::Vfree, {0, 1, 1, 0, 0, 0});
    call(DriverCall::CacheAllocate, {9, 2, 1, 0, 0, 0});
    call(DriverCall::CacheDestroy, {9, 0, 0, 0, 0, 0});
    EXPECT_EQ(machine.kernel->driver().reports(),
              (std::vector<std::string>{"allocation driver: kmalloc: handle 1 is in use",
                                        "allocation driver: vmalloc: handle 1 stands for nothing to free",
                                        "allocation driver: cache handle 9 stands for nothing",
                                        "allocation driver: cache handle 9 stands for nothing"}));
    call(DriverCall::Kfree, {0, 1, 1, 0, 0, 0});
    EXPECT_EQ(machine.kernel->driver().reports().size(), 4U);
}

TEST_F(AllocationDriverCalls, ReportsAllocationsTheKernelRefuses) {
    boot();
    call(DriverCall::Kmalloc, {1ULL << 30, 1, 1, 0, 0, 0});
    call(DriverCall::Vmalloc, {1ULL << 40, 2, 1, 0, 0, 0});
    ASSERT_EQ(collector.rows.size(), 2U);
    EXPECT_EQ(collector.rows[0].address, 0U);
    EXPECT_EQ(collector.rows[1].address, 0U);
}

TEST_F(AllocationDriverCalls, TimesEachOperationOfACall) {
    boot();
    call(DriverCall::Kmalloc, {128, 0, 40, 0, 0, 0});
    ASSERT_EQ(collector.rows.size(), 40U);
    for (std::size_t i = 0; i < collector.rows.size(); ++i) {
        EXPECT_GT(collector.rows[i].latency, 0U);
        EXPECT_EQ(collector.rows[i].bytes, 128U);
        if (i != 0) {
            EXPECT_GE(collector.rows[i].time, collector.rows[i - 1].time + collector.rows[i - 1].latency);
        }
    }
}

} // namespace
} // namespace pagewalk::os::test
