#include "os/task/processes.h"

#include "base/error.h"
#include "os/task/untimed.h"
#include "os/task/wait_queue.h"

#include <algorithm>
#include <span>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr std::size_t stacks_kept = 2; // of dead tasks, a CPU: NR_CACHED_STACKS
constexpr std::size_t first_id = 2;    // 1 is init's

bool has_exited(const Task& task) { return task.exited; }
bool has_left_its_parents_memory(const Task& task) { return task.exited || task.executed; }

} // namespace

void Processes::unwind() {
    for (const auto& task : m_tasks)
        if (task != nullptr) TaskRunner::unwind(*task);
}

Task* Processes::find(TaskId id) const {
    const std::size_t index = pagewalk::index_of(id);
    return index < m_tasks.size() ? m_tasks[index].get() : nullptr;
}

Task& Processes::add_task(Operation& op) {
    const FunctionScope scope = in(op, TracedFunction::DupTaskStruct);
    if (m_tasks.empty()) m_tasks.resize(first_id);
    const std::size_t id = m_tasks.size();
    m_tasks.push_back(std::make_unique<Task>());
    Task& task = *m_tasks.back();
    task.id = static_cast<TaskId>(id);
    task.object = m_parts.objects.allocate(op, ObjectKind::Task);
    m_parts.counters.nr_kernel_stack += task.stack.size();
    if (auto& cached = m_stacks[op.cpu]; !cached.empty()) {
        task.stack = cached.back();
        cached.pop_back();
        return task;
    }
    task.stack = new_stack(op);
    return task;
}

/// vmalloc's part is left out: the stack's pages lie where the direct map has them.
KernelStack Processes::new_stack(Operation& op) {
    KernelStack stack;
    const FrameAllocator::Request request{.mask = gfp::kernel | gfp::zero,
                                          .purpose = AllocationPurpose::KernelStack};
    for (std::size_t got = 0; got < stack.size();) {
        const std::size_t more = m_parts.frames.allocate_bulk(op, request, std::span(stack).subspan(got));
        if (more == 0)
            throw RunError("out of simulated memory for a kernel stack; give the machine more memory");
        got += more;
    }
    for (const Pfn frame : stack) m_parts.frames.pages().at(frame).owner_flags = frame_flags::kernel;
    return stack;
}

void Processes::keep_stacks(Operation& op) {
    std::vector<KernelStack>& cached = m_stacks[op.cpu];
    while (cached.size() < stacks_kept) cached.push_back(new_stack(op));
}

std::uint64_t Processes::kept_stack_pages() const {
    std::uint64_t pages = 0;
    for (const std::vector<KernelStack>& stacks : m_stacks)
        pages += stacks.size() * std::tuple_size_v<KernelStack>;
    return pages;
}

ProcessAccount& Processes::add_account(const Task& first) {
    const Task* parent = find(first.parent);
    return m_accounts.emplace_back(ProcessAccount{.id = first.id,
                                                  .parent = parent != nullptr ? parent->group : TaskId{},
                                                  .known_as = first.known_as,
                                                  .program = first.program});
}

Processes::Tally& Processes::tally_of(const Program& program) {
    while (m_tallies.size() <= pagewalk::index_of(program.number)) m_tallies.push_back({});
    return m_tallies[program.number];
}

void Processes::account(const Task* task, const ExecutedWork& work) {
    (task != nullptr ? *task->account : m_kernel).work += work;
    if (task != nullptr && task->program != nullptr)
        m_tallies[task->program->number].instructions += work.user_instructions;
}

void Processes::begin(Task& task, InstructionStream& stream) {
    task.stream = &stream;
    task.account->has_run = true;
    ++task.account->threads;
    ++m_live;
    ++tally_of(*task.program).tasks;
}

// As getrusage's ru_maxrss: of all its images.
void Processes::note_peak(const Task& task) {
    ProcessAccount& account = *task.account;
    account.peak_rss = std::max(account.peak_rss, m_parts.memory.peak_resident(*task.space) << page_shift);
}

const std::deque<ProcessAccount>& Processes::accounts() {
    for (const auto& task : m_tasks)
        if (task != nullptr && task->space != nullptr && !task->exited) note_peak(*task);
    return m_accounts;
}

std::shared_ptr<ProcessObjects> Processes::add_process_objects(Operation& op) {
    // In the order in which copy_process makes them.
    auto process = std::make_shared<ProcessObjects>();
    process->credentials = m_parts.objects.allocate(op, ObjectKind::Credentials);
    process->files = m_parts.objects.allocate(op, ObjectKind::Files);
    process->file_system = m_parts.objects.allocate(op, ObjectKind::FileSystemState);
    process->signal_handlers = m_parts.objects.allocate(op, ObjectKind::SignalHandlers);
    process->signals = m_parts.objects.allocate(op, ObjectKind::Signals);
    return process;
}

void Processes::drop_process_objects(Operation& op, Task& task) {
    if (task.process != nullptr && task.process.use_count() == 1) {
        m_parts.objects.free(op, ObjectKind::Files, task.process->files);
        m_parts.objects.free(op, ObjectKind::FileSystemState, task.process->file_system);
        m_parts.objects.free(op, ObjectKind::SignalHandlers, task.process->signal_handlers);
        m_parts.objects.free(op, ObjectKind::Signals, task.process->signals);
        m_parts.objects.free(op, ObjectKind::Credentials, task.process->credentials);
    }
    task.process.reset();
}

void Processes::start(const Program& program, const ProgramPlacement& placement, const Moment& moment) {
    UntimedOperation untimed(m_parts.runner, moment);
    Operation& op = *untimed;
    Task& task = add_task(op);
    task.policy = placement.policy;
    op.policy = &task.policy;
    op.cgroup = program.cgroup;
    task.program = &program;
    task.group = task.id;
    task.files = m_parts.files.create();
    task.process = add_process_objects(op);
    task.space = m_parts.memory.create(op);
    if (task.space == nullptr)
        throw RunError("out of simulated memory for a program; give the machine more memory");
    task.pid = m_parts.objects.allocate(op, ObjectKind::Pid);
    const std::vector<InitialMapping> image = program.workload->initial_mappings();
    m_parts.memory.load_arguments(op, *task.space, image);
    m_parts.memory.load(op, *task.space, image);
    task.account = &add_account(task);
    begin(task, program.workload->thread(task.thread));
    task.allowed = placement.allowed;
    if (placement.begin > moment.now) {
        task.state = TaskState::Sleeping;
        task.reason = SleepReason::Time;
        task.wake_time = placement.begin;
        m_parts.scheduler.sleep(task);
    } else if (moment.now == Tick()) {
        m_parts.scheduler.wake(task); // CPUs look for work when they are powered on
    } else {
        m_parts.runner.make_runnable(task, moment);
    }
}

void Processes::start(KernelThread& thread, const CpuMask& allowed) {
    Task* task = nullptr;
    {
        UntimedOperation untimed(m_parts.runner, {});
        task = &add_task(*untimed);
    }
    task->group = task->id;
    task->work = &thread;
    task->account = &m_kernel;
    ++m_kernel.threads;
    if (allowed.any()) task->allowed = allowed;
    m_parts.runner.run(*task, CpuId{}, Tick{}, [&thread](Operation& op) { thread.run(op); });
    task->path.drop_executed(); // boot takes no time
    (void)m_parts.runner.path_completed(*task, CpuId{}, Tick{});
}

void Processes::clone(Operation& op, Task& parent, std::uint64_t flags, std::int64_t child_id) {
    Task* child = nullptr;
    {
        const FunctionScope scope = in(op, TracedFunction::KernelClone);
        op.path.call(KernelFunction::KernelClone);
        ++m_parts.counters.forks;
        child = &copy_process(op, parent, flags, child_id);
        const FunctionScope waking = in(op, TracedFunction::WakeUpNewTask);
        op.path.call(KernelFunction::TryToWakeUp);
        m_without_stream.push_back(child);
        await_stream(*child, {op.cpu, op.now});
    }
    // A child that was never traced shares nothing that anybody would see.
    if ((flags & clone_flag::vfork) != 0 && child->stream != nullptr)
        wait_for(op, *child, has_left_its_parents_memory);
}

Task& Processes::copy_process(Operation& op, Task& parent, std::uint64_t flags, std::int64_t child_id) {
    const FunctionScope scope = in(op, TracedFunction::CopyProcess);
    Task& child = add_task(op);
    child.program = parent.program;
    child.parent = parent.id;
    child.known_as = child_id;
    child.group = (flags & clone_flag::thread) != 0 ? parent.group : child.id;
    child.account = (flags & clone_flag::thread) != 0 ? parent.account : &add_account(child);
    if ((flags & clone_flag::files) != 0) {
        child.files = parent.files;
    } else {
        op.path.call(KernelFunction::DupFd);
        child.files = m_parts.files.copy(op, *parent.files);
    }
    child.process = (flags & clone_flag::thread) != 0 ? parent.process : add_process_objects(op);
    child.cpu = op.cpu;
    child.allowed = parent.allowed;
    child.policy = parent.policy;
    copy_space(op, parent, child, flags);
    return child;
}

void Processes::copy_space(Operation& op, Task& parent, Task& child, std::uint64_t flags) {
    const FunctionScope scope = in(op, TracedFunction::CopyMm);
    if ((flags & clone_flag::vm) != 0) {
        child.space = parent.space;
        m_parts.memory.add_user(op, *child.space);
    } else {
        child.space = m_parts.memory.fork(op, *parent.space);
        if (child.space == nullptr)
            throw RunError("out of simulated memory in fork; give the machine more memory");
    }
    child.pid = m_parts.objects.allocate(op, ObjectKind::Pid);
}

/// The host shows a child's instructions when it gets to it. That must not decide who runs first: a program
/// that runs meanwhile is waited for.
void Processes::await_stream(const Task& child, const Moment& moment) {
    constexpr int most_waits = 200; // as long as a child may take that was never traced
    constexpr std::uint64_t wait_us = 10'000;
    adopt_streams(moment);
    Workload& workload = *child.program->workload;
    for (int waits = 0; child.stream == nullptr && workload.is_live() && waits < most_waits; ++waits) {
        (void)workload.wait_for_news(wait_us);
        adopt_streams(moment);
    }
}

void Processes::adopt_streams(const Moment& moment) {
    if (m_without_stream.empty()) return;
    std::erase_if(m_without_stream, [&](Task* child) {
        const Task* parent = find(child->parent);
        const ThreadIndex index = parent != nullptr ? parent->thread : child->thread;
        Workload& workload = *child->program->workload;
        InstructionStream* stream = workload.child(index, child->known_as);
        if (stream == nullptr) return false;
        child->thread = workload.index_of_child(index, child->known_as);
        begin(*child, *stream);
        m_parts.runner.make_runnable(*child, moment);
        return true;
    });
}

void Processes::exec(Operation& op, Task& task) {
    const std::vector<InitialMapping> image = task.program->workload->image(task.thread);
    if (image.empty()) return exit(op, task); // nobody saw what it has executed
    op.path.call(KernelFunction::DoExit);     // assumed: begin_new_exec costs what leaving a program does
    kill_group(op, task.group, &task);
    if (task.files.use_count() > 1) task.files = m_parts.files.copy(op, *task.files);
    m_parts.files.close_on_exec(op, *task.files);
    std::shared_ptr<AddressSpace> space = m_parts.memory.create(op);
    if (space == nullptr) throw RunError("out of simulated memory in execve; give the machine more memory");
    m_parts.memory.load_arguments(op, *space, image);
    note_peak(task);
    m_parts.memory.drop_user(op, *task.space);
    task.space_left =
        std::exchange(task.space, std::move(space)); // the CPU uses its top-level table until it switches
    m_parts.memory.load(op, *task.space, image);
    op.path.path().outcome = PathOutcome::Reschedule;
    task.executed = true;
    wake_waiters(op, task);
}

// For a vfork's parent and those in wait4.
void Processes::wake_waiters(Operation& op, Task& task) {
    if (task.left != nullptr) op.effect<&WaitQueue::wake_effect>(*task.left, task.left->size());
}

void Processes::destroy_left_space(Task& task, const Moment& moment) {
    const std::shared_ptr<AddressSpace> space = std::exchange(task.space_left, nullptr);
    if (space == nullptr || space.use_count() != 1) return;
    UntimedOperation untimed(m_parts.runner, moment);
    m_parts.memory.destroy(*untimed, *space);
}

void Processes::close_all(Operation& op, Task& task) {
    if (task.files != nullptr && task.files.use_count() == 1) m_parts.files.close_all(op, *task.files);
    task.files.reset();
}

void Processes::exit(Operation& op, Task& task) {
    const FunctionScope scope = in(op, TracedFunction::DoExit);
    op.path.call(KernelFunction::DoExit);
    if (task.process.use_count() == 1) // the process's last task: acct_collect goes through its areas
        op.path.call(KernelFunction::AcctCollectVma,
                     static_cast<std::uint32_t>(m_parts.memory.areas(*task.space)));
    task.exited = true;
    op.path.path().outcome = PathOutcome::Exit;
    note_peak(task);
    m_parts.memory.drop_user(op, *task.space);
    close_all(op, task);
    if (task.stream != nullptr) {
        --m_live;
        ++task.account->exited;
    }
    wake_waiters(op, task);
}

void Processes::exit_group(Operation& op, Task& task) {
    kill_group(op, task.group, &task);
    exit(op, task);
}

void Processes::note_kill(KillRecord record) {
    m_parts.runner.journal().write_kill(record);
    if (const Task* victim = find(static_cast<TaskId>(record.task))) {
        victim->account->killed = record.reason;
        if (victim->program != nullptr) record.program = static_cast<std::uint32_t>(victim->program->number);
    }
    m_kills.push_back(std::move(record));
}

void Processes::kill(Operation& op, Task& task, const KillRecord& record) {
    ++m_parts.counters.tasks_killed;
    note_kill(record);
    op.path.call(KernelFunction::SendSignal);
    exit_group(op, task);
}

void Processes::kill_group(Operation& op, TaskId group, const Task* spared) {
    const Moment moment{op.cpu, op.now};
    for (std::size_t i = first_id; i < m_tasks.size(); ++i) {
        Task* task = m_tasks[i].get();
        if (task == nullptr || task == spared || task->group != group || task->exited) continue;
        task->killed = true;
        if (task->state == TaskState::NoStream)
            give_up(*task, moment);
        else
            m_parts.runner.wake_for_kill(*task, moment);
    }
}

void Processes::give_up_streams(const Moment& moment) {
    while (!m_without_stream.empty()) give_up(*m_without_stream.back(), moment);
}

// A task whose instructions have not shown up.
void Processes::give_up(Task& task, const Moment& moment) {
    std::erase(m_without_stream, &task);
    {
        UntimedOperation untimed(m_parts.runner, moment, task.id);
        exit(*untimed, task);
    }
    task.state = TaskState::Dead;
    free_task(task, moment);
}

void Processes::free_task(Task& task, const Moment& moment) {
    destroy_left_space(task, moment);
    UntimedOperation untimed(m_parts.runner, moment);
    Operation& op = *untimed;
    if (task.space.use_count() == 1) m_parts.memory.destroy(op, *task.space);
    if (auto& cached = m_stacks[moment.cpu]; cached.size() < stacks_kept) {
        cached.push_back(task.stack);
    } else {
        for (const Pfn frame : task.stack) m_parts.frames.free(op, frame, 0);
    }
    m_parts.counters.nr_kernel_stack -= task.stack.size(); // kept ones are nobody's
    drop_process_objects(op, task);
    m_parts.objects.free(op, ObjectKind::Pid, task.pid);
    m_parts.objects.free(op, ObjectKind::Task, task.object);
    if (task.stream != nullptr) --tally_of(*task.program).tasks;
    m_tasks[pagewalk::index_of(task.id)].reset();
}

void Processes::wait_for(Operation& op, Task& other, bool (*over)(const Task&)) {
    const TaskId id = other.id;
    for (Task* still = &other; still != nullptr && !over(*still); still = find(id)) {
        if (still->left == nullptr) still->left = std::make_unique<WaitQueue>(m_parts.runner);
        if (still->left->wait(op, Waiting::Killable) != WaitEnd::Woken) return;
        if (std::exchange(op.self->gave_up, false)) return;
    }
}

void Processes::wait_for_child(Operation& op, Task& task, std::int64_t child) {
    for (const auto& other : m_tasks) {
        if (other == nullptr || other->exited || other->known_as != child || other->stream == nullptr ||
            other->program != task.program)
            continue;
        const Task* parent = find(other->parent);
        if (parent != nullptr && parent->group != task.group) continue;
        wait_for(op, *other, has_exited);
        return;
    }
}

bool Processes::give_up_a_wait(const Moment& moment) {
    for (const auto& task : m_tasks)
        if (task != nullptr && task->left != nullptr && !task->left->empty()) {
            task->left->front().gave_up = true;
            task->left->wake(1, moment);
            return true;
        }
    return false;
}

} // namespace pagewalk::os
