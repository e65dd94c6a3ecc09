#include "app/local_executor.h"

#include "base/error.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <limits>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace pagewalk::app {

namespace {

/// What a job is taken to need until one has been measured, and what stays free for others.
constexpr std::uint64_t assumed_memory = 256ULL << 20;
constexpr std::uint64_t kept_free = 256ULL << 20;
/// How often what runs is looked at: less often where a look takes long, so that looking costs a hundredth of
/// the time.
constexpr std::chrono::nanoseconds shortest_watch = std::chrono::milliseconds(100),
                                   longest_watch = std::chrono::seconds(1);
constexpr auto grace = std::chrono::seconds(10);

/// A descriptor that is readable when the process has ended; -1 where the host has none.
int open_process(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

std::uint64_t resident_memory(pid_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/statm");
    std::uint64_t total = 0, resident = 0;
    in >> total >> resident;
    return in ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

/// Of a process and all below it: a live program's emulator is a child. What they share counts more than
/// once.
std::uint64_t memory_of_tree(pid_t pid, unsigned depth = 0) {
    constexpr unsigned deepest = 16;
    std::uint64_t bytes = resident_memory(pid);
    std::error_code gone;
    const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
    if (depth == deepest) return bytes;
    for (std::filesystem::directory_iterator task(tasks, gone), end; !gone && task != end;
         task.increment(gone)) {
        std::ifstream children(task->path() / "children");
        for (pid_t child = 0; children >> child;) bytes += memory_of_tree(child, depth + 1);
    }
    return bytes;
}

std::uint64_t read_number(const char* file, std::uint64_t otherwise) {
    std::ifstream in(file);
    std::uint64_t number = 0;
    return in >> number ? number : otherwise;
}

/// In the child: standard input is empty, output goes to the log. A process group of its own, so that the
/// terminal's Ctrl-C reaches the sweep alone, which then ends its points.
[[noreturn]] void become(const SweepJob& job, const std::vector<char*>& words, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    ::setpgid(0, 0);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGXFSZ}) std::signal(signal, SIG_DFL);
    const int null = ::open("/dev/null", O_RDONLY);
    const int log = ::open(job.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (null < 0 || log < 0) ::_exit(1);
    ::dup2(null, STDIN_FILENO);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    if (null > STDERR_FILENO) ::close(null);
    if (log > STDERR_FILENO) ::close(log);
    ::execv(words.front(), words.data());
    const std::string message =
        "pagewalk: cannot start " + job.words.front() + ": " + std::strerror(errno) + "\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, message.data(), message.size());
    ::_exit(1);
}

std::string told(int status) {
    if (WIFSIGNALED(status)) {
        const char* const name = ::sigabbrev_np(WTERMSIG(status));
        return "it died of " +
               (name == nullptr ? "signal " + std::to_string(WTERMSIG(status)) : "SIG" + std::string(name));
    }
    return "exit status " + std::to_string(WEXITSTATUS(status));
}

} // namespace

std::uint64_t available_memory() {
    constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t available = unknown;
    std::ifstream in("/proc/meminfo");
    for (std::string key; in >> key; in.ignore(std::numeric_limits<std::streamsize>::max(), '\n'))
        if (std::uint64_t kib = 0; key == "MemAvailable:" && in >> kib) available = kib << 10;
    const std::uint64_t most = read_number("/sys/fs/cgroup/memory.max", unknown);
    const std::uint64_t used = read_number("/sys/fs/cgroup/memory.current", 0);
    return std::min(available, most == unknown ? unknown : most - std::min(most, used));
}

unsigned usable_cpus() {
    cpu_set_t cpus;
    if (::sched_getaffinity(0, sizeof cpus, &cpus) != 0)
        return std::max(1U, std::thread::hardware_concurrency());
    return static_cast<unsigned>(std::max(1, CPU_COUNT(&cpus)));
}

LocalExecutor::~LocalExecutor() {
    for (const Running& running : m_running) {
        ::kill(running.pid, SIGKILL);
        while (::waitpid(running.pid, nullptr, 0) < 0 && errno == EINTR) {
        }
        ::close(running.end);
    }
}

void LocalExecutor::run(std::span<const SweepJob> jobs, const std::function<bool()>& stop, const Ended& ended,
                        const Watch& watch) {
    auto next = jobs.begin();
    Clock::time_point next_watch{};
    while (next != jobs.end() || !m_running.empty()) {
        const bool stopping = stop();
        if (stopping) next = jobs.end();
        while (next != jobs.end() && has_room()) start(*next++, ended);
        watch_over(stopping);
        reap(ended);
        if (const Clock::time_point begin = Clock::now(); begin >= next_watch) {
            for (Running& running : m_running)
                running.peak = std::max(running.peak, memory_of_tree(running.pid));
            watch(m_running.size());
            const Clock::time_point end = Clock::now();
            next_watch =
                end + std::clamp<Clock::duration>(100 * (end - begin), shortest_watch, longest_watch);
        }
        if (!m_running.empty() || next != jobs.end()) wait_until(next_watch);
    }
}

/// Ends early when a job does, or a signal comes.
void LocalExecutor::wait_until(Clock::time_point time) const {
    std::vector<pollfd> ends;
    for (const Running& running : m_running)
        ends.push_back({.fd = running.end, .events = POLLIN, .revents = 0});
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(time - Clock::now());
    ::poll(ends.data(), ends.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
}

/// Running ones will grow to what a job needs; the first of all is started whatever there is.
bool LocalExecutor::has_room() const {
    if (m_running.empty()) return true;
    if (m_running.size() >= m_limits.jobs) return false;
    const std::uint64_t needed = std::max(m_limits.memory_of_job, assumed_memory);
    std::uint64_t promised = needed + kept_free;
    for (const Running& running : m_running)
        promised += needed - std::min(needed, memory_of_tree(running.pid));
    return available_memory() >= promised;
}

void LocalExecutor::start(const SweepJob& job, const Ended& ended) {
    std::vector<char*> words;
    for (const std::string& word : job.words) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) become(job, words, parent);
    if (child < 0) {
        ended(job, {.outcome = PointOutcome::Failed,
                    .text = "cannot start a process: " + std::string(std::strerror(errno))});
        return;
    }
    m_running.push_back({.job = &job, .pid = child, .end = open_process(child), .start = Clock::now()});
}

void LocalExecutor::ask_to_end(Running& running, Asked why) const {
    if (running.asked != Asked::Nothing) return;
    running.asked = why;
    running.kill_at = Clock::now() + grace;
    ::kill(running.pid, SIGTERM);
}

void LocalExecutor::watch_over(bool stopping) {
    for (Running& running : m_running) {
        const Clock::time_point now = Clock::now();
        const bool is_late = m_limits.timeout.count() > 0 && now - running.start >= m_limits.timeout;
        if (stopping) ask_to_end(running, Asked::Stop);
        if (is_late) ask_to_end(running, Asked::Timeout);
        if (running.asked != Asked::Nothing && now >= running.kill_at) ::kill(running.pid, SIGKILL);
    }
}

void LocalExecutor::reap(const Ended& ended) {
    for (std::size_t i = 0; i < m_running.size();) {
        int status = 0;
        rusage used{};
        const Running running = m_running[i];
        if (::wait4(running.pid, &status, WNOHANG, &used) != running.pid) {
            ++i;
            continue;
        }
        m_running.erase(m_running.begin() + static_cast<std::ptrdiff_t>(i));
        ::close(running.end);
        PointEnd end{.seconds = std::chrono::duration<double>(Clock::now() - running.start).count(),
                     .peak_memory = std::max(running.peak, static_cast<std::uint64_t>(used.ru_maxrss) << 10)};
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            end.outcome = running.asked == Asked::Stop      ? PointOutcome::Stopped
                          : running.asked == Asked::Timeout ? PointOutcome::TimedOut
                                                            : PointOutcome::Failed;
            end.text = told(status);
        }
        m_limits.memory_of_job = std::max(m_limits.memory_of_job, end.peak_memory);
        ended(*running.job, end);
    }
}

} // namespace pagewalk::app
