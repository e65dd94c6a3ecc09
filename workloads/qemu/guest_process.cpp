#include "workloads/qemu/guest_process.h"

#include "base/error.h"
#include "workloads/qemu/exec_filter.h"
#include "workloads/qemu/supervisor.h"

#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace pagewalk::workloads {

namespace {

enum class SpawnStep : int { None, Directory, Stdin, Stdout, Stderr, Supervision, Exec, Fork };

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

// Who stands between the program and the host goes first, so that nobody runs because another one is stopped.
constexpr int supervisors_priority = 33, programs_priority = 32;

/// Nothing is lost where the host refuses: the order of processes then depends on its load.
void take_turns_on_one_cpu(int priority) {
    cpu_set_t allowed, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    for (std::size_t cpu = CPU_SETSIZE; cpu-- > 0 && CPU_COUNT(&one) == 0;)
        if (CPU_ISSET(cpu, &allowed)) CPU_SET(cpu, &one);
    (void)sched_setaffinity(0, sizeof one, &one);
    const sched_param turn{priority};
    (void)sched_setscheduler(0, SCHED_RR, &turn); // others do not interrupt a turn
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
    if (setup.cpus == HostCpus::One) take_turns_on_one_cpu(programs_priority);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    return SpawnStep::None;
}

/// A child on its way to its program.
struct Spawned {
    pid_t pid = -1;
    int report = -1; ///< ends when the program starts; else a SpawnError comes
    int gate = -1;   ///< a supervised child waits here until it is attached
};

Spawned begin_spawn(const ProcessSetup& setup, const Supervisor* supervisor) {
    const std::vector<char*> argv = pointers_to(setup.argv);
    const std::vector<char*> environment =
        pointers_to(setup.environment.value_or(std::vector<std::string>()));
    std::array<int, 2> report{}, gate{};
    if (pipe2(report.data(), O_CLOEXEC) != 0) return {};
    if (pipe2(gate.data(), O_CLOEXEC) != 0) return {};
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        close(gate[1]);
        SpawnError failure{prepare(setup, parent), errno};
        char open = 0;
        if (failure.step == SpawnStep::None && supervisor != nullptr &&
            (read(gate[0], &open, 1) != 1 || !install_filter(supervisor->filter())))
            failure = {SpawnStep::Supervision, errno};
        if (failure.step == SpawnStep::None) {
            execve(setup.path.c_str(), argv.data(), setup.environment ? environment.data() : environ);
            failure = {SpawnStep::Exec, errno};
        }
        [[maybe_unused]] const ssize_t told = write(report[1], &failure, sizeof failure);
        _exit(127);
    }
    close(report[1]);
    close(gate[0]);
    return {pid, report[0], gate[1]};
}

/// How the start went, once the program runs or the child has given up.
SpawnError end_spawn(const Spawned& spawned) {
    SpawnError error;
    if (spawned.pid < 0) error = {SpawnStep::Fork, errno};
    if (spawned.pid > 0) [[maybe_unused]]
        const ssize_t got = read(spawned.report, &error, sizeof error);
    if (spawned.report >= 0) close(spawned.report);
    return error;
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
    case SpawnStep::Supervision:
        throw RunError("supervising " + setup.path + why);
    default:
        throw RunError("starting " + setup.path + why);
    }
}

int shell_status(const ProcessEnd& end) {
    return end.kind == ProcessEnd::Kind::Killed ? 128 + end.value : end.value;
}

} // namespace

struct GuestProcess::Shared {
    mutable std::mutex mutex;
    mutable std::condition_variable changed;
    pid_t pid = 0;
    SpawnError error;
    bool started = false;
    bool reaped = false;
    ProcessEnd end;
    Supervisor* supervisor = nullptr;
    std::thread keeper;

    void keep(const ProcessSetup& setup) {
        if (setup.cpus == HostCpus::One) take_turns_on_one_cpu(supervisors_priority);
        const Spawned spawned = begin_spawn(setup, supervisor);
        if (supervisor != nullptr && spawned.pid > 0) {
            supervise(spawned);
            return;
        }
        if (spawned.gate >= 0) close(spawned.gate);
        const SpawnError failure = end_spawn(spawned);
        note_start(spawned.pid, failure);
        if (spawned.pid < 0) return;
        // Leave it a zombie until the lock is held, so that its pid cannot be another's when the destructor
        // kills.
        siginfo_t info{};
        while (waitid(P_PID, static_cast<id_t>(spawned.pid), &info, WEXITED | WNOWAIT) != 0 &&
               errno == EINTR) {
        }
        const std::lock_guard lock(mutex);
        int raw = 0;
        waitpid(spawned.pid, &raw, 0);
        note_end(raw);
    }

    void supervise(const Spawned& spawned) {
        const bool attached = supervisor->attach(spawned.pid);
        const int error = errno;
        if (attached) [[maybe_unused]]
            const ssize_t opened = write(spawned.gate, "", 1);
        close(spawned.gate); // one that could not be attached gives up here, unless it had before
        if (!attached) {
            const SpawnError failure = end_spawn(spawned);
            waitpid(spawned.pid, nullptr, 0);
            const bool by_itself = failure.step != SpawnStep::None && failure.step != SpawnStep::Supervision;
            note_start(spawned.pid, by_itself ? failure : SpawnError{SpawnStep::Supervision, error});
            return;
        }
        bool running = false;
        const auto start = [&] {
            running = true;
            note_start(spawned.pid, end_spawn(spawned));
        };
        const auto end = [&](int raw) {
            if (!running) start();
            const std::lock_guard lock(mutex);
            note_end(raw);
        };
        supervisor->run({start, end});
    }

    void note_start(pid_t child, SpawnError failure) {
        const std::lock_guard lock(mutex);
        pid = child;
        error = failure;
        started = true;
        changed.notify_all();
    }

    /// With the lock held.
    void note_end(int raw) {
        end = WIFSIGNALED(raw) ? ProcessEnd{.kind = ProcessEnd::Kind::Killed, .value = WTERMSIG(raw)}
                               : ProcessEnd{.kind = ProcessEnd::Kind::Exited, .value = WEXITSTATUS(raw)};
        reaped = true;
        changed.notify_all();
    }
};

GuestProcess::GuestProcess(const ProcessSetup& setup, Supervisor* supervisor)
    : m_shared(std::make_unique<Shared>()) {
    Shared& shared = *m_shared;
    shared.supervisor = supervisor;
    shared.keeper = std::thread([&shared, setup] { shared.keep(setup); });
    std::unique_lock lock(shared.mutex);
    shared.changed.wait(lock, [&] { return shared.started; });
    if (shared.error.step == SpawnStep::None) return;
    lock.unlock();
    shared.keeper.join();
    throw_spawn(setup, shared.error);
}

GuestProcess::~GuestProcess() {
    if (m_shared->supervisor != nullptr) m_shared->supervisor->kill_all();
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
    return shell_status(m_shared->end);
}

ProcessEnd GuestProcess::end() const {
    const std::lock_guard lock(m_shared->mutex);
    return m_shared->end;
}

int GuestProcess::wait() const {
    std::unique_lock lock(m_shared->mutex);
    m_shared->changed.wait(lock, [&] { return m_shared->reaped; });
    return shell_status(m_shared->end);
}

} // namespace pagewalk::workloads
