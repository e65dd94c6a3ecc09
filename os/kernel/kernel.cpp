#include "os/kernel/kernel.h"

#include "base/error.h"
#include "contract/marker_call.h"
#include "contract/system_calls.h"
#include "os/page/boot.h"
#include "os/page/contiguous.h"
#include "os/syscall/call_table.h"
#include "os/task/untimed.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t waits_for_a_stream =
    200; // in the host's time: a thread that has not shown up by then was never traced

constexpr Tick recorders_time{5'000'000 * ticks_per_ns}; // at a marker; assumed

KernelConfig validated(KernelConfig config) {
    config.validate();
    return config;
}

/// hugepage_init: small machines have no transparent huge pages.
VmConfig vm_config(const KernelConfig& config, const PageAllocator& allocator) {
    VmConfig vm = config.vm;
    std::uint64_t managed = 0;
    for (const auto& zone : allocator.zones()) managed += zone->managed;
    if (managed < hugepage_minimum) vm.thp.enabled = ThpEnabled::Never;
    return vm;
}

StrayAccess stray_access_of(const Workload& workload) {
    if (workload.maps_on_touch()) return StrayAccess::Maps;
    return workload.has_run() ? StrayAccess::Happened : StrayAccess::Kills;
}

} // namespace

Kernel::Kernel(const KernelConfig& config, PageTableMemory& tables)
    : m_config(validated(config)),
      m_layout(lay_out_kernel(m_config.memory, m_config.levels, m_config.dma.swiotlb)),
      m_allocator(m_config.captured ? m_config.captured->take_allocator(m_layout)
                                    : boot_page_allocator(m_layout.map, m_config.pages)),
      m_frames(*m_allocator, m_layout.addresses, m_counters, m_config.init_on_alloc,
               m_config.captured != nullptr ? &m_config.captured->gate() : nullptr),
      m_objects(m_frames, m_config.objects, m_config.init_on_alloc, m_config.seed),
      m_journal(m_counters, m_objects.cache_names()), m_scheduler(m_layout.map.cpus.size()),
      m_runner({m_scheduler, m_frames, m_layout.addresses, m_counters, m_journal, m_config.costs,
                m_config.timing}),
      m_page_locks(m_frames, m_runner), m_dma(m_frames, tables), m_block(m_page_locks, m_counters),
      m_block_io(m_frames, m_block, m_runner), m_net({m_frames, m_objects, m_dma, m_runner}),
      m_lru(m_frames, m_counters, m_layout.map.cpus.size()), m_workingset(m_frames, m_counters),
      m_swap({m_frames, m_counters, m_block, m_page_locks, m_lru, m_workingset}, m_config.swap_bytes,
             m_config.swap_device == SwapDevice::Zram ? m_config.zram_ratio : 0),
      m_files({m_frames, m_objects, m_counters, m_block, m_page_locks, m_workingset}, m_config.file_cache,
              [this](Operation& op, Pfn frame) { m_lru.add(op, frame); }),
      m_flusher(m_runner, m_files.writeback()), m_open_files(m_objects, m_files),
      m_tables(tables, m_frames, m_counters, static_cast<unsigned>(m_config.levels), m_config.page_table,
               *PageTablePlacement::parse(m_config.page_table_node, m_config.memory.node_count())),
      m_memory({m_frames, m_objects, m_files, m_lru, m_tables, m_counters, m_runner, m_swap},
               vm_config(m_config, *m_allocator), m_layout.map.cpus.size()),
      m_khugepaged(m_memory, m_objects, m_lru, m_runner, m_config.vm.khugepaged),
      m_compaction(m_frames, m_memory, m_lru, m_counters),
      m_reclaim({m_frames, m_counters, m_memory, m_lru, m_swap, m_workingset}, m_config.swappiness,
                m_config.reclaim),
      m_processes({m_runner, m_scheduler, m_frames, m_objects, m_counters, m_memory, m_open_files},
                  m_layout.map.cpus.size()),
      m_futexes(m_runner), m_streams(m_runner), m_oom_killer(m_processes, m_memory, m_counters),
      m_daemons({m_frames, m_compaction.compaction(), m_counters, m_runner, m_oom_killer, m_reclaim, m_swap}),
      m_cpus(m_layout.map.cpus.size()) {
    for (const auto& zone : m_allocator->zones()) zone->address = m_layout.addresses.zone(*zone);
    m_files.on_activation([this](Operation& op, Pfn frame) { m_lru.activate(op, frame); });
    m_files.on_release([this](Operation& op) { m_lru.drain(op); });
    m_files.set_initramfs(m_config.initramfs);
    m_files.writeback().configure(m_config.writeback);
    m_files.writeback().on_clean(
        [this](Operation& op, Pfn frame) { m_memory.write_protect_file(op, frame); });
    m_files.writeback().on_work([this](Operation& op) { m_flusher.wake(op); });
    m_files.on_page([this](const FilemapEvent& event) { m_journal.write_event(event); });
    m_dma.configure(m_config.dma, m_layout.swiotlb);
    m_block.configure(m_config.block);
    m_block.on_complete([this](const BlockEvent& event) { m_journal.write_event(event); });
    m_net.configure(m_config.net);
    m_net.on_packet([this](const PacketEvent& event) { m_journal.write_event(event); });
    m_files.set_tmpfs(m_config.tmpfs);
    m_files.set_readahead({.window = m_config.read_ahead_kb * 1024 / page_size});
    for (const KernelConfig::KnownFile& file : m_config.files) m_files.add_file(file.path, file.bytes);
    build_kernel_tables(m_layout, tables, m_config.levels);
    m_tables.set_kernel_root(m_layout.addresses.root);
    m_runner.on_tables_dead([this](PathLog& log) { m_tables.remove_dead_tables(log); });
    m_compaction.on_daemon_wanted([this](NodeId node) { m_daemons.wake_kcompactd(node); });
    {
        UntimedOperation boot(m_runner, {});
        m_vmalloc = std::make_unique<KernelVmalloc>(VmallocConfig{.huge_vmalloc = m_config.huge_vmalloc},
                                                    m_frames, m_objects, m_tables, tables,
                                                    static_cast<unsigned>(m_config.levels), *boot);
    }
    {
        UntimedOperation boot(m_runner, {});
        ContiguousAllocator contiguous(*m_allocator, m_compaction);
        m_memory.boot_hugetlb(*boot, contiguous);
    }
    if (m_config.stocked_objects) {
        UntimedOperation boot(m_runner, {});
        m_objects.stock(*boot);
    }
    m_driver = std::make_unique<AllocationDriver>(m_frames, m_objects, *m_vmalloc);
    m_call_parts = std::make_unique<CallParts>(CallParts{m_memory, m_files, m_open_files, m_frames,
                                                         m_processes, m_futexes, m_scheduler, m_segments,
                                                         *m_driver, m_counters, m_reclaim, m_process_files});
    for (std::size_t i = 0; i < m_cpus.size(); ++i)
        for (Handler* handler :
             {&m_cpus[static_cast<CpuId>(i)].shootdown, &m_cpus[static_cast<CpuId>(i)].device})
            handler->path.stack =
                m_layout.addresses.percpu[static_cast<CpuId>(i)] + KernelAddresses::percpu_bytes;
    m_frames.cgroups().on_pressure(m_daemons);
    m_daemons.start(m_processes);
    CpuMask anywhere;
    for (std::size_t i = 0; i < m_cpus.size(); ++i) anywhere.set(i);
    m_processes.start(m_flusher, anywhere);
    // On a captured page allocator what khugepaged did is done again from the capture.
    if (m_memory.thp().enabled != ThpEnabled::Never && m_config.captured == nullptr) {
        m_memory.set_khugepaged(m_khugepaged);
        m_processes.start(m_khugepaged, CpuMask().set());
    }
    if (m_config.vm.numa_balancing.enabled && m_allocator->node_count() > 1) {
        m_numa.emplace(m_memory, m_frames, m_counters, m_config.vm.numa_balancing);
        m_memory.set_numa_balancing(*m_numa);
    }
    if (m_config.stocked_objects) {
        UntimedOperation boot(m_runner, {});
        m_processes.keep_stacks(*boot);
    }
}

Kernel::~Kernel() { m_processes.unwind(); }

void Kernel::connect(InterruptController& interrupts, BlockDevice& disk, IommuDevice* iommu) {
    m_runner.connect(interrupts);
    m_block.connect(disk, m_lines);
    if (iommu != nullptr) m_dma.connect(*iommu);
    if (disk.limits().depth == 0) return;
    UntimedOperation probe(m_runner, {});
    m_block.set_up_queues(*probe, m_dma, m_cpus.size());
}

void Kernel::connect(NetDevice& nic, InterruptController& interrupts) {
    m_net.connect(nic, m_lines, interrupts);
    UntimedOperation probe(m_runner, {});
    m_net.set_up(*probe, m_cpus.size());
}

void Kernel::start(Workload& workload, const ProgramPlacement& placement, const Moment& moment) {
    CallOrder& order = m_orders.emplace_back(m_runner, m_counters);
    m_programs.push_back(
        {&workload, stray_access_of(workload), &order, placement.number, memory_cgroup(placement)});
    m_processes.start(m_programs.back(), placement, moment);
}

/// One for all programs of a number: a trace that begins again is charged together with what it has left.
MemoryCgroup* Kernel::memory_cgroup(const ProgramPlacement& placement) {
    if (placement.limits == MemoryLimits()) return nullptr;
    const auto before = std::ranges::find(m_programs, placement.number, &Program::number);
    if (before != m_programs.end()) return before->cgroup;
    return &m_frames.cgroups().add(placement.limits);
}

void Kernel::declare(StatGroup group) const {
    m_counters.declare(group);
    m_files.declare(group);
    m_objects.declare(group);
    m_compaction.compaction().counters().declare(group);
    m_driver->declare(group.group("driver"));
    m_block.declare(group.group("block"));
    m_dma.declare(group.group("dma"));
    m_net.declare(group.group("net"));
    m_frames.cgroups().declare(group.group("memory_limit"));
    group.counter("markers", m_markers, "count", "markers that programs have reached (prctl 0x5057)");
    group.counter("markers_out_of_range", m_markers_out_of_range, "count",
                  "markers with a number beyond 65535, which are ignored");
    group.counter("unexplained_accesses", m_unexplained.count(), "count",
                  "page faults of accesses that the program completed when it ran, although the simulated "
                  "kernel's address space did not allow them: a call that is not modelled");
}

void Kernel::note_marker(const Operation& op, std::uint64_t number) {
    if (number > marker_call::max_marker) {
        ++m_markers_out_of_range;
        return;
    }
    ++m_markers;
    if (m_on_marker) m_on_marker({static_cast<std::uint32_t>(number), op.task, op.cpu, op.now});
}

/// An operation of the task that runs on `cpu`. A task that has been killed meanwhile ends instead.
template <class Job>
KernelPath& Kernel::operate(CpuId cpu, Tick now, const Job& job) {
    Task& task = *m_scheduler.running(cpu);
    return m_runner.run(task, cpu, now, [this, &task, job](Operation& op) {
        if (!task.killed) job(op);
        if (task.killed && !task.exited) m_processes.exit(op, task);
    });
}

KernelPath& Kernel::page_fault(CpuId cpu, VirtAddr address, FaultAccess access, Tick now) {
    return operate(cpu, now, [=, this](Operation& op) { handle_fault(op, address, access); });
}

void Kernel::handle_fault(Operation& op, VirtAddr address, FaultAccess access) {
    Task& task = *op.self;
    op.log.fault_begin = op.path.mark();
    op.path.call(KernelFunction::PageFaultEntry);
    const VirtualMemory::FaultResult result =
        m_memory.fault(op, *task.space, address, access, task.program->stray);
    m_memory.count_fault(op, result.kind);
    if (result.unexplained) m_unexplained.add(task, address, access, op.now);
    op.log.has_fault = true;
    op.log.fault = {.address = address.value(),
                    .task = static_cast<std::uint32_t>(task.id),
                    .cpu = static_cast<std::uint16_t>(op.cpu),
                    .kind = result.kind,
                    .access = static_cast<std::uint8_t>(access)};
    if (!task.killed && result.status != VirtualMemory::FaultStatus::Done)
        m_processes.kill(op, task,
                         {.time = op.now,
                          .task = static_cast<std::uint32_t>(task.id),
                          .address = address.value(),
                          .access = static_cast<std::uint8_t>(access),
                          .reason = result.status == VirtualMemory::FaultStatus::BusError
                                        ? KillReason::BusError
                                        : KillReason::BadAddress});
}

KernelPath& Kernel::system_call(CpuId cpu, const SyscallRecord& record, Tick now) {
    ++m_counters.system_calls;
    m_scheduler.running(cpu)->in_call = false;
    ++m_scheduler.running(cpu)->account->system_calls;
    return operate(cpu, now, [this, &record](Operation& op) { do_system_call(op, record); });
}

// The record stays valid until the task's stream is asked for more.
void Kernel::do_system_call(Operation& op, const SyscallRecord& record) {
    Task& task = *op.self;
    std::ranges::rotate(task.last_calls, task.last_calls.end() - 1);
    task.last_calls.front() = record.number;
    if (!record.entered) op.path.call(KernelFunction::SyscallEntry);
    if (const auto number = marker_call::marker_of(record)) {
        // The recorder of a captured machine read its texts there: the disk went on meanwhile.
        const bool was_read = m_config.stocked_objects && m_config.captured == nullptr;
        if (was_read && m_block.in_flight() != 0) op.host->sleep(op, op.now + recorders_time);
        note_marker(op, *number);
    }
    CallOrder& order = *task.program->order;
    if (!record.entered && order.reach(op, record.enter_order) == WaitEnd::Killed) return;
    // What a call brings was sent before it returned.
    if (brings_data(record.number) && order.await(op, record.exit_order) == WaitEnd::Killed) return;
    CallContext call{*m_call_parts, op, task, record};
    if (is_driver_call(record.number))
        m_driver->serve(op, record);
    else if (is_io_call(record.number))
        m_block_io.serve(op, record);
    else if (is_net_call(record.number))
        m_net.serve(op, record);
    else
        serve_call(call);
    if (task.exited)
        order.pass(record.exit_order, {op.cpu, op.now});
    else
        (void)order.reach(op, record.exit_order);
}

KernelPath& Kernel::system_call_entered(CpuId cpu, const SyscallRecord& record, Tick now) {
    m_scheduler.running(cpu)->in_call = true;
    return operate(cpu, now, [this, &record](Operation& op) {
        op.path.call(KernelFunction::SyscallEntry);
        if (op.self->program->order->reach(op, record.enter_order) == WaitEnd::Killed) return;
        CallContext call{*m_call_parts, op, *op.self, record};
        begin_call(call);
    });
}

KernelPath& Kernel::stream_ended(CpuId cpu, Tick now) {
    return operate(cpu, now, [this](Operation& op) { m_processes.exit(op, *op.self); });
}

KernelPath& Kernel::stream_not_ready(CpuId cpu, Tick now) {
    Task& task = *m_scheduler.running(cpu);
    ++m_counters.stream_waits;
    Operation& op = m_runner.begin(task, cpu, now);
    if (task.killed)
        go_on(task);
    else
        m_streams.park(op);
    return task.path;
}

KernelPath& Kernel::interrupt(CpuId cpu, const Interrupt& interrupt, Tick now) {
    Handler& handler =
        interrupt.kind == InterruptKind::Shootdown ? m_cpus[cpu].shootdown : m_cpus[cpu].device;
    handler.path.clear();
    handler.log.clear();
    Operation op{
        .path = {handler.path, m_config.costs, m_config.timing}, .log = handler.log, .cpu = cpu, .now = now};
    switch (interrupt.kind) {
    case InterruptKind::Shootdown:
        op.path.call(KernelFunction::ShootdownInterrupt);
        ++m_counters.shootdown_interrupts;
        break;
    case InterruptKind::Device:
        if (!m_lines.deliver(op, interrupt.source)) ++m_counters.spurious_interrupts;
        break;
    case InterruptKind::Reschedule: // an idle CPU watches a flag; a busy one looks when its path is done
        break;
    }
    return handler.path;
}

void Kernel::effect(CpuId cpu, KernelPath& path, std::uint32_t index, Tick now) {
    const bool interrupt = &path == &m_cpus[cpu].device.path;
    // Copied: what takes place may add to the log.
    const Effect effect =
        interrupt ? m_cpus[cpu].device.log.effects[index] : m_scheduler.running(cpu)->log.effects[index];
    effect.take_place({cpu, now});
}

void Kernel::path_completed(CpuId cpu, KernelPath& path, Tick now) {
    if (&path == &m_cpus[cpu].shootdown.path || &path == &m_cpus[cpu].device.path) return;
    Task* task = m_scheduler.running(cpu);
    if (task == nullptr || &task->path != &path) return;
    const bool over = m_runner.path_completed(*task, cpu, now);
    if (!over || !task->exited) return;
    task->state = TaskState::Dead;
    m_cpus[cpu].departed = task;
    m_scheduler.set_running(cpu, nullptr);
}

/// What a CPU does between two tasks, whatever the next one is.
void Kernel::look_after_time(CpuId cpu, Tick now) {
    const Moment moment{cpu, now};
    if (Task* departed = std::exchange(m_cpus[cpu].departed, nullptr))
        m_processes.free_task(*departed, moment);
    if (m_objects.grace_period_due(now)) {
        UntimedOperation untimed(m_runner, moment);
        m_objects.end_grace_period(*untimed);
    }
    m_processes.adopt_streams(moment);
    poll_streams(moment);
    m_runner.wake_sleepers(moment);
}

/// Nothing that the simulated machine does by itself comes before what the host's world does next. Sleeps
/// that end do not count where a program is only slower than the simulation: time stands still for it.
bool Kernel::waits_for_host() const {
    if (m_block.in_flight() != 0 || m_net.is_up()) return false;
    return m_scheduler.all_quiet() || (m_scheduler.all_idle() && m_streams.any_at_work());
}

/// While all wait for the host, the CPU does so that is to go on: when and where depends on nothing else
/// then.
void Kernel::poll_streams(const Moment& moment) {
    if (!m_streams.empty() && !waits_for_host()) m_streams.poll(moment);
}

/// Nobody can run, and nothing that the machine does will change that: what may, from the least harm on.
Task* Kernel::unblock_somebody(CpuId cpu, Tick now) {
    const Moment moment{cpu, now};
    if (cpu == m_poll_cpu) m_poll_at = no_time;
    while (waits_for_host()) {
        const bool new_ones = m_processes.awaits_streams();
        if (new_ones && ++m_stream_waits >= waits_for_a_stream) {
            m_processes.give_up_streams(moment);
        } else if (new_ones || !m_streams.empty()) {
            if (!new_ones && !m_streams.any_on(cpu)) return nullptr;
            m_streams.poll(moment);
            if (m_scheduler.all_idle() && !wait_for_news(moment)) {
                m_poll_cpu = cpu;
                m_poll_at = now; // time stands still until the host's world has moved
                return nullptr;
            }
        } else if (force_order(moment)) {
            ++m_counters.orders_forced;
        } else {
            if (m_processes.live() != 0)
                throw RunError("all tasks of the simulated program sleep and nothing can wake them");
            return nullptr;
        }
        if (Task* task = m_scheduler.next(cpu)) return task;
    }
    return nullptr;
}

bool Kernel::force_order(const Moment& moment) {
    const auto skips = [&](CallOrder& order) { return order.skip_ahead(moment); };
    return std::ranges::any_of(m_orders, skips) || m_futexes.give_up_a_wait(moment) ||
           m_processes.give_up_a_wait(moment);
}

/// In the host's time, for a bounded while: the user may want to end the run. Returns whether there was any.
bool Kernel::wait_for_news(const Moment& moment) {
    constexpr std::uint64_t limit_us = 10'000;
    const auto runs = [this](const Program& program) { return m_processes.tasks_of(program.number) != 0; };
    const auto running = static_cast<std::uint64_t>(std::ranges::count_if(m_programs, runs));
    const bool news = std::ranges::any_of(m_programs, [&](const Program& program) {
        return runs(program) && program.workload->wait_for_news(limit_us / running);
    });
    if (!news) return false;
    m_processes.adopt_streams(moment);
    m_streams.poll(moment);
    return true;
}

Task* Kernel::next_task(CpuId cpu, Tick now) {
    Task* task = m_scheduler.running(cpu);
    if (task != nullptr && !task->killed && !task->allowed[index_of(cpu)]) {
        m_scheduler.set_running(cpu, nullptr);
        m_runner.make_runnable(*task, {cpu, now});
        task = nullptr;
    }
    if (task != nullptr && !task->killed && m_scheduler.has_waiting(cpu)) {
        m_scheduler.requeue(*task);
        m_scheduler.set_running(cpu, nullptr);
        task = nullptr;
    }
    if (task == nullptr) task = m_scheduler.next(cpu);
    return task != nullptr ? task : unblock_somebody(cpu, now);
}

KernelInterface::Pick Kernel::pick(CpuId cpu, Tick now, ScheduledTask& next) {
    look_after_time(cpu, now);
    Task* task = next_task(cpu, now);
    if (task == nullptr) {
        if (m_numa) m_numa->idle(cpu);
        return Pick::Idle;
    }
    m_stream_waits = 0;
    m_poll_at = no_time;
    m_scheduler.set_running(cpu, task);
    task->state = TaskState::Running;
    const bool switched = m_cpus[cpu].last != task->id;
    Operation& op = TaskRunner::in_operation(*task) ? m_runner.prepare_resume(*task, cpu, now)
                                                    : m_runner.begin(*task, cpu, now);
    if (switched)
        switch_to(op, *task);
    else if (task->space != nullptr)
        m_memory.activate(op, *task->space); // another than before where it has done execve
    m_processes.destroy_left_space(*task, {cpu, now});
    task->ever_ran = true;
    task->cpu = cpu;
    m_cpus[cpu].last = task->id;
    next.task = task->id;
    const bool was_in_operation = TaskRunner::in_operation(*task);
    go_on(*task);
    if (m_numa && m_numa->tick(*task, cpu, now) && !was_in_operation && !task->killed)
        m_runner.go_on_with(*task, [this, task](Operation& work) { m_numa->scan(work, *task); });
    next.context = task->space != nullptr ? TranslationContext{task->space->root, task->space->pcid}
                                          : TranslationContext{m_layout.addresses.root, 0};
    next.stream = task->stream;
    next.time_slice = m_config.time_slice;
    const bool empty = task->path.steps().empty() && task->path.outcome == PathOutcome::Resume;
    next.path = empty ? nullptr : &task->path;
    return switched ? Pick::Switched : Pick::Same;
}

/// Goes on with what the task was in the middle of, or ends it where it has been killed.
void Kernel::go_on(Task& task) {
    if (TaskRunner::in_operation(task))
        m_runner.resume(task);
    else if (task.killed && !task.exited)
        m_runner.go_on_with(task, [this, &task](Operation& op) { m_processes.exit(op, task); });
}

void Kernel::switch_to(Operation& op, Task& task) {
    ++m_counters.context_switches;
    op.path.store(m_layout.addresses.run_queue(op.cpu));
    op.path.call(KernelFunction::Schedule);
    op.path.load(task.object);
    // A kernel thread leaves loaded what was, for whoever comes next.
    if (task.space != nullptr) m_memory.activate(op, *task.space);
    op.path.call(KernelFunction::FinishTaskSwitch);
}

Tick Kernel::next_wakeup(CpuId cpu) const {
    return std::min(m_scheduler.next_wakeup(), cpu == m_poll_cpu ? m_poll_at : no_time);
}

const AddressSpace* Kernel::address_space(TaskId id) const {
    const Task* task = find_task(id);
    return task == nullptr ? nullptr : task->space.get();
}

void Kernel::restore(TaskId id, const SpaceImage& image) {
    UntimedOperation untimed(m_runner, {});
    m_memory.restore(*untimed, *m_processes.find(id)->space, image);
}

void Kernel::drain_lru_batches() {
    UntimedOperation untimed(m_runner, {});
    for (std::size_t i = 0; i < m_cpus.size(); ++i) m_lru.drain(*untimed, static_cast<CpuId>(i));
}

} // namespace pagewalk::os
