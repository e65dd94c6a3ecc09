#include "os/kernel/kernel.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;
using test::PathTotals;

constexpr std::uint64_t base = 0x7f0000000000;

TEST(Kernel, BootsFourGigabytes) {
    Machine machine(4ULL << 30, 4);
    machine.boot();
    EXPECT_GT(machine.free_frames(), 900'000U);
}

TEST(Kernel, FaultsInAnAnonymousPageOnFirstWrite) {
    Machine machine;
    machine.boot();
    machine.pick();
    machine.map_anonymous(base, 16 * page_size);
    const PathTotals fault = machine.touch(base);
    // Three tables, a slab of anon_vmas, the page; and a link of a slab that fs_cache has already.
    EXPECT_EQ(fault.cleared, 5 * page_size + 64);
    EXPECT_EQ(fault.locks_held, 0);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 1U);
    EXPECT_EQ(machine.touch(base).instructions, 203U + 123 + 323 + 185 + 330); // spurious: nothing left to do
}

TEST(Kernel, KillsOnAccessOutsideEveryMapping) {
    Machine machine;
    machine.boot();
    machine.pick();
    EXPECT_EQ(machine.touch(0x1000).outcome, PathOutcome::Exit);
    ASSERT_EQ(machine.kernel->kills().size(), 1U);
    EXPECT_EQ(machine.kernel->kills()[0].address, 0x1000U);
    EXPECT_EQ(machine.kernel->live_tasks(), 0U);
}

TEST(Kernel, MapsOnTouchWhereTheWorkloadHasNoSystemCalls) {
    Machine machine;
    machine.workload.on_touch = true;
    machine.boot();
    machine.pick();
    EXPECT_EQ(machine.touch(0x123456789000).outcome, PathOutcome::Resume);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 1U);
}

TEST(Kernel, GivesAPageItsOwnFrameWhenATraceOnlyReadsIt) {
    Machine machine;
    machine.workload.on_touch = true;
    machine.boot();
    machine.pick();
    machine.touch(0x123456789000, FaultAccess::Read);
    machine.touch(0x12345678a000, FaultAccess::Read);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 2U);
    EXPECT_EQ(machine.kernel->counters().faults[static_cast<std::size_t>(FaultKind::AnonymousRead)], 0U);
}

TEST(Kernel, GivesEveryFrameBackWhenTheLastTaskExits) {
    Machine machine;
    machine.boot();
    machine.pick();
    const std::uint64_t before = machine.free_frames();
    machine.map_anonymous(base, 64ULL << 20);
    for (std::uint64_t i = 0; i < 5000; ++i) machine.touch(base + i * page_size);
    EXPECT_LT(machine.free_frames(), before - 5000);
    EXPECT_EQ(machine.call(231, {}, 0).outcome, PathOutcome::Exit);
    EXPECT_EQ(machine.kernel->live_tasks(), 0U);
    machine.pick();
    machine.kernel->drain_lru_batches();
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 0U);
    EXPECT_EQ(machine.kernel->counters().nr_page_table_pages, 0U);
    std::uint64_t managed = 0;
    for (const auto& zone : machine.kernel->allocator().zones()) managed += zone->managed;
    EXPECT_EQ(managed, machine.free_frames() + machine.kernel->objects().pages() +
                           machine.kernel->counters().nr_kernel_stack +
                           machine.kernel->processes().kept_stack_pages() +
                           machine.kernel->vmalloc().tables().tables());
}

TEST(Kernel, CopiesOnWriteAfterForkAndReusesWhenSole) {
    Machine machine(512ULL << 20, 2);
    machine.boot();
    machine.workload.add_child(77);
    machine.pick();
    machine.map_anonymous(base, 16 * page_size);
    machine.touch(base);
    machine.call(57, {}, 77);
    EXPECT_EQ(machine.kernel->live_tasks(), 2U);
    const PathTotals copy = machine.touch(base);
    EXPECT_EQ(copy.copied, page_size);
    EXPECT_EQ(copy.flushes, 1U);
    machine.kernel->drain_lru_batches(); // the reference of another CPU's batch would count as a user
    const ScheduledTask child = machine.pick(CpuId{1});
    EXPECT_NE(child.stream, nullptr);
    const PathTotals reuse = machine.touch(base, FaultAccess::Write, CpuId{1});
    EXPECT_EQ(reuse.copied, 0U);
    EXPECT_EQ(machine.kernel->counters().faults[static_cast<std::size_t>(FaultKind::CopyOnWrite)], 1U);
    EXPECT_EQ(machine.kernel->counters().faults[static_cast<std::size_t>(FaultKind::Reuse)], 1U);
}

/// Keeps the events of a test.
template <class Record>
struct Kept final : EventSink {
    std::vector<Record> records;
    void append(const EventSchema&, std::span<const std::byte> rows) override {
        const auto* first = reinterpret_cast<const Record*>(rows.data());
        records.insert(records.end(), first, first + rows.size() / sizeof(Record));
    }
};

struct Asked {
    unsigned order = 0;
    std::uint32_t gfp = 0;
    bool operator==(const Asked&) const = default;
};

struct AllocationOrder : testing::Test {
    Machine machine;
    Kept<AllocationEvent> kept;
    void SetUp() override {
        machine.boot();
        machine.kernel->journal().table<AllocationEvent>().connect(&kept, {1});
        machine.pick();
        machine.map_anonymous(base, 16 * page_size);
    }
    /// What was asked of the page allocator since the last call, but for kernel objects.
    [[nodiscard]] std::vector<Asked> asked() {
        machine.kernel->journal().table<AllocationEvent>().flush();
        std::vector<Asked> result;
        for (const AllocationEvent& event : kept.records)
            if (event.purpose != AllocationPurpose::KernelObject &&
                event.purpose != AllocationPurpose::KernelStack)
                result.push_back({event.order, event.gfp});
        kept.records.clear();
        return result;
    }
};

constexpr Asked a_table{0, 0x400dc0};
constexpr Asked a_root{1, 0x400dc0};
constexpr Asked a_zeroed_page{0, 0x140dca};
constexpr Asked a_copy{0, 0x140cca};

// The requests, flags and their order are those of the capture a-w2 (mm_page_alloc events of Linux 6.1.192).
TEST_F(AllocationOrder, OfAFirstTouchIsTablesThenPage) {
    machine.touch(base);
    EXPECT_EQ(asked(), (std::vector{a_table, a_table, a_table, a_zeroed_page}));
    machine.touch(base + page_size);
    EXPECT_EQ(asked(), (std::vector{a_zeroed_page}));
}

TEST_F(AllocationOrder, OfAForkIsRootThenTables) {
    machine.touch(base);
    machine.workload.add_child(9);
    (void)asked();
    machine.call(57, {}, 9);
    EXPECT_EQ(asked(), (std::vector{a_root, a_table, a_table, a_table}));
    machine.touch(base);
    EXPECT_EQ(asked(), (std::vector{a_copy}));
}

TEST_F(AllocationOrder, AfterAnUnmapStartsWithItsFirstPage) {
    machine.map_anonymous(base + 32 * page_size, page_size);
    machine.touch(base + 32 * page_size); // keeps the tables
    const auto touched = [&] {
        std::vector<std::uint64_t> frames;
        for (std::uint64_t i = 0; i < 6; ++i) machine.touch(base + i * page_size);
        machine.kernel->journal().table<AllocationEvent>().flush();
        for (const AllocationEvent& event : kept.records)
            if (event.purpose == AllocationPurpose::Anonymous) frames.push_back(event.pfn);
        kept.records.clear();
        return frames;
    };
    (void)asked();
    const auto first = touched();
    machine.call(11, {base, 16 * page_size}, 0);
    machine.map_anonymous(base, 16 * page_size);
    EXPECT_EQ(touched(), first); // freed last page first, taken last in first out
}

TEST_F(AllocationOrder, OfALargeUnmapHasPagesForItsBatches) {
    machine.map_anonymous(base + (1ULL << 30), 600 * page_size);
    for (std::uint64_t i = 0; i < 600; ++i) machine.touch(base + (1ULL << 30) + i * page_size);
    (void)asked();
    machine.call(11, {base + (1ULL << 30), 600 * page_size}, 0);
    machine.kernel->journal().table<AllocationEvent>().flush();
    ASSERT_EQ(kept.records.size(), 2U); // room for 8 pages, then 510 in each
    EXPECT_EQ(kept.records[0].gfp, 0x2800U);
}

TEST_F(AllocationOrder, IsLoggedWithTimesOfThePath) {
    machine.touch(base);
    machine.touch(base + page_size); // served from the per-CPU list
    machine.kernel->journal().table<AllocationEvent>().flush();
    const AllocationEvent& page = kept.records.back();
    EXPECT_EQ(page.purpose, AllocationPurpose::Anonymous);
    EXPECT_EQ(page.latency, (114 + 240 + 4) * ticks_per_ns); // as the test's core runs them
    EXPECT_LT(page.time, machine.now.value());
    EXPECT_EQ(page.node, 0);
}

TEST(Kernel, TellsOfMarkersAndCountsThoseOutOfRange) {
    Machine machine;
    machine.boot();
    machine.pick();
    std::vector<std::uint32_t> numbers;
    machine.kernel->on_marker([&](const ReachedMarker& marker) { numbers.push_back(marker.number); });
    for (const std::uint64_t number : {3ULL, 65535ULL, 65536ULL}) machine.call(157, {0x5057, number}, -22);
    machine.call(157, {15, 3}, 0); // PR_SET_NAME is no marker
    EXPECT_EQ(numbers, (std::vector<std::uint32_t>{3, 65535}));
    EXPECT_EQ(machine.kernel->markers_out_of_range(), 1U);
}

TEST(Kernel, DeclaresItsOptionsAndStatistics) {
    KernelConfig config;
    OptionSet options;
    config.declare(options.group("os"));
    options.set("os.file_cache", "cold", "test");
    options.set("os.time_slice", "1ms", "test");
    options.set("os.cost.do_user_addr_fault.instructions", "500", "test");
    EXPECT_EQ(config.file_cache, FileCache::Cold);
    EXPECT_EQ(config.time_slice, Tick(1'000'000 * ticks_per_ns));
    EXPECT_EQ(config.costs[KernelFunction::DoUserAddrFault].instructions, 500U);
    EXPECT_THROW(options.set("os.file_cache", "tepid", "test"), ConfigError);

    Machine machine;
    machine.boot();
    machine.pick();
    machine.map_anonymous(base, page_size);
    machine.touch(base);
    StatRegistry registry;
    machine.kernel->declare(registry.group("os"));
    EXPECT_EQ(*registry.counters()[registry.find("os", "pgfault")].value, 1U);
    EXPECT_EQ(*registry.counters()[registry.find("os", "faults_anonymous_write")].value, 1U);
}

TEST(Kernel, CountsInterruptsThatNoDriverServes) {
    Machine machine;
    machine.boot();
    machine.pick();
    KernelPath& path = machine.kernel->interrupt(CpuId{0}, {InterruptKind::Device, 7}, machine.now);
    EXPECT_TRUE(path.steps().empty());
    EXPECT_EQ(machine.kernel->counters().spurious_interrupts, 1U);
    machine.kernel->path_completed(CpuId{0}, path, machine.now);
}

TEST(Kernel, BootsATerabyteWithFewTables) {
    Machine machine(1ULL << 40, 16);
    machine.boot();
    EXPECT_LT(machine.tables.count(), 128U); // 64 are vmalloc's
    // vmemmap of the last frame is mapped to memory that was set aside for it.
    EXPECT_EQ(machine.kernel->boot_layout().memmap.size(), (1ULL << 40) / (128ULL << 20) + 8);
}

TEST(Kernel, PlacesMemoryOnTheNodeOfTheFaultingCpu) {
    Machine machine;
    machine.config.memory = pc_memory_map({1ULL << 30, 1ULL << 30}, 4);
    machine.boot();
    machine.workload.add_child(9);
    machine.pick(CpuId{0});
    Kept<AllocationEvent> kept;
    machine.kernel->journal().table<AllocationEvent>().connect(&kept, {1});
    machine.map_anonymous(base, 2 * page_size);
    machine.touch(base);
    machine.call(202, {base, 128, 0}, 0); // sleeps; only CPU 3 looks for work
    machine.pick(CpuId{3});
    machine.kernel->journal().table<AllocationEvent>().flush();
    EXPECT_EQ(kept.records.back().node, 0);
    machine.pick(CpuId{3});
    machine.touch(base + page_size, FaultAccess::Write, CpuId{3});
    machine.kernel->journal().table<AllocationEvent>().flush();
    EXPECT_EQ(kept.records.back().node, 1);
}

} // namespace
} // namespace pagewalk::os
