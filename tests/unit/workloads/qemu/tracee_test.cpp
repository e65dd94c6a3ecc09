#include "workloads/qemu/exec_call.h"
#include "workloads/qemu/tracee.h"

#include <array>
#include <csignal>
#include <cstring>
#include <string>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

/// A stopped copy of this process: its memory is at the same addresses.
class StoppedCopy {
public:
    StoppedCopy() : m_pid(fork()) {
        if (m_pid == 0) {
            ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            raise(SIGSTOP);
            _exit(0);
        }
        waitpid(m_pid, nullptr, 0);
    }
    ~StoppedCopy() {
        kill(m_pid, SIGKILL);
        waitpid(m_pid, nullptr, 0);
    }
    StoppedCopy(const StoppedCopy&) = delete;
    StoppedCopy& operator=(const StoppedCopy&) = delete;

    [[nodiscard]] pid_t pid() const { return m_pid; }

private:
    pid_t m_pid;
};

std::uint64_t address(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

TEST(Tracee, ReadsTextsUpToTheEndOfMemory) {
    void* const pages = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(pages, MAP_FAILED);
    char* const last = static_cast<char*>(pages) + 4096 - 4;
    std::strcpy(last, "end"); // the null is the page's last byte
    munmap(static_cast<char*>(pages) + 4096, 4096);
    const StoppedCopy copy;
    const Tracee tracee(copy.pid());
    EXPECT_EQ(tracee.text(address(last), 100), "end");
    EXPECT_EQ(tracee.text(address(last), 2), std::nullopt);
    EXPECT_EQ(tracee.text(address(pages) + 4096, 100), std::nullopt);
    munmap(pages, 4096);
}

TEST(Tracee, ReadsPointersUpToTheNull) {
    const char* const words[] = {"a", "b", nullptr};
    const StoppedCopy copy;
    const Tracee tracee(copy.pid());
    const auto pointers = tracee.pointers(address(words));
    ASSERT_TRUE(pointers.has_value());
    EXPECT_THAT(*pointers, testing::ElementsAre(address(words[0]), address(words[1])));
    EXPECT_TRUE(tracee.pointers(0)->empty());
    EXPECT_EQ(tracee.pointers(8), std::nullopt);
}

TEST(Tracee, WritesBelowTheStackPointerAndItsRedZone) {
    const StoppedCopy copy;
    const Tracee tracee(copy.pid());
    const auto registers = tracee.registers();
    ASSERT_TRUE(registers.has_value());
    BelowStack stack(registers->rsp);
    const std::uint64_t text = stack.add("written");
    const std::uint64_t array = stack.add(std::vector<std::uint64_t>{text});
    EXPECT_LE(text + 8, registers->rsp - 128);
    EXPECT_EQ(array % 16, 0);
    ASSERT_TRUE(stack.write_to(tracee));
    EXPECT_EQ(tracee.text(text, 100), "written");
    EXPECT_THAT(*tracee.pointers(array), testing::ElementsAre(text));
}

TEST(Tracee, PutsWordsInFrontOfAnExecve) {
    const char* const words[] = {"old", "kept", nullptr};
    const StoppedCopy copy;
    const Tracee tracee(copy.pid());
    const std::array tail{address(words[1])};
    ASSERT_TRUE(replace_exec(tracee, "/bin/emulator", {"emulator", "-0", "old"}, tail, 42));
    const auto registers = tracee.registers();
    EXPECT_EQ(tracee.text(registers->rdi, 100), "/bin/emulator");
    const auto argv = tracee.pointers(registers->rsi);
    ASSERT_EQ(argv->size(), 4);
    EXPECT_EQ(tracee.text((*argv)[2], 100), "old");
    EXPECT_EQ((*argv)[3], tail[0]);
    EXPECT_EQ(registers->rdx, 42);
}

} // namespace
} // namespace pagewalk::workloads
