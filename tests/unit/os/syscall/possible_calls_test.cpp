#include "os/syscall/call_table.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t place = 0x7f0000000000;
constexpr std::uint64_t private_anonymous = 0x22, private_file = 2;

/// A program whose recording says what Linux never does.
struct PossibleCalls : testing::Test {
    test::Machine machine{256ULL << 20};
    TaskId task{};

    void SetUp() override {
        machine.boot();
        task = machine.pick().task;
    }
    [[nodiscard]] std::size_t areas() { return machine.kernel->find_task(task)->space->areas.size(); }
    void map(std::uint64_t at, std::uint64_t bytes, std::uint64_t flags = private_anonymous,
             std::uint64_t offset = 0) {
        machine.call(SYS_mmap, {0, bytes, 3, flags, 3, offset}, static_cast<std::int64_t>(at));
    }
};

TEST_F(PossibleCalls, MapUpToTheEndOfTheUserHalfAndNothingBeyond) {
    const std::uint64_t end = kernel_layout::user_end.value();
    map(end - page_size, 2 * page_size);
    map(end, page_size);
    map(1ULL << 60, page_size);
    map(place, end);
    map(place, 0);
    map(place + 8, page_size);
    EXPECT_EQ(areas(), 0U);
    map(end - page_size, page_size);
    EXPECT_EQ(areas(), 1U);
}

TEST_F(PossibleCalls, ShowNoFileBeyondItsLargestSize) {
    map(place, page_size, private_file, 1ULL << 60);
    map(place, page_size, private_file, 1ULL << 47);
    map(place, page_size, private_file, 12);
    EXPECT_EQ(areas(), 0U);
    map(place, page_size, private_file, (1ULL << 47) - page_size);
    EXPECT_EQ(areas(), 1U);
}

TEST_F(PossibleCalls, MakeNoFileLargerThanFilesAre) {
    machine.call({.number = SYS_openat, .arguments = {0, 0, 2}, .result = 3, .path = "/data"});
    const auto size = [this] {
        return machine.kernel->files().at(machine.kernel->find_task(task)->files->find_cached(3)->inode).size;
    };
    const std::uint64_t before = size();
    machine.call(SYS_ftruncate, {3, 1ULL << 60}, 0);
    machine.call(SYS_pwrite64, {3, place, 10, 1ULL << 60}, 10);
    machine.call(SYS_fallocate, {3, 0, 1ULL << 46, 1ULL << 47}, 0);
    EXPECT_EQ(size(), before);
    machine.call(SYS_ftruncate, {3, 1ULL << 41}, 0);
    EXPECT_EQ(size(), 1ULL << 41);
}

TEST_F(PossibleCalls, MoveNothingOutOfTheUserHalf) {
    map(place, page_size);
    machine.call(SYS_mremap, {place, page_size, page_size, 3, 1ULL << 60}, 1LL << 60);
    machine.call(SYS_munmap, {place, ~0ULL}, 0);
    machine.call(SYS_brk, {1ULL << 60}, 1LL << 60);
    const VmaList& list = machine.kernel->find_task(task)->space->areas;
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0].start, VirtAddr(place));
}

TEST_F(PossibleCalls, MoveTheBreakOverNothingElseAndNotBelowTheHeap) {
    const auto brk = [this](std::uint64_t to) {
        machine.call(SYS_brk, {to}, static_cast<std::int64_t>(to));
        return machine.kernel->find_task(task)->space->brk;
    };
    constexpr std::uint64_t heap = 0x1000000;
    EXPECT_EQ(brk(heap), VirtAddr(heap));
    EXPECT_EQ(brk(heap + 0x8000), VirtAddr(heap + 0x8000));
    EXPECT_EQ(brk(heap - 0x8000), VirtAddr(heap + 0x8000));
    map(heap + 0x10000, page_size);
    EXPECT_EQ(brk(heap + 0x11000), VirtAddr(heap + 0x8000));
    EXPECT_EQ(brk(heap + 0x10000), VirtAddr(heap + 0x10000));
    EXPECT_EQ(brk(heap), VirtAddr(heap));
}

TEST_F(PossibleCalls, AttachNoSegmentThatDoesNotFit) {
    machine.call(SYS_shmget, {0, 1ULL << 60, 0}, 5);
    machine.call(SYS_shmat, {5, 0, 0}, static_cast<std::int64_t>(place));
    EXPECT_EQ(areas(), 0U);
    machine.call(SYS_shmget, {0, page_size, 0}, 6);
    machine.call(SYS_shmat, {6, 0, 0}, static_cast<std::int64_t>(place));
    EXPECT_EQ(areas(), 1U);
}

} // namespace
} // namespace pagewalk::os
