#include "os/kernel/kernel.h"

#include "base/error.h"
#include "contract/kernel_layout.h"
#include "os/page/boot.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

// Waits for a live program, in the host's time: each at most so long, and so many in a row before the wait
// for a thread (which was never traced) or an order number is given up.
constexpr std::uint64_t stream_wait_us = 100'000;
constexpr std::uint64_t new_stream_wait_us = 1'000;
constexpr std::uint64_t most_stream_waits = 2'000;

KernelConfig validated(KernelConfig config) {
    config.validate();
    return config;
}

} // namespace

Kernel::Kernel(const KernelConfig& config, PageTableMemory& tables)
    : m_config(validated(config)), m_layout(lay_out_kernel(m_config.memory, m_config.levels)),
      m_table_memory(tables), m_allocator(boot_page_allocator(m_layout.map, m_config.pages)),
      m_frames(*m_allocator, m_layout.addresses, m_counters, m_config.init_on_alloc),
      m_objects(m_frames, m_config.objects, m_config.init_on_alloc, m_config.seed),
      m_lru(m_frames, m_counters, m_layout.map.cpus.size()),
      m_files(m_frames, m_objects, m_counters, m_config.file_cache, m_config.disk,
              [this](Operation& op, Pfn frame) { m_lru.add(op, frame); }),
      m_tables(tables, m_frames, m_counters, static_cast<unsigned>(m_config.levels)),
      m_memory({m_frames, m_objects, m_files, m_lru, m_tables, m_counters}, m_config.vm,
               m_layout.map.cpus.size()),
      m_compaction(m_frames, m_memory, m_lru, m_counters),
      m_daemons(m_frames, m_compaction, m_counters,
                {[this](Daemon which, NodeId node) { return daemon_asleep(which, node); },
                 [this](Operation& op, Daemon which, NodeId node) { wake_daemon(op, which, node); },
                 [this](Operation& op) { return kill_for_memory(op); }}),
      m_scheduler(m_layout.map.cpus.size()), m_cpus(m_layout.map.cpus.size()),
      m_allocation_events(allocation_schema()), m_fault_events(fault_schema()),
      m_function_events(function_schema()), m_kmem_events(kmem_schema(m_objects.cache_names())),
      m_driver_events(driver_schema()) {
    build_kernel_tables(m_layout, m_table_memory, m_config.levels);
    m_tables.set_kernel_root(m_layout.addresses.root);
    Operation boot = untimed(CpuId{}, Tick{});
    m_vmalloc = std::make_unique<KernelVmalloc>(VmallocConfig{.huge_vmalloc = m_config.huge_vmalloc},
                                                m_frames, m_objects, m_tables, m_table_memory,
                                                static_cast<unsigned>(m_config.levels), boot);
    finish_untimed();
    m_driver = std::make_unique<AllocationDriver>(m_frames, m_objects, *m_vmalloc);
    for (std::size_t i = 0; i < m_cpus.size(); ++i)
        m_cpus[static_cast<CpuId>(i)].interrupt_path.stack =
            m_layout.addresses.percpu[static_cast<CpuId>(i)] + KernelAddresses::percpu_bytes;
    start_daemons();
}

Kernel::~Kernel() = default;

void Kernel::declare(StatGroup group) const {
    m_counters.declare(group);
    m_objects.declare(group);
    m_compaction.compaction().counters().declare(group);
    m_driver->declare(group.group("driver"));
}

Operation Kernel::begin(Task& task, CpuId cpu, Tick now) {
    task.path.clear();
    task.log.clear();
    task.log.functions.set_recording(m_function_events.every() != 0 ? FunctionCalls::Recording::On
                                                                    : FunctionCalls::Recording::Off);
    task.path.stack = kernel_layout::direct_map(address_of(task.stack)) + 4 * page_size;
    return {.path = {task.path, m_config.costs, m_config.timing},
            .log = task.log,
            .cpu = cpu,
            .task = task.id,
            .now = now};
}

Operation Kernel::untimed(CpuId cpu, Tick now) {
    m_scratch.clear();
    m_scratch_log.clear();
    return {
        .path = {m_scratch, m_config.costs, KernelTiming::Off}, .log = m_scratch_log, .cpu = cpu, .now = now};
}

void Kernel::finish_untimed() {
    m_tables.bury(m_scratch_log);
    for (const PathLog::ObjectCall& call : m_scratch_log.objects)
        if (m_kmem_events.wanted()) m_kmem_events.append(call.event);
    m_scratch_log.objects.clear();
}

KernelPath& Kernel::page_fault(CpuId cpu, VirtAddr address, FaultAccess access, Tick now) {
    Task& task = *m_scheduler.running(cpu);
    Operation op = begin(task, cpu, now);
    task.log.fault_begin = op.path.mark();
    if (task.killed) {
        exit_task(op, task);
        return task.path;
    }
    ++m_counters.pgfault;
    op.path.call(KernelFunction::PageFaultEntry);
    const VirtualMemory::FaultResult result = m_memory.fault(op, *task.space, address, access, m_stray);
    ++m_counters.faults[static_cast<std::size_t>(result.kind)];
    if (result.kind == FaultKind::FileMajor) ++m_counters.pgmajfault;
    task.log.has_fault = true;
    task.log.fault = {.address = address.value(),
                      .task = static_cast<std::uint32_t>(task.id),
                      .cpu = static_cast<std::uint16_t>(cpu),
                      .kind = result.kind,
                      .access = static_cast<std::uint8_t>(access)};
    if (task.killed) {
        end_if_killed(op, task);
    } else if (result.status != VirtualMemory::FaultStatus::Done) {
        kill(op, task, address, access);
    } else if (op.io_done > now) {
        task.continuation = Continuation::EndFault;
        task.fault = task.log.fault;
        fall_asleep(op, task, SleepReason::Time, op.io_done);
    }
    return task.path;
}

KernelPath& Kernel::system_call(CpuId cpu, const SyscallRecord& record, Tick now) {
    Task& task = *m_scheduler.running(cpu);
    Operation op = begin(task, cpu, now);
    ++m_counters.system_calls;
    if (task.killed) {
        exit_task(op, task);
        return task.path;
    }
    if (!record.entered) op.path.call(KernelFunction::SyscallEntry);
    if (m_gate.due(record.enter_order)) {
        run_system_call(op, task, record);
        end_if_killed(op, task);
    } else {
        task.deferred = record;
        task.continuation = Continuation::SystemCall;
        wait_for_order(op, task, record.enter_order);
    }
    return task.path;
}

KernelPath& Kernel::system_call_entered(CpuId cpu, const SyscallRecord& record, Tick now) {
    Task& task = *m_scheduler.running(cpu);
    Operation op = begin(task, cpu, now);
    if (task.killed) {
        exit_task(op, task);
    } else {
        op.path.call(KernelFunction::SyscallEntry);
        enter_call(op, task, record.enter_order);
    }
    return task.path;
}

void Kernel::enter_call(Operation& op, Task& task, std::uint64_t order) {
    if (m_gate.due(order)) return pass_order(order);
    task.deferred.enter_order = order;
    task.continuation = Continuation::EnterCall;
    wait_for_order(op, task, order);
}

KernelPath& Kernel::stream_ended(CpuId cpu, Tick now) {
    Task& task = *m_scheduler.running(cpu);
    Operation op = begin(task, cpu, now);
    exit_task(op, task);
    return task.path;
}

KernelPath& Kernel::stream_not_ready(CpuId cpu, Tick now) {
    Task& task = *m_scheduler.running(cpu);
    Operation op = begin(task, cpu, now);
    ++m_counters.stream_waits;
    if (task.killed) {
        exit_task(op, task);
        return task.path;
    }
    task.path.outcome = PathOutcome::Reschedule;
    task.falling_asleep = true;
    task.woken = false;
    task.reason = SleepReason::Stream;
    return task.path;
}

KernelPath& Kernel::interrupt(CpuId cpu, const Interrupt&, Tick) {
    KernelPath& path = m_cpus[cpu].interrupt_path;
    const VirtAddr stack = path.stack;
    path.clear();
    path.stack = stack;
    KernelPathBuilder(path, m_config.costs, m_config.timing).call(KernelFunction::ShootdownInterrupt);
    ++m_counters.shootdown_interrupts;
    return path;
}

void Kernel::effect(CpuId, KernelPath&, std::uint32_t, Tick) {}

void Kernel::log_object_calls(const Task& task) {
    for (const PathLog::ObjectCall& call : task.log.objects) {
        if (call.begin == call.end) { // nobody ran it
            if (m_kmem_events.wanted()) m_kmem_events.append(call.event);
            continue;
        }
        const Tick start = task.path.marked(call.begin);
        const Tick end = task.path.marked(call.end);
        if (start == no_time || end == no_time) continue;
        const std::uint64_t latency = (end - start).value();
        m_counters.all_object_latency.add(latency);
        m_counters.object_latency[static_cast<std::size_t>(call.event.path)].add(latency);
        if (!m_kmem_events.wanted()) continue;
        KmemEvent event = call.event;
        event.time = start.value();
        event.latency = latency;
        m_kmem_events.append(event);
    }
}

void Kernel::log_path(const Task& task, Tick now) {
    const KernelPath& path = task.path;
    for (const PathLog::Allocation& allocation : task.log.allocations) {
        const Tick start = path.marked(allocation.begin);
        const Tick end = path.marked(allocation.end);
        if (start == no_time || end == no_time) continue;
        const std::uint64_t latency = (end - start).value();
        m_counters.all_allocation_latency.add(latency);
        m_counters.allocation_latency[static_cast<std::size_t>(allocation.event.source)].add(latency);
        if (!m_allocation_events.wanted()) continue;
        AllocationEvent event = allocation.event;
        event.time = start.value();
        event.latency = latency;
        m_allocation_events.append(event);
    }
    log_functions(task);
    log_driver_calls(task);
    log_object_calls(task);
    if (!task.log.has_fault || task.continuation == Continuation::EndFault) return;
    const Tick start =
        task.log.fault_start != no_time ? task.log.fault_start : path.marked(task.log.fault_begin);
    if (start == no_time) return;
    const std::uint64_t latency = (now - start).value();
    m_counters.all_fault_latency.add(latency);
    m_counters.fault_latency[static_cast<std::size_t>(task.log.fault.kind)].add(latency);
    if (!m_fault_events.wanted()) return;
    FaultEvent event = task.log.fault;
    event.time = start.value();
    event.latency = latency;
    m_fault_events.append(event);
}

void Kernel::log_driver_calls(const Task& task) {
    for (const PathLog::DriverCall& call : task.log.driver_calls) {
        const Tick start = task.path.marked(call.begin);
        const Tick end = task.path.marked(call.end);
        if (start == no_time || end == no_time || !m_driver_events.wanted()) continue;
        DriverEvent event = call.event;
        event.time = start.value();
        event.latency = (end - start).value();
        m_driver_events.append(event);
    }
}

void Kernel::log_functions(const Task& task) {
    if (task.log.functions.calls().empty() || !m_function_events.wanted()) return;
    for (const FunctionCalls::Call& call : task.log.functions.calls()) {
        const Tick entry = task.path.marked(call.entry);
        const Tick exit = task.path.marked(call.exit);
        if (entry == no_time || exit == no_time) continue; // it sleeps in the call
        m_function_events.append({.time = entry.value(),
                                  .duration = (exit - entry).value(),
                                  .task = static_cast<std::uint32_t>(task.id),
                                  .cpu = static_cast<std::uint16_t>(task.cpu),
                                  .depth = call.depth,
                                  .function = call.function});
    }
}

void Kernel::path_completed(CpuId cpu, KernelPath& path, Tick now) {
    if (&path == &m_cpus[cpu].interrupt_path) return;
    Task* task = m_scheduler.running(cpu);
    if (task == nullptr || &task->path != &path) return;
    log_path(*task, now);
    m_tables.bury(task->log);
    if (task->continuation == Continuation::EndFault && task->log.has_fault)
        task->fault.time = path.marked(task->log.fault_begin).value();
    task->log.clear();
    if (task->exited) {
        task->state = TaskState::Dead;
        m_cpus[cpu].buried = task;
        m_scheduler.set_running(cpu, nullptr);
        return;
    }
    if (!task->falling_asleep) return;
    task->falling_asleep = false;
    m_scheduler.set_running(cpu, nullptr);
    task->state = TaskState::Sleeping;
    if (task->woken)
        wake(*task);
    else if (task->reason == SleepReason::Time)
        m_scheduler.sleep(*task);
    else if (task->reason == SleepReason::Stream)
        m_stream_waiters.push_back(task);
}

KernelInterface::Pick Kernel::pick(CpuId cpu, Tick now, ScheduledTask& next) {
    Cpu& state = m_cpus[cpu];
    if (state.buried != nullptr) {
        bury(*state.buried, cpu, now);
        state.buried = nullptr;
    }
    leave_old_space(cpu, now);
    if (m_objects.grace_period_due(now)) {
        Operation op = untimed(cpu, now);
        m_objects.end_grace_period(op);
        finish_untimed();
    }
    adopt_streams();
    wake_ready_streams();
    m_scheduler.wake_sleepers(now);
    if (now >= m_daemons.next_check()) {
        Operation op = untimed(cpu, now);
        m_daemons.check(op);
        finish_untimed();
    }
    Task* task = m_scheduler.running(cpu);
    if (task != nullptr && !task->killed && m_scheduler.has_waiting(cpu)) {
        m_scheduler.requeue(*task);
        task = nullptr;
        m_scheduler.set_running(cpu, nullptr);
    }
    if (task == nullptr) task = m_scheduler.next(cpu);
    while (task == nullptr && m_scheduler.all_quiet()) {
        m_poll_at = no_time;
        const bool waits =
            (!m_stream_waiters.empty() || !m_without_stream.empty()) && ++m_polls < most_stream_waits;
        if (waits && !wait_for_streams()) {
            m_poll_at = now; // again at once, after a look at the user's signals
            break;
        }
        if (!waits && !break_deadlock()) break;
        task = m_scheduler.next(cpu);
    }
    if (task == nullptr) return Pick::Idle;

    m_polls = 0;
    m_poll_at = no_time;
    m_scheduler.set_running(cpu, task);
    task->state = TaskState::Running;
    // Where it ran last it may have had another address space, before its execve elsewhere.
    const bool switched =
        state.last != task->id || (task->space != nullptr && state.loaded != task->space.get());
    Operation op = begin(*task, cpu, now);
    if (switched) switch_steps(op, *task);
    task->ever_ran = true;
    task->cpu = cpu;
    state.last = task->id;
    next.task = task->id;
    next.context = task->space != nullptr ? TranslationContext{task->space->root, task->space->pcid}
                                          : TranslationContext{m_layout.addresses.root, 0};
    next.stream = task->stream;
    next.time_slice = m_config.time_slice;
    resume(op, *task);
    const bool empty = task->path.steps().empty() && task->path.outcome == PathOutcome::Resume;
    next.path = empty ? nullptr : &task->path;
    return switched ? Pick::Switched : Pick::Same;
}

bool Kernel::wait_for_streams() {
    if (!m_workload->wait_for_news(m_stream_waiters.empty() ? new_stream_wait_us : stream_wait_us))
        return false;
    m_polls = 0;
    adopt_streams();
    wake_ready_streams();
    return true;
}

void Kernel::switch_steps(Operation& op, Task& task) {
    Cpu& state = m_cpus[op.cpu];
    ++m_counters.context_switches;
    op.path.store(m_layout.addresses.run_queue(op.cpu));
    op.path.call(KernelFunction::Schedule);
    op.path.load(task.object);
    if (task.space == nullptr) {
        // Without user memory of its own: what was loaded stays, for whoever comes next.
        op.path.call(KernelFunction::FinishTaskSwitch);
        return;
    }
    AddressSpace& space = *task.space;
    if (state.loaded != &space) {
        if (state.loaded != nullptr) state.loaded->cpus.reset(index_of(op.cpu));
        state.loaded = &space;
        space.cpus.set(index_of(op.cpu));
        op.path.load(space.object);
        if (space.tlb_seen[op.cpu] != space.tlb_generation) {
            space.tlb_seen[op.cpu] = space.tlb_generation;
            CpuMask here;
            here.set(index_of(op.cpu));
            op.path.flush_tlb({TlbInvalidation::Scope::AddressSpace, space.pcid, {}, {}, here});
        }
    }
    op.path.call(KernelFunction::FinishTaskSwitch);
}

void Kernel::resume(Operation& op, Task& task) {
    if (task.killed && !task.exited) {
        exit_task(op, task);
        return;
    }
    if (task.work != nullptr) {
        run_thread(op, task);
        return;
    }
    const Continuation what = std::exchange(task.continuation, Continuation::None);
    switch (what) {
    case Continuation::None:
        break;
    case Continuation::EnterCall:
        pass_order(task.deferred.enter_order);
        break;
    case Continuation::SystemCall:
        run_system_call(op, task, task.deferred);
        end_if_killed(op, task);
        break;
    case Continuation::EndSystemCall:
        finish_system_call(op, task);
        break;
    case Continuation::EndFault:
        op.path.call(KernelFunction::CompleteIo);
        task.log.has_fault = true;
        task.log.fault = task.fault;
        task.log.fault_start = Tick(task.fault.time);
        break;
    }
}

Tick Kernel::next_wakeup(CpuId) const { return std::min(m_scheduler.next_wakeup(), m_poll_at); }

std::size_t Kernel::live_tasks() const { return m_live; }

const Task* Kernel::find_task(TaskId id) const {
    const std::size_t index = index_of(id);
    return index < m_tasks.size() ? m_tasks[index].get() : nullptr;
}

const AddressSpace* Kernel::address_space(TaskId id) const {
    const Task* task = find_task(id);
    return task == nullptr ? nullptr : task->space.get();
}

void Kernel::drain_lru_batches() {
    Operation op = untimed(CpuId{}, Tick{});
    for (std::size_t i = 0; i < m_cpus.size(); ++i) m_lru.drain(op, static_cast<CpuId>(i));
    finish_untimed();
}

} // namespace pagewalk::os
