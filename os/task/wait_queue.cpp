#include "os/task/wait_queue.h"

#include "base/error.h"
#include "os/task/task.h"
#include "os/task/task_runner.h"

#include <algorithm>

namespace pagewalk::os {

WaitEnd WaitQueue::wait(Operation& op, Waiting how, Tick until) {
    PAGEWALK_INVARIANT(op.may_wait() && op.self != nullptr);
    Task& task = *op.self;
    if (how == Waiting::Killable && task.killed) return WaitEnd::Killed;
    m_tasks.push_back(&task);
    task.queue = this;
    task.killable = how == Waiting::Killable;
    op.host->sleep(op, until);
    task.killable = false;
    if (task.queue == nullptr) return WaitEnd::Woken;
    remove(task);
    return how == Waiting::Killable && task.killed ? WaitEnd::Killed : WaitEnd::TimedOut;
}

std::size_t WaitQueue::wake(std::size_t count, const Moment& moment) {
    count = std::min(count, m_tasks.size());
    for (std::size_t i = 0; i < count; ++i) wake_at(0, moment);
    return count;
}

void WaitQueue::wake_at(std::size_t index, const Moment& moment) {
    Task& task = *m_tasks[index];
    remove(task);
    m_runner->wake(task, moment);
}

void WaitQueue::remove(Task& task) {
    std::erase(m_tasks, &task);
    task.queue = nullptr;
}

} // namespace pagewalk::os
