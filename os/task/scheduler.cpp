#include "os/task/scheduler.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::os {

void Scheduler::wake(Task& task) {
    CpuId best = task.cpu;
    if (!task.ever_ran || load(best) != 0 || !task.allowed[index_of(best)]) {
        bool any = false;
        for (std::size_t i = 0; i < m_queues.size(); ++i) {
            const auto cpu = static_cast<CpuId>(i);
            if (!task.allowed[i] || (any && load(cpu) >= load(best))) continue;
            best = cpu;
            any = true;
        }
        // Its caches are warm where it ran last: no move unless another CPU has less to do.
        if (task.ever_ran && task.allowed[index_of(task.cpu)] && load(task.cpu) <= load(best))
            best = task.cpu;
    }
    task.cpu = best;
    task.state = TaskState::Runnable;
    task.reason = SleepReason::None;
    m_queues[best].push_back(&task);
}

void Scheduler::requeue(Task& task) {
    task.state = TaskState::Runnable;
    m_queues[task.cpu].push_back(&task);
}

Task* Scheduler::next(CpuId cpu) {
    const auto may_run = [cpu](const Task* task) { return task->allowed[index_of(cpu)]; };
    CpuId from = cpu;
    if (m_queues[cpu].empty())
        for (std::size_t i = 0; i < m_queues.size(); ++i) {
            const auto& queue = m_queues[static_cast<CpuId>(i)];
            if (queue.size() > m_queues[from].size() && std::ranges::any_of(queue, may_run))
                from = static_cast<CpuId>(i);
        }
    const auto first = std::ranges::find_if(m_queues[from], may_run);
    if (first == m_queues[from].end()) return nullptr;
    Task* task = *first;
    m_queues[from].erase(first);
    task->cpu = cpu;
    return task;
}

void Scheduler::remove(Task& task) {
    auto& queue = m_queues[task.cpu];
    queue.erase(std::remove(queue.begin(), queue.end(), &task), queue.end());
}

void Scheduler::sleep(Task& task) {
    m_sleepers.push_back({task.wake_time, m_sequence++, &task});
    std::ranges::push_heap(m_sleepers, later);
}

Task* Scheduler::take_sleeper(Tick now) {
    if (m_sleepers.empty() || m_sleepers.front().time > now) return nullptr;
    Task* task = m_sleepers.front().task;
    std::ranges::pop_heap(m_sleepers, later);
    m_sleepers.pop_back();
    PAGEWALK_INVARIANT(task->state == TaskState::Sleeping);
    return task;
}

Tick Scheduler::next_wakeup() const { return m_sleepers.empty() ? no_time : m_sleepers.front().time; }

void Scheduler::cancel_sleep(Task& task) {
    const auto gone = std::ranges::remove(m_sleepers, &task, &Sleeper::task);
    if (gone.empty()) return;
    m_sleepers.erase(gone.begin(), gone.end());
    std::ranges::make_heap(m_sleepers, later);
}

bool Scheduler::all_idle() const {
    for (std::size_t i = 0; i < m_queues.size(); ++i)
        if (load(static_cast<CpuId>(i)) != 0) return false;
    return true;
}

bool Scheduler::all_quiet() const {
    // A kernel thread's sleep ends nobody's wait.
    for (const Sleeper& sleeper : m_sleepers)
        if (sleeper.task->work == nullptr) return false;
    return all_idle();
}

} // namespace pagewalk::os
