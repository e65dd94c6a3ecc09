#include "os/replay/page_replay.h"

#include "base/error.h"
#include "os/replay/capture_files.h"
#include "os/replay/lock_order_replay.h"
#include "os/replay/page_snapshot.h"
#include "os/replay/page_trace.h"
#include "os/replay/replay_state.h"
#include "os/replay/sequential_replay.h"
#include "os/replay/workload_log.h"

#include <algorithm>
#include <chrono>

namespace pagewalk::os {
namespace {

/// Reclaim, compaction, list dumps or interrupts that use pages: operations interleave even on one CPU.
bool operations_overlap(const std::vector<PageTraceEvent>& events) {
    return std::ranges::any_of(events, [](const PageTraceEvent& event) {
        if (event.in_interrupt() && event.kind != PageEventKind::Mark) return true;
        switch (event.kind) {
        case PageEventKind::Reclaim:
        case PageEventKind::Compact:
        case PageEventKind::KswapdWake:
            return true;
        case PageEventKind::Page:
            return event.which == gt::page_isolate;
        case PageEventKind::Mark:
            return event.which == gt::mark_dump_begin;
        default:
            return false;
        }
    });
}

} // namespace

ReplayReport replay_capture(const std::string& path, const ReplayOptions& options) {
    const CaptureFiles files(path);
    ReplayReport report;
    report.capture = path;
    const PageSnapshot before = PageSnapshot::parse(files.read("snapA"), path + ": snapA");
    const std::vector<PageTraceEvent> events = read_page_trace(files);
    report.events = events.size();
    WorkloadLog log;
    if (files.contains("gtlog")) log = WorkloadLog::parse(files.read("gtlog"), path + ": gtlog");

    ReplayOptions used = options;
    if (std::ranges::none_of(events,
                             [](const PageTraceEvent& event) { return event.kind == PageEventKind::Page; }))
        used.kernel_events_only = true;

    ReplayState state(before, used, report);
    const bool zone_choice = !log.allocations.empty();
    const bool whole_calls =
        used.order == ReplayOrder::Calls ||
        (used.order == ReplayOrder::Automatic &&
         (zone_choice || used.kernel_events_only || (before.cpus == 1 && !operations_overlap(events))));
    const auto start = std::chrono::steady_clock::now();
    if (whole_calls) {
        report.method = used.kernel_events_only ? "call by call from the kernel's tracepoints alone"
                        : zone_choice ? "call by call, with the requests' nodes from the workload's log"
                                      : "call by call";
        SequentialReplay(state, log).run(events);
    } else {
        report.method = "in the order of the zone locks";
        LockOrderReplay(state, before.cpus).run(events);
    }
    report.replay_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (files.contains("snapB"))
        state.compare_with(PageSnapshot::parse(files.read("snapB"), path + ": snapB"));
    state.finish();
    return report;
}

} // namespace pagewalk::os
