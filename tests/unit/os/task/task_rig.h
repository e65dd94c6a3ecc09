#pragma once

#include "os/kernel/boot.h"
#include "os/page/boot.h"
#include "os/path/frame_allocator.h"
#include "os/path/path_journal.h"
#include "os/task/kernel_thread.h"
#include "os/task/scheduler.h"
#include "os/task/task_runner.h"

#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace pagewalk::os::test {

inline constexpr CpuId cpu0{0};
inline constexpr CpuId cpu1{1};

/// Tasks without memory, files or programs, whose operations a test writes down; their paths are run an
/// instruction a nanosecond.
struct TaskRig {
    KernelAddresses addresses;
    std::unique_ptr<PageAllocator> allocator;
    KernelCounters counters;
    FrameAllocator frames;
    PathJournal journal{counters, {}};
    Scheduler scheduler;
    CostTable costs;
    TaskRunner runner;
    std::deque<Task> tasks;
    Tick now{};

    explicit TaskRig(std::size_t cpus = 2, const std::vector<std::uint64_t>& node_bytes = {64ULL << 20})
        : allocator(boot_page_allocator(pc_memory_map(node_bytes, cpus))),
          frames(*allocator, addresses, counters, InitOnAlloc::Off), scheduler(cpus),
          runner({scheduler, frames, addresses, counters, journal, costs, KernelTiming::On}) {
        for (std::size_t i = 0; i < cpus; ++i)
            addresses.percpu.push_back(kernel_layout::direct_map_base + i * KernelAddresses::percpu_bytes);
        for (std::size_t i = 0; i < node_bytes.size(); ++i)
            addresses.node_data.push_back(kernel_layout::direct_map_base);
        costs.finish();
    }
    ~TaskRig() { unwind(); }
    /// Ends operations that still wait. A rig built on this one calls it before what they use goes away.
    void unwind() {
        for (Task& task : tasks) TaskRunner::unwind(task);
    }

    /// A task that runs on `cpu`, with an operation that does `job(op)`. Returns it in front of its path.
    template <class Job>
    Task& begin(CpuId cpu, Job job) {
        Task& task = tasks.emplace_back();
        task.id = static_cast<TaskId>(tasks.size());
        task.group = task.id;
        task.stack = {Pfn(64), Pfn(65), Pfn(66), Pfn(67)};
        task.cpu = cpu;
        task.ever_ran = true;
        task.state = TaskState::Running;
        scheduler.set_running(cpu, &task);
        runner.run(task, cpu, now, std::move(job));
        return task;
    }
    /// Runs the task's path to its end or its sleep.
    void run_path(Task& task) {
        while (task.path.position < task.path.steps().size()) {
            const KernelStep step = task.path.steps()[task.path.position++];
            if (step.kind == StepKind::Execute) now += Tick(step.count * ticks_per_ns);
            if (step.kind == StepKind::Mark) task.path.set_mark(step.count, now);
            if (step.kind == StepKind::Effect) {
                const Effect effect = task.log.effects[step.count];
                effect.take_place({task.cpu, now});
            }
            if (step.kind == StepKind::Sleep) break;
        }
        const CpuId cpu = task.cpu;
        const bool gives_way = task.path.outcome == PathOutcome::Reschedule && !task.falling_asleep;
        const bool over = runner.path_completed(task, cpu, now);
        if (gives_way && !over) scheduler.requeue(task);
        if (over || gives_way) scheduler.set_running(cpu, nullptr);
    }
    /// Begins an operation and runs its first part.
    template <class Job>
    Task& run(CpuId cpu, Job job) {
        Task& task = begin(cpu, std::move(job));
        run_path(task);
        return task;
    }
    /// Picks the next task of `cpu` and runs the part of its operation that follows. Null when there is none.
    Task* pick(CpuId cpu) {
        runner.wake_sleepers({cpu, now});
        Task* task = scheduler.next(cpu);
        if (task == nullptr) return nullptr;
        scheduler.set_running(cpu, task);
        task->state = TaskState::Running;
        runner.prepare_resume(*task, cpu, now);
        runner.resume(*task);
        run_path(*task);
        return task;
    }
};

} // namespace pagewalk::os::test
