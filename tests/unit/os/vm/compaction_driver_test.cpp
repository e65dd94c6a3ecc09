#include "os/vm/compaction_driver.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;

constexpr std::uint64_t base = 0x7f0000000000;
constexpr std::uint64_t pages = 200'000; // more than the machine has

struct CompactionOfPrograms : testing::Test {
    Machine machine{512ULL << 20};
    KernelPath path;
    PathLog log;
    std::uint64_t touched = 0;

    void SetUp() override {
        machine.boot();
        machine.pick();
    }
    Operation operation() {
        path.clear();
        log.clear();
        return {.path = {path, machine.config.costs, KernelTiming::On}, .log = log, .now = machine.now};
    }
    AddressSpace& space() {
        return const_cast<AddressSpace&>(*machine.kernel->address_space(TaskId{first_task}));
    }
    Pfn frame_at(std::uint64_t page) {
        const PteSlot slot =
            machine.kernel->memory().tables().find(space(), VirtAddr(base + page * page_size));
        return slot && slot.entry->present() ? slot.entry->frame() : no_pfn;
    }
    /// Touches pages until memory is short, then gives back every second one.
    void fragment() {
        machine.map_anonymous(base, pages * page_size);
        const Zone& zone = *machine.kernel->allocator().find_zone(NodeId{0}, ZoneType::Dma32);
        while (zone.free_pages > static_cast<std::int64_t>(zone.watermark(Watermark::High)))
            machine.touch(base + touched++ * page_size);
        for (std::uint64_t page = 0; page < touched; page += 2)
            machine.call(28, {base + page * page_size, page_size, 4}, 0); // MADV_DONTNEED
        machine.kernel->drain_lru_batches();
        machine.kernel->allocator().drain_all(CpuId{0});
    }
    std::uint32_t first_task = 0;
};

TEST_F(CompactionOfPrograms, AHugePageIsFoundWhereOnlyScatteredFramesWereFree) {
    first_task = static_cast<std::uint32_t>(machine.pick().task);
    fragment();
    std::vector<std::uint64_t> before;
    for (std::uint64_t page = 1; page < touched; page += 2) before.push_back(frame_at(page).value());
    while (machine.kernel->allocator().allocate({.mask = gfp::transhuge_light, .order = 9})) {
    }

    Operation op = operation();
    const auto huge = machine.kernel->frames().allocate(
        op, {.mask = gfp::transhuge, .order = 9, .purpose = AllocationPurpose::Anonymous});
    ASSERT_TRUE(huge.has_value());
    EXPECT_EQ(log.allocations.back().event.source, AllocationSource::DirectCompaction);
    EXPECT_EQ(machine.kernel->compaction().counters().successes, 1U);

    // Every page is still mapped, once, to a frame that is not the huge page's.
    std::uint64_t moved = 0;
    for (std::uint64_t page = 1, i = 0; page < touched; page += 2, ++i) {
        const Pfn frame = frame_at(page);
        ASSERT_NE(frame, no_pfn);
        EXPECT_EQ(machine.kernel->allocator().pages().peek(frame).mapcount, 1U);
        EXPECT_FALSE(frame >= *huge && frame < *huge + 512);
        moved += frame.value() != before[i] ? 1 : 0;
    }
    const std::uint64_t moves = machine.kernel->counters().pgmigrate_success;
    EXPECT_GT(moved, 100U);
    EXPECT_LE(moved, moves); // some more than once

    // The requester's path has the copies and the flushes.
    std::uint64_t copied = 0, flushes = 0;
    int locks = 0;
    for (const KernelStep& step : path.steps()) {
        copied += step.kind == StepKind::CopyPages ? step.count : 0;
        flushes += step.kind == StepKind::FlushTlb ? 1 : 0;
        locks += step.kind == StepKind::AcquireLock ? 1 : step.kind == StepKind::ReleaseLock ? -1 : 0;
    }
    EXPECT_EQ(copied, moves * page_size);
    EXPECT_GE(flushes, moves);
    EXPECT_EQ(locks, 0);
}

} // namespace
} // namespace pagewalk::os
