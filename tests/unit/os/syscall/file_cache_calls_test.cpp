#include "os/syscall/handlers.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;

constexpr std::uint64_t buffer = 0x7f0000000000;
constexpr std::uint64_t mapping = 0x7f1000000000;

/// A program with a file of 256 pages, 3, and a buffer.
struct FileCacheCalls : testing::Test {
    Machine machine{512ULL << 20, 2};
    TaskId task{};

    void SetUp() override {
        machine.config.file_cache = FileCache::Cold;
        machine.config.files = {{"/data", 256 * page_size}};
        machine.boot();
        task = machine.pick().task;
        machine.map_anonymous(buffer, 256 * page_size);
        machine.call(SyscallRecord{.number = SYS_openat, .result = 3, .path = "/data"});
    }
    [[nodiscard]] const KernelCounters& counters() const { return machine.kernel->counters(); }
    [[nodiscard]] const Inode& inode() const {
        return machine.kernel->files().at(
            const_cast<Machine&>(machine).kernel->find_task(task)->files->find(3)->inode);
    }
    void call(std::uint32_t number, std::array<std::uint64_t, 6> arguments, std::int64_t result = 0) {
        machine.call(SyscallRecord{.number = number, .arguments = arguments, .result = result});
        machine.finish(task);
    }
    void write(std::uint64_t first, std::uint64_t pages) {
        call(SYS_pwrite64, {3, buffer, pages * page_size, first * page_size},
             static_cast<std::int64_t>(pages * page_size));
    }
    void read(std::uint64_t first, std::uint64_t pages) {
        call(SYS_pread64, {3, buffer, pages * page_size, first * page_size},
             static_cast<std::int64_t>(pages * page_size));
    }
    [[nodiscard]] std::uint64_t transferred(BlockRequest::Kind kind) const {
        std::uint64_t pages = 0;
        for (const BlockRequest& request : machine.devices.requests)
            if (request.kind == kind) pages += request.bytes / page_size;
        return pages;
    }
};

TEST_F(FileCacheCalls, AdviseHowMuchIsReadAhead) {
    call(SYS_fadvise64, {3, 0, 0, POSIX_FADV_RANDOM});
    read(0, 1);
    EXPECT_EQ(inode().pages.count(), 1U);
    call(SYS_fadvise64, {3, 0, 0, POSIX_FADV_NORMAL});
    read(100, 1);
    read(101, 1);
    EXPECT_EQ(inode().pages.count(), 1U + 1 + 4);
}

TEST_F(FileCacheCalls, BringRangesIn) {
    call(SYS_fadvise64, {3, 10 * page_size, 20 * page_size, POSIX_FADV_WILLNEED});
    EXPECT_EQ(inode().pages.count(), 20U);
    call(SYS_readahead, {3, 240 * page_size, 64 * page_size});
    EXPECT_EQ(inode().pages.count(), 36U); // to the file's end
    EXPECT_EQ(inode().pages.next(30), 240U);
}

TEST_F(FileCacheCalls, DropWhatIsCleanAndStartToWriteTheRest) {
    write(0, 8);
    call(SYS_fsync, {3});
    write(0, 2);
    call(SYS_fadvise64, {3, 0, 0, POSIX_FADV_DONTNEED});
    EXPECT_EQ(inode().pages.count(), 2U);
    EXPECT_EQ(counters().nr_dirty, 0U);
    EXPECT_EQ(transferred(BlockRequest::Kind::Write), 10U);
}

TEST_F(FileCacheCalls, DropPagesThatLieInTheRangeAsAWhole) {
    write(0, 8);
    call(SYS_fsync, {3});
    call(SYS_fadvise64, {3, page_size / 2, 3 * page_size, POSIX_FADV_DONTNEED});
    EXPECT_EQ(inode().pages.count(), 6U); // 1 and 2 are gone
    EXPECT_NE(inode().pages.find(0), no_pfn);
    EXPECT_NE(inode().pages.find(3), no_pfn);
}

TEST_F(FileCacheCalls, ReturnWhenTheDiskHasEverything) {
    write(0, 4);
    const Tick begun = machine.now;
    call(SYS_fsync, {3});
    EXPECT_EQ(counters().nr_written, 4U);
    EXPECT_EQ(counters().nr_writeback, 0U);
    EXPECT_GE(machine.now - begun,
              machine.devices.latency + machine.devices.latency); // the data, then the device's own cache
    EXPECT_EQ(machine.devices.requests.back().kind, BlockRequest::Kind::Flush);
    const std::size_t requests = machine.devices.requests.size();
    call(SYS_fdatasync, {3});
    call(SYS_sync, {});
    EXPECT_EQ(machine.devices.requests.size(), requests);
}

TEST_F(FileCacheCalls, WriteARangeWithOrWithoutWaiting) {
    write(0, 8);
    call(SYS_sync_file_range, {3, 0, 2 * page_size, SYNC_FILE_RANGE_WRITE});
    EXPECT_EQ(counters().nr_dirty, 6U);
    EXPECT_EQ(counters().nr_written, 0U);
    call(SYS_sync_file_range,
         {3, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER});
    EXPECT_EQ(counters().nr_written, 8U);
}

TEST_F(FileCacheCalls, GoPastThePageCacheWithDirectFiles) {
    machine.call(SyscallRecord{
        .number = SYS_openat, .arguments = {0, 0, O_RDWR | O_DIRECT}, .result = 4, .path = "/data"});
    write(2, 1);
    const Tick begun = machine.now;
    call(SYS_pread64, {4, buffer, 4 * page_size, 0}, 4 * page_size);
    EXPECT_GE(machine.now - begun,
              machine.devices.latency + machine.devices.latency); // what is dirty goes first
    EXPECT_EQ(inode().pages.count(), 1U);
    EXPECT_EQ(transferred(BlockRequest::Kind::Read), 4U);
    EXPECT_EQ(transferred(BlockRequest::Kind::Write), 1U);
    call(SYS_pwrite64, {4, buffer, 4 * page_size, 0}, 4 * page_size);
    EXPECT_EQ(inode().pages.count(), 0U);
    EXPECT_EQ(transferred(BlockRequest::Kind::Write), 5U);
}

TEST_F(FileCacheCalls, MakeAMappingTakeAFaultForItsNextWrite) {
    write(0, 4);
    call(SYS_fsync, {3});
    call(SYS_mmap, {mapping, 4 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, 3, 0}, mapping);
    machine.touch(mapping);
    EXPECT_EQ(counters().nr_dirty, 1U);
    call(SYS_msync, {mapping, 4 * page_size, MS_ASYNC});
    EXPECT_EQ(counters().nr_dirty, 1U);
    call(SYS_msync, {mapping, 4 * page_size, MS_SYNC});
    EXPECT_EQ(counters().nr_dirty, 0U);
    EXPECT_EQ(counters().nr_written, 5U);
    const std::uint64_t faults = counters().faults[static_cast<std::size_t>(FaultKind::MakeWritable)];
    machine.touch(mapping);
    EXPECT_EQ(counters().faults[static_cast<std::size_t>(FaultKind::MakeWritable)], faults + 1);
    EXPECT_EQ(counters().nr_dirty, 1U);
}

TEST_F(FileCacheCalls, DropCleanPagesOfAllFilesByAWriteToDropCaches) {
    read(0, 8);
    write(100, 1);
    machine.call(SyscallRecord{.number = SYS_openat, .result = 4, .path = "/proc/sys/vm/drop_caches"});
    call(SYS_read, {4, buffer, 2}, 2);
    EXPECT_GT(inode().pages.count(), 1U);
    call(SYS_write, {4, buffer, 2}, 2);
    EXPECT_EQ(inode().pages.count(), 1U);
    EXPECT_EQ(inode().pages.next(0), 100U);
    EXPECT_EQ(machine.kernel->files().cache_drops(), 1U);
}

TEST_F(FileCacheCalls, WriteThroughWhereTheFileIsOpenedSo) {
    machine.call(SyscallRecord{
        .number = SYS_openat, .arguments = {0, 0, O_WRONLY | O_DSYNC}, .result = 4, .path = "/data"});
    const Tick begin = machine.now;
    call(SYS_pwrite64, {4, buffer, 2 * page_size, 0}, 2 * page_size);
    EXPECT_EQ(counters().nr_dirty, 0U);
    EXPECT_EQ(counters().nr_written, 2U);
    EXPECT_EQ(transferred(BlockRequest::Kind::Write), 2U);
    EXPECT_EQ(machine.devices.requests.back().kind, BlockRequest::Kind::Flush);
    EXPECT_GT(machine.now - begin,
              machine.devices.latency + machine.devices.latency); // the data, then the device's own cache
    write(8, 1);
    EXPECT_EQ(counters().nr_dirty, 1U);
}

TEST_F(FileCacheCalls, WriteThroughWhereTheCallAsksForIt) {
    SyscallRecord record{.number = SYS_pwritev2,
                         .arguments = {3, 0, 1, 0, 0, RWF_DSYNC},
                         .result = page_size,
                         .segments = {{VirtAddr(buffer), page_size}}};
    machine.call(record);
    machine.finish(task);
    EXPECT_EQ(counters().nr_written, 1U);
    record.arguments[5] = 0;
    machine.call(record);
    machine.finish(task);
    EXPECT_EQ(counters().nr_dirty, 1U);
}

TEST_F(FileCacheCalls, ChangeHowAFileIsWrittenByFcntl) {
    OpenFile& file = *machine.kernel->find_task(task)->files->find(3);
    call(SYS_fcntl, {3, F_SETFL, O_APPEND});
    EXPECT_TRUE(file.appends);
    EXPECT_FALSE(file.direct);
    call(SYS_fcntl, {3, F_SETFL, O_DIRECT});
    EXPECT_FALSE(file.appends);
    EXPECT_TRUE(file.direct);
}

} // namespace
} // namespace pagewalk::os
