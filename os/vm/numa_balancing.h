#pragma once

#include "os/path/frame_allocator.h"
#include "os/path/kernel_counters.h"
#include "os/task/task.h"
#include "os/vm/address_space.h"
#include "os/vm/numa_faults.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace pagewalk::os {

class VirtualMemory;

/// Automatic NUMA balancing: every so often a task marks a part of its memory, so that its next accesses
/// fault and tell which node uses which page; pages on another node then move. Not modelled: groups of tasks
/// that share memory, and that the scheduler moves tasks to their memory.
class NumaBalancing {
public:
    NumaBalancing(VirtualMemory& memory, FrameAllocator& frames, KernelCounters& counters,
                  const NumaBalancingConfig& config)
        : m_memory(memory), m_frames(frames), m_counters(counters), m_config(config),
          m_running(frames.allocator().cpus().size()) {}

    /// The timer's tick on a CPU that runs `task` (task_tick_numa). Returns whether scan() is due.
    [[nodiscard]] bool tick(const Task& task, CpuId cpu, Tick now);
    /// The CPU runs nothing.
    void idle(CpuId cpu) { m_running[cpu] = {}; }
    /// task_numa_work: marks the next part of the task's memory.
    void scan(Operation& op, const Task& task);
    /// A marked page of the operation's task was touched: counts it, and where it is misplaced moves it.
    /// Returns whether it has moved.
    bool fault(Operation& op, AddressSpace& space, const Vma& area, VirtAddr page, Pfn frame);

    /// Null where the task has not run yet.
    [[nodiscard]] const NumaFaults* faults_of(TaskId task) const;

private:
    /// What is known of a task.
    struct TaskState {
        NumaFaults faults;
        Tick ran{};   ///< so far
        Tick stamp{}; ///< of `ran`, when it last asked for a scan
    };
    /// Who faulted on a page last (cpupid), while it belongs to the same place.
    struct LastFault {
        std::uint32_t owner = 0;
        std::uint64_t index = 0;
        std::optional<TaskId> task;
        NodeId node{};
    };
    struct Running {
        TaskId task{};
        Tick since{};
    };

    [[nodiscard]] TaskState& state_of(const Task& task);
    [[nodiscard]] LastFault exchange_last(Pfn frame, const LastFault& now);
    [[nodiscard]] bool should_move(const TaskState& state, const Task& task, const LastFault& last,
                                   NodeId to) const;
    [[nodiscard]] bool has_room(NodeId node, std::uint64_t pages) const;
    [[nodiscard]] bool is_scanned(const Vma& area, const Task& task) const;

    VirtualMemory& m_memory;
    FrameAllocator& m_frames;
    KernelCounters& m_counters;
    NumaBalancingConfig m_config;
    IndexedVec<CpuId, Running> m_running;
    std::unordered_map<TaskId, TaskState> m_tasks;
    std::unordered_map<std::uint64_t, LastFault> m_last; ///< by frame
};

} // namespace pagewalk::os
