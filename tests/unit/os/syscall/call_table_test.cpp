#include "os/syscall/call_table.h"

#include <map>
#include <string>
#include <string_view>
#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

// The numbers of the host's own headers, which are the kernel's: x86-64 numbers never change.
#define PAGEWALK_CALL(name)                                                                                  \
    { #name, SYS_##name }
const std::map<std::string_view, std::uint32_t> numbers{
    PAGEWALK_CALL(brk),         PAGEWALK_CALL(clone),   PAGEWALK_CALL(clone3),   PAGEWALK_CALL(close),
    PAGEWALK_CALL(close_range), PAGEWALK_CALL(creat),   PAGEWALK_CALL(dup),      PAGEWALK_CALL(dup2),
    PAGEWALK_CALL(dup3),        PAGEWALK_CALL(execve),  PAGEWALK_CALL(execveat), PAGEWALK_CALL(exit),
    PAGEWALK_CALL(exit_group),  PAGEWALK_CALL(fcntl),   PAGEWALK_CALL(fork),     PAGEWALK_CALL(ftruncate),
    PAGEWALK_CALL(futex),       PAGEWALK_CALL(lseek),   PAGEWALK_CALL(madvise),  PAGEWALK_CALL(memfd_create),
    PAGEWALK_CALL(mlock),       PAGEWALK_CALL(mlock2),  PAGEWALK_CALL(mmap),     PAGEWALK_CALL(mprotect),
    PAGEWALK_CALL(mremap),      PAGEWALK_CALL(munmap),  PAGEWALK_CALL(open),     PAGEWALK_CALL(openat),
    PAGEWALK_CALL(openat2),     PAGEWALK_CALL(pread64), PAGEWALK_CALL(pwrite64), PAGEWALK_CALL(read),
    PAGEWALK_CALL(sched_yield), PAGEWALK_CALL(shmat),   PAGEWALK_CALL(shmctl),   PAGEWALK_CALL(shmdt),
    PAGEWALK_CALL(shmget),      PAGEWALK_CALL(vfork),   PAGEWALK_CALL(wait4),    PAGEWALK_CALL(waitid),
    PAGEWALK_CALL(write),
};
#undef PAGEWALK_CALL

TEST(SystemCallTable, HasEveryCallAtTheKernelsNumber) {
    std::map<std::string_view, std::uint32_t> modelled;
    for (std::uint32_t number = 0; number < 1024; ++number)
        if (const CallRow* row = find_call(number)) {
            EXPECT_EQ(row->number, number);
            modelled[row->name] = number;
        }
    EXPECT_EQ(modelled, numbers);
}

TEST(SystemCallTable, HasAHandlerInEveryRow) {
    for (const auto& [name, number] : numbers) {
        const CallRow* row = find_call(number);
        ASSERT_NE(row, nullptr) << name;
        EXPECT_NE(row->handler, nullptr) << name;
    }
}

TEST(SystemCallTable, HasNoRowForWhatIsNotModelled) {
    EXPECT_EQ(find_call(SYS_getpid), nullptr);
    EXPECT_EQ(find_call(0xffffffff), nullptr);
}

} // namespace
} // namespace pagewalk::os
