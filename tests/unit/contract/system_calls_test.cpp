#include "contract/system_calls.h"

#include <fstream>
#include <map>
#include <string>
#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk {
namespace {

/// The calls of the host's kernel headers up to Linux 6.1's last: numbers never change.
std::map<std::uint64_t, std::string> calls_of_the_headers() {
    std::map<std::uint64_t, std::string> calls;
    std::ifstream header("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"); // Debian's place of it
    const std::string prefix = "__NR_";
    for (std::string define, name, number; header >> define;) {
        if (define != "#define" || !(header >> name) || !name.starts_with(prefix)) continue;
        header >> number;
        if (std::stoull(number) <= SYS_set_mempolicy_home_node)
            calls[std::stoull(number)] = name.substr(prefix.size());
    }
    return calls;
}

TEST(SystemCalls, HaveTheNumbersAndNamesOfTheHeaders) {
    std::map<std::uint64_t, std::string> calls;
    for (const SystemCall& call : system_calls) calls[call.number] = call.name;
    EXPECT_EQ(calls, calls_of_the_headers());
}

TEST(SystemCalls, AreFoundByNumber) {
    for (const std::uint64_t number :
         {SYS_read, SYS_rseq, SYS_pidfd_send_signal, SYS_set_mempolicy_home_node}) {
        const SystemCall* const call = find_system_call(number);
        ASSERT_NE(call, nullptr);
        EXPECT_EQ(call->number, number);
    }
    for (const std::uint64_t number : {335ULL, 423ULL, 451ULL, ~0ULL})
        EXPECT_EQ(find_system_call(number), nullptr);
}

TEST(SystemCalls, NameBuffersByArgumentsThatTheyHave) {
    for (const SystemCall& call : system_calls) {
        bool ended = false;
        for (const UserBuffer& buffer : call.buffers) {
            if (buffer.use == UserBuffer::Use::None) {
                ended = true;
                continue;
            }
            EXPECT_FALSE(ended) << call.name;
            EXPECT_LT(buffer.argument, 6U) << call.name;
            EXPECT_LT(buffer.by, 6U) << call.name;
            const bool sized = buffer.length == UserBuffer::Length::Fixed ||
                               buffer.length == UserBuffer::Length::Counted ||
                               buffer.length == UserBuffer::Length::Result;
            EXPECT_EQ(sized && buffer.unit == 0, false) << call.name;
        }
    }
}

TEST(SystemCalls, TellWhatMattersToOtherThreads) {
    EXPECT_EQ(traits_of_call(SYS_futex).order, CallOrder::Ordered);
    EXPECT_EQ(traits_of_call(SYS_readv).order, CallOrder::OrderedOnPipe);
    EXPECT_EQ(traits_of_call(SYS_pread64).order, CallOrder::Unordered);
    EXPECT_EQ(traits_of_call(SYS_nanosleep).blocking, CallBlocking::Sleeps);
    EXPECT_TRUE(changes_space(SYS_mremap));
    EXPECT_FALSE(changes_space(SYS_mlock));
    EXPECT_TRUE(creates_task(SYS_clone3));
    EXPECT_TRUE(executes_image(SYS_execveat));
    EXPECT_TRUE(never_returns(SYS_exit_group));
    EXPECT_FALSE(never_returns(1000));
}

TEST(SystemCalls, KnowTheirFirstFileName) {
    EXPECT_EQ(path_buffer(*find_system_call(SYS_openat)).argument, 1U);
    EXPECT_EQ(path_buffer(*find_system_call(SYS_rename)).argument, 0U);
    EXPECT_EQ(path_buffer(*find_system_call(SYS_read)).use, UserBuffer::Use::None);
}

} // namespace
} // namespace pagewalk
