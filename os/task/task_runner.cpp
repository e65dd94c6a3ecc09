#include "os/task/task_runner.h"

#include "contract/kernel_layout.h"
#include "os/task/wait_queue.h"

namespace pagewalk::os {
namespace {

VirtAddr stack_top(const Task& task) {
    return kernel_layout::direct_map(address_of(task.stack.back())) + page_size;
}

} // namespace

Task::Task() = default;
Task::~Task() = default;

Operation& TaskRunner::begin(Task& task, CpuId cpu, Tick now) {
    PAGEWALK_INVARIANT(task.fiber == nullptr);
    task.path.clear();
    task.log.clear();
    task.log.functions.set_recording(m_parts.journal.recording());
    task.path.stack = stack_top(task);
    return task.operation.emplace(Operation{.path = {task.path, m_parts.costs, m_parts.timing},
                                            .log = task.log,
                                            .cpu = cpu,
                                            .task = task.id,
                                            .now = now,
                                            .host = this,
                                            .self = &task,
                                            .policy = &task.policy,
                                            .cgroup = cgroup_of(task)});
}

Operation& TaskRunner::prepare_resume(Task& task, CpuId cpu, Tick now) {
    if (std::exchange(task.round_over, false))
        task.path.clear();
    else
        task.path.drop_executed();
    task.path.stack = stack_top(task);
    task.operation->cpu = cpu;
    task.operation->now = now;
    return *task.operation;
}

void TaskRunner::resume(Task& task) {
    task.fiber->resume();
    after_switch(task);
}

void TaskRunner::after_switch(Task& task) {
    if (task.fiber->idle()) m_fibers.give_back(std::move(task.fiber));
}

void TaskRunner::stop(Operation& op) {
    // Others allocate while this one waits, maybe in the middle of an allocation of its own.
    FrameAllocator::Scope* const serving = m_parts.frames.suspend();
    op.self->fiber->suspend();
    m_parts.frames.resume(serving);
}

void TaskRunner::fall_asleep(Operation& op, SleepReason reason, Tick until) {
    Task& task = *op.self;
    op.path.sleep_until(until);
    op.path.path().outcome = PathOutcome::Reschedule;
    task.falling_asleep = true;
    task.woken = false;
    task.reason = reason;
    task.wake_time = until;
}

void TaskRunner::sleep(Operation& op, Tick until) {
    op.path.store(m_parts.addresses.run_queue(op.cpu));
    op.path.call(KernelFunction::Schedule);
    fall_asleep(op, op.self->queue != nullptr ? SleepReason::Queue : SleepReason::Time, until);
    stop(op);
}

void TaskRunner::give_way(Operation& op) {
    op.path.path().outcome = PathOutcome::Reschedule;
    stop(op);
}

void TaskRunner::end_round(Operation& op) {
    op.self->round_over = true;
    give_way(op);
}

bool TaskRunner::path_completed(Task& task, CpuId cpu, Tick now) {
    if (m_remove_dead_tables) m_remove_dead_tables(task.log);
    const bool over = !in_operation(task);
    if (over || task.round_over) {
        m_parts.journal.write(task.path, task.log, {task.id, cpu});
        m_parts.journal.write_fault(task.path, task.log, now);
        task.log.clear();
    }
    if (over) task.operation.reset();
    if (!task.falling_asleep) return over;
    task.falling_asleep = false;
    m_parts.scheduler.set_running(cpu, nullptr);
    task.state = TaskState::Sleeping;
    if (task.woken)
        wake(task, {cpu, now});
    else if (task.wake_time != no_time)
        m_parts.scheduler.sleep(task);
    return over;
}

void TaskRunner::untimed_over(PathLog& log) {
    if (m_remove_dead_tables) m_remove_dead_tables(log);
    m_parts.journal.write_unrun(log);
}

void TaskRunner::make_runnable(Task& task, const Moment& moment) {
    m_parts.scheduler.wake(task);
    tell(task, moment);
}

void TaskRunner::wake(Task& task, const Moment& moment) {
    if (task.falling_asleep) {
        task.woken = true;
    } else if (task.state == TaskState::Sleeping) {
        task.woken = false;
        if (task.wake_time != no_time) m_parts.scheduler.cancel_sleep(task);
        make_runnable(task, moment);
    }
}

void TaskRunner::wake_for_kill(Task& task, const Moment& moment) {
    const bool ends = task.reason == SleepReason::Stream || task.reason == SleepReason::Time || task.killable;
    if (ends) wake(task, moment);
}

void TaskRunner::wake_sleepers(const Moment& moment) {
    while (Task* task = m_parts.scheduler.take_sleeper(moment.now)) {
        task->wake_time = no_time;
        make_runnable(*task, moment);
    }
}

void TaskRunner::tell(const Task& task, const Moment& moment) {
    if (m_interrupts == nullptr || task.cpu == moment.cpu) return;
    if (m_parts.scheduler.running(task.cpu) == nullptr)
        m_interrupts->raise(task.cpu, {InterruptKind::Reschedule, 0}, moment.now);
}

} // namespace pagewalk::os
