#include "os/task/process_account.h"

#include <algorithm>
#include <string>

namespace pagewalk::os {

void ProcessAccount::count_fault(FaultKind kind) {
    ++page_faults;
    ++(is_major(kind) ? major_faults : minor_faults);
    ++faults[static_cast<std::size_t>(kind)];
}

ProcessAccount& ProcessAccount::operator+=(const ProcessAccount& other) {
    threads += other.threads;
    exited += other.exited;
    work += other.work;
    system_calls += other.system_calls;
    page_faults += other.page_faults;
    minor_faults += other.minor_faults;
    major_faults += other.major_faults;
    for (std::size_t kind = 0; kind < fault_kind_count; ++kind) faults[kind] += other.faults[kind];
    peak_rss = std::max(peak_rss, other.peak_rss);
    return *this;
}

void ProcessAccount::declare(StatGroup group) const {
    group.gauge("threads", threads, "count", "threads that the process has had");
    group.counter("instructions", work.user_instructions, "instructions", "program instructions committed");
    group.counter("kernel_instructions", work.kernel_instructions, "instructions",
                  "kernel instructions committed while it was the CPU's task, interrupts included");
    group.counter("user_cycles", work.user_cycles, "cycles", "cycles of its threads in user mode");
    group.counter("kernel_cycles", work.kernel_cycles, "cycles", "cycles of its threads in kernel mode");
    group.counter("system_calls", system_calls, "count", "system calls");
    group.counter("page_faults", page_faults, "count", "page faults, minor and major");
    group.counter("minor_faults", minor_faults, "count", "page faults without reading from a disk");
    group.counter("major_faults", major_faults, "count", "page faults that read from a disk");
    const StatGroup kinds = group.group("faults");
    for (std::size_t kind = 0; kind < fault_kind_count; ++kind)
        StatGroup(kinds).counter(name_of(static_cast<FaultKind>(kind)), faults[kind], "count",
                                 "page faults of this kind");
    group.gauge("peak_rss", peak_rss, "bytes", "most memory resident at a time, shared pages included");
    group.ratio("ipc", "instructions", "user_cycles", 1, "instructions/cycle",
                "program instructions per cycle in user mode");
}

} // namespace pagewalk::os
