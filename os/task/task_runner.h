#pragma once

#include "contract/interrupt.h"
#include "os/path/cost_table.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_addresses.h"
#include "os/path/kernel_counters.h"
#include "os/path/path_journal.h"
#include "os/task/scheduler.h"
#include "os/task/task.h"

#include <functional>
#include <utility>

namespace pagewalk::os {

/// Runs operations on their tasks' kernel stacks: begins them, lets them wait in the middle, wakes their
/// tasks, and goes on with them. An operation's path is run by a CPU up to where the operation waits; when
/// the task is picked again, the same call of the same code goes on and fills the next part.
class TaskRunner final : public OperationHost {
public:
    struct Parts {
        Scheduler& scheduler;
        FrameAllocator& frames;
        const KernelAddresses& addresses;
        KernelCounters& counters;
        PathJournal& journal;
        const CostTable& costs;
        KernelTiming timing = KernelTiming::On;
    };
    explicit TaskRunner(const Parts& parts) : m_parts(parts) {}
    TaskRunner(const TaskRunner&) = delete;
    TaskRunner& operator=(const TaskRunner&) = delete;

    /// Where idle CPUs are told of a task that has become theirs. Without one they must look by themselves.
    void connect(InterruptController& interrupts) { m_interrupts = &interrupts; }

    /// A new operation of a task that runs on `cpu`, and the path that it begins with. Errors: what `job`
    /// throws.
    template <class Job>
    KernelPath& run(Task& task, CpuId cpu, Tick now, Job job) {
        Operation& op = begin(task, cpu, now);
        start(task, [&op, job = std::move(job)]() mutable { job(op); });
        return task.path;
    }
    /// A new, empty operation, for a part that cannot wait; go_on_with() may give it a job.
    Operation& begin(Task& task, CpuId cpu, Tick now);
    template <class Job>
    void go_on_with(Task& task, Job job) {
        start(task, [&op = *task.operation, job = std::move(job)]() mutable { job(op); });
    }
    /// Makes the operation in progress one of `cpu`, to be gone on with by resume(); what is appended in
    /// between comes first.
    Operation& prepare_resume(Task& task, CpuId cpu, Tick now);
    void resume(Task& task);
    /// Is there an operation in the middle of its work?
    [[nodiscard]] static bool in_operation(const Task& task) { return task.fiber != nullptr; }

    /// Ends the path in a sleep without an operation's waiting: nothing goes on when the task is woken.
    /// `cost`: by way of the scheduler.
    void fall_asleep(Operation& op, SleepReason reason, Tick until);

    // OperationHost
    void sleep(Operation& op, Tick until) override;
    void give_way(Operation& op) override;
    void end_round(Operation& op) override;

    /// The CPU has run the path to its end, or to its sleep. Returns whether the operation is over.
    bool path_completed(Task& task, CpuId cpu, Tick now);
    /// Puts a task that does not sleep into a run queue: a new one.
    void make_runnable(Task& task, const Moment& moment);
    /// Makes a sleeping task runnable, one that is on its way to a sleep stay awake.
    void wake(Task& task, const Moment& moment);
    /// A kill ends the sleeps that it may end.
    void wake_for_kill(Task& task, const Moment& moment);
    /// Makes tasks whose sleep is over runnable.
    void wake_sleepers(const Moment& moment);
    /// Gives back what operations in the middle of their work hold. Nothing may be run afterwards.
    static void unwind(Task& task) { task.fiber.reset(); }
    /// What an untimed operation did is written down.
    void untimed_over(PathLog& log);
    [[nodiscard]] PathJournal& journal() { return m_parts.journal; }
    [[nodiscard]] const CostTable& costs() const { return m_parts.costs; }
    [[nodiscard]] const KernelAddresses& addresses() const { return m_parts.addresses; }
    /// Called with freed page-table frames when no walker can be in them any more.
    void on_tables_dead(std::function<void(PathLog&)> remove) { m_remove_dead_tables = std::move(remove); }

private:
    template <class Job>
    void start(Task& task, Job job) {
        task.fiber = m_fibers.take();
        task.fiber->start(std::move(job));
        after_switch(task);
    }
    void after_switch(Task& task);
    void stop(Operation& op);
    void tell(const Task& task, const Moment& moment);

    Parts m_parts;
    FiberPool m_fibers;
    InterruptController* m_interrupts = nullptr;
    std::function<void(PathLog&)> m_remove_dead_tables;
};

} // namespace pagewalk::os
