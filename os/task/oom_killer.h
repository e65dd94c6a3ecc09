#pragma once

#include "os/page/reclaimer.h"
#include "os/path/kernel_events.h"
#include "os/path/memory_cgroup.h"
#include "os/task/processes.h"

namespace pagewalk::os {

/// Picks and kills a process when there is no memory left, in the machine or in a memory cgroup.
class OomKiller : public CgroupPressure {
public:
    OomKiller(Processes& processes, ProcessMemory& memory, KernelCounters& counters)
        : m_processes(processes), m_memory(memory), m_counters(counters) {}

    /// out_of_memory, on behalf of the operation's task.
    [[nodiscard]] OomOutcome kill(Operation& op) { return kill(op, nullptr); }
    /// Among the processes of `group`.
    [[nodiscard]] OomOutcome out_of_memory(Operation& op, MemoryCgroup& group) override {
        return kill(op, &group);
    }

private:
    [[nodiscard]] OomOutcome kill(Operation& op, MemoryCgroup* group);
    [[nodiscard]] Task* choose_victim(Operation& op, const MemoryCgroup* group);
    [[nodiscard]] KillRecord describe(const Operation& op, Task& victim, KillReason reason);

    Processes& m_processes;
    ProcessMemory& m_memory;
    KernelCounters& m_counters;
};

} // namespace pagewalk::os
