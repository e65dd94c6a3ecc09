#include "os/syscall/handlers.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;

constexpr std::uint64_t buffer = 0x7f0000000000;
constexpr CpuId cpu0{0};
constexpr CpuId cpu1{1};

/// A program with an open file, 3, and a buffer of 16 pages.
struct FileCalls : testing::Test {
    Machine machine{512ULL << 20, 2};
    TaskId task{};

    void boot(FileCache cache) {
        machine.config.file_cache = cache;
        machine.workload.add_child(50);
        machine.boot();
        task = machine.pick(cpu0).task;
        machine.map_anonymous(buffer, 16 * page_size);
        machine.call(SyscallRecord{.number = SYS_openat, .result = 3, .path = "/data"});
    }
    [[nodiscard]] OpenFile* file(std::uint64_t fd) {
        return machine.kernel->find_task(task)->files->find(fd);
    }
    void read(std::uint64_t bytes, std::uint64_t fd = 3) {
        machine.call(SYS_read, {fd, buffer, bytes}, static_cast<std::int64_t>(bytes));
    }
};

TEST_F(FileCalls, MoveAFilesPositionByWhatWasTransferred) {
    boot(FileCache::Warm);
    read(5000);
    EXPECT_EQ(file(3)->position, 5000U);
    machine.call(SYS_write, {3, buffer, 100}, 100);
    EXPECT_EQ(file(3)->position, 5100U);
    machine.call(SYS_pread64, {3, buffer, 10, 0}, 10);
    EXPECT_EQ(file(3)->position, 5100U);
    machine.call(SYS_lseek, {3, 64, 0}, 64);
    EXPECT_EQ(file(3)->position, 64U);
}

TEST_F(FileCalls, FaultTheProgramsBufferIn) {
    boot(FileCache::Warm);
    read(3 * page_size);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 3U);
    EXPECT_EQ(machine.kernel->counters().pgfault, 3U);
}

TEST_F(FileCalls, MakeThePagesThatTheyWriteDirty) {
    boot(FileCache::Warm);
    machine.call(SYS_pwrite64, {3, buffer, 2 * page_size, 10 * page_size}, 2 * page_size);
    EXPECT_EQ(machine.kernel->counters().nr_dirty, 2U);
    machine.call(SYS_ftruncate, {3, 11 * page_size}, 0);
    EXPECT_EQ(machine.kernel->counters().nr_dirty, 1U);
}

TEST_F(FileCalls, ShareAPositionAmongDuplicatedDescriptors) {
    boot(FileCache::Warm);
    machine.call(SYS_dup, {3}, 4);
    machine.call(SYS_dup2, {3, 9}, 9);
    machine.call(SYS_fcntl, {3, 0, 0}, 5);
    machine.call(SYS_fcntl, {3, 3, 0}, 6); // F_GETFL returns flags, no descriptor
    read(10, 4);
    for (const std::uint64_t fd : {3, 4, 5, 9}) EXPECT_EQ(file(fd)->position, 10U);
    EXPECT_EQ(file(6), nullptr);
}

TEST_F(FileCalls, CloseARangeOfDescriptors) {
    boot(FileCache::Warm);
    for (std::int64_t fd = 4; fd < 8; ++fd) machine.call(SYS_dup, {3}, fd);
    machine.call(SYS_close_range, {4, 6}, 0);
    EXPECT_NE(file(3), nullptr);
    for (const std::uint64_t fd : {4, 5, 6}) EXPECT_EQ(file(fd), nullptr);
    EXPECT_NE(file(7), nullptr);
    machine.call(SYS_close, {7}, 0);
    EXPECT_EQ(file(7), nullptr);
}

TEST_F(FileCalls, MakeFilesInMemoryOnDemand) {
    boot(FileCache::Cold);
    machine.call(SyscallRecord{.number = SYS_memfd_create, .result = 4, .path = "shared"});
    machine.call(SYS_write, {4, buffer, 2 * page_size}, 2 * page_size);
    EXPECT_EQ(machine.kernel->counters().nr_shmem, 2U);
    EXPECT_TRUE(machine.devices.requests.empty());
    machine.call(SYS_close, {4}, 0);
    EXPECT_EQ(machine.kernel->counters().nr_shmem, 0U);
}

TEST_F(FileCalls, WaitForTheDiskWhereThePageIsNotCached) {
    boot(FileCache::Cold);
    const Tick begun = machine.now;
    read(page_size);
    EXPECT_EQ(machine.finish(task), PathOutcome::Resume);
    EXPECT_GE(machine.now - begun, machine.devices.latency);
    EXPECT_EQ(machine.devices.requests.size(), 1U);
}

TEST_F(FileCalls, FreeAPageThatIsTruncatedWhileItIsRead) {
    boot(FileCache::Cold);
    machine.call(SYS_clone, {0x10000 | 0x400 | 0x100}, 50); // a thread that shares memory and files
    const TaskId thread = machine.pick(cpu1).task;
    read(page_size);
    const Pfn frame = machine.kernel->files().at(file(3)->inode).pages.find(0);
    ASSERT_NE(frame, no_pfn);
    machine.call(SyscallRecord{.number = SYS_ftruncate, .arguments = {3, 0}}, cpu1);
    machine.finish(thread, cpu1);
    machine.kernel->drain_lru_batches(); // the reader holds the last reference
    machine.finish(task, cpu0);
    EXPECT_EQ(machine.kernel->files().cached_pages(), 0U);
    EXPECT_FALSE(machine.kernel->allocator().pages().peek(frame).is(PageState::Allocated));
}

TEST_F(FileCalls, SayWhichDescriptorsAnExecCloses) {
    boot(FileCache::Warm);
    const auto closes = [&](std::uint64_t fd) {
        return machine.kernel->find_task(task)->files->closes_on_exec(fd);
    };
    EXPECT_FALSE(closes(3));
    machine.call(SYS_fcntl, {3, F_SETFD, FD_CLOEXEC}, 0);
    EXPECT_TRUE(closes(3));
    machine.call(SYS_dup2, {3, 4}, 4);
    EXPECT_FALSE(closes(4)); // a descriptor's own
    machine.call(SYS_dup3, {3, 5, O_CLOEXEC}, 5);
    EXPECT_TRUE(closes(5));
    machine.call(SYS_fcntl, {3, F_DUPFD_CLOEXEC, 0}, 6);
    EXPECT_TRUE(closes(6));
    machine.call(SYS_fcntl, {6, F_SETFD, 0}, 0);
    EXPECT_FALSE(closes(6));
    machine.call(
        SyscallRecord{.number = SYS_openat, .arguments = {0, 0, O_CLOEXEC}, .result = 7, .path = "/other"});
    EXPECT_TRUE(closes(7));
    machine.call(SyscallRecord{.number = SYS_memfd_create, .arguments = {0, 1}, .result = 8, .path = "m"});
    EXPECT_TRUE(closes(8));
    machine.call(SYS_close_range, {4, 4, 4}, 0);
    EXPECT_TRUE(closes(4));
    EXPECT_NE(file(4), nullptr);
}

TEST_F(FileCalls, WriteAtTheEndOfAFileThatIsOpenedForThat) {
    boot(FileCache::Cold);
    constexpr std::uint64_t new_file = O_RDWR | O_CREAT | O_TRUNC;
    machine.call(
        SyscallRecord{.number = SYS_openat, .arguments = {0, 0, new_file}, .result = 4, .path = "/new"});
    machine.call(SYS_write, {4, buffer, 5000}, 5000);
    machine.call(SyscallRecord{
        .number = SYS_openat, .arguments = {0, 0, O_WRONLY | O_APPEND}, .result = 5, .path = "/new"});
    machine.call(SYS_write, {5, buffer, 5000}, 5000);
    EXPECT_EQ(file(5)->position, 10000U);
    EXPECT_EQ(machine.kernel->files().at(file(4)->inode).size, 10000U);
    EXPECT_EQ(machine.kernel->files().cached_pages(), 3U);
    EXPECT_TRUE(machine.devices.requests.empty()); // what is behind the end needs no reading
}

TEST_F(FileCalls, KeepAnUnlinkedFileUntilItIsClosed) {
    boot(FileCache::Cold);
    machine.call(SYS_pwrite64, {3, buffer, 2 * page_size, 0}, 2 * page_size);
    machine.call(SyscallRecord{.number = SYS_unlink, .path = "/data"});
    EXPECT_EQ(machine.kernel->files().cached_pages(), 2U);
    machine.call(SYS_close, {3}, 0);
    EXPECT_EQ(machine.kernel->files().cached_pages(), 0U);
    EXPECT_EQ(machine.kernel->counters().nr_dirty, 0U);
}

TEST_F(FileCalls, LearnAFilesSizeFromTheReadThatEndsIt) {
    boot(FileCache::Cold);
    machine.call(SYS_pread64, {3, buffer, 4 * page_size, 0}, 5000);
    machine.finish(task);
    const Inode& inode = machine.kernel->files().at(file(3)->inode);
    EXPECT_EQ(inode.size, 5000U);
    EXPECT_EQ(inode.pages.count(), 2U);
}

TEST_F(FileCalls, AllocateMemoryAloneInATmpfs) {
    boot(FileCache::Cold);
    machine.call(SyscallRecord{.number = SYS_memfd_create, .result = 4, .path = "shared"});
    machine.call(SYS_fallocate, {4, 0, 0, 3 * page_size}, 0);
    const Inode& inode = machine.kernel->files().at(file(4)->inode);
    EXPECT_EQ(inode.size, 3 * page_size);
    EXPECT_EQ(inode.pages.count(), 3U);
    const std::uint16_t flags = machine.kernel->allocator().pages().peek(inode.pages.find(1)).owner_flags;
    EXPECT_EQ(flags & frame_flags::uptodate, 0); // cleared when somebody looks
    machine.call(SYS_pread64, {4, buffer, 10, page_size}, 10);
    EXPECT_NE(
        machine.kernel->allocator().pages().peek(inode.pages.find(1)).owner_flags & frame_flags::uptodate, 0);
}

TEST_F(FileCalls, ReadHolesOfATmpfsWithoutAPage) {
    boot(FileCache::Cold);
    machine.call(SyscallRecord{.number = SYS_memfd_create, .result = 4, .path = "shared"});
    machine.call(SYS_ftruncate, {4, 8 * page_size}, 0);
    machine.call(SYS_pread64, {4, buffer, page_size, 0}, page_size);
    EXPECT_EQ(machine.kernel->counters().nr_shmem, 0U);
    EXPECT_EQ(machine.kernel->counters().copied_to_user, page_size);
}

} // namespace
} // namespace pagewalk::os
