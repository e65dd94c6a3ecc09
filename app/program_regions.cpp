#include "app/program_regions.h"

#include "os/task/program.h"

#include <algorithm>
#include <string>

namespace pagewalk::app {

void ProgramAccount::declare(StatGroup group) const {
    work.declare(group);
    group.counter("restarts", restarts, "count", "times that its trace or generator has begun again");
    group.counter("time", time, "ps", "simulated time from its start on, to its end where it has come");
    group.gauge("memory_peak", memory.peak, "pages",
                "most that it was charged for at a time, from power-on; 0 without a memory_limit");
    group.gauge("swap_used", memory.swap_usage, "pages",
                "of its memory in swap; 0 without a limit of memory");
    group.counter("memory_pgscan", memory.scanned, "pages", "that reclaim has looked at; 0 without a limit");
    group.counter("memory_pgsteal", memory.reclaimed, "pages", "that reclaim has freed; 0 without a limit");
    group.counter("memory_high_hits", memory.high_hits, "count",
                  "reclaims because it was charged for more than its memory_high");
    group.counter("memory_limit_hits", memory.limit_hits, "count",
                  "charges that found no room below its memory_limit");
    group.counter("memory_oom_kill", memory.oom_kills, "count",
                  "of its processes killed because of its memory_limit");
}

ProgramRegions::ProgramRegions(const RunConfig& config, const Programs& programs, os::Processes& processes)
    : m_config(config), m_processes(processes) {
    for (const Programs::Program& program : programs.all())
        m_regions.push_back({.program = &program, .number = program.placement.number});
}

void ProgramRegions::begin_warmup() {
    for (Region& region : m_regions) region.origin = m_processes.instructions_of(region.number);
}

bool ProgramRegions::is_warm(const Region& region) const {
    return region.ended || done(region) >= m_config.warmup;
}

bool ProgramRegions::is_warm() const {
    return std::ranges::all_of(m_regions, [this](const Region& region) { return is_warm(region); });
}

void ProgramRegions::begin_measurement(Tick now) {
    m_measuring = true;
    for (Region& region : m_regions) {
        region.origin = m_processes.instructions_of(region.number);
        region.at_begin = account(region, now);
        if (region.ended) end_measurement(region, now);
    }
}

void ProgramRegions::end_measurement(Region& region, Tick now) {
    region.measured = true;
    region.at_end = account(region, now);
}

void ProgramRegions::end_those_with_enough(Tick now) {
    if (!m_measuring || m_config.instructions == 0) return;
    for (Region& region : m_regions)
        if (!region.measured && done(region) >= m_config.instructions) end_measurement(region, now);
}

void ProgramRegions::note_end(Region& region, Tick now) {
    region.ended = !region.program->can_restart();
    if (region.ended) region.end = now;
    if (m_measuring && !region.measured && (region.ended || m_config.instructions == 0))
        end_measurement(region, now);
}

bool ProgramRegions::all_measured() const { return std::ranges::all_of(m_regions, &Region::measured); }

bool ProgramRegions::all_ended() const { return std::ranges::all_of(m_regions, &Region::ended); }

std::uint64_t ProgramRegions::instructions_left() const {
    std::uint64_t left = ~0ULL;
    for (const Region& region : m_regions) {
        if (m_measuring && !region.measured && m_config.instructions != 0)
            left = std::min(left, m_config.instructions - done(region));
        if (!m_measuring && !is_warm(region)) left = std::min(left, m_config.warmup - done(region));
    }
    return left;
}

ProgramAccount ProgramRegions::account(const Region& region, Tick now) const {
    ProgramAccount sum{.work = {}, .restarts = region.restarts};
    const Tick start = region.program->placement.begin;
    const Tick until = region.ended ? region.end : now;
    sum.time = until > start ? (until - start).value() : 0;
    for (const os::ProcessAccount& account : m_processes.accounts())
        if (account.program != nullptr && account.program->number == region.number) {
            sum.work += account;
            if (account.program->cgroup != nullptr) sum.memory = *account.program->cgroup;
        }
    return sum;
}

results::ProcessStatistics ProgramRegions::statistics(Tick now) const {
    results::ProcessStatistics statistics;
    StatRegistry at_begin, at_end;
    std::vector<ProgramAccount> so_far;
    so_far.reserve(m_regions.size()); // the registry refers to them
    for (const Region& region : m_regions) {
        const std::string path = "program/" + std::to_string(index_of(region.number));
        so_far.push_back(account(region, now));
        so_far.back().declare(statistics.registry.group(path));
        region.at_begin.declare(at_begin.group(path));
        (region.measured ? region.at_end : so_far.back()).declare(at_end.group(path));
        statistics.facts.push_back(
            {.number = index_of(region.number), .command = region.program->workload().description()});
    }
    statistics.total = statistics.registry.snapshot();
    statistics.measured = statistics.registry.region(at_begin.snapshot(), at_end.snapshot());
    return statistics;
}

} // namespace pagewalk::app
