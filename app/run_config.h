#pragma once

#include "app/memory_options.h"
#include "app/run_position.h"
#include "base/event_table.h"
#include "base/option.h"
#include "base/time.h"
#include "contract/kernel_path.h"
#include "os/path/memory_policy.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::app {

/// What caches and TLBs see of what comes before run.begin_at.
enum class Warming : std::uint8_t { None, TlbAndCaches };

/// How long, how exactly, and what is kept.
struct RunConfig {
    std::uint64_t instructions = 0; ///< program instructions measured; 0 = to the end
    std::uint64_t warmup = 0;       ///< program instructions before them
    std::string begin_at;           ///< as the user gives it; validate() makes `begin` of it
    std::string end_at;
    RunPosition begin; ///< what comes before it is executed fast
    RunPosition end;   ///< of the measurement
    Warming warming = Warming::TlbAndCaches;
    Tick quantum{250'000};
    std::uint64_t seed = 1;
    std::uint64_t interval = 1'000'000; ///< program instructions a row of the time series

    void declare(OptionGroup group);
    /// Reads the positions. Throws ConfigError.
    void validate(const OptionSet& options);
};

/// Which events go to tables: 0 none, 1 all, N every Nth. Histograms are always kept.
class EventConfig {
public:
    /// An option for each of `tables`, whose default the table declares.
    explicit EventConfig(const std::vector<EventSchema>& tables);
    EventConfig(const EventConfig&) = delete;
    EventConfig& operator=(const EventConfig&) = delete;

    void declare(OptionGroup group);
    /// Of the table with this name; none where there is no such table.
    [[nodiscard]] EventSampling sampling(std::string_view table) const;

private:
    struct Table {
        std::string name, kept;
        EventSampling sampling;
    };
    std::vector<Table> m_tables; ///< options are bound to its elements
};

/// One of the programs that run side by side: [program.N].
struct ProgramConfig {
    std::string command;   ///< of a live program, as WorkloadConfig::program
    std::string trace;     ///< instead of a command
    std::string synthetic; ///< instead of both
    std::string cpus;      ///< as the user gives them; validate() makes `allowed` of them
    Tick start{};
    std::string input, output;       ///< files for a command's standard input and output
    std::string mempolicy = "local"; ///< validate() makes `policy` of it
    MemoryOptions memory;
    CpuMask allowed;
    os::MemoryPolicy policy;

    void declare(OptionGroup group);
    /// `key` is its section. Throws ConfigError.
    void validate(const OptionSet& options, const std::string& key, std::size_t machine_cpus,
                  std::size_t machine_nodes);
};

enum class WorkloadKind : std::uint8_t { Program, Trace, Synthetic };

struct WorkloadConfig {
    WorkloadKind kind = WorkloadKind::Program;
    std::string program;   ///< command line, words separated by blanks, "..." and '...' quote
    std::string directory; ///< the program's working directory
    bool scratch = false;  ///< it is a new folder instead, removed after the run
    std::string setup;     ///< shell command run on the host first
    std::string input;     ///< the program's stdin
    std::string output;    ///< the program's stdout
    std::string trace;
    std::string synthetic = "gups";
    std::string mempolicy = "local"; ///< validate() makes `policy` of it
    MemoryOptions memory;
    os::MemoryPolicy policy;

    void declare(OptionGroup group);
    /// Throws ConfigError.
    void validate(const OptionSet& options, std::size_t machine_nodes);
};

} // namespace pagewalk::app
