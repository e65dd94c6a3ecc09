#include "workloads/qemu/guest_process.h"

#include "base/error.h"

#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace pagewalk::workloads {

namespace {

enum class SpawnStep : int { None, Directory, Stdin, Stdout, Stderr, Exec, Fork };

struct SpawnError {
    SpawnStep step = SpawnStep::None;
    int error = 0;
};

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

bool redirect(const std::string& file, int flags, int target) {
    if (file.empty()) return true;
    const int fd = open(file.c_str(), flags, 0666);
    return fd >= 0 && dup2(fd, target) == target && (fd == target || close(fd) == 0);
}

/// Runs between fork and exec: system calls only.
SpawnStep prepare(const ProcessSetup& setup, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(128 + SIGKILL); // died before the prctl
    if (!setup.working_directory.empty() && chdir(setup.working_directory.c_str()) != 0)
        return SpawnStep::Directory;
    if (!redirect(setup.stdin_file, O_RDONLY, STDIN_FILENO)) return SpawnStep::Stdin;
    if (!redirect(setup.stdout_file, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO)) return SpawnStep::Stdout;
    if (!redirect(setup.stderr_file, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO)) return SpawnStep::Stderr;
    if (setup.stderr_descriptor >= 0 && dup2(setup.stderr_descriptor, STDERR_FILENO) < 0)
        return SpawnStep::Stderr;
    for (const int fd : setup.inherited) fcntl(fd, F_SETFD, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    return SpawnStep::None;
}

pid_t spawn(const ProcessSetup& setup, SpawnError& error) {
    const std::vector<char*> argv = pointers_to(setup.argv);
    const std::vector<char*> environment =
        pointers_to(setup.environment.value_or(std::vector<std::string>()));
    std::array<int, 2> report{};
    if (pipe2(report.data(), O_CLOEXEC) != 0) {
        error = {SpawnStep::Fork, errno};
        return -1;
    }
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        SpawnError failure{prepare(setup, parent), errno};
        if (failure.step == SpawnStep::None) {
            execve(setup.path.c_str(), argv.data(), setup.environment ? environment.data() : environ);
            failure = {SpawnStep::Exec, errno};
        }
        [[maybe_unused]] const ssize_t told = write(report[1], &failure, sizeof failure);
        _exit(127);
    }
    if (pid < 0) error = {SpawnStep::Fork, errno};
    close(report[1]);
    if (pid > 0 && read(report[0], &error, sizeof error) == sizeof error) waitpid(pid, nullptr, 0);
    close(report[0]);
    return pid;
}

[[noreturn]] void throw_spawn(const ProcessSetup& setup, SpawnError failure) {
    const std::string why = std::string(": ") + std::strerror(failure.error);
    switch (failure.step) {
    case SpawnStep::Directory:
        throw InputError("working directory " + setup.working_directory + why);
    case SpawnStep::Stdin:
        throw InputError("program's standard input " + setup.stdin_file + why);
    case SpawnStep::Stdout:
        throw InputError("program's standard output " + setup.stdout_file + why);
    case SpawnStep::Stderr:
        throw InputError("program's standard error " + setup.stderr_file + why);
    default:
        throw RunError("starting " + setup.path + why);
    }
}

} // namespace

struct GuestProcess::Shared {
    mutable std::mutex mutex;
    mutable std::condition_variable changed;
    pid_t pid = 0;
    SpawnError error;
    bool started = false;
    bool reaped = false;
    int status = 0;
    std::thread keeper;

    void keep(const ProcessSetup& setup) {
        SpawnError failure;
        const pid_t child = spawn(setup, failure);
        {
            const std::lock_guard lock(mutex);
            pid = child;
            error = failure;
            started = true;
            changed.notify_all();
            if (failure.step != SpawnStep::None) return;
        }
        // Leave it a zombie until the lock is held, so that its pid cannot be another's when the destructor
        // kills.
        siginfo_t info{};
        while (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
        }
        const std::lock_guard lock(mutex);
        int raw = 0;
        waitpid(child, &raw, 0);
        status = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
        reaped = true;
        changed.notify_all();
    }
};

GuestProcess::GuestProcess(const ProcessSetup& setup) : m_shared(std::make_unique<Shared>()) {
    Shared& shared = *m_shared;
    shared.keeper = std::thread([&shared, setup] { shared.keep(setup); });
    std::unique_lock lock(shared.mutex);
    shared.changed.wait(lock, [&] { return shared.started; });
    if (shared.error.step == SpawnStep::None) return;
    lock.unlock();
    shared.keeper.join();
    throw_spawn(setup, shared.error);
}

GuestProcess::~GuestProcess() {
    {
        const std::lock_guard lock(m_shared->mutex);
        if (!m_shared->reaped) kill(m_shared->pid, SIGKILL);
    }
    m_shared->keeper.join();
}

pid_t GuestProcess::pid() const { return m_shared->pid; }

std::optional<int> GuestProcess::status() const {
    const std::lock_guard lock(m_shared->mutex);
    if (!m_shared->reaped) return std::nullopt;
    return m_shared->status;
}

int GuestProcess::wait() const {
    std::unique_lock lock(m_shared->mutex);
    m_shared->changed.wait(lock, [&] { return m_shared->reaped; });
    return m_shared->status;
}

} // namespace pagewalk::workloads
