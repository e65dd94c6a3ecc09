#pragma once

#include "app/sweep_journal.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <sys/types.h>
#include <vector>

namespace pagewalk::app {

/// A process to run: one point of a sweep.
struct SweepJob {
    std::size_t point = 0;          ///< of the plan
    std::vector<std::string> words; ///< program and its arguments
    std::filesystem::path log;      ///< takes its standard output and error
};

struct ExecutorLimits {
    unsigned jobs = 1;                       ///< processes at a time
    std::chrono::duration<double> timeout{}; ///< of one job; 0: none
    std::uint64_t memory_of_job = 0;         ///< bytes that one is known to need; 0: not known
};

/// Runs jobs as processes of this host, as many at a time as there are CPUs and memory for. They die with
/// this process.
class LocalExecutor {
public:
    using Ended = std::function<void(const SweepJob& job, const PointEnd& end)>;
    using Watch = std::function<void(std::size_t running)>;

    explicit LocalExecutor(const ExecutorLimits& limits) : m_limits(limits) {}
    /// Stops what still runs.
    ~LocalExecutor();
    LocalExecutor(const LocalExecutor&) = delete;
    LocalExecutor& operator=(const LocalExecutor&) = delete;

    /// Runs all, in order, until `stop` says so; `ended` hears of each, `watch` up to ten times a second.
    /// When stopped, what runs is asked to end, and killed if it does not within ten seconds.
    void run(std::span<const SweepJob> jobs, const std::function<bool()>& stop, const Ended& ended,
             const Watch& watch);

private:
    using Clock = std::chrono::steady_clock;
    enum class Asked : std::uint8_t { Nothing, Timeout, Stop };
    struct Running {
        const SweepJob* job;
        pid_t pid;
        int end; ///< a pidfd: readable when it has ended
        Clock::time_point start;
        Asked asked = Asked::Nothing;
        Clock::time_point kill_at;
        std::uint64_t peak = 0; ///< bytes, of its processes together, as far as it was seen
    };

    [[nodiscard]] bool has_room() const;
    void start(const SweepJob& job, const Ended& ended);
    void ask_to_end(Running& running, Asked why) const;
    void watch_over(bool stopping);
    void reap(const Ended& ended);
    void wait_until(Clock::time_point time) const;

    ExecutorLimits m_limits;
    std::vector<Running> m_running;
};

/// Bytes of memory that processes may still take: MemAvailable of /proc/meminfo, less where the process's
/// cgroup has less left. The largest number where neither is known.
[[nodiscard]] std::uint64_t available_memory();

/// CPUs that this process may run on.
[[nodiscard]] unsigned usable_cpus();

} // namespace pagewalk::app
