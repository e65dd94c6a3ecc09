#pragma once

#include "app/idle_watch.h"
#include "app/machine.h"
#include "app/marker_log.h"
#include "app/process_statistics.h"
#include "app/program_regions.h"
#include "app/progress.h"
#include "results/run_file.h"

#include <exception>
#include <optional>
#include <vector>

namespace pagewalk::app {

/// Set by SIGINT, SIGTERM and SIGHUP: the run ends at the next quantum with what it has.
[[nodiscard]] bool interrupt_requested();
/// From here on SIGINT, SIGTERM and SIGHUP ask instead of kill. More of them change nothing, as a terminal
/// and a script may both send one, until five seconds after the first: then they kill.
void catch_interrupts();

/// One run: drives the machine through warm-up and measurement, keeps time series and checkpoints.
class Simulation final : public models::RunMonitor {
public:
    enum class End : std::uint8_t { None, Finished, InstructionLimit, RegionEnd, Interrupted };
    /// Of run.begin_at and run.end_at.
    enum class Region : std::uint8_t { None, Complete, NeverBegan, NeverEnded };

    /// `programs` have been started on the machine.
    Simulation(const SystemConfig& config, Machine& machine, Programs& programs, results::RunFile& file,
               Progress& progress);

    /// Simulates to the end. Throws RunError.
    End run();
    [[nodiscard]] bool after_quantum(models::Cpu& cpu, const models::Cpu::Progress& progress) override;
    void failed(std::exception_ptr error) override;
    /// False while the warm-up lasts, and before it.
    [[nodiscard]] bool is_measuring() const { return m_phase == Phase::Measurement; }
    [[nodiscard]] Region region() const;
    /// Of programs that run side by side: null where one runs alone.
    [[nodiscard]] const ProgramRegions* programs() const { return m_regions ? &*m_regions : nullptr; }
    [[nodiscard]] const MarkerLog& markers() const { return m_markers; }
    /// /proc texts walk every free list: not for each checkpoint.
    enum class ProcTexts : bool { No, Yes };
    /// What has been measured so far; what has happened so far while the warm-up lasts.
    [[nodiscard]] results::RunState state(ProcTexts proc = ProcTexts::Yes);
    /// The program's processes, in the region that state() is of.
    [[nodiscard]] results::ProcessStatistics processes(ProcessEnds ends);

private:
    enum class Phase : std::uint8_t { FastForward, Warmup, Measurement };

    /// A phase's end or the run's, if it has come.
    void look_at_phase(std::uint64_t done);
    void look_at_programs(const models::Cpu& cpu);
    [[nodiscard]] bool is_warm(std::uint64_t done) const;
    [[nodiscard]] bool is_measured(std::uint64_t done) const;
    /// Has this point come, since the phase began?
    [[nodiscard]] bool has_reached(const RunPosition& position, std::uint64_t done) const;
    [[nodiscard]] std::uint64_t times_reached(const RunPosition& position) const;
    void await(const RunPosition& position);
    void set_execution(models::Execution execution);
    void leave_fast_forward();
    void set_limits(std::uint64_t done);
    void begin_measurement();
    void append_interval(std::uint64_t done);

    const SystemConfig& m_config;
    Machine& m_machine;
    Programs& m_programs;
    std::optional<ProgramRegions> m_regions; ///< where programs run side by side
    results::RunFile& m_file;
    Progress& m_progress;
    results::IntervalsId m_intervals{};
    results::IntervalsId m_buddyinfo{};
    std::vector<std::size_t> m_interval_counters;
    StatSnapshot m_last_interval;
    std::uint64_t m_next_interval = 0;
    std::uint64_t m_next_flush = 0; ///< of event tables
    StatSnapshot m_start;
    std::deque<os::ProcessAccount> m_processes_at_start;
    MarkerLog m_markers;
    Phase m_phase = Phase::Warmup;
    std::uint64_t m_times_before = 0; ///< that what ends the phase had been reached
    std::uint64_t m_target = ~0ULL;   ///< program instructions at which the phase ends
    IdleWatch m_idle;
    End m_end = End::None;
    std::exception_ptr m_error;
};

} // namespace pagewalk::app
