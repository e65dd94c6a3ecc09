#include "workloads/qemu/plugin/call_memory.h"

#include <cstring>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

std::uint64_t address_of(const void* memory) { return reinterpret_cast<std::uint64_t>(memory); }

struct CallMemoryTest : testing::Test {
    CallMemory memory;
    std::array<char, 16> bytes{};

    void read(std::uint64_t number, const CallArguments& arguments) {
        memory.read(getpid(), number, arguments);
    }
    [[nodiscard]] std::vector<std::size_t> lengths() const {
        std::vector<std::size_t> result;
        for (const iovec& segment : memory.segments()) result.push_back(segment.iov_len);
        return result;
    }
};

TEST_F(CallMemoryTest, HasTheFirstFileName) {
    read(SYS_openat, {0, address_of("/tmp/file")});
    EXPECT_EQ(memory.path(), "/tmp/file");
    read(SYS_rename, {address_of("from"), address_of("to")});
    EXPECT_EQ(memory.path(), "from");
    read(SYS_getpid, {address_of("from")});
    EXPECT_EQ(memory.path(), "");
}

TEST_F(CallMemoryTest, HasANameThatGoesOnInTheNextPage) {
    auto* const pages =
        static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    std::memcpy(pages + 4094, "name", 5);
    read(SYS_stat, {address_of(pages + 4094)});
    EXPECT_EQ(memory.path(), "name");
    munmap(pages, 8192);
}

TEST_F(CallMemoryTest, HasNodesAndThePagesThatAreToMoveThere) {
    const std::array<std::uint64_t, 2> from{0b01, 0}, to{0b10, 0};
    read(SYS_migrate_pages, {0, 65, address_of(from.data()), address_of(to.data())});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{0b01, 0b10}));
    read(SYS_mbind, {0, 4096, 2, address_of(to.data()), 65, 0});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{0b10}));
    const std::array<std::uint64_t, 2> pages{0x1000, 0x5000};
    const std::array<std::int32_t, 2> nodes{1, -1};
    read(SYS_move_pages, {0, 2, address_of(pages.data()), address_of(nodes.data()), 0, 0});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{1, 0xffffffff}));
    EXPECT_EQ(memory.segments()[1].iov_base, reinterpret_cast<void*>(0x5000));
    read(SYS_move_pages, {0, 2, address_of(pages.data()), 0, 0, 0}); // asks
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{0, 0}));
    read(SYS_move_pages, {0, 2, 8, 0, 0, 0});
    EXPECT_TRUE(memory.segments().empty());
}

TEST_F(CallMemoryTest, HasNothingOfBadPointers) {
    read(SYS_open, {8});
    EXPECT_EQ(memory.path(), "");
    read(SYS_readv, {0, 8, 2});
    EXPECT_TRUE(memory.segments().empty());
}

TEST_F(CallMemoryTest, HasTheWordsAndTheEnvironmentOfAnExecve) {
    const std::array<char, 9> words{'a', 0, 'b', 'c', 0, 0, 'X', '=', 0}; // argv's two, and envp's one
    const std::array<const char*, 3> argv{&words[0], &words[2], nullptr};
    const std::array<const char*, 2> envp{&words[6], nullptr};
    read(SYS_execve, {address_of("/bin/program"), address_of(argv.data()), address_of(envp.data())});
    EXPECT_EQ(memory.path(), "/bin/program");
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{5, 16, 3, 8}));
    EXPECT_EQ(memory.segments()[0].iov_base, &words[0]);
    EXPECT_EQ(memory.segments()[1].iov_base, argv.data());
}

TEST_F(CallMemoryTest, HasNoWordsThatAreNotThere) {
    const std::array<std::uint64_t, 2> argv{8, 0};
    read(SYS_execve, {address_of("/bin/program"), address_of(argv.data()), 8});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{8})); // the pointer
}

TEST_F(CallMemoryTest, HasWhatIovecsPointTo) {
    const std::array<iovec, 2> vector{iovec{bytes.data(), 3}, iovec{bytes.data() + 8, 5}};
    read(SYS_writev, {1, address_of(vector.data()), 2});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{3, 5}));
    EXPECT_EQ(memory.segments()[1].iov_base, bytes.data() + 8);
    read(SYS_writev, {1, address_of(vector.data()), 1});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{3}));
}

TEST_F(CallMemoryTest, HasTheIovecsOfAllMessages) {
    std::array<iovec, 3> vector{iovec{bytes.data(), 1}, iovec{bytes.data(), 2}, iovec{bytes.data(), 3}};
    std::array<mmsghdr, 2> messages{};
    messages[0].msg_hdr.msg_iov = vector.data();
    messages[0].msg_hdr.msg_iovlen = 2;
    messages[1].msg_hdr.msg_iov = &vector[2];
    messages[1].msg_hdr.msg_iovlen = 1;
    read(SYS_sendmsg, {3, address_of(messages.data())});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{1, 2}));
    read(SYS_sendmmsg, {3, address_of(messages.data()), 2});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{1, 2, 3}));
}

TEST_F(CallMemoryTest, HasTheDescriptorsThatACallWrote) {
    const std::array<std::int32_t, 2> pair{3, 4};
    EXPECT_EQ(descriptors_argument(SYS_pipe2, {address_of(pair.data())}), address_of(pair.data()));
    EXPECT_EQ(descriptors_argument(SYS_socketpair, {1, 1, 0, 77}), 77U);
    EXPECT_EQ(descriptors_argument(SYS_read, {3, 8}), 0U);
    read(SYS_pipe, {address_of(pair.data())});
    EXPECT_EQ(memory.read_descriptors(address_of(pair.data())), 0x4'0000'0003U);
}

TEST_F(CallMemoryTest, HasTheTimeToWaitInNanoseconds) {
    const timespec time{2, 5};
    read(SYS_nanosleep, {address_of(&time)});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{2'000'000'005}));
    EXPECT_EQ(memory.segments()[0].iov_base, &time);
    const timeval coarse{1, 7};
    read(SYS_select, {0, 0, 0, 0, address_of(&coarse)});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{1'000'007'000}));
    read(SYS_futex, {address_of(bytes.data()), FUTEX_WAIT, 0, 0});
    EXPECT_TRUE(memory.segments().empty()) << "for ever";
}

TEST_F(CallMemoryTest, TakesAPointInTimeForTheTimeLeftUntilThen) {
    timespec point{};
    clock_gettime(CLOCK_MONOTONIC, &point);
    point.tv_sec += 1000;
    read(SYS_clock_nanosleep, {CLOCK_MONOTONIC, TIMER_ABSTIME, address_of(&point)});
    ASSERT_EQ(lengths().size(), 1);
    EXPECT_GT(lengths()[0], 900'000'000'000U);
    EXPECT_LE(lengths()[0], 1'000'000'000'000U);
    point.tv_sec -= 2000;
    read(SYS_futex, {address_of(bytes.data()), FUTEX_WAIT_BITSET, 0, address_of(&point)});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{0})) << "it has passed";
}

TEST_F(CallMemoryTest, PointsInTimeCountFromWhenTheProgramReadTheClock) {
    timespec reading{};
    read(SYS_clock_gettime, {CLOCK_MONOTONIC, address_of(&reading)});
    reading = {100, 0};
    memory.note_return(0);
    timespec point{103, 0};
    read(SYS_clock_nanosleep, {CLOCK_MONOTONIC, TIMER_ABSTIME, address_of(&point)});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{3'000'000'000}));
    point.tv_sec = 105;
    read(SYS_clock_nanosleep, {CLOCK_MONOTONIC, TIMER_ABSTIME, address_of(&point)});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{2'000'000'000})) << "from the point before";
}

TEST_F(CallMemoryTest, HasTheCpusOfAnAffinity) {
    const std::array<std::uint64_t, 2> mask{0b1010, 1};
    read(SYS_sched_setaffinity, {0, sizeof mask, address_of(mask.data())});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{0b1010}));
    read(SYS_sched_setaffinity, {0, 1, address_of(mask.data())});
    EXPECT_EQ(lengths(), (std::vector<std::size_t>{0b1010}));
}

} // namespace
} // namespace pagewalk::workloads
