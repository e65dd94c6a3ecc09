#include "os/task/kernel_thread.h"

#include "os/task/task.h"

namespace pagewalk::os {

void KernelThread::wake(Operation& op) {
    if (!asleep()) return;
    m_task = &m_idle.front();
    m_idle.remove(*m_task); // it is not woken twice
    op.path.call(KernelFunction::TryToWakeUp);
    op.path.store(m_task->object);
    op.effect<&KernelThread::make_runnable>(*this);
    op.path.store(m_runner.addresses().run_queue(m_task->cpu));
}

void KernelThread::make_runnable(std::uint64_t, const Moment& moment) { m_runner.wake(*m_task, moment); }

} // namespace pagewalk::os
