#include "models/core/cpu.h"

#include <algorithm>
#include <utility>

namespace pagewalk::models {

void CpuConfig::declare(OptionGroup group) {
    core.declare(group.group("core"));
    mmu.declare(group.group("mmu"));
    group.number("core.ipi_latency", ipi_latency, {0, ticks_per_second},
                 {Unit::Ticks, "from sending a TLB shoot-down to the last acknowledgement",
                  "Amit, 'Optimizing the TLB shootdown algorithm with page access tracking', ATC 2017: a few "
                  "thousand cycles"});
    group.number(
        "core.invlpg_cycles", invlpg_cycles, {0, 100000},
        {Unit::Cycles, "dropping one page from the own TLB", "Fog, instruction tables, invlpg: 100 to 250"});
}

void CpuStats::declare(StatGroup group) const {
    group.counter("idle_cycles", idle_cycles, "cycles", "cycles with nothing to run");
    group.counter("context_switches", context_switches, "count", "switches to another task");
    group.counter("shootdowns_sent", shootdowns_sent, "count", "CPUs interrupted to drop translations");
    group.counter("shootdowns_received", shootdowns_received, "count",
                  "interrupts received to drop translations");
}

Cpu::Cpu(CpuId id, const CpuConfig& config, const L1Latencies& l1, PrivateHierarchy& hierarchy,
         PageTableMemory& tables, KernelInterface& kernel, LockTable& locks, ShootdownBus& bus,
         StreamCursors& cursors)
    : m_id(id), m_config(config), m_clock(config.core.frequency),
      m_mmu(config.mmu, id, m_clock, hierarchy, tables), m_core(config.core, l1, hierarchy, m_mmu),
      m_kernel(kernel), m_locks(locks), m_bus(bus), m_cursors(cursors) {
    bus.connect(id, *this);
}

void Cpu::declare(StatGroup group) const {
    m_core.declare(group);
    m_stats.declare(group);
    m_mmu.declare(group.group("mmu"));
}

Cpu::Progress Cpu::advance(Tick from, Tick until) {
    const std::uint64_t begin = m_clock.to_cycles(from).value();
    const std::uint64_t end = m_clock.to_cycles(until).value();
    if (begin > m_core.cycle()) {
        m_stats.idle_cycles += begin - m_core.cycle();
        m_core.idle_until(begin);
    }
    Progress progress;
    while (m_core.cycle() < end) {
        if (!m_has_task && !pick_task()) {
            progress = {State::Idle, m_kernel.next_wakeup(m_id)};
            break;
        }
        if (m_core.cycle() >= m_slice_end && !pick_task()) continue;
        if (m_task.path != nullptr) {
            run_path(*std::exchange(m_task.path, nullptr));
            continue;
        }
        if (m_pending_interrupts != 0) take_interrupts();
        if (m_cursor->batch_done()) {
            if (m_cursor->status_pending) {
                handle_batch_end();
            } else {
                *m_cursor = {};
                m_cursor->batch = m_task.stream->fetch();
                m_cursor->status_pending = true;
            }
            continue;
        }
        switch (m_core.run(*m_cursor, std::min(end, m_slice_end))) {
        case RunExit::BatchDone:
        case RunExit::CycleLimit:
            break;
        case RunExit::InstructionLimit:
            m_core.settle_stats();
            return {State::LimitReached, no_time};
        case RunExit::Fault:
            run_path(m_kernel.page_fault(m_id, m_core.fault().address, m_core.fault().access, now()));
            break;
        }
    }
    m_core.settle_stats();
    return progress;
}

void Cpu::handle_batch_end() {
    m_cursor->status_pending = false;
    switch (m_cursor->batch.status) {
    case StreamStatus::More:
        break;
    case StreamStatus::SystemCall:
        run_path(m_kernel.system_call(m_id, *m_cursor->batch.syscall, now()));
        break;
    case StreamStatus::Entered:
        run_path(m_kernel.system_call_entered(m_id, *m_cursor->batch.syscall, now()));
        break;
    case StreamStatus::NotYet:
        leave_task(m_kernel.stream_not_ready(m_id, now()));
        break;
    case StreamStatus::End:
        run_path(m_kernel.stream_ended(m_id, now()));
        break;
    }
}

/// The task has nothing to do yet. Finding that out takes no simulated time: how often it is looked at
/// depends on the host.
void Cpu::leave_task(KernelPath& path) {
    if (!path.steps().empty()) return run_path(path);
    m_kernel.path_completed(m_id, path, now());
    m_has_task = false;
}

bool Cpu::pick_task() {
    const KernelInterface::Pick pick = m_kernel.pick(m_id, now(), m_task);
    m_has_task = pick != KernelInterface::Pick::Idle;
    if (!m_has_task) return false;
    if (pick == KernelInterface::Pick::Switched) {
        ++m_stats.context_switches;
        m_core.forget_previous_block();
    }
    m_slice_end = m_core.cycle() + m_clock.to_cycles(m_task.time_slice).value();
    m_cursor = &m_cursors.of(m_task.task);
    m_mmu.set_context(m_task.context);
    return true;
}

void Cpu::run_path(KernelPath& path) {
    m_core.enter_kernel();
    const PathEnd end = execute_steps(path);
    const PathOutcome outcome = path.outcome;
    m_kernel.path_completed(m_id, path, now());
    m_core.leave_kernel();
    if (end == PathEnd::Slept || outcome == PathOutcome::Reschedule) {
        m_has_task = false;
    } else if (outcome == PathOutcome::Exit) {
        m_cursors.forget(m_task.task);
        m_cursor = nullptr;
        m_has_task = false;
    }
}

Cpu::PathEnd Cpu::execute_steps(KernelPath& path) {
    while (path.position < path.steps().size()) {
        const KernelStep step = path.steps()[path.position++];
        switch (step.kind) {
        case StepKind::Execute:
            m_core.kernel_execute(step, path.stack);
            break;
        case StepKind::Load:
            m_core.kernel_load(step.address);
            break;
        case StepKind::Store:
            m_core.kernel_store(step.address);
            break;
        case StepKind::ClearPages:
            m_core.kernel_clear(step.address, step.count);
            break;
        case StepKind::CopyPages:
            m_core.kernel_copy(step.address, step.address2, step.count);
            break;
        case StepKind::AcquireLock: {
            m_core.kernel_atomic(step.address);
            const Tick free = m_locks.acquire(step.address, now());
            m_core.wait_until(m_clock.to_cycles(free).value(), StallCause::Lock);
            break;
        }
        case StepKind::ReleaseLock:
            m_core.kernel_store(step.address);
            m_locks.release(step.address, now());
            break;
        case StepKind::FlushTlb:
            flush_tlb(path.invalidation(step.count));
            break;
        case StepKind::Mark:
            path.set_mark(step.count, now());
            break;
        case StepKind::Effect:
            m_kernel.effect(m_id, path, step.count, now());
            break;
        case StepKind::Sleep:
            return PathEnd::Slept;
        }
    }
    return PathEnd::Completed;
}

void Cpu::flush_tlb(const TlbInvalidation& invalidation) {
    m_mmu.invalidate(invalidation);
    const bool range = invalidation.scope == TlbInvalidation::Scope::Range;
    // Linux flushes page by page up to 33 pages, and the whole address space beyond
    // (tlb_single_page_flush_ceiling).
    const std::uint64_t pages = range ? (invalidation.end - invalidation.start) >> page_shift : 0;
    const std::uint64_t single = range && pages <= 33 ? pages : 1;
    m_core.wait_until(m_core.cycle() + single * m_config.invlpg_cycles, StallCause::Exception);
    if (const std::size_t others = m_bus.broadcast(m_id, invalidation)) {
        m_stats.shootdowns_sent += others;
        m_core.wait_until(m_core.cycle() + m_clock.to_cycles(m_config.ipi_latency).value(),
                          StallCause::Exception);
    }
}

void Cpu::shoot_down(const TlbInvalidation& invalidation) {
    m_mmu.invalidate(invalidation);
    ++m_pending_interrupts;
    ++m_stats.shootdowns_received;
}

void Cpu::take_interrupts() {
    for (; m_pending_interrupts != 0; --m_pending_interrupts) {
        KernelPath& path = m_kernel.interrupt(m_id, {InterruptKind::Shootdown, 0}, now());
        m_core.enter_kernel();
        const PathEnd end = execute_steps(path);
        PAGEWALK_INVARIANT(end == PathEnd::Completed);
        m_kernel.path_completed(m_id, path, now());
        m_core.leave_kernel();
    }
}

} // namespace pagewalk::models
