#include "os/syscall/file_ranges.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;

constexpr std::uint64_t shared = 0x7f0000000000, own = 0x7f0000100000;

/// A file in memory of 8 pages, 3, mapped shared, and privately with a copy of pages 0 and 7.
struct FileRanges : testing::Test {
    Machine machine;
    TaskId task{};

    void SetUp() override {
        machine.boot();
        task = machine.pick().task;
        machine.call(SyscallRecord{.number = SYS_memfd_create, .result = 3, .path = "memory"});
        machine.call(SYS_ftruncate, {3, 8 * page_size}, 0);
        machine.call(SYS_mmap, {0, 8 * page_size, 3, 1, 3, 0}, static_cast<std::int64_t>(shared));
        machine.call(SYS_mmap, {0, 8 * page_size, 3, 2, 3, 0}, static_cast<std::int64_t>(own));
        for (std::uint64_t page = 0; page < 8; ++page) machine.touch(shared + page * page_size);
        machine.touch(own);
        machine.touch(own + 7 * page_size);
        machine.kernel->drain_lru_batches();
    }
    [[nodiscard]] const KernelCounters& counters() const { return machine.kernel->counters(); }
    [[nodiscard]] const AddressSpace& space() const { return *machine.kernel->address_space(task); }
};

TEST_F(FileRanges, LoseWhatIsBeyondTheEndFromMappingsAndTheirCopies) {
    ASSERT_EQ(counters().nr_shmem, 8U);
    ASSERT_EQ(counters().nr_anon_pages, 2U);
    const std::uint64_t free = machine.free_frames();
    machine.call(SYS_ftruncate, {3, 4 * page_size}, 0);
    machine.kernel->drain_lru_batches();
    EXPECT_EQ(counters().nr_shmem, 4U);
    EXPECT_EQ(counters().nr_mapped, 4U);
    EXPECT_EQ(counters().nr_anon_pages, 1U);
    EXPECT_EQ(space().file_pages, 4U);
    EXPECT_EQ(machine.free_frames(), free + 5);
}

TEST_F(FileRanges, LeaveCopiesWhereAHoleIsPunched) {
    machine.call(SYS_fallocate, {3, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4 * page_size}, 0);
    EXPECT_EQ(counters().nr_shmem, 4U);
    EXPECT_EQ(counters().nr_mapped, 4U);
    EXPECT_EQ(counters().nr_anon_pages, 2U);
    machine.touch(shared, FaultAccess::Read);
    EXPECT_EQ(counters().nr_shmem, 5U);
}

TEST_F(FileRanges, ClearThePartsOfPagesThatAHoleBeginsAndEndsIn) {
    const test::PathTotals totals =
        machine.call(SYS_fallocate, {3, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1024, 2 * page_size}, 0);
    EXPECT_EQ(counters().nr_shmem, 7U);
    EXPECT_EQ(totals.cleared, page_size);
}

TEST_F(FileRanges, AreFilledByFallocateInMemory) {
    machine.call(SYS_fallocate, {3, 0, 8 * page_size, 4 * page_size}, 0);
    EXPECT_EQ(counters().nr_shmem, 12U);
}

TEST_F(FileRanges, BecomeHolesByMadviseToo) {
    constexpr std::uint64_t remove = 9;
    machine.call(SYS_madvise, {shared + 2 * page_size, 2 * page_size, remove}, 0);
    EXPECT_EQ(counters().nr_shmem, 6U);
    EXPECT_EQ(counters().nr_mapped, 6U);
}

TEST_F(FileRanges, EndAtZeroWhereAFileIsOpenedToBeTruncated) {
    machine.call(SyscallRecord{.number = SYS_openat, .result = 4, .path = "/data"});
    machine.call(SYS_write, {4, own, 3 * page_size}, 3 * page_size);
    ASSERT_EQ(counters().nr_dirty, 3U);
    machine.call(
        SyscallRecord{.number = SYS_openat, .arguments = {0, 0, O_TRUNC}, .result = 5, .path = "/data"});
    EXPECT_EQ(counters().nr_dirty, 0U);
    machine.call(SYS_write, {4, own, 3 * page_size}, 3 * page_size);
    machine.call(SyscallRecord{.number = SYS_truncate, .arguments = {0, 3 * page_size + 1}, .path = "/data"});
    EXPECT_EQ(counters().nr_dirty, 1U); // of the three behind the first three, where the writer stood
}

} // namespace
} // namespace pagewalk::os
