#include "app/simulation.h"

#include "app/proc_texts.h"
#include "app/summary.h"
#include "base/error.h"
#include "base/sanitizer_fiber.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <utility>

#include <systemc>

namespace pagewalk::app {

namespace {

std::atomic<bool> interrupted = false; // a signal handler can reach nothing else

/// Program instructions after which CPUs' rows go from their buffers to the file. Where rows of CPUs meet
/// must depend neither on the host's clock (checkpoints) nor on run.interval.
constexpr std::uint64_t flush_interval = 1'000'000;

constexpr std::time_t patience = 5; // seconds; writing a large file takes less

void on_interrupt(int signal) {
    static std::atomic<std::time_t> first = 0;
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!interrupted.exchange(true)) {
        first = now.tv_sec;
    } else if (now.tv_sec - first > patience) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    }
}

/// Counters of the time series: path glob, name, column.
struct SeriesColumn {
    const char* path;
    const char* name;
};
constexpr SeriesColumn series_columns[] = {{"cpu*", "user_instructions"},
                                           {"cpu*", "kernel_instructions"},
                                           {"cpu*", "user_cycles"},
                                           {"cpu*", "kernel_cycles"},
                                           {"cpu*/l1d", "misses"},
                                           {"cpu*/l2", "misses"},
                                           {"llc*", "misses"},
                                           {"cpu*/mmu", "dtlb_misses"},
                                           {"cpu*/mmu", "walks"},
                                           {"cpu*/mmu", "walk_cycles"},
                                           {"kernel", "pgfault"},
                                           {"dram*", "read_bytes"},
                                           {"dram*", "write_bytes"}};

/// What the kernel would have logged; what only the simulator saw is marked.
std::string kernel_log(const os::SlabReports& reports) {
    std::string text;
    for (const os::SlabReport& report : reports.kept()) {
        if (report.noticed == os::Noticed::BySimulatorOnly) text += "(not seen by the kernel) ";
        text += report.text;
    }
    if (reports.count() > reports.kept().size())
        text += "(" + std::to_string(reports.count() - reports.kept().size()) + " more)\n";
    return text;
}

} // namespace

bool interrupt_requested() { return interrupted.load(std::memory_order_relaxed); }

void catch_interrupts() {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        // Whoever had it ignored (nohup) still means that.
        if (std::signal(signal, on_interrupt) == SIG_IGN) std::signal(signal, SIG_IGN);
    }
}

Simulation::Simulation(const SystemConfig& config, Machine& machine, Programs& programs,
                       results::RunFile& file, Progress& progress)
    : m_config(config), m_machine(machine), m_programs(programs), m_file(file), m_progress(progress),
      m_markers(machine) {
    if (programs.side_by_side()) m_regions.emplace(config.run, programs, machine.kernel().processes());
    m_markers.declare(machine.events());
    const auto sampling = [&](std::string_view table) { return config.events.sampling(table); };
    for (const EventSchema& schema : machine.events().schemas())
        if (const EventSampling kept = sampling(schema.name); kept.every != 0)
            file.declare_events(schema, kept);
    machine.events().connect(file, sampling);
    results::IntervalSchema intervals{"machine", "sums over the machine, a row an interval", {}};
    intervals.columns.push_back({"instructions", "instructions", "program instructions since power-on"});
    intervals.columns.push_back({"time", "ps", "simulated time"});
    for (const SeriesColumn& column : series_columns) {
        std::string prefix = column.path;
        std::erase(prefix, '*');
        for (char& c : prefix)
            if (c == '/') c = '_';
        intervals.columns.push_back({prefix + "_" + column.name, "count",
                                     std::string(column.name) + " of " + column.path + " in the interval"});
    }
    m_intervals = file.declare_intervals(std::move(intervals));
    results::IntervalSchema buddyinfo{
        "buddyinfo", "free blocks by order, sums over the zones, at the interval's end", {}};
    buddyinfo.columns.push_back({"instructions", "instructions", "program instructions since power-on"});
    buddyinfo.columns.push_back({"time", "ps", "simulated time"});
    for (unsigned order = 0; order < os::max_order; ++order)
        buddyinfo.columns.push_back({"order" + std::to_string(order), "count",
                                     "free blocks of 2^" + std::to_string(order) + " pages"});
    m_buddyinfo = file.declare_intervals(std::move(buddyinfo));
    m_last_interval = machine.stats().snapshot();
    m_next_interval = config.run.interval;
    m_next_flush = flush_interval;
    if (config.run.begin) {
        m_phase = Phase::FastForward;
        set_execution(config.run.warming == Warming::None ? models::Execution::Bare
                                                          : models::Execution::Warming);
        await(config.run.begin);
    } else if (config.run.warmup == 0) {
        begin_measurement();
    } else {
        m_target = config.run.warmup;
    }
    set_limits(0);
}

std::uint64_t Simulation::times_reached(const RunPosition& position) const {
    if (position.kind == RunPosition::Kind::Marker)
        return m_markers.times(static_cast<std::uint32_t>(position.value));
    std::uint64_t times = 0;
    for (const auto& cpu : m_machine.cpus()) times += cpu->core().times_watched();
    return times;
}

void Simulation::await(const RunPosition& position) {
    const bool is_pc = position.kind == RunPosition::Kind::Pc;
    for (auto& cpu : m_machine.cpus()) cpu->core().watch(is_pc ? VirtAddr(position.value) : VirtAddr(~0ULL));
    m_times_before = times_reached(position);
    if (position.kind == RunPosition::Kind::Instructions) m_target = std::min(m_target, position.value);
}

bool Simulation::has_reached(const RunPosition& position, std::uint64_t done) const {
    switch (position.kind) {
    case RunPosition::Kind::None:
        return false;
    case RunPosition::Kind::Instructions:
        return done >= position.value;
    default:
        return times_reached(position) - m_times_before >= position.times;
    }
}

void Simulation::set_execution(models::Execution execution) {
    for (auto& cpu : m_machine.cpus()) cpu->core().set_execution(execution);
}

void Simulation::leave_fast_forward() {
    set_execution(models::Execution::Detailed);
    if (m_config.run.warming == Warming::TlbAndCaches) return;
    for (auto& cpu : m_machine.cpus()) cpu->mmu().invalidate({.scope = TlbInvalidation::Scope::All});
}

void Simulation::look_at_phase(std::uint64_t done) {
    m_markers.take_stock();
    if (m_phase == Phase::FastForward && has_reached(m_config.run.begin, done)) {
        leave_fast_forward();
        m_phase = Phase::Warmup;
        m_target = done + m_config.run.warmup;
        if (m_regions) m_regions->begin_warmup();
    }
    if (m_phase == Phase::Warmup && is_warm(done)) {
        begin_measurement();
        if (m_target <= done) m_target = done + 1;
        return;
    }
    if (m_phase != Phase::Measurement) return;
    if (has_reached(m_config.run.end, done))
        m_end = End::RegionEnd;
    else if (is_measured(done))
        m_end = m_config.run.instructions == 0 ? End::Finished : End::InstructionLimit;
}

bool Simulation::is_warm(std::uint64_t done) const {
    return m_regions ? m_regions->is_warm() : done >= m_target;
}

bool Simulation::is_measured(std::uint64_t done) const {
    return m_regions ? m_regions->all_measured() : done >= m_target;
}

void Simulation::look_at_programs(const models::Cpu& cpu) {
    const Tick now = cpu.now();
    m_regions->update(now, [&](std::size_t program) {
        m_programs.restart(program, m_machine.kernel(), {cpu.id(), now});
    });
}

Simulation::Region Simulation::region() const {
    const RunConfig& run = m_config.run;
    if (!run.begin && !run.end) return Region::None;
    if (!is_measuring()) return Region::NeverBegan;
    return run.end && m_end != End::RegionEnd ? Region::NeverEnded : Region::Complete;
}

void Simulation::begin_measurement() {
    for (auto& cpu : m_machine.cpus()) cpu->core().settle_stats();
    m_start = m_machine.stats().snapshot();
    m_processes_at_start = m_machine.kernel().processes().accounts();
    m_phase = Phase::Measurement;
    m_target = m_config.run.instructions == 0 || m_regions
                   ? ~0ULL
                   : m_machine.user_instructions() + m_config.run.instructions;
    if (m_regions) m_regions->begin_measurement(m_machine.now());
    await(m_config.run.end);
}

// A single CPU stops at the exact block; several stop at the end of their quantum.
void Simulation::set_limits(std::uint64_t done) {
    std::uint64_t left = m_target > done ? m_target - done : 0;
    if (m_target == ~0ULL) left = ~0ULL;
    if (m_regions && m_phase != Phase::FastForward) left = m_regions->instructions_left();
    if (left == ~0ULL) {
        for (auto& cpu : m_machine.cpus()) cpu->core().set_instruction_limit(~0ULL);
        return;
    }
    for (auto& cpu : m_machine.cpus())
        cpu->core().set_instruction_limit(cpu->core().stats().user_instructions + left);
}

void Simulation::append_interval(std::uint64_t done) {
    for (auto& cpu : m_machine.cpus()) cpu->core().settle_stats();
    StatSnapshot now = m_machine.stats().snapshot();
    const StatSnapshot passed = now.since(m_last_interval);
    std::vector<std::uint64_t> row{done, m_machine.now().value()};
    for (const SeriesColumn& column : series_columns)
        row.push_back(m_machine.stats().sum(passed, column.path, column.name));
    m_file.append_interval(m_intervals, row);
    row.resize(2);
    row.resize(2 + os::max_order);
    for (const auto& zone : m_machine.kernel().allocator().zones())
        for (std::size_t order = 0; order < os::max_order; ++order)
            row[2 + order] += zone->areas[order].count;
    m_file.append_interval(m_buddyinfo, row);
    m_last_interval = std::move(now);
    m_next_interval = done + m_config.run.interval;
}

bool Simulation::after_quantum(models::Cpu& cpu, const models::Cpu::Progress& progress) {
    if (m_end != End::None) return false;
    // First: a live program may have ended because the same signal reached it.
    if (interrupt_requested()) {
        m_end = End::Interrupted;
        return false;
    }
    const std::uint64_t done = m_machine.user_instructions();
    if (m_regions) look_at_programs(cpu);
    const bool idle = progress.state == models::Cpu::State::Idle;
    // Of several, one may begin again.
    if (m_regions ? m_regions->all_ended() : idle && m_machine.kernel().live_tasks() == 0) {
        m_end = End::Finished;
        return false;
    }
    m_idle.look(progress);
    look_at_phase(done);
    if (m_end != End::None) return false;
    set_limits(done);
    if (m_config.run.interval != 0 && done >= m_next_interval) append_interval(done);
    if (done >= m_next_flush) {
        m_machine.events().flush();
        m_next_flush = done + flush_interval;
    }
    m_progress.update(done, cpu.now());
    if (m_file.checkpoint_due()) m_file.checkpoint(state(ProcTexts::No));
    return true;
}

void Simulation::failed(std::exception_ptr error) {
    m_error = std::move(error);
    m_end = End::Interrupted;
}

Simulation::End Simulation::run() {
    m_machine.power_on(*this);
    sc_core::sc_start();
    announce_arrival(thread_stack());
    m_progress.clear();
    m_machine.events().flush();
    if (m_error) std::rethrow_exception(m_error);
    PAGEWALK_INVARIANT(m_end != End::None); // else all CPUs wait for each other
    return m_end;
}

results::ProcessStatistics Simulation::processes(ProcessEnds ends) {
    return process_statistics(m_machine.kernel().processes().accounts(), m_processes_at_start, ends);
}

results::RunState Simulation::state(ProcTexts proc) {
    for (auto& cpu : m_machine.cpus()) cpu->core().settle_stats();
    results::RunState state;
    state.registry = &m_machine.stats();
    StatSnapshot total = m_machine.stats().snapshot();
    state.measured = is_measuring() ? m_machine.stats().region(m_start, total) : total;
    state.summary = summarise(m_machine.stats(), state.measured, m_config.cpu.core.frequency);
    state.total = std::move(total);
    state.process_statistics = processes(ProcessEnds::Unknown);
    if (m_regions) state.program_statistics = m_regions->statistics(m_machine.now());
    state.simulated_time = m_machine.now();
    state.markers = m_markers.snapshots();
    if (proc == ProcTexts::No) return state;
    const os::Kernel& kernel = m_machine.kernel();
    state.proc = proc_texts(kernel);
    std::string log;
    for (const std::string& line : m_machine.iommu_faults()) log += line + "\n";
    if (const os::SlabReports& reports = kernel.objects().reports(); reports.count() != 0)
        log += kernel_log(reports);
    if (!log.empty()) state.proc.push_back({"kmsg", log});
    return state;
}

} // namespace pagewalk::app
