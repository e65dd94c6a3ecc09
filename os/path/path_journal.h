#pragma once

#include "base/event_table.h"
#include "base/ids.h"
#include "base/time.h"
#include "contract/kernel_path.h"
#include "os/path/function_trace.h"
#include "os/path/kernel_counters.h"
#include "os/path/kernel_events.h"
#include "os/path/operation.h"

#include <string>
#include <vector>

namespace pagewalk::os {

/// Writes down what kernel paths did once they have run: rows of the kernel's event tables, and latencies.
class PathJournal {
public:
    /// `caches` are the names of the object caches by number. Latencies go to the histograms of `counters`.
    PathJournal(KernelCounters& counters, std::vector<std::string> caches);

    /// Whose path it is.
    struct Runner {
        TaskId task{};
        CpuId cpu{};
    };
    /// A path that has run to its end or to a sleep: all that its log holds but the fault. What the path did
    /// not complete before it slept is left out.
    void write(const KernelPath& path, const PathLog& log, Runner runner);
    /// The fault that a path has ended at `now`; nothing where it resolved none.
    void write_fault(const KernelPath& path, const PathLog& log, Tick now);
    /// A path that nobody runs.
    void write_unrun(const PathLog& log);

    void write_kill(const KillRecord& kill);
    /// An event that is complete as it happens.
    template <class Event>
    void write_event(const Event& event) {
        if (table<Event>().wanted()) table<Event>().append(event);
    }

    /// Shall paths record their calls of functions?
    [[nodiscard]] FunctionCalls::Recording recording() const;

    /// Of functions, calls are sampled by kernel path: all of a path's calls are kept, or none.
    using Events = EventLogs<AllocationEvent, FaultEvent, FunctionEvent, KmemEvent, DriverEvent, KillEvent,
                             FilemapEvent, BlockEvent, ReclaimEvent, FileReadEvent, PacketEvent>;
    [[nodiscard]] Events& events() { return m_events; }
    template <class Event>
    [[nodiscard]] EventLog<Event>& table() {
        return m_events.of<Event>();
    }

private:
    void write_allocations(const KernelPath& path, const PathLog& log);
    void write_functions(const KernelPath& path, const PathLog& log, Runner runner);
    void write_reclaims(const KernelPath& path, const PathLog& log);
    void write_file_reads(const KernelPath& path, const PathLog& log);
    void write_driver_calls(const KernelPath& path, const PathLog& log);
    void write_object_calls(const KernelPath& path, const PathLog& log);

    KernelCounters& m_counters;
    Events m_events;
};

} // namespace pagewalk::os
