#include "os/syscall/handlers.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;

constexpr std::uint64_t buffer = 0x7f0000000000;
constexpr std::uint64_t no_position = ~0ULL;

/// A program with two files, 3 and 4, a pipe, 5 and 6, a pair of sockets, 7 and 8, and 64 untouched pages.
struct DataCalls : testing::Test {
    Machine machine{512ULL << 20, 2};
    TaskId task{};

    void SetUp() override {
        machine.boot();
        task = machine.pick().task;
        machine.map_anonymous(buffer, 64 * page_size);
        machine.call(SyscallRecord{.number = SYS_openat, .result = 3, .path = "/data"});
        machine.call(SyscallRecord{.number = SYS_openat, .result = 4, .path = "/copy"});
        machine.call(SyscallRecord{.number = SYS_pipe, .descriptors = {5, 6}});
        machine.call(SyscallRecord{.number = SYS_socketpair, .descriptors = {7, 8}});
    }
    [[nodiscard]] const KernelCounters& counters() const { return machine.kernel->counters(); }
    [[nodiscard]] std::uint64_t frames_for(AllocationPurpose purpose) const {
        return counters().frames_for[static_cast<std::size_t>(purpose)];
    }
    [[nodiscard]] OpenFile* file(std::uint64_t fd) {
        return machine.kernel->find_task(task)->files->find(fd);
    }
    /// The task has entered a call that blocks.
    void enter(const SyscallRecord& record) {
        machine.records.push_back(record);
        KernelPath& path = machine.kernel->system_call_entered(CpuId{}, machine.records.back(), machine.now);
        test::run_path(*machine.kernel, CpuId{}, path, machine.now);
    }
    void vector_call(std::uint32_t number, std::uint64_t fd, std::vector<UserSegment> segments,
                     std::int64_t result, std::uint64_t position = 0) {
        SyscallRecord record{
            .number = number, .arguments = {fd, 0, segments.size(), position}, .result = result};
        record.segments = std::move(segments);
        machine.call(record);
    }
};

TEST_F(DataCalls, FillWhatIovecsPointTo) {
    vector_call(SYS_readv, 3,
                {{VirtAddr(buffer), 2 * page_size}, {VirtAddr(buffer + 8 * page_size), 2 * page_size}},
                3 * page_size);
    EXPECT_EQ(counters().copied_to_user, 3 * page_size);
    EXPECT_EQ(counters().nr_anon_pages, 3U);
    EXPECT_EQ(file(3)->position, 3 * page_size);
}

TEST_F(DataCalls, TakeTheFilesPositionWhereTheirOwnIsMinusOne) {
    vector_call(SYS_preadv2, 3, {{VirtAddr(buffer), 100}}, 100, 7);
    EXPECT_EQ(file(3)->position, 0U);
    vector_call(SYS_preadv2, 3, {{VirtAddr(buffer), 100}}, 100, no_position);
    EXPECT_EQ(file(3)->position, 100U);
}

TEST_F(DataCalls, CopyNothingWhereTheSourceLacksTheIovecs) {
    vector_call(SYS_readv, 3, {}, 4096);
    EXPECT_EQ(counters().copied_to_user, 0U);
}

TEST_F(DataCalls, ReadAFileIntoPagesThatAreSharedAfterForkByCopyingThem) {
    machine.workload.add_child(50);
    machine.touch(buffer);
    machine.call(SYS_fork, {}, 50);
    machine.call(SYS_read, {3, buffer, 100}, 100);
    EXPECT_EQ(counters().faults[static_cast<std::size_t>(FaultKind::CopyOnWrite)], 1U);
}

TEST_F(DataCalls, SendDataThroughAPipesPages) {
    machine.call(SYS_write, {6, buffer, 2 * page_size}, 2 * page_size);
    EXPECT_EQ(frames_for(AllocationPurpose::Pipe), 2U);
    EXPECT_EQ(file(5)->source->size(), 2 * page_size);
    EXPECT_EQ(counters().nr_anon_pages, 0U); // the zero page is read
    machine.call(SYS_read, {5, buffer + 16 * page_size, 2 * page_size}, 2 * page_size);
    EXPECT_EQ(file(5)->source->size(), 0U);
    EXPECT_EQ(counters().nr_anon_pages, 2U);
}

TEST_F(DataCalls, SendWhatFitsIntoAPipeBeforeABlockingWriteHasReturned) {
    const SyscallRecord write{.number = SYS_write,
                              .arguments = {6, buffer, 20 * page_size},
                              .result = 20 * page_size,
                              .entered = true};
    enter(write);
    EXPECT_EQ(file(5)->source->size(), 16 * page_size);
    machine.call(SYS_read, {5, buffer, 4 * page_size}, 4 * page_size);
    machine.call(write);
    EXPECT_EQ(file(5)->source->size(), 16 * page_size);
    EXPECT_EQ(counters().copied_from_user, 20 * page_size);
}

TEST_F(DataCalls, TakeBackWhatABlockingWriteHasNotWrittenInTheEnd) {
    SyscallRecord write{
        .number = SYS_write, .arguments = {6, buffer, 2 * page_size}, .result = page_size, .entered = true};
    enter(write);
    machine.call(write);
    EXPECT_EQ(file(5)->source->size(), page_size);
    enter(write);
    write.result = -32; // EPIPE
    machine.call(write);
    EXPECT_EQ(file(5)->source->size(), page_size);
}

TEST_F(DataCalls, FreeAPipesPagesWithItsLastDescriptor) {
    machine.call(SYS_write, {6, buffer, 8 * page_size}, 8 * page_size);
    const std::uint64_t free = machine.free_frames();
    machine.call(SYS_close, {5}, 0);
    EXPECT_EQ(machine.free_frames(), free);
    machine.call(SYS_close, {6}, 0);
    EXPECT_EQ(machine.free_frames(), free + 8);
}

TEST_F(DataCalls, SendDataThroughSocketBuffers) {
    vector_call(SYS_sendmsg, 7, {{VirtAddr(buffer), 32768}}, 32768);
    EXPECT_EQ(frames_for(AllocationPurpose::Socket), 8U);
    EXPECT_EQ(file(8)->source->size(), 32768U);
    machine.call(SYS_recvfrom, {8, buffer, 65536}, 32768);
    EXPECT_EQ(file(8)->source->size(), 0U);
    EXPECT_EQ(counters().copied_to_user, 32768U);
}

TEST_F(DataCalls, LetWhoIsOutsideTakeAllAtOnce) {
    machine.call(SYS_socket, {2, 1, 0}, 9);
    machine.call(SYS_sendto, {9, buffer, 1000}, 1000);
    machine.call(SYS_recvfrom, {9, buffer, 5000}, 5000);
    EXPECT_EQ(file(9)->sink->size(), 0U);
    EXPECT_EQ(file(9)->source->size(), 0U);
}

TEST_F(DataCalls, CopyFromFileToFileWithoutTheProgramsMemory) {
    const test::PathTotals totals = machine.call(SYS_sendfile, {4, 3, 0, 2 * page_size}, 2 * page_size);
    EXPECT_EQ(totals.copied, 2 * page_size);
    EXPECT_EQ(counters().copied_to_user + counters().copied_from_user, 0U);
    EXPECT_EQ(counters().nr_dirty, 2U);
    EXPECT_EQ(file(4)->position, 2 * page_size);
    machine.call(SYS_copy_file_range, {3, 0, 4, 0, page_size}, page_size);
    EXPECT_EQ(counters().nr_dirty, 3U);
}

TEST_F(DataCalls, ShowAFilesPagesInAPipeWithoutCopyingThem) {
    const test::PathTotals totals = machine.call(SYS_splice, {3, 0, 6, 0, 2 * page_size}, 2 * page_size);
    EXPECT_EQ(totals.copied, 0U);
    EXPECT_EQ(frames_for(AllocationPurpose::Pipe), 0U);
    EXPECT_EQ(file(5)->source->size(), 2 * page_size);
    machine.call(SYS_splice, {5, 0, 4, 0, 2 * page_size}, 2 * page_size);
    EXPECT_EQ(file(5)->source->size(), 0U);
    EXPECT_EQ(counters().nr_dirty, 2U);
}

TEST_F(DataCalls, ShowTheProgramsPagesInAPipe) {
    machine.touch(buffer);
    vector_call(SYS_vmsplice, 6, {{VirtAddr(buffer), page_size}}, page_size);
    EXPECT_EQ(frames_for(AllocationPurpose::Pipe), 0U);
    EXPECT_EQ(file(5)->source->size(), page_size);
}

TEST_F(DataCalls, CopyWhatADeviceMakesOnTheSpot) {
    machine.call(SYS_read, {0, buffer, 2 * page_size}, 2 * page_size);
    EXPECT_EQ(counters().copied_to_user, 2 * page_size);
    EXPECT_EQ(counters().nr_anon_pages, 2U);
    EXPECT_EQ(counters().nr_file_pages, 0U);
}

} // namespace
} // namespace pagewalk::os
