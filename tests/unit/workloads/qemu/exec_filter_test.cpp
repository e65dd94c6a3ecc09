#include "workloads/qemu/exec_filter.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

/// How often a traced child stops for its tracer while it does this.
template <class Action>
int stops_of(Action action, ShownMachine machine = ShownMachine::Host) {
    const std::vector<sock_filter> filter = exec_filter(machine);
    const pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        if (!install_filter(filter)) _exit(1);
        action();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
    int stops = 0;
    ptrace(PTRACE_CONT, child, nullptr, nullptr);
    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        stops += status >> 16 == PTRACE_EVENT_SECCOMP ? 1 : 0;
        ptrace(PTRACE_CONT, child, nullptr, nullptr);
    }
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return stops;
}

TEST(ExecFilter, StopsForExecveAndForNothingElse) {
    EXPECT_EQ(stops_of([] {
                  std::array<char*, 1> none{};
                  execve("/no/such/file", none.data(), none.data());
                  execveat(-1, "", none.data(), none.data(), 0);
              }),
              2);
    EXPECT_EQ(stops_of([] {
                  for (int i = 0; i < 100; ++i) static_cast<void>(getppid());
                  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, "", 0);
              }),
              0);
}

TEST(ExecFilter, StopsForKillsAndForNoOtherSignal) {
    EXPECT_EQ(stops_of([] {
                  kill(1 << 30, SIGKILL);
                  syscall(SYS_tgkill, 1 << 30, 1 << 30, SIGKILL);
                  kill(1 << 30, SIGTERM);
                  kill(getpid(), 0);
              }),
              2);
}

TEST(ExecFilter, StopsForTheEmulatorsRemarkOnStderr) {
    EXPECT_EQ(stops_of([] {
                  const std::string remark =
                      "qemu: uncaught target signal 11 (Segmentation fault) - core dumped\n";
                  close(STDERR_FILENO); // nobody need see it
                  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, remark.data(), remark.size());
              }),
              1);
}

TEST(ExecFilter, StopsForWhatTellsOfTheMachineWhereTheProgramSeesAnother) {
    const auto look = [] {
        struct stat facts {};
        struct sysinfo memory {};
        cpu_set_t cpus;
        static_cast<void>(open("/no/such/file", O_RDONLY));
        static_cast<void>(access("/no/such/file", R_OK));
        static_cast<void>(stat("/no/such/file", &facts));
        static_cast<void>(fstat(0, &facts)); // names nothing
        static_cast<void>(sysinfo(&memory));
        static_cast<void>(sched_getaffinity(0, sizeof cpus, &cpus));
    };
    EXPECT_EQ(stops_of(look), 0);
    EXPECT_EQ(stops_of(look, ShownMachine::Simulated), 5);
}

TEST(ExecFilter, LetsMlockallFetchNothing) {
    EXPECT_EQ(stops_of([] {
                  constexpr std::size_t bytes = 1 << 20;
                  void* const memory =
                      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                  unsigned char resident = 0;
                  if (mlockall(MCL_CURRENT) != 0) _exit(2);
                  if (mincore(memory, 1, &resident) != 0 || (resident & 1) != 0) _exit(3);
              }),
              0);
}

TEST(ExecFilter, KnowsTheEmulatorsRemark) {
    const std::string remark = "qemu: uncaught target signal 6 (Aborted) - core dumped\n";
    EXPECT_TRUE(is_emulator_remark(remark.data(), remark.size()));
    const std::string own(remark.size(), 'x');
    EXPECT_FALSE(is_emulator_remark(own.data(), own.size()));
}

} // namespace
} // namespace pagewalk::workloads
