#pragma once

#include "os/page/reclaimer.h"
#include "os/path/kernel_events.h"
#include "os/task/processes.h"

namespace pagewalk::os {

/// Picks and kills a process when there is no memory left.
class OomKiller {
public:
    OomKiller(Processes& processes, ProcessMemory& memory, KernelCounters& counters)
        : m_processes(processes), m_memory(memory), m_counters(counters) {}

    /// out_of_memory, on behalf of the operation's task.
    [[nodiscard]] OomOutcome kill(Operation& op);

private:
    [[nodiscard]] Task* choose_victim(Operation& op);
    [[nodiscard]] KillRecord describe(const Operation& op, Task& victim);

    Processes& m_processes;
    ProcessMemory& m_memory;
    KernelCounters& m_counters;
};

} // namespace pagewalk::os
