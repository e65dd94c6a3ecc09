#include "models/core/cpu.h"

#include <algorithm>
#include <utility>

namespace pagewalk::models {
namespace {

// Only the next block of the program, or step of a path: who has waited longer for the line comes first.
constexpr Tick sharing_quantum{1};
// Lines that change hands less often are not contended for.
constexpr Tick sharing_span{2'000'000};

} // namespace

void CpuConfig::declare(OptionGroup group) {
    core.declare(group.group("core"));
    mmu.declare(group.group("mmu"));
    group.number(
        "core.ipi_latency", ipi_latency, {0, ticks_per_second},
        {Unit::Ticks, "from sending an inter-processor interrupt to its arrival at the other CPU",
         "assumed; with the handler a shoot-down takes the few thousand cycles of Amit, 'Optimizing the TLB "
         "shootdown algorithm with page access tracking', ATC 2017"});
    group.number(
        "core.invlpg_cycles", invlpg_cycles, {0, 100000},
        {Unit::Cycles, "dropping one page from the own TLB", "Fog, instruction tables, invlpg: 100 to 250"});
}

void CpuStats::declare(StatGroup group) const {
    group.counter("idle_cycles", idle_cycles, "cycles", "cycles with nothing to run");
    group.counter("context_switches", context_switches, "count", "switches to another task");
    group.counter("interrupts", interrupts, "count", "interrupts taken, shoot-downs aside");
    group.counter("shootdowns_sent", shootdowns_sent, "count", "CPUs interrupted to drop translations");
    group.counter("shootdowns_received", shootdowns_received, "count",
                  "interrupts received to drop translations");
    group.counter("shootdown_wait_cycles", shootdown_wait_cycles, "cycles",
                  "from sending shoot-downs to the last acknowledgement");
}

Cpu::Cpu(CpuId id, const CpuConfig& config, const L1Latencies& l1, PrivateHierarchy& hierarchy,
         PageTableMemory& tables, KernelInterface& kernel, CpuCommons& commons)
    : m_id(id), m_config(config), m_clock(config.core.frequency),
      m_mmu(config.mmu, id, m_clock, hierarchy, tables), m_core(config.core, l1, hierarchy, m_mmu),
      m_kernel(kernel), m_commons(commons) {
    commons.interrupts.connect(id, *this);
    commons.horizons.connect(id);
    if (const MmuConfig& mmu = config.mmu; mmu.champsim_frames != 0) {
        if (!commons.champsim_frames) commons.champsim_frames.emplace(mmu.champsim_frames, mmu.champsim_seed);
        m_mmu.imitate_champsim(*commons.champsim_frames);
    }
    hierarchy.observe(*this);
}

void Cpu::declare(StatGroup group) const {
    m_core.declare(group);
    m_stats.declare(group);
    m_mmu.declare(group.group("mmu"));
}

Cpu::Progress Cpu::advance(Tick from, Tick until) {
    m_gives_way = false;
    if (m_state == State::Waiting) {
        take_shootdowns(m_wait_cause, from);
        look_again();
    } else {
        m_state = State::Running;
        if (const Cycles begin = m_clock.to_cycles(from); begin > m_core.cycle()) {
            m_stats.idle_cycles += (begin - m_core.cycle()).value();
            m_core.idle_until(begin);
        }
    }
    m_kernel.poll(now());
    run(m_clock.to_cycles(from < m_shares_until ? std::min(until, from + sharing_quantum) : until));
    account();
    Progress progress{m_state, now(), no_time};
    if (m_state == State::Idle)
        progress = idle(from, until);
    else
        m_commons.horizons.stir(m_id, now());
    if (m_state == State::Waiting) {
        progress.resume = std::min(m_look_again, m_shootdowns.earliest());
        if (progress.resume <= from) progress.resume = from + Tick(1);
    }
    m_commons.horizons.set(m_id, progress.resume);
    return progress;
}

// Until local time reaches `end`, the CPU gives way, or the state is another than Running.
void Cpu::run(Cycles end) {
    while (m_state == State::Running && m_core.cycle() < end && !m_gives_way) {
        if (m_handler.path != nullptr)
            run_handler(end);
        else if (m_pending <= m_core.cycle() && interruptible())
            take_interrupt();
        else if (m_path.path != nullptr)
            run_path(end);
        else if (!m_has_task && !pick_task())
            m_state = State::Idle;
        else
            run_program(end);
    }
}

void Cpu::run_program(Cycles end) {
    if (m_core.cycle() >= m_slice_end && !pick_task()) return;
    if (m_task.path != nullptr) return begin_path(*std::exchange(m_task.path, nullptr));
    if (m_cursor->batch_done()) {
        if (m_cursor->status_pending) return handle_batch_end();
        *m_cursor = {};
        m_cursor->batch = m_task.stream->fetch();
        m_cursor->status_pending = true;
        return;
    }
    switch (m_core.run(*m_cursor, std::min({end, m_slice_end, m_pending}))) {
    case RunExit::BatchDone:
    case RunExit::CycleLimit:
        break;
    case RunExit::InstructionLimit:
    case RunExit::Watched:
        m_state = State::LimitReached;
        break;
    case RunExit::Fault:
        begin_fault();
        break;
    }
}

Cpu::Progress Cpu::idle(Tick from, Tick until) {
    const Tick wake =
        std::min({m_kernel.next_wakeup(m_id), m_interrupts.earliest(), m_shootdowns.earliest()});
    Tick resume = std::max(until, now());
    if (wake < resume) {
        m_commons.horizons.stir(m_id, now());
        const bool stands_still = m_kernel.next_wakeup(m_id) <= from; // until the host's world has moved
        resume = stands_still ? from : std::max(wake, from + Tick(1));
    } else if (m_commons.horizons.rest(m_id) && wake != no_time) {
        resume = wake;
    }
    return {State::Idle, resume, wake};
}

void Cpu::handle_batch_end() {
    m_cursor->status_pending = false;
    switch (m_cursor->batch.status) {
    case StreamStatus::More:
        break;
    case StreamStatus::SystemCall:
        begin_path(m_kernel.system_call(m_id, *m_cursor->batch.syscall, now()));
        break;
    case StreamStatus::Entered:
        begin_path(m_kernel.system_call_entered(m_id, *m_cursor->batch.syscall, now()));
        break;
    case StreamStatus::NotYet:
        leave_task(m_kernel.stream_not_ready(m_id, now()));
        break;
    case StreamStatus::End:
        begin_path(m_kernel.stream_ended(m_id, now()));
        break;
    }
}

// Finding out that the task has nothing to do yet takes no simulated time: how often it is looked at depends
// on the host.
void Cpu::leave_task(KernelPath& path) {
    if (path.steps().empty() || path.steps().front().kind != StepKind::Sleep) return begin_path(path);
    account();
    m_kernel.path_completed(m_id, path, now());
    m_has_task = false;
}

// Whoever runs now has done what was executed since the last time.
void Cpu::account() {
    m_core.settle_work();
    const CoreStats& stats = m_core.stats();
    const ExecutedWork all{stats.user_instructions, stats.kernel_instructions, stats.user_cycles,
                           stats.kernel_cycles};
    m_kernel.account(m_id, all - std::exchange(m_accounted, all));
}

bool Cpu::pick_task() {
    account();
    const KernelInterface::Pick pick = m_kernel.pick(m_id, now(), m_task);
    m_has_task = pick != KernelInterface::Pick::Idle;
    if (!m_has_task) return false;
    if (pick == KernelInterface::Pick::Switched) {
        ++m_stats.context_switches;
        m_core.forget_previous_block();
    }
    m_slice_end = m_core.cycle() + m_clock.to_cycles(m_task.time_slice);
    m_cursor = &m_commons.cursors.of(m_task.task);
    m_mmu.set_context(m_task.context);
    return true;
}

void Cpu::begin_path(KernelPath& path) { m_path = {&path, 0, m_core.enter_kernel()}; }

void Cpu::begin_fault() {
    KernelPath& path = m_kernel.page_fault(m_id, m_core.fault().address, m_core.fault().access, now());
    if (!m_mmu.faults_in_walks()) return begin_path(path);
    m_path = {.path = &path, .entered = false};
}

// Goes on with the current task's path; when it is over, does what its outcome says.
void Cpu::run_path(Cycles end) {
    const PathEnd how = execute_steps(m_path, end);
    if (how == PathEnd::Left) return;
    PAGEWALK_INVARIANT(m_locks_held == 0);
    KernelPath& path = *std::exchange(m_path.path, nullptr);
    const PathOutcome outcome = path.outcome;
    if (how == PathEnd::Slept || outcome == PathOutcome::Exit) account();
    m_kernel.path_completed(m_id, path, now());
    if (m_path.entered) m_core.leave_kernel(m_path.interrupted);
    if (how == PathEnd::Slept || outcome == PathOutcome::Reschedule) {
        m_has_task = false;
    } else if (outcome == PathOutcome::Exit) {
        m_commons.cursors.forget(m_task.task);
        m_cursor = nullptr;
        m_has_task = false;
    }
}

Cpu::PathEnd Cpu::execute_steps(ActivePath& active, Cycles end) {
    KernelPath& path = *active.path;
    while (path.position < path.steps().size()) {
        const Cycles limit = &active == &m_path && interruptible() ? std::min(end, m_pending) : end;
        if (m_core.cycle() >= limit || (m_gives_way && end != never)) return PathEnd::Left;
        const StepKind kind = path.steps()[path.position].kind;
        if (!execute_step(active, limit)) return PathEnd::Left;
        if (kind == StepKind::Sleep) return PathEnd::Slept;
    }
    return PathEnd::Completed;
}

// Does what is left of the step at the path's position, or what of it comes before `end`. Is it done?
bool Cpu::execute_step(ActivePath& active, Cycles end) {
    if (continue_step(active, active.path->steps()[active.path->position], end) == StepEnd::Left)
        return false;
    ++active.path->position;
    active.done = 0;
    return true;
}

// The step that waits may be done by now.
void Cpu::look_again() {
    m_state = State::Running;
    (void)execute_step(m_handler.path != nullptr ? m_handler : m_path, Cycles());
}

Cpu::StepEnd Cpu::continue_step(ActivePath& active, const KernelStep step, Cycles end) {
    KernelPath& path = *active.path;
    const auto long_step = [&](std::uint32_t done) {
        active.done = done;
        return done == step.count ? StepEnd::Done : StepEnd::Left;
    };
    switch (step.kind) {
    case StepKind::Execute:
        return long_step(m_core.kernel_execute(step, path.stack, active.done, end));
    case StepKind::ClearPages:
        return long_step(m_core.kernel_clear(step, active.done, end));
    case StepKind::CopyPages:
        return long_step(m_core.kernel_copy(step, active.done, end));
    case StepKind::Load:
        m_core.kernel_load(step.address);
        break;
    case StepKind::Store:
        m_core.kernel_store(step.address);
        break;
    case StepKind::Atomic:
        return run_atomic(step.address);
    case StepKind::AcquireLock:
        return acquire_lock(active, step.address);
    case StepKind::ReleaseLock:
        release_lock(step.address);
        break;
    case StepKind::FlushTlb:
        return flush_tlb(active, path.invalidation(step.count));
    case StepKind::Mark:
        path.set_mark(step.count, now());
        break;
    case StepKind::Effect:
        return take_effect(path, step.count);
    case StepKind::Sleep:
        break;
    }
    return StepEnd::Done;
}

void Cpu::line_taken() {
    m_gives_way = true;
    m_shares_until = now() + sharing_span;
    m_core.end_run();
}

Cpu::StepEnd Cpu::wait(StallCause cause, Tick until) {
    m_state = State::Waiting;
    m_wait_cause = cause;
    m_look_again = until;
    return StepEnd::Left;
}

// What was waited for is there at `end`.
void Cpu::end_wait(StallCause cause, Tick end) {
    if (end > now()) take_shootdowns(cause, end);
    m_core.wait_until(m_clock.to_cycles(end), cause);
}

// CPUs that contend for a line get it in the order of simulated time.
Cpu::StepEnd Cpu::run_atomic(VirtAddr address) {
    if (!m_commons.horizons.others_reached(m_id, now())) return wait(StallCause::Exception, now());
    m_core.kernel_atomic(address);
    return StepEnd::Done;
}

Cpu::StepEnd Cpu::acquire_lock(ActivePath& active, VirtAddr lock) {
    if (active.done == 0) {
        m_core.kernel_atomic(lock);
        m_commons.locks.request(m_id, lock, now());
        active.done = 1;
    }
    const LockTable::Answer answer = m_commons.locks.answer(m_id);
    switch (answer.kind) {
    case LockTable::Answer::Kind::TooEarly:
        return wait(StallCause::Lock, answer.time);
    case LockTable::Answer::Kind::Held:
        return wait(StallCause::Lock, no_time);
    case LockTable::Answer::Kind::Granted:
        break;
    }
    const bool waited = answer.time > now();
    end_wait(StallCause::Lock, answer.time);
    if (waited) m_core.kernel_atomic(lock); // whoever released it has the line
    if (m_locks_held++ == 0 && m_handler.path == nullptr) m_masked_since = answer.time;
    return StepEnd::Done;
}

void Cpu::release_lock(VirtAddr lock) {
    PAGEWALK_INVARIANT(m_locks_held != 0);
    m_core.kernel_store(lock);
    // Others see it when the store leaves the queue, behind those before it.
    m_commons.locks.release(m_id, lock, std::max(now(), m_clock.to_ticks(m_core.stores_done())));
    --m_locks_held;
}

// The own translations, then the other CPUs', whose acknowledgements are waited for.
Cpu::StepEnd Cpu::flush_tlb(ActivePath& active, const TlbInvalidation& invalidation) {
    if (active.done == 0) {
        drop_translations(invalidation);
        m_flush_sent = m_core.cycle();
        const std::size_t others =
            m_commons.interrupts.shoot_down(m_id, invalidation, now() + m_config.ipi_latency);
        if (others == 0) return StepEnd::Done;
        m_stats.shootdowns_sent += others;
        m_acknowledgements_due += static_cast<std::int64_t>(others); // some may have come at once
        active.done = 1;
    }
    if (m_acknowledgements_due != 0) return wait(StallCause::Exception, no_time);
    end_wait(StallCause::Exception, std::exchange(m_last_acknowledgement, Tick()));
    m_stats.shootdown_wait_cycles += (m_core.cycle() - m_flush_sent).value();
    return StepEnd::Done;
}

// Effects take place in the order of simulated time.
Cpu::StepEnd Cpu::take_effect(KernelPath& path, std::uint32_t index) {
    if (!m_commons.horizons.others_reached(m_id, now())) return wait(StallCause::Exception, now());
    m_kernel.effect(m_id, path, index, now());
    return StepEnd::Done;
}

void Cpu::raise(const Interrupt& interrupt, Tick at) {
    m_interrupts.push(at, interrupt);
    note_pending();
    if (m_state == State::Idle) m_commons.horizons.wake(m_id, at);
}

// Who has run past the arrival pays for the handler now, and acknowledges as if it had taken it then: the
// sender's wait does not depend on who ran ahead.
void Cpu::shoot_down(const Shootdown& shootdown) {
    const bool waits = m_state == State::Waiting;
    const bool masked = !waits && !interruptible() && shootdown.arrival >= m_masked_since;
    if (shootdown.arrival <= now() && !masked) return take_shootdown(shootdown, shootdown.arrival);
    m_shootdowns.push(shootdown.arrival, shootdown);
    note_pending();
    if (waits || m_state == State::Idle) m_commons.horizons.wake(m_id, shootdown.arrival);
}

void Cpu::acknowledged(Tick at) {
    m_last_acknowledgement = std::max(m_last_acknowledgement, at);
    if (--m_acknowledgements_due == 0 && m_state == State::Waiting)
        m_commons.horizons.wake(m_id, m_last_acknowledgement);
}

void Cpu::note_pending() {
    const Tick first = std::min(m_interrupts.earliest(), m_shootdowns.earliest());
    m_pending = first == no_time ? never : m_clock.to_cycles(first);
}

void Cpu::take_interrupt() {
    if (m_shootdowns.earliest() <= m_interrupts.earliest()) {
        const Shootdown shootdown = m_shootdowns.pop();
        note_pending();
        return take_shootdown(shootdown, now());
    }
    const Interrupt interrupt = m_interrupts.pop();
    note_pending();
    ++m_stats.interrupts;
    m_handled = interrupt.kind;
    m_masked_since = now();
    KernelPath& path = m_kernel.interrupt(m_id, interrupt, now());
    m_handler = {&path, 0, m_core.enter_kernel()};
}

void Cpu::run_handler(Cycles end) {
    const PathEnd how = execute_steps(m_handler, end);
    if (how == PathEnd::Left) return;
    PAGEWALK_INVARIANT(how == PathEnd::Completed && m_locks_held == 0);
    KernelPath& path = *std::exchange(m_handler.path, nullptr);
    const bool reschedule = m_handled == InterruptKind::Reschedule || path.outcome == PathOutcome::Reschedule;
    m_kernel.path_completed(m_id, path, now());
    m_core.leave_kernel(m_handler.interrupted);
    if (reschedule)
        m_slice_end = Cycles(); // the kernel is asked what to run as soon as the task's own path is done
}

void Cpu::take_shootdowns(StallCause cause, Tick until) {
    while (m_shootdowns.earliest() <= until) {
        const Shootdown shootdown = m_shootdowns.pop();
        note_pending();
        m_core.wait_until(m_clock.to_cycles(shootdown.arrival), cause);
        take_shootdown(shootdown, now());
    }
}

void Cpu::take_shootdown(const Shootdown& shootdown, Tick taken) {
    const Tick begin = now();
    ++m_stats.shootdowns_received;
    ActivePath active{&m_kernel.interrupt(m_id, {InterruptKind::Shootdown, 0}, begin), 0,
                      m_core.enter_kernel()};
    PAGEWALK_INVARIANT(execute_steps(active, never) == PathEnd::Completed);
    drop_translations(*shootdown.invalidation);
    m_kernel.path_completed(m_id, *active.path, now());
    m_commons.interrupts.acknowledge(shootdown.sender, taken + (now() - begin));
    m_core.leave_kernel(active.interrupted);
}

void Cpu::drop_translations(const TlbInvalidation& invalidation) {
    m_mmu.invalidate(invalidation);
    const bool range = invalidation.scope == TlbInvalidation::Scope::Range;
    const std::uint64_t pages = range ? (invalidation.end - invalidation.start) >> page_shift : 1;
    m_core.wait_until(m_core.cycle() + m_config.invlpg_cycles * pages, StallCause::Exception);
}

} // namespace pagewalk::models
