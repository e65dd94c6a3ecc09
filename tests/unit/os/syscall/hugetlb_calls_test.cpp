#include "contract/calls_about_memory.h"
#include "os/kernel/kernel.h"
#include "os/syscall/hugetlb_calls.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <cerrno>
#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;

constexpr std::uint64_t base = 0x100000000000, huge = 2ULL << 20;
constexpr std::uint64_t read_write = 3;
constexpr std::uint64_t is_private = 0x22, is_shared = 0x21, hugetlb = 0x40000, no_reserve = 0x4000,
                        fixed = 0x10, gigantic = 30ULL << 26;

struct HugetlbCalls : testing::Test {
    Machine machine;
    TaskId task{};

    void SetUp() override {
        machine.config.vm.hugetlb.pages_2mib = "4";
        machine.boot();
        task = machine.pick().task;
    }
    [[nodiscard]] test::ScriptedStream& stream() { return *machine.workload.streams[0]; }
    [[nodiscard]] const HugetlbPool& pool() {
        return machine.kernel->memory().hugetlb().pool(HugetlbSize::Page2M);
    }
    [[nodiscard]] static SyscallRecord mmap(std::uint64_t start, std::uint64_t bytes, std::uint64_t flags) {
        return {.number = calls_about_memory::mmap,
                .arguments = {start, bytes, read_write, flags | hugetlb, ~0ULL, 0},
                .result = static_cast<std::int64_t>(start)};
    }
    /// What a program is told that waits for it. The call ends with that, or with `result`.
    std::int64_t ask(SyscallRecord record, std::optional<std::int64_t> result = std::nullopt) {
        stream().asks = true;
        stream().answered = 1234;
        machine.enter(record);
        const std::int64_t answer = stream().answered;
        record.result = result ? *result : answer < 0 ? answer : record.result;
        record.entered = true;
        machine.call(record);
        return answer;
    }
    void call(std::uint32_t number, std::uint64_t start, std::uint64_t bytes, std::uint64_t third = 0) {
        machine.call({.number = number, .arguments = {start, bytes, third, 0, 0, 0}, .result = 0});
    }
};

TEST(HugetlbSizes, AreThoseOfTheMachine) {
    EXPECT_EQ(hugetlb_size(hugetlb), HugetlbSize::Page2M);
    EXPECT_EQ(hugetlb_size(21ULL << 26), HugetlbSize::Page2M);
    EXPECT_EQ(hugetlb_size(30ULL << 26), HugetlbSize::Page1G);
    EXPECT_EQ(hugetlb_size(16ULL << 26), std::nullopt);
}

TEST_F(HugetlbCalls, PromiseMemoryWhenAskedAndMapItWhenDone) {
    EXPECT_EQ(ask(mmap(base, 3 * huge, is_private)), 0);
    EXPECT_EQ(pool().reserved(), 3U);
    machine.touch(base + 5);
    EXPECT_EQ(pool().counts().free, 3U);
    EXPECT_EQ(pool().reserved(), 2U);
    EXPECT_EQ(ask(mmap(base + 8 * huge, 2 * huge, is_private)), -ENOMEM);
    EXPECT_EQ(ask(mmap(base + 8 * huge, huge, is_shared)), 0);
    EXPECT_EQ(pool().reserved(), 3U);
    call(SYS_munmap, base, 16 * huge);
    EXPECT_EQ(pool().reserved(), 0U);
    EXPECT_EQ(pool().counts().free, 4U);
}

TEST_F(HugetlbCalls, RefuseSizesAndPlacesThatCannotBe) {
    EXPECT_EQ(ask(mmap(base, huge, is_private | 16ULL << 26)), -EINVAL);
    EXPECT_EQ(ask(mmap(base + 4096, huge, is_private | fixed)), -EINVAL);
    EXPECT_EQ(ask(mmap(base, huge, is_private | gigantic)), -ENOMEM); // no such pool
    EXPECT_EQ(pool().reserved(), 0U);
}

TEST_F(HugetlbCalls, TakeThePromiseBackWhereTheHostRefusesAfterAll) {
    EXPECT_EQ(ask(mmap(base, 3 * huge, is_private), -ENOMEM), 0);
    EXPECT_EQ(pool().reserved(), 0U);
    EXPECT_EQ(ask(mmap(base, 4 * huge, is_private)), 0);
}

TEST_F(HugetlbCalls, OfARecordingMapWithoutAPromiseWhereThereIsNone) {
    machine.call(mmap(base, 6 * huge, is_private));
    EXPECT_EQ(pool().reserved(), 0U);
    machine.touch(base);
    EXPECT_EQ(pool().counts().free, 3U);
    machine.call(mmap(base + 4096, huge, is_private)); // as no kernel would
    EXPECT_EQ(machine.kernel->address_space(task)->hugetlb_pages, 512U);
}

TEST_F(HugetlbCalls, WithoutAPageKillBySigbus) {
    machine.call(mmap(base, 6 * huge, is_private | no_reserve));
    for (std::uint64_t page = 0; page < 4; ++page) machine.touch(base + page * huge);
    EXPECT_TRUE(machine.kernel->kills().empty());
    machine.touch(base + 4 * huge);
    ASSERT_EQ(machine.kernel->kills().size(), 1U);
    EXPECT_EQ(machine.kernel->kills()[0].reason, KillReason::BusError);
    EXPECT_EQ(pool().counts().free, 4U); // the process is gone
}

TEST_F(HugetlbCalls, LeavePartsOfPagesAlone) {
    machine.call(mmap(base, 2 * huge, is_private));
    machine.touch(base);
    call(SYS_munmap, base, 4096);
    call(SYS_munmap, base + huge + 4096, huge - 4096);
    call(SYS_mprotect, base, huge + 4096, 1);
    EXPECT_EQ(machine.kernel->address_space(task)->hugetlb_pages, 512U);
    EXPECT_EQ(pool().reserved(), 1U);
    call(SYS_munmap, base, huge);
    EXPECT_EQ(machine.kernel->address_space(task)->hugetlb_pages, 0U);
}

TEST_F(HugetlbCalls, PunchHolesIntoSharedMemory) {
    constexpr std::uint64_t remove = 9; // MADV_REMOVE
    machine.call(mmap(base, 2 * huge, is_shared));
    machine.touch(base);
    machine.touch(base + huge);
    call(SYS_madvise, base, huge, remove);
    EXPECT_EQ(pool().counts().free, 3U);
    EXPECT_EQ(machine.kernel->address_space(task)->hugetlb_pages, 512U);
}

} // namespace
} // namespace pagewalk::os
