#pragma once

#include "app/programs.h"
#include "base/stats.h"
#include "base/time.h"
#include "os/task/processes.h"
#include "results/run_state.h"

#include <cstdint>
#include <vector>

namespace pagewalk::app {

/// What a program, all its processes together, has done.
struct ProgramAccount {
    os::ProcessAccount work;
    std::uint64_t restarts = 0;
    std::uint64_t time = 0;  ///< ps, from its start on
    os::MemoryCgroup memory; ///< without a memory_limit all 0

    void declare(StatGroup group) const;
};

/// The measurements of programs that run side by side. All begin when each has had its warm-up; each ends
/// when its program has executed its instructions (with no limit: when it has ended), and the program goes on
/// to keep the others company until all have been measured. Method: A. Snavely, D. Tullsen, "Symbiotic
/// jobscheduling for a simultaneous multithreaded processor", ASPLOS 2000.
class ProgramRegions {
public:
    /// All must outlive it.
    ProgramRegions(const RunConfig& config, const Programs& programs, os::Processes& processes);

    /// The warm-up counts from here, and not from power-on.
    void begin_warmup();
    [[nodiscard]] bool is_warm() const;
    void begin_measurement(Tick now);
    /// Looks at what has happened until `now`: who has executed its instructions, who has ended. Restarts of
    /// traces are left to the caller, which is told of each that has ended.
    template <class Restart>
    void update(Tick now, const Restart& restart) {
        end_those_with_enough(now);
        for (std::size_t i = 0; i < m_regions.size(); ++i) {
            Region& region = m_regions[i];
            if (region.ended || m_processes.tasks_of(region.number) != 0) continue;
            note_end(region, now);
            if (region.ended || all_measured()) continue;
            ++region.restarts;
            restart(i);
        }
    }
    [[nodiscard]] bool all_measured() const;
    [[nodiscard]] bool all_ended() const;
    /// It has ended and does not begin again.
    [[nodiscard]] bool has_ended(std::size_t program) const { return m_regions[program].ended; }
    /// Instructions until the first program gets to the end of its warm-up or measurement; ~0: none will.
    [[nodiscard]] std::uint64_t instructions_left() const;

    /// What each program has done by `now`, in its measurement and from power-on.
    [[nodiscard]] results::ProcessStatistics statistics(Tick now) const;

private:
    struct Region {
        const Programs::Program* program = nullptr;
        os::ProgramNumber number{};
        bool ended = false;       ///< for good
        bool measured = false;    ///< its measurement is over
        Tick end{};               ///< of the program
        std::uint64_t origin = 0; ///< instructions at which its warm-up or measurement begins
        std::uint64_t restarts = 0;
        ProgramAccount at_begin, at_end; ///< of its measurement
    };
    [[nodiscard]] std::uint64_t done(const Region& region) const {
        return m_processes.instructions_of(region.number) - region.origin;
    }
    [[nodiscard]] bool is_warm(const Region& region) const;
    void end_those_with_enough(Tick now);
    void note_end(Region& region, Tick now);
    void end_measurement(Region& region, Tick now);
    [[nodiscard]] ProgramAccount account(const Region& region, Tick now) const;

    const RunConfig& m_config;
    os::Processes& m_processes;
    std::vector<Region> m_regions;
    bool m_measuring = false;
};

} // namespace pagewalk::app
