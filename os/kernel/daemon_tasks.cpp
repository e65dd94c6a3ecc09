#include "os/kernel/kernel.h"

namespace pagewalk::os {

void Kernel::start_daemons() {
    Operation op = untimed(CpuId{}, Tick{});
    const IndexedVec<CpuId, NodeId>& nodes = m_layout.map.cpus;
    for (std::size_t i = 0; i < m_daemons.node_count(); ++i) {
        const auto node = static_cast<NodeId>(i);
        CpuMask local;
        for (std::size_t cpu = 0; cpu < nodes.size(); ++cpu)
            if (nodes[static_cast<CpuId>(cpu)] == node) local.set(cpu);
        for (const Daemon which : {Daemon::Kswapd, Daemon::Kcompactd}) {
            Task& task = add_task(op);
            task.group = task.id;
            task.work = &m_daemons.thread(which, node);
            if (local.any()) task.allowed = local;
            task.state = TaskState::Sleeping;
            task.reason = SleepReason::Work;
            m_daemon_tasks.push_back(&task);
        }
    }
    finish_untimed();
}

Task* Kernel::daemon_task(Daemon which, NodeId node) {
    const std::size_t at = pagewalk::index_of(node) * daemon_count + static_cast<std::size_t>(which);
    return at < m_daemon_tasks.size() ? m_daemon_tasks[at] : nullptr; // none while the kernel boots
}

bool Kernel::daemon_asleep(Daemon which, NodeId node) {
    const Task* task = daemon_task(which, node);
    if (task == nullptr) return false;
    return task->falling_asleep ? !task->woken : task->state == TaskState::Sleeping;
}

void Kernel::wake_daemon(Operation& op, Daemon which, NodeId node) {
    if (!daemon_asleep(which, node)) return;
    Task& task = *daemon_task(which, node);
    op.path.call(KernelFunction::TryToWakeUp);
    op.path.store(task.object);
    if (task.state == TaskState::Sleeping) m_scheduler.cancel_sleep(task);
    wake(task);
    op.path.store(m_layout.addresses.run_queue(task.cpu));
}

void Kernel::run_thread(Operation& op, Task& task) {
    const FrameAllocator::Scope scope(m_frames, op);
    const bool early = op.now < task.wake_time;
    const KernelThread::Rest rest =
        task.work->run(op, early ? KernelThread::Woken::Early : KernelThread::Woken::InTime);
    if (rest.kind == KernelThread::Rest::Kind::Yield)
        op.path.path().outcome = PathOutcome::Reschedule;
    else
        fall_asleep(op, task, rest.until == no_time ? SleepReason::Work : SleepReason::Time, rest.until);
}

} // namespace pagewalk::os
