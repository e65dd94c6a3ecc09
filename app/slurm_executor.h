#pragma once

#include "app/local_executor.h"
#include "app/sweep_config.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::app {

/// Runs jobs as a job array of Slurm. Its folder holds the commands (tasks.txt), the script (array.sh), the
/// array's numbers (arrays.txt) and how each task ended (N.end). It wants the folder and the program under
/// the same paths on the nodes; it needs no accounting database.
class SlurmExecutor {
public:
    using Ended = LocalExecutor::Ended;
    using Watch = LocalExecutor::Watch;

    /// limits.timeout counts where config.time gives none; limits.jobs of 0: as many at a time as the cluster
    /// has room for; memory is config's.
    SlurmExecutor(const SlurmConfig& config, std::filesystem::path folder, const ExecutorLimits& limits)
        : m_config(config), m_folder(std::move(folder)), m_limits(limits) {}

    /// As LocalExecutor::run. Arrays of an earlier time that are still there are cancelled first. Throws
    /// InputError where Slurm is missing or refuses the array, RunError where it stops answering.
    void run(std::span<const SweepJob> jobs, const std::function<bool()>& stop, const Ended& ended,
             const Watch& watch);

    /// The words of sbatch for an array of tasks `first` to `first + count - 1`.
    [[nodiscard]] std::vector<std::string> submission(std::size_t first, std::size_t count) const;

private:
    using Clock = std::chrono::steady_clock;

    void cancel_earlier() const;
    void write_tasks(std::span<const SweepJob> jobs) const;
    void submit(std::size_t count);
    [[nodiscard]] bool take_end(const SweepJob& job, std::size_t task, bool cancelled,
                                const Ended& ended) const;
    [[nodiscard]] std::map<std::size_t, std::string> states() const;
    void wait(std::span<const SweepJob> jobs, const std::function<bool()>& stop, const Ended& ended,
              const Watch& watch);
    void cancel() const;

    const SlurmConfig& m_config;
    std::filesystem::path m_folder;
    ExecutorLimits m_limits;

    struct Array {
        std::string number;
        std::size_t first = 0; ///< task of its index 0
    };
    std::vector<Array> m_arrays;
};

} // namespace pagewalk::app
