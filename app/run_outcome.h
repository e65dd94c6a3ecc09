#pragma once

#include "app/simulation.h"
#include "contract/process_record.h"
#include "os/path/kernel_events.h"
#include "results/run_state.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::app {

/// What is known at a run's end.
struct RunEnd {
    Simulation::End simulation = Simulation::End::None;
    std::span<const os::KillRecord> kills;    ///< by the simulated kernel
    std::span<const ProcessRecord> processes; ///< the program's, the first one first
    std::string missing;                      ///< what the streams lack of the program; Workload::missing()
    bool is_measuring = true;                 ///< false: the warm-up never ended
    Simulation::Region region{};
};

/// How a run ended, for its results file and for whoever started it.
struct RunOutcome {
    results::RunStatus status = results::RunStatus::Complete;
    std::string text;               ///< the status in words
    std::optional<int> exit_status; ///< the program's own
    std::string died_of;            ///< name of the signal that ended the program; empty when none did
    std::string region;             ///< of the summary's keys; empty: the run has none
    std::string killed_by; ///< "program", "signal" or "simulated kernel: " with SIGSEGV, SIGBUS or OOM

    /// Of Pagewalk: 0 where the run is what its user asked for.
    [[nodiscard]] int exit_code() const;
    [[nodiscard]] std::vector<results::SummaryValue> summary() const;
};

/// What a kill by the simulated kernel is called.
struct KernelKill {
    const char* died_of;
    const char* killed_by;
};
[[nodiscard]] KernelKill kernel_kill(os::KillReason reason);

[[nodiscard]] RunOutcome outcome_of(const RunEnd& end);

/// Of one of the programs that ran side by side.
struct ProgramOutcome {
    std::uint64_t number = 0;
    RunOutcome outcome;
};
/// How a run of several ended: it is what the first of them is that died or is incomplete.
[[nodiscard]] RunOutcome outcome_of(const RunEnd& end, std::span<const ProgramOutcome> programs);

/// "SIGSEGV" for 11.
[[nodiscard]] std::string signal_name(int signal);

} // namespace pagewalk::app
