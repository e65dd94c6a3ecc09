#include "base/error.h"
#include "os/kernel/kernel.h"

#include <algorithm>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr unsigned stack_order = 2;    // THREAD_SIZE is 16 KiB
constexpr std::size_t stacks_kept = 2; // of dead tasks, a CPU: NR_CACHED_STACKS
constexpr std::size_t first_id = 2;    // 1 is init's

// clone flags: include/uapi/linux/sched.h
constexpr std::uint64_t clone_vm = 0x100;
constexpr std::uint64_t clone_files = 0x400;
constexpr std::uint64_t clone_vfork = 0x4000;
constexpr std::uint64_t clone_thread = 0x10000;

} // namespace

Task& Kernel::add_task(Operation& op) {
    const FunctionScope scope = in(op, TracedFunction::DupTaskStruct);
    if (m_tasks.empty()) m_tasks.resize(first_id);
    auto owned = std::make_unique<Task>();
    Task& task = *owned;
    task.id = static_cast<TaskId>(m_tasks.size());
    task.object = m_objects.allocate(op, ObjectKind::Task);
    m_tasks.push_back(std::move(owned));
    if (auto& cached = m_cpus[op.cpu].stacks; !cached.empty()) {
        task.stack = cached.back();
        cached.pop_back();
        return task;
    }
    op.path.call(KernelFunction::AllocPages);
    const auto stack = m_frames.allocate(op, {.mask = gfp::kernel_account | gfp::zero,
                                              .order = stack_order,
                                              .purpose = AllocationPurpose::KernelStack});
    if (!stack) throw RunError("out of simulated memory for a kernel stack; give the machine more memory");
    task.stack = *stack;
    m_frames.pages().at(*stack).owner_flags = frame_flags::kernel;
    m_counters.nr_kernel_stack += 1ULL << stack_order;
    return task;
}

std::shared_ptr<ProcessObjects> Kernel::add_process_objects(Operation& op) {
    // In the order in which copy_process makes them.
    auto process = std::make_shared<ProcessObjects>();
    process->credentials = m_objects.allocate(op, ObjectKind::Credentials);
    process->files = m_objects.allocate(op, ObjectKind::Files);
    process->file_system = m_objects.allocate(op, ObjectKind::FileSystemState);
    process->signal_handlers = m_objects.allocate(op, ObjectKind::SignalHandlers);
    process->signals = m_objects.allocate(op, ObjectKind::Signals);
    return process;
}

void Kernel::drop_process_objects(Operation& op, Task& task) {
    if (task.process != nullptr && task.process.use_count() == 1) {
        m_objects.free(op, ObjectKind::Files, task.process->files);
        m_objects.free(op, ObjectKind::FileSystemState, task.process->file_system);
        m_objects.free(op, ObjectKind::SignalHandlers, task.process->signal_handlers);
        m_objects.free(op, ObjectKind::Signals, task.process->signals);
        m_objects.free(op, ObjectKind::Credentials, task.process->credentials);
    }
    task.process.reset();
}

void Kernel::start(Workload& workload) {
    m_workload = &workload;
    m_stray = workload.maps_on_touch() ? StrayAccess::Maps : StrayAccess::Kills;
    Operation op = untimed(CpuId{}, Tick{});
    Task& task = add_task(op);
    task.group = task.id;
    task.files = std::make_shared<FileDescriptors>();
    task.process = add_process_objects(op);
    task.space = m_memory.create(op);
    if (task.space == nullptr) throw RunError("out of simulated memory for the first program");
    task.pid = m_objects.allocate(op, ObjectKind::Pid);
    task.space->users = 1;
    map_image(op, task, workload.initial_mappings());
    finish_untimed();
    task.thread = ThreadIndex{};
    task.stream = &workload.thread(task.thread);
    ++m_live;
    m_scheduler.wake(task);
}

void Kernel::map_image(Operation& op, Task& task, std::span<const InitialMapping> image) {
    for (const InitialMapping& mapping : image) {
        MapRequest request{.start = mapping.start, .bytes = mapping.end - mapping.start};
        request.flags = (mapping.readable ? vm::read : 0) | (mapping.writable ? vm::write | vm::account : 0) |
                        (mapping.executable ? vm::exec : 0) | (mapping.grows_down ? vm::grows_down : 0);
        if (!mapping.file.empty()) {
            request.inode = m_files.open(op, mapping.file);
            request.page_offset = mapping.file_offset >> page_shift;
            map_file_ahead(op, request.inode, request.page_offset, request.bytes);
        }
        m_memory.map(op, *task.space, request);
        if (request.inode != no_inode) m_files.drop_user(op, request.inode);
        if (mapping.heap) {
            task.space->brk_start = mapping.start;
            task.space->brk = mapping.end;
        }
    }
}

void Kernel::execute_image(Operation& op, Task& task) {
    const std::vector<InitialMapping> image = m_workload->image(task.thread);
    if (image.empty()) {
        exit_task(op, task);
        return;
    }
    kill_group(task.group, task.cpu, &task);
    std::shared_ptr<AddressSpace> space = m_memory.create(op);
    if (space == nullptr) throw RunError("out of simulated memory in execve; give the machine more memory");
    space->users = 1;
    release_space(op, task);
    m_cpus[op.cpu].left = std::exchange(task.space, std::move(space));
    m_cpus[op.cpu].last = TaskId{}; // so that the CPU takes the new tables
    map_image(op, task, image);
    end_vfork(task);
    op.path.path().outcome = PathOutcome::Reschedule;
}

void Kernel::leave_old_space(CpuId cpu, Tick now) {
    const std::shared_ptr<AddressSpace> space = std::move(m_cpus[cpu].left);
    if (space == nullptr || space.use_count() != 1 || space->users != 0) return;
    for (Cpu& other : m_cpus)
        if (other.loaded == space.get()) other.loaded = nullptr;
    Operation op = untimed(cpu, now);
    m_memory.destroy(op, *space);
    finish_untimed();
}

void Kernel::end_vfork(Task& child) {
    if (child.vfork_parent == TaskId{}) return;
    Task* parent = m_tasks[index_of(std::exchange(child.vfork_parent, TaskId{}))].get();
    if (parent == nullptr || parent->reason != SleepReason::Child || parent->awaited_child != child.id)
        return;
    stop_waiting(*parent);
    wake(*parent);
}

void Kernel::clone(Operation& op, Task& parent, std::uint64_t flags, std::int64_t child_id) {
    const FunctionScope scope = in(op, TracedFunction::KernelClone);
    op.path.call(KernelFunction::KernelClone);
    ++m_counters.forks;
    Task& child = copy_process(op, parent, flags, child_id);
    const FunctionScope waking = in(op, TracedFunction::WakeUpNewTask);
    op.path.call(KernelFunction::TryToWakeUp);
    m_without_stream.push_back(&child);
    adopt_streams();
}

Task& Kernel::copy_process(Operation& op, Task& parent, std::uint64_t flags, std::int64_t child_id) {
    const FunctionScope scope = in(op, TracedFunction::CopyProcess);
    Task& child = add_task(op);
    child.parent = parent.id;
    child.known_as = child_id;
    child.group = (flags & clone_thread) != 0 ? parent.group : child.id;
    if ((flags & clone_files) != 0) {
        child.files = parent.files;
    } else {
        child.files = std::make_shared<FileDescriptors>(*parent.files);
        (void)child.files->replace({}); // the parent's table is its own
        if (child.files->size() > child.files->capacity())
            make_room(op, *child.files, child.files->size() - 1);
    }
    child.process = (flags & clone_thread) != 0 ? parent.process : add_process_objects(op);
    child.cpu = op.cpu;
    copy_space(op, parent, child, flags);
    if ((flags & clone_vfork) != 0) child.vfork_parent = parent.id;
    return child;
}

void Kernel::copy_space(Operation& op, Task& parent, Task& child, std::uint64_t flags) {
    const FunctionScope scope = in(op, TracedFunction::CopyMm);
    if ((flags & clone_vm) != 0) {
        child.space = parent.space;
        op.path.store(parent.space->object);
    } else {
        child.space = m_memory.fork(op, *parent.space);
        if (child.space == nullptr)
            throw RunError("out of simulated memory in fork; give the machine more memory");
    }
    child.pid = m_objects.allocate(op, ObjectKind::Pid);
    ++child.space->users;
}

void Kernel::adopt_streams() {
    if (m_without_stream.empty()) return;
    std::erase_if(m_without_stream, [this](Task* child) {
        const ThreadIndex parent =
            find_task(child->parent) != nullptr ? find_task(child->parent)->thread : child->thread;
        InstructionStream* stream = m_workload->child(parent, child->known_as);
        if (stream == nullptr) return false;
        child->stream = stream;
        child->thread = m_workload->index_of_child(parent, child->known_as);
        ++m_live;
        m_scheduler.wake(*child);
        return true;
    });
}

void Kernel::wake_ready_streams() {
    std::erase_if(m_stream_waiters, [this](Task* task) {
        if (!task->stream->ready()) return false;
        m_scheduler.wake(*task);
        return true;
    });
}

void Kernel::drop_file(Operation& op, const std::shared_ptr<OpenFile>& file) {
    if (file == nullptr || file.use_count() != 1) return;
    m_objects.free(op, ObjectKind::FileSecurity, file->security);
    m_objects.free(op, ObjectKind::File, file->object);
    m_files.drop_user(op, file->inode);
}

void Kernel::close_all(Operation& op, Task& task) {
    if (task.files != nullptr && task.files.use_count() == 1) {
        for (std::uint64_t fd = 0; fd < task.files->size(); ++fd) drop_file(op, task.files->take(fd));
        drop_table(op, task.files->replace({}));
    }
    task.files.reset();
}

void Kernel::release_space(Operation& op, Task& task) {
    if (--task.space->users == 0) m_memory.tear_down(op, *task.space);
}

void Kernel::exit_task(Operation& op, Task& task) {
    const FunctionScope scope = in(op, TracedFunction::DoExit);
    op.path.call(KernelFunction::DoExit);
    task.exited = true;
    task.continuation = Continuation::None;
    op.path.path().outcome = PathOutcome::Exit;
    release_space(op, task);
    close_all(op, task);
    if (task.stream != nullptr) --m_live;
    end_vfork(task);
    for (std::size_t i = m_child_waiters.size(); i-- > 0;) {
        Task* waiter = m_child_waiters[i];
        if (waiter->awaited_child != task.id) continue;
        stop_waiting(*waiter);
        wake(*waiter);
    }
}

void Kernel::kill_group(TaskId group, CpuId cpu, const Task* spared) {
    for (std::size_t i = first_id; i < m_tasks.size(); ++i) {
        Task* task = m_tasks[i].get();
        if (task == nullptr || task == spared || task->group != group || task->exited) continue;
        task->killed = true;
        if (task->state == TaskState::NoStream) {
            std::erase(m_without_stream, task);
            KernelPath path;
            PathLog log;
            Operation op{
                .path = {path, m_config.costs, KernelTiming::Off}, .log = log, .cpu = cpu, .task = task->id};
            exit_task(op, *task);
            for (const PathLog::ObjectCall& call : log.objects)
                if (m_kmem_events.wanted()) m_kmem_events.append(call.event);
            task->state = TaskState::Dead;
            bury(*task, cpu, Tick{});
        } else if (task->state == TaskState::Sleeping) {
            stop_waiting(*task);
            m_scheduler.cancel_sleep(*task);
            m_scheduler.wake(*task);
        } else if (task->falling_asleep) {
            stop_waiting(*task);
            task->woken = true;
        }
    }
}

void Kernel::kill(Operation& op, Task& task, VirtAddr address, FaultAccess access) {
    ++m_counters.tasks_killed;
    m_kills.push_back({.time = op.now,
                       .task = static_cast<std::uint32_t>(task.id),
                       .address = address.value(),
                       .access = static_cast<std::uint8_t>(access)});
    op.path.call(KernelFunction::SendSignal);
    kill_group(task.group, task.cpu, &task);
    exit_task(op, task);
}

void Kernel::end_if_killed(Operation& op, Task& task) {
    if (!task.killed || task.exited) return;
    if (task.falling_asleep) {
        stop_waiting(task);
        task.woken = true; // and ends when it runs next
        return;
    }
    exit_task(op, task);
}

void Kernel::bury(Task& task, CpuId cpu, Tick now) {
    Operation op = untimed(cpu, now);
    if (task.space.use_count() == 1 && task.space->users == 0) {
        for (Cpu& other : m_cpus)
            if (other.loaded == task.space.get()) other.loaded = nullptr;
        m_memory.destroy(op, *task.space);
    }
    if (auto& cached = m_cpus[cpu].stacks; cached.size() < stacks_kept) {
        cached.push_back(task.stack);
    } else {
        m_frames.free(op, task.stack, stack_order);
        m_counters.nr_kernel_stack -= 1ULL << stack_order;
    }
    drop_process_objects(op, task);
    m_objects.free(op, ObjectKind::Pid, task.pid);
    m_objects.free(op, ObjectKind::Task, task.object);
    finish_untimed();
    m_tasks[index_of(task.id)].reset();
}

void Kernel::fall_asleep(Operation& op, Task& task, SleepReason reason, Tick until) {
    op.path.store(m_layout.addresses.run_queue(op.cpu));
    op.path.call(KernelFunction::Schedule);
    give_up_cpu(op, task, reason, until);
}

void Kernel::give_up_cpu(Operation& op, Task& task, SleepReason reason, Tick until) {
    op.path.sleep_until(until);
    op.path.path().outcome = PathOutcome::Reschedule;
    task.falling_asleep = true;
    task.woken = false;
    task.reason = reason;
    task.wake_time = until;
}

void Kernel::wake(Task& task) {
    task.woken = false;
    if (task.falling_asleep)
        task.woken = true;
    else if (task.state == TaskState::Sleeping)
        m_scheduler.wake(task);
}

void Kernel::stop_waiting(Task& task) {
    std::erase(m_futex_waiters, &task);
    std::erase(m_child_waiters, &task);
    std::erase(m_stream_waiters, &task);
    std::erase_if(m_order_waiters, [&](const auto& entry) { return entry.second == &task; });
    task.reason = SleepReason::None;
}

void Kernel::wait_for_order(Operation& op, Task& task, std::uint64_t order) {
    ++m_counters.order_waits;
    task.awaited_order = order;
    m_order_waiters.emplace(order, &task);
    fall_asleep(op, task, SleepReason::Order, no_time);
}

void Kernel::pass_order(std::uint64_t order) {
    if (order == 0) return;
    m_gate.pass(order);
    while (!m_order_waiters.empty() && m_gate.due(m_order_waiters.begin()->first)) {
        Task* task = m_order_waiters.begin()->second;
        m_order_waiters.erase(m_order_waiters.begin());
        wake(*task);
    }
}

bool Kernel::break_deadlock() {
    Task* first = nullptr;
    if (!m_order_waiters.empty()) {
        ++m_counters.orders_forced;
        pass_order(m_order_waiters.begin()->first - 1);
        return true;
    }
    if (!m_futex_waiters.empty())
        first = m_futex_waiters.front();
    else if (!m_child_waiters.empty())
        first = m_child_waiters.front();
    if (first == nullptr) return false;
    ++m_counters.orders_forced;
    stop_waiting(*first);
    wake(*first);
    return true;
}

} // namespace pagewalk::os
