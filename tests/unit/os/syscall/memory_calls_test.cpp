#include "os/kernel/kernel.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;
using test::PathTotals;

constexpr std::uint64_t base = 0x7f0000000000;
constexpr std::uint32_t sys_mprotect = 10, sys_munmap = 11, sys_brk = 12, sys_mremap = 25, sys_madvise = 28;
constexpr std::uint32_t sys_mlock = 149, sys_munlock = 150;

struct MemoryCalls : testing::Test {
    Machine machine;
    TaskId task{};
    void SetUp() override {
        machine.boot();
        task = machine.pick().task;
    }
    [[nodiscard]] const VmaList& areas() const { return machine.kernel->address_space(task)->areas; }
    [[nodiscard]] std::uint64_t faults(FaultKind kind) const {
        return machine.kernel->counters().faults[static_cast<std::size_t>(kind)];
    }
    void open(std::int64_t fd, const std::string& path) {
        machine.call(SyscallRecord{.number = 257, .result = fd, .path = path});
    }
};

TEST_F(MemoryCalls, MergeAdjacentMappings) {
    machine.map_anonymous(base, 4 * page_size);
    machine.map_anonymous(base + 8 * page_size, 4 * page_size);
    EXPECT_EQ(areas().size(), 2U);
    machine.map_anonymous(base + 4 * page_size, 4 * page_size);
    ASSERT_EQ(areas().size(), 1U);
    EXPECT_EQ(areas()[0].pages(), 12U);
}

TEST_F(MemoryCalls, KeepMappingsWithOtherRightsApart) {
    machine.map_anonymous(base, 4 * page_size);
    machine.map_anonymous(base + 4 * page_size, 4 * page_size, 1);
    EXPECT_EQ(areas().size(), 2U);
}

TEST_F(MemoryCalls, ReplaceWhatAFixedMappingCovers) {
    machine.map_anonymous(base, 8 * page_size);
    machine.touch(base + 2 * page_size);
    machine.map_anonymous(base + 2 * page_size, 2 * page_size, 1, 0x32);
    ASSERT_EQ(areas().size(), 3U);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 0U);
}

TEST_F(MemoryCalls, SplitAndMergeWhenRightsChange) {
    machine.map_anonymous(base, 9 * page_size);
    machine.call(sys_mprotect, {base + 3 * page_size, 3 * page_size, 1}, 0);
    ASSERT_EQ(areas().size(), 3U);
    EXPECT_FALSE(areas()[1].has(vm::write));
    machine.call(sys_mprotect, {base + 3 * page_size, 3 * page_size, 3}, 0);
    EXPECT_EQ(areas().size(), 1U);
}

TEST_F(MemoryCalls, MoveABoundaryToTheNeighbourWithTheNewRights) {
    machine.map_anonymous(base, 8 * page_size);
    machine.call(sys_mprotect, {base + 4 * page_size, 4 * page_size, 1}, 0);
    const std::uint64_t objects = machine.kernel->objects().objects(ObjectKind::VmArea);
    machine.call(sys_mprotect, {base + 3 * page_size, page_size, 1}, 0);
    ASSERT_EQ(areas().size(), 2U);
    EXPECT_EQ(areas()[0].pages(), 3U);
    EXPECT_EQ(areas()[1].pages(), 5U);
    EXPECT_EQ(machine.kernel->objects().objects(ObjectKind::VmArea), objects);
}

TEST_F(MemoryCalls, TakeAndGiveBackWriteAccess) {
    machine.map_anonymous(base, page_size);
    machine.touch(base);
    machine.call(sys_mprotect, {base, page_size, 1}, 0);
    EXPECT_EQ(machine.touch(base, FaultAccess::Read).outcome, PathOutcome::Resume);
    machine.call(sys_mprotect, {base, page_size, 3}, 0);
    machine.touch(base);
    EXPECT_EQ(faults(FaultKind::Spurious), 2U); // the entry of a page of its own is writable at once
    machine.call(sys_mprotect, {base, page_size, 1}, 0);
    EXPECT_EQ(machine.touch(base).outcome, PathOutcome::Exit);
}

TEST_F(MemoryCalls, ForbidAllAccessWithoutLosingThePage) {
    machine.map_anonymous(base, page_size);
    machine.touch(base);
    machine.call(sys_mprotect, {base, page_size, 0}, 0);
    machine.call(sys_mprotect, {base, page_size, 3}, 0);
    machine.touch(base);
    EXPECT_EQ(faults(FaultKind::AnonymousWrite), 1U);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 1U);
}

TEST_F(MemoryCalls, ChangeNothingWhenTheyFailed) {
    machine.map_anonymous(base, page_size);
    machine.call(sys_munmap, {base, page_size}, -22);
    machine.call(9, {0, page_size, 3, 0x22, ~0ULL, 0}, -12);
    EXPECT_EQ(areas().size(), 1U);
}

TEST_F(MemoryCalls, GrowAndShrinkTheHeap) {
    machine.call(sys_brk, {0}, 0x1000000);
    machine.call(sys_brk, {0x1003800}, 0x1003800);
    ASSERT_EQ(areas().size(), 1U);
    EXPECT_EQ(areas()[0].pages(), 4U);
    machine.touch(0x1003000);
    machine.call(sys_brk, {0x1001000}, 0x1001000);
    EXPECT_EQ(areas()[0].pages(), 1U);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 0U);
}

TEST_F(MemoryCalls, MovePagesWithTheirMapping) {
    machine.map_anonymous(base, 2 * page_size);
    machine.touch(base + page_size);
    constexpr std::uint64_t target = base + (1ULL << 30);
    machine.call(sys_mremap, {base, 2 * page_size, 4 * page_size, 1}, static_cast<std::int64_t>(target));
    ASSERT_EQ(areas().size(), 1U);
    EXPECT_EQ(areas()[0].start, VirtAddr(target));
    machine.touch(target + page_size);
    EXPECT_EQ(faults(FaultKind::AnonymousWrite), 1U);
    EXPECT_EQ(faults(FaultKind::Spurious), 1U);
    EXPECT_EQ(machine.kernel->counters().nr_page_table_pages, 2U); // two tables were left behind and freed
}

TEST_F(MemoryCalls, DropPagesOnAdvice) {
    machine.map_anonymous(base, 4 * page_size);
    machine.touch(base);
    machine.call(sys_madvise, {base, 4 * page_size, 4}, 0);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 0U);
    machine.touch(base);
    EXPECT_EQ(faults(FaultKind::AnonymousWrite), 2U);
}

TEST_F(MemoryCalls, PopulateAtOnce) {
    machine.map_anonymous(base, 10 * page_size, 3, 0x8022);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 10U);
    EXPECT_EQ(machine.kernel->counters().pgfault, 10U);
}

TEST_F(MemoryCalls, AdviseAreasApart) {
    constexpr std::uint64_t dont_fork = 10, do_fork = 11, random = 1, normal = 0, wipe = 18;
    machine.map_anonymous(base, 8 * page_size);
    machine.call(sys_madvise, {base + 2 * page_size, 2 * page_size, dont_fork}, 0);
    EXPECT_EQ(areas().size(), 3U);
    EXPECT_TRUE(areas()[1].has(vm::dont_copy));
    machine.call(sys_madvise, {base + 2 * page_size, 2 * page_size, do_fork}, 0);
    EXPECT_EQ(areas().size(), 1U); // merged again
    machine.call(sys_madvise, {base, page_size, random}, 0);
    EXPECT_TRUE(areas()[0].has(vm::random));
    machine.call(sys_madvise, {base, page_size, normal}, 0);
    machine.call(sys_madvise, {base + page_size / 2, page_size, random}, 0); // EINVAL on Linux
    EXPECT_EQ(areas().size(), 1U);
    machine.call(sys_madvise, {base, page_size, wipe}, 0);
    EXPECT_TRUE(areas()[0].has(vm::wipe_on_fork));
}

TEST_F(MemoryCalls, KeepLockedPagesOnAdvice) {
    machine.map_anonymous(base, 4 * page_size);
    machine.touch(base);
    machine.touch(base + 3 * page_size);
    machine.call(sys_mlock, {base + 3 * page_size, page_size}, 0);
    machine.call(sys_madvise, {base, 4 * page_size, 4}, 0);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 1U); // DONTNEED ended at the locked area
}

TEST_F(MemoryCalls, CountWhatIsLocked) {
    constexpr std::uint32_t mlock2 = 325;
    machine.map_anonymous(base, 40 * page_size);
    machine.touch(base);
    const KernelCounters& counters = machine.kernel->counters();
    machine.call(sys_mlock, {base, 20 * page_size}, 0);
    EXPECT_EQ(counters.nr_mlock, 20U);
    EXPECT_EQ(counters.pgfault, 20U); // 19 of them by mlock
    machine.kernel->drain_lru_batches();
    EXPECT_EQ(counters.nr_unevictable, 20U);
    machine.call(sys_munlock, {base, 5 * page_size}, 0);
    EXPECT_EQ(counters.nr_mlock, 15U);
    EXPECT_EQ(counters.unevictable_pgs_rescued, 5U);
    machine.call(mlock2, {base + 20 * page_size, 20 * page_size, 1}, -ENOSYS); // as QEMU answers
    EXPECT_EQ(counters.nr_mlock, 15U);
    machine.touch(base + 20 * page_size);
    EXPECT_EQ(counters.nr_mlock, 16U);
    machine.call(sys_munmap, {base, 40 * page_size}, 0);
    EXPECT_EQ(counters.nr_mlock, 0U);
}

TEST_F(MemoryCalls, LockNothingBehindAHole) {
    machine.map_anonymous(base, page_size);
    machine.map_anonymous(base + 2 * page_size, page_size);
    machine.call(sys_mlock, {base, 3 * page_size}, 0);
    EXPECT_TRUE(areas()[0].has(vm::locked));
    EXPECT_FALSE(areas()[1].has(vm::locked));
    EXPECT_EQ(machine.kernel->counters().pgfault, 0U); // nothing is filled then
}

TEST_F(MemoryCalls, PopulateAsFarAsAllowed) {
    constexpr std::uint64_t populate_read = 22, populate_write = 23;
    machine.map_anonymous(base, 4 * page_size);
    machine.call(sys_mprotect, {base + 2 * page_size, page_size, 0}, 0);
    machine.call(sys_madvise, {base, 4 * page_size, populate_read}, 0);
    EXPECT_EQ(faults(FaultKind::AnonymousRead), 2U);
    machine.call(sys_madvise, {base, page_size, populate_write}, 0);
    EXPECT_EQ(faults(FaultKind::CopyOfZero), 1U);
    EXPECT_EQ(machine.kernel->counters().pgfault, 3U);
}

TEST_F(MemoryCalls, PopulateBehindAHole) {
    constexpr std::uint64_t populate_write = 23;
    machine.map_anonymous(base, page_size);
    machine.map_anonymous(base + 2 * page_size, page_size);
    machine.call(sys_madvise, {base, 3 * page_size, populate_write}, -ENOMEM);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 2U);
}

TEST_F(MemoryCalls, MakePagesActiveThatArePopulatedTwice) {
    constexpr std::uint64_t populate_write = 23;
    machine.map_anonymous(base, 4 * page_size);
    const KernelCounters& counters = machine.kernel->counters();
    machine.call(sys_madvise, {base, 4 * page_size, populate_write}, 0);
    EXPECT_EQ(counters.pgactivate, 0U);
    machine.call(sys_madvise, {base, 4 * page_size, populate_write}, 0);
    EXPECT_EQ(counters.pgactivate, 4U);
}

TEST_F(MemoryCalls, ChangeWhatLiesBeforeAHoleWhenTheyFail) {
    constexpr std::uint64_t dont_fork = 10;
    machine.map_anonymous(base, 2 * page_size);
    machine.map_anonymous(base + 3 * page_size, 2 * page_size);
    machine.call(sys_mprotect, {base, 5 * page_size, 1}, -ENOMEM);
    EXPECT_FALSE(areas()[0].has(vm::write));
    EXPECT_TRUE(areas()[1].has(vm::write));
    machine.call(sys_madvise, {base, 5 * page_size, dont_fork}, -ENOMEM); // passes over holes
    EXPECT_TRUE(areas()[0].has(vm::dont_copy));
    EXPECT_TRUE(areas()[1].has(vm::dont_copy));
    machine.call(sys_mlock, {base, 2 * page_size}, -ENOMEM); // no hole: more than may be locked
    EXPECT_FALSE(areas()[0].has(vm::locked));
}

TEST_F(MemoryCalls, FillLockedMemoryOnlyWhenItBecomesWritable) {
    machine.map_anonymous(base, 4 * page_size, 1);
    machine.call(sys_mlock, {base, 4 * page_size}, 0);
    machine.call(sys_mprotect, {base, 2 * page_size, 3}, 0);
    EXPECT_EQ(machine.kernel->counters().nr_mlock, 2U);
    machine.call(sys_madvise, {base + 2 * page_size, 2 * page_size, 0}, 0);
    machine.call(sys_munlock, {base, page_size}, 0);
    machine.call(sys_madvise, {base, page_size, 4}, 0);      // MADV_DONTNEED
    machine.call(sys_mlock + 176, {base, page_size, 1}, 0);  // mlock2, on fault
    machine.call(sys_mprotect, {base, 2 * page_size, 3}, 0); // as before
    EXPECT_EQ(machine.kernel->counters().nr_mlock, 1U);
}

TEST_F(MemoryCalls, DetachAllPartsOfASegment) {
    constexpr std::uint32_t shmget = 29, shmat = 30, shmdt = 67;
    machine.call(shmget, {0, 8 * page_size}, 5);
    machine.call(shmat, {5, base}, static_cast<std::int64_t>(base));
    machine.call(shmat, {5, base + 16 * page_size}, static_cast<std::int64_t>(base + 16 * page_size));
    machine.call(sys_mprotect, {base + 2 * page_size, 2 * page_size, 1}, 0);
    machine.call(sys_munmap, {base, page_size}, 0);
    ASSERT_EQ(areas().size(), 4U);
    machine.call(shmdt, {base}, 0);
    ASSERT_EQ(areas().size(), 1U); // the second attach
    EXPECT_EQ(areas()[0].start, VirtAddr(base + 16 * page_size));
}

TEST_F(MemoryCalls, LockAreasThatCannotBeFilled) {
    machine.map_anonymous(base, 4 * page_size);
    machine.call(sys_mprotect, {base + 2 * page_size, page_size, 0}, 0);
    machine.call(sys_mlock, {base, 4 * page_size}, -ENOMEM);
    ASSERT_EQ(areas().size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(areas()[i].has(vm::locked));
    EXPECT_EQ(machine.kernel->counters().nr_mlock, 2U); // up to where it fails
}

TEST_F(MemoryCalls, UnmapTheTargetOfARemapThatFails) {
    constexpr std::uint64_t may_move = 1, fixed = 2;
    machine.map_anonymous(base, 2 * page_size);
    machine.call(sys_mprotect, {base + page_size, page_size, 1}, 0);
    machine.map_anonymous(base + 16 * page_size, 4 * page_size);
    const auto remap = [&](std::uint64_t from) {
        machine.call(sys_mremap,
                     {from, 2 * page_size, 2 * page_size, may_move | fixed, base + 16 * page_size}, -EFAULT);
    };
    remap(base + 8 * page_size); // there is nothing
    EXPECT_EQ(areas()[2].pages(), 4U);
    remap(base); // two areas
    ASSERT_EQ(areas().size(), 3U);
    EXPECT_EQ(areas()[2].pages(), 2U);
}

TEST_F(MemoryCalls, FillWhatALockedAreaGrowsBy) {
    machine.map_anonymous(base, 2 * page_size);
    machine.call(sys_mlock, {base, 2 * page_size}, 0);
    machine.call(sys_mremap, {base, 2 * page_size, 5 * page_size, 0}, base);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 5U);
    EXPECT_EQ(machine.kernel->counters().nr_mlock, 5U);
}

TEST_F(MemoryCalls, ShrinkARangeOfSeveralAreas) {
    machine.map_anonymous(base, 3 * page_size);
    machine.call(sys_mprotect, {base + page_size, page_size, 1}, 0);
    machine.call(sys_mremap, {base, 3 * page_size, page_size, 0}, base);
    ASSERT_EQ(areas().size(), 1U);
    EXPECT_EQ(areas()[0].pages(), 1U);
}

TEST_F(MemoryCalls, JoinAMovedAreaWithoutPagesToItsNeighbour) {
    constexpr std::uint64_t may_move = 1, fixed = 2;
    machine.map_anonymous(base, 2 * page_size);
    machine.map_anonymous(base + 16 * page_size, 4 * page_size);
    machine.call(sys_mremap, {base, 2 * page_size, 2 * page_size, may_move | fixed, base + 20 * page_size},
                 base + 20 * page_size);
    ASSERT_EQ(areas().size(), 1U);
    EXPECT_EQ(areas()[0].pages(), 6U);
}

TEST_F(MemoryCalls, TakeAPageToTellOfResidence) {
    machine.map_anonymous(base, 2 * page_size);
    machine.touch(base);
    const std::uint64_t freed = machine.kernel->counters().pgfree;
    machine.call(27, {base, 2 * page_size, base}, 0);
    EXPECT_EQ(machine.kernel->counters().pgfree, freed + 1);
}

TEST_F(MemoryCalls, LeaveTheBreaksAreaApartFromBss) {
    machine.map_anonymous(0xfff000, page_size);
    machine.call(sys_brk, {0}, 0x1000000);
    machine.call(sys_brk, {0x1000001}, 0x1000001);
    EXPECT_EQ(areas().size(), 2U);
    machine.call(sys_brk, {0x1002000}, 0x1002000);
    EXPECT_EQ(areas().size(), 2U);
    EXPECT_EQ(areas()[1].pages(), 2U);
}

TEST_F(MemoryCalls, FreePageTablesThatNoAreaNeeds) {
    machine.map_anonymous(base, page_size);
    machine.map_anonymous(base + (1ULL << 21), page_size);
    machine.touch(base);
    machine.touch(base + (1ULL << 21));
    EXPECT_EQ(machine.kernel->counters().nr_page_table_pages, 3U); // without that of 512 GiB
    machine.call(sys_munmap, {base, page_size}, 0);
    EXPECT_EQ(machine.kernel->counters().nr_page_table_pages, 2U);
    machine.call(sys_munmap, {base + (1ULL << 21), page_size}, 0);
    EXPECT_EQ(machine.kernel->counters().nr_page_table_pages, 0U);
}

TEST_F(MemoryCalls, ReadAnonymousMemoryAsTheZeroPage) {
    machine.map_anonymous(base, page_size);
    EXPECT_EQ(machine.touch(base, FaultAccess::Read).cleared, 3 * page_size); // tables only
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 0U);
    const PathTotals write = machine.touch(base);
    EXPECT_EQ(write.copied, 0U);
    EXPECT_EQ(write.flushes, 1U);
    EXPECT_EQ(faults(FaultKind::CopyOfZero), 1U);
}

TEST_F(MemoryCalls, MapSixteenPagesAroundAFileFault) {
    open(3, "/data");
    machine.call(9, {0, 64 * page_size, 1, 2, 3, 0}, static_cast<std::int64_t>(base));
    machine.touch(base + 20 * page_size, FaultAccess::Read);
    EXPECT_EQ(machine.kernel->counters().nr_mapped, 16U);
    EXPECT_EQ(faults(FaultKind::FileMap), 1U);
    EXPECT_EQ(machine.kernel->counters().pgmajfault, 0U);
}

TEST_F(MemoryCalls, CopyAPrivateFilePageOnWrite) {
    open(3, "/data");
    machine.call(9, {0, 4 * page_size, 3, 2, 3, 0}, static_cast<std::int64_t>(base));
    EXPECT_EQ(machine.touch(base).copied, page_size);
    EXPECT_EQ(faults(FaultKind::FileCow), 1U);
    machine.touch(base + page_size, FaultAccess::Read);
    EXPECT_EQ(machine.touch(base + page_size).copied, page_size);
    EXPECT_EQ(faults(FaultKind::CopyOnWrite), 1U);
}

TEST_F(MemoryCalls, ShareFilePagesBetweenReadAndMmap) {
    open(3, "/data");
    machine.map_anonymous(base, 4 * page_size);
    machine.touch(base);
    const PathTotals read = machine.call(0, {3, base, page_size}, page_size);
    EXPECT_EQ(read.copied, page_size);
    const std::uint64_t cached = machine.kernel->counters().nr_file_pages;
    machine.call(9, {0, page_size, 1, 1, 3, 0}, static_cast<std::int64_t>(base + (1ULL << 30)));
    machine.touch(base + (1ULL << 30), FaultAccess::Read);
    EXPECT_EQ(machine.kernel->counters().nr_file_pages, cached);
}

TEST_F(MemoryCalls, ReturnSharedMemoryWithItsLastMapping) {
    machine.map_anonymous(base, 8 * page_size, 3, 0x21);
    for (std::uint64_t i = 0; i < 8; ++i) machine.touch(base + i * page_size);
    EXPECT_EQ(machine.kernel->counters().nr_shmem, 8U);
    machine.call(sys_munmap, {base, 8 * page_size}, 0);
    EXPECT_EQ(machine.kernel->counters().nr_shmem, 0U);
}

TEST_F(MemoryCalls, DetachAllThatIsLeftOfASegment) {
    constexpr std::uint32_t sys_shmget = 29, sys_shmat = 30, sys_shmdt = 67;
    constexpr std::uint64_t other = base + (1ULL << 30);
    machine.call(sys_shmget, {0, 8 * page_size, 0}, 5);
    for (const std::uint64_t place : {base, other})
        machine.call(sys_shmat, {5, place, 0}, static_cast<std::int64_t>(place));
    machine.call(sys_mprotect, {base + 2 * page_size, 2 * page_size, 1}, 0);
    machine.call(sys_munmap, {base + 5 * page_size, page_size}, 0);
    EXPECT_EQ(areas().size(), 5U);
    machine.call(sys_shmdt, {base + page_size}, 0); // nothing is attached there
    EXPECT_EQ(areas().size(), 5U);
    machine.call(sys_shmdt, {base}, 0);
    ASSERT_EQ(areas().size(), 1U);
    EXPECT_EQ(areas()[0].start, VirtAddr(other));
}

TEST_F(MemoryCalls, GrowTheStackDownToItsLimit) {
    constexpr std::uint64_t top = 0x7ffffffff000;
    machine.map_anonymous(top - 4 * page_size, 4 * page_size, 3, 0x122);
    EXPECT_EQ(machine.touch(top - 100 * page_size).outcome, PathOutcome::Resume);
    EXPECT_EQ(areas()[0].pages(), 100U);
    EXPECT_EQ(machine.touch(top - (8ULL << 20) - page_size).outcome, PathOutcome::Exit);
}

TEST(ColdFiles, BlockTheReaderUntilTheDiskAnswers) {
    Machine machine;
    machine.config.file_cache = FileCache::Cold;
    machine.boot();
    const TaskId task = machine.pick().task;
    machine.call(SyscallRecord{.number = 257, .result = 3, .path = "/data"});
    machine.call(9, {0, 64 * page_size, 1, 2, 3, 0}, static_cast<std::int64_t>(base));
    const Tick start = machine.now;
    EXPECT_TRUE(machine.touch(base, FaultAccess::Read).slept);
    EXPECT_EQ(machine.pick().stream, nullptr);
    const Tick answer = machine.devices.next();
    EXPECT_GE(answer, start + machine.devices.latency);
    machine.now = answer - Tick(1);
    EXPECT_EQ(machine.pick().stream, nullptr);
    machine.now = answer;
    EXPECT_EQ(machine.pick().task, task);
    EXPECT_EQ(machine.kernel->counters().pgmajfault, 1U);
    const Histogram& latency =
        machine.kernel->counters().fault_latency[static_cast<std::size_t>(FaultKind::FileMajor)];
    ASSERT_EQ(latency.count(), 1U);
    EXPECT_GE(latency.max(), machine.devices.latency.value());
    // The readahead window came along: no second read.
    EXPECT_FALSE(machine.touch(base + page_size, FaultAccess::Read).slept);
}

TEST(FiveLevels, FaultThroughOneMoreTable) {
    Machine machine;
    machine.config.levels = PagingLevels::Five;
    machine.boot();
    const TaskId task = machine.pick().task;
    machine.map_anonymous(base, page_size);
    machine.touch(base);
    EXPECT_EQ(machine.kernel->address_space(task)->table_pages, 4U);
}

TEST_F(MemoryCalls, LockAllThatIsMappedAndWillBe) {
    constexpr std::uint32_t sys_mlockall = 151, sys_munlockall = 152;
    machine.map_anonymous(base, 4 * page_size);
    machine.map_anonymous(base + 16 * page_size, 4 * page_size, 0);
    machine.call(sys_mlockall, {1 | 2}, 0);
    EXPECT_EQ(faults(FaultKind::AnonymousWrite), 4U); // counted as the program's own are
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 4U);
    machine.map_anonymous(base + 32 * page_size, 3 * page_size);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 7U);
    for (const Vma& area : areas()) EXPECT_TRUE(area.has(vm::locked));
    machine.call(sys_munlockall, {}, 0);
    machine.map_anonymous(base + 64 * page_size, 3 * page_size);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 7U);
    for (const Vma& area : areas()) EXPECT_FALSE(area.has(vm::locked));
}

TEST_F(MemoryCalls, LockOnFaultOnlyWhereThatIsAsked) {
    constexpr std::uint32_t sys_mlockall = 151;
    machine.call(sys_mlockall, {2 | 4}, 0);
    machine.map_anonymous(base, 4 * page_size);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 0U);
    EXPECT_TRUE(areas()[0].has(vm::locked));
}

} // namespace
} // namespace pagewalk::os
