#include "workloads/qemu/exec_filter.h"

#include "base/error.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <memory>
#include <seccomp.h>
#include <set>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

namespace pagewalk::workloads {

namespace {

constexpr std::string_view remark_start = "qemu: uncaught target signal ";
constexpr std::string_view remark_end = " - core dumped\n";
/// Signals whose default action is a core dump: the others end the program without a remark.
constexpr std::array core_signals{SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGFPE,
                                  SIGSEGV, SIGBUS, SIGXCPU, SIGXFSZ, SIGSYS};

std::set<std::size_t> remark_lengths() {
    std::set<std::size_t> lengths;
    for (const int signal : core_signals) {
        const std::string text =
            std::to_string(signal) + " (" + (sigdescr_np(signal) != nullptr ? sigdescr_np(signal) : "") + ")";
        lengths.insert(remark_start.size() + text.size() + remark_end.size());
    }
    return lengths;
}

void check(int result, const char* what) {
    if (result < 0) throw RunError(std::string("seccomp filter: ") + what + ": " + std::strerror(-result));
}

struct FreeFilter {
    void operator()(void* context) const { seccomp_release(context); }
};

std::vector<sock_filter> exported(scmp_filter_ctx context) {
    const int fd = memfd_create("pagewalk-filter", MFD_CLOEXEC);
    if (fd < 0) throw RunError(std::string("memfd_create: ") + std::strerror(errno));
    const int result = seccomp_export_bpf(context, fd);
    const off_t bytes = lseek(fd, 0, SEEK_END);
    std::vector<sock_filter> filter(bytes > 0 ? static_cast<std::size_t>(bytes) / sizeof(sock_filter) : 0);
    const ssize_t got = pread(fd, filter.data(), filter.size() * sizeof(sock_filter), 0);
    close(fd);
    check(result, "export");
    if (got != bytes || filter.empty()) throw RunError("seccomp filter: it came out empty");
    return filter;
}

/// Nobody else sees who sends a SIGKILL.
void add_kills(scmp_filter_ctx context) {
    const auto trace = SCMP_ACT_TRACE(0);
    for (const int call : {SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(rt_sigqueueinfo)})
        check(seccomp_rule_add(context, trace, call, 1, SCMP_A1(SCMP_CMP_EQ, SIGKILL, 0)), "kill");
    for (const int call : {SCMP_SYS(tgkill), SCMP_SYS(rt_tgsigqueueinfo)})
        check(seccomp_rule_add(context, trace, call, 1, SCMP_A2(SCMP_CMP_EQ, SIGKILL, 0)), "tgkill");
}

void add_machine_calls(scmp_filter_ctx context) {
    const auto trace = SCMP_ACT_TRACE(0);
    for (const int call : {SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_setaffinity), SCMP_SYS(getcpu),
                           SCMP_SYS(sysinfo), SCMP_SYS(get_mempolicy), SCMP_SYS(set_mempolicy),
                           SCMP_SYS(openat), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
                           SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(statx)})
        check(seccomp_rule_add(context, trace, call, 0), "calls about the machine");
    // With the flag it is fstat: no name.
    check(seccomp_rule_add(context, trace, SCMP_SYS(newfstatat), 1,
                           SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0)),
          "newfstatat");
}

} // namespace

std::vector<sock_filter> exec_filter(ShownMachine machine) {
    const std::unique_ptr<void, FreeFilter> context(seccomp_init(SCMP_ACT_ALLOW));
    if (context == nullptr) throw RunError("seccomp filter: cannot be made");
    const auto trace = SCMP_ACT_TRACE(0);
    check(seccomp_rule_add(context.get(), trace, SCMP_SYS(execve), 0), "execve");
    check(seccomp_rule_add(context.get(), trace, SCMP_SYS(execveat), 0), "execveat");
    // It would fetch all of the emulator's memory, the rings and reservations of gigabytes included.
    check(seccomp_rule_add(context.get(), SCMP_ACT_ERRNO(0), SCMP_SYS(mlockall), 0), "mlockall");
    check(
        seccomp_rule_add(context.get(), trace, SCMP_SYS(setitimer), 1, SCMP_A0(SCMP_CMP_EQ, ITIMER_REAL, 0)),
        "setitimer");
    for (const std::size_t length : remark_lengths()) {
        check(seccomp_rule_add(context.get(), trace, SCMP_SYS(write), 2,
                               SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO, 0), SCMP_A2(SCMP_CMP_EQ, length, 0)),
              "write");
    }
    add_kills(context.get());
    if (machine == ShownMachine::Simulated) add_machine_calls(context.get());
    return exported(context.get());
}

bool install_filter(const std::vector<sock_filter>& filter) {
    const sock_fprog program{static_cast<unsigned short>(filter.size()),
                             const_cast<sock_filter*>(filter.data())};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool is_emulator_remark(const char* text, std::size_t bytes) {
    const std::string_view line(text, bytes);
    return line.starts_with(remark_start) && line.ends_with(remark_end);
}

} // namespace pagewalk::workloads
