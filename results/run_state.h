#pragma once

#include "base/stats.h"
#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pagewalk::results {

enum class RunStatus : std::uint8_t {
    Running,          ///< still running when it was written: if no such process exists, it was killed
    Complete,         ///< ran to its end
    InstructionLimit, ///< ran as many instructions as it was to
    RegionEnd,        ///< reached the end of the region to be measured
    ProgramDied,      ///< the program died of a signal, in its own world or at the simulated kernel's hands
    Incomplete,       ///< the streams did not hold all of what the program did
    Interrupted,      ///< stopped by the user; what was measured until then is there
    Failed,           ///< stopped by an error
};

[[nodiscard]] std::string_view name_of(RunStatus status);

/// What a run is, known before it begins.
struct RunMeta {
    std::string version;      ///< of Pagewalk
    std::string git_revision; ///< of the source Pagewalk was built from
    std::string config;       ///< every option with its value, as a config file (OptionSet::resolved)
    std::string command_line;
    std::string workload;  ///< program, trace or generator, for people
    std::string machine;   ///< one line, for people
    std::string no_effect; ///< options that were set in vain, a line each; empty: none were
    std::uint64_t seed = 0;
};

/// One key of the run's summary, or one fact about its host.
struct SummaryValue {
    std::string name;
    std::variant<std::uint64_t, double, std::string> value;
    std::string unit;
    std::string description;
};

/// What is said of a process beside its counters. Empty texts: nothing.
struct ProcessFacts {
    std::uint64_t number = 0;             ///< its place: /stats/process/<number>
    std::uint64_t pid = 0;                ///< in the simulated kernel
    std::uint64_t parent = 0;             ///< a number; 0: none of them
    std::optional<std::uint64_t> program; ///< number of the program that it is of, where several run
    std::optional<std::uint64_t> exit_status;
    std::string command;
    std::string died_of;
    std::string killed_by;
};

/// The processes of a run, or its programs. The registry's paths are process/<number> or program/<number>;
/// its counters are not read any more.
struct ProcessStatistics {
    StatRegistry registry;
    StatSnapshot measured, total; ///< as in RunState
    std::vector<ProcessFacts> facts;
};

/// A text the simulated kernel printed: name "meminfo", "node0/numastat", "42/smaps".
struct ProcText {
    std::string name;
    std::string text;
};

/// What the machine was like when a program said where it was: goes to /markers/<name>.
struct MarkerSnapshot {
    std::string name;       ///< its number; "3@2" where 3 comes for the second time
    std::uint64_t task = 0; ///< of the program
    std::uint64_t cpu = 0;
    Tick time{};
    std::uint64_t instructions = 0; ///< of programs, from power-on
    StatSnapshot values;            ///< from power-on; without histograms
    std::vector<ProcText> proc;
};

/// What a run has measured so far. The registry is only read during the call it is passed to.
struct RunState {
    const StatRegistry* registry = nullptr;
    StatSnapshot measured;                ///< since the end of the warm-up
    std::optional<StatSnapshot> total;    ///< since power-on
    std::vector<SummaryValue> summary;    ///< same for every host
    std::vector<SummaryValue> ending;     ///< how the program ended: goes to /summary and to /meta
    std::string processes;                ///< of the program, as a table: goes to /meta
    ProcessStatistics process_statistics; ///< go to /stats/process and /stats_total/process
    ProcessStatistics program_statistics; ///< go to /stats/program and /stats_total/program; empty: one runs
    std::vector<SummaryValue> host;       ///< what depends on the host: goes to /meta/host
    std::vector<ProcText> proc;
    std::vector<MarkerSnapshot> markers;
    Tick simulated_time{};
};

struct IntervalColumn {
    std::string name;
    std::string unit;
    std::string description;
};

/// A time series: one row an interval. The first column is the axis that plots use.
struct IntervalSchema {
    std::string name;
    std::string description;
    std::vector<IntervalColumn> columns;
};

} // namespace pagewalk::results
