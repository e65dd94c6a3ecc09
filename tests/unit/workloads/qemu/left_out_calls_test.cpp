#include "workloads/qemu/plugin/left_out_calls.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

constexpr std::int64_t address = 0x7f0000001000;

TEST(LeftOutCalls, AreMadeAsTheHostsKernelMakesThem) {
    int mode = -1;
    EXPECT_EQ(LeftOutCalls::make(SYS_get_mempolicy, {reinterpret_cast<std::uint64_t>(&mode)}), 0);
    EXPECT_GE(mode, 0);
    EXPECT_EQ(LeftOutCalls::make(SYS_set_mempolicy, {77}), -EINVAL);
}

TEST(LeftOutCalls, AreThoseOfWhichQemuSaysThatItDoesNotKnowThem) {
    EXPECT_TRUE(LeftOutCalls::contains(SYS_get_mempolicy, {}, -ENOSYS));
    EXPECT_FALSE(LeftOutCalls::contains(SYS_get_mempolicy, {}, -EINVAL));
    EXPECT_TRUE(LeftOutCalls::contains(SYS_mbind, {}, -ENOSYS));
    EXPECT_TRUE(LeftOutCalls::contains(SYS_move_pages, {}, -ENOSYS));
    EXPECT_FALSE(LeftOutCalls::contains(SYS_io_uring_setup, {}, -ENOSYS));
}

TEST(LeftOutCalls, IncludeAdviceOnWhichQemuDoesNotEnd) {
    const auto left_out = [](std::uint64_t advice, std::int64_t result = 0) {
        return LeftOutCalls::contains(SYS_madvise, {0, 4096, advice}, result);
    };
    EXPECT_TRUE(left_out(22)); // MADV_POPULATE_READ
    EXPECT_TRUE(left_out(23)); // MADV_POPULATE_WRITE
    EXPECT_TRUE(left_out(77));
    EXPECT_TRUE(left_out(10));           // MADV_DONTFORK
    EXPECT_TRUE(left_out(4));            // MADV_DONTNEED, which fails where a part is not mapped
    EXPECT_TRUE(left_out(8));            // MADV_FREE
    EXPECT_FALSE(left_out(12));          // MADV_MERGEABLE
    EXPECT_FALSE(left_out(22, -EINVAL)); // QEMU knows what is wrong
    const std::uint64_t nowhere = 1ULL << 46;
    EXPECT_EQ(LeftOutCalls::make(SYS_madvise, {nowhere, 4096, 22}), -ENOMEM);
    EXPECT_EQ(LeftOutCalls::make(SYS_madvise, {nowhere, 4096, 21}), -ENOMEM);
}

TEST(LeftOutCalls, MapSharedMemoryASecondTime) {
    constexpr std::uint64_t page = 4096, may_move = 1;
    void* const shared = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const auto first = reinterpret_cast<std::uint64_t>(shared);
    EXPECT_TRUE(LeftOutCalls::contains(SYS_mremap, {first, 0, page, may_move}, -ENOMEM));
    EXPECT_FALSE(LeftOutCalls::contains(SYS_mremap, {first, page, page, may_move}, -ENOMEM));
    const std::int64_t second = LeftOutCalls::make(SYS_mremap, {first, 0, page, may_move});
    ASSERT_GT(second, 0);
    auto* const again = reinterpret_cast<char*>(static_cast<std::uintptr_t>(second));
    static_cast<char*>(shared)[5] = 7;
    EXPECT_EQ(again[5], 7);
    munmap(shared, page);
    munmap(again, page);
}

TEST(LeftOutCalls, MoveWhatABufferHoldsThatIsPartlyMapped) {
    EXPECT_TRUE(LeftOutCalls::contains(SYS_read, {}, -EFAULT));
    EXPECT_TRUE(LeftOutCalls::contains(SYS_pwrite64, {}, -EFAULT));
    EXPECT_FALSE(LeftOutCalls::contains(SYS_read, {}, -EBADF));
    EXPECT_FALSE(LeftOutCalls::contains(SYS_stat, {}, -EFAULT));
    constexpr std::size_t page = 4096;
    auto* const pages = static_cast<char*>(
        mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    munmap(pages + page, page);
    const int zeroes = open("/dev/zero", O_RDONLY);
    EXPECT_EQ(LeftOutCalls::make(SYS_read, {static_cast<std::uint64_t>(zeroes),
                                            reinterpret_cast<std::uint64_t>(pages), 2 * page}),
              static_cast<std::int64_t>(page));
    close(zeroes);
    munmap(pages, page);
}

TEST(ReturnRegister, IsKnownByAResultThatNothingElseIs) {
    ReturnRegister rax;
    std::uint64_t word = address;
    rax.expect(address, {});
    EXPECT_TRUE(rax.arrive(word));
    rax.expect(0, {}); // what it finds may be there by chance
    word = 0;
    EXPECT_FALSE(rax.arrive(word));
    rax.expect(address, {});
    word = address + 1;
    EXPECT_FALSE(rax.arrive(word));
}

TEST(ReturnRegister, GetsTheOtherResultOnce) {
    ReturnRegister rax;
    std::uint64_t word = static_cast<std::uint64_t>(-ENOSYS);
    rax.expect(-ENOSYS, 0);
    (void)rax.arrive(word);
    EXPECT_EQ(word, 0U);
    word = static_cast<std::uint64_t>(-ENOSYS);
    (void)rax.arrive(word);
    EXPECT_EQ(word, static_cast<std::uint64_t>(-ENOSYS));
}

TEST(ReturnRegister, KeepsWhatIsNotTheResult) {
    ReturnRegister rax;
    std::uint64_t word = 7;
    rax.expect(-ENOSYS, 0);
    (void)rax.arrive(word);
    EXPECT_EQ(word, 7U);
}

} // namespace
} // namespace pagewalk::workloads
