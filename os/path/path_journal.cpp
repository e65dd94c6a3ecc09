#include "os/path/path_journal.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace pagewalk::os {
namespace {

/// Of a stretch of a path between two marks.
struct Stretch {
    Tick start, end;
    [[nodiscard]] std::uint64_t length() const { return (end - start).value(); }
};

/// Nothing where the path has not reached both marks: it sleeps in between.
std::optional<Stretch> stretch(const KernelPath& path, std::uint32_t begin, std::uint32_t end) {
    const Stretch result{path.marked(begin), path.marked(end)};
    if (result.start == no_time || result.end == no_time) return {};
    return result;
}

/// Keeps the row if its turn has come.
template <class Event>
void append(EventLog<Event>& table, Event event, const Stretch& when) {
    if (!table.wanted()) return;
    event.time = when.start.value();
    event.latency = when.length();
    table.append(event);
}

} // namespace

PathJournal::PathJournal(KernelCounters& counters, std::vector<std::string> caches) : m_counters(counters) {
    table<KmemEvent>().name_values("cache", std::move(caches));
}

FunctionCalls::Recording PathJournal::recording() const {
    return m_events.of<FunctionEvent>().every() != 0 ? FunctionCalls::Recording::On
                                                     : FunctionCalls::Recording::Off;
}

void PathJournal::write(const KernelPath& path, const PathLog& log, Runner runner) {
    write_allocations(path, log);
    write_functions(path, log, runner);
    write_driver_calls(path, log);
    write_reclaims(path, log);
    write_file_reads(path, log);
    write_object_calls(path, log);
}

void PathJournal::write_unrun(const PathLog& log) {
    EventLog<KmemEvent>& kmem = table<KmemEvent>();
    for (const PathLog::ObjectCall& call : log.objects)
        if (kmem.wanted()) kmem.append(call.event);
}

void PathJournal::write_kill(const KillRecord& kill) {
    EventLog<KillEvent>& kills = table<KillEvent>();
    if (!kills.wanted()) return;
    kills.append({.time = kill.time.value(),
                  .address = kill.address,
                  .task = kill.task,
                  .access = static_cast<FaultAccess>(kill.access),
                  .reason = kill.reason});
}

void PathJournal::write_fault(const KernelPath& path, const PathLog& log, Tick now) {
    if (!log.has_fault) return;
    const Tick start = path.marked(log.fault_begin);
    if (start == no_time) return;
    const Stretch when{start, now};
    m_counters.all_fault_latency.add(when.length());
    m_counters.fault_latency[static_cast<std::size_t>(log.fault.kind)].add(when.length());
    append(table<FaultEvent>(), log.fault, when);
}

void PathJournal::write_allocations(const KernelPath& path, const PathLog& log) {
    for (const PathLog::Allocation& allocation : log.allocations) {
        const auto when = stretch(path, allocation.begin, allocation.end);
        if (!when) continue;
        const auto source = static_cast<std::size_t>(allocation.event.source);
        ++m_counters.allocations[source];
        m_counters.all_allocation_latency.add(when->length());
        m_counters.allocation_latency[source].add(when->length());
        append(table<AllocationEvent>(), allocation.event, *when);
    }
}

void PathJournal::write_functions(const KernelPath& path, const PathLog& log, Runner runner) {
    EventLog<FunctionEvent>& functions = table<FunctionEvent>();
    if (log.functions.calls().empty() || !functions.wanted()) return;
    for (const FunctionCalls::Call& call : log.functions.calls()) {
        const auto when = stretch(path, call.entry, call.exit);
        if (!when) continue;
        functions.append({.time = when->start.value(),
                          .duration = when->length(),
                          .task = static_cast<std::uint32_t>(runner.task),
                          .cpu = static_cast<std::uint16_t>(runner.cpu),
                          .depth = call.depth,
                          .function = call.function});
    }
}

void PathJournal::write_driver_calls(const KernelPath& path, const PathLog& log) {
    for (const PathLog::DriverCall& call : log.driver_calls)
        if (const auto when = stretch(path, call.begin, call.end))
            append(table<DriverEvent>(), call.event, *when);
}

void PathJournal::write_reclaims(const KernelPath& path, const PathLog& log) {
    for (const PathLog::Reclaim& pass : log.reclaims)
        if (const auto when = stretch(path, pass.begin, pass.end)) {
            if (pass.event.by == ReclaimedBy::Direct) m_counters.reclaim.direct_latency.add(when->length());
            append(table<ReclaimEvent>(), pass.event, *when);
        }
}

void PathJournal::write_file_reads(const KernelPath& path, const PathLog& log) {
    for (const PathLog::FileRead& read : log.file_reads)
        if (const auto when = stretch(path, read.begin, read.end)) {
            m_counters.file_read_latency.add(when->length());
            append(table<FileReadEvent>(), read.event, *when);
        }
}

void PathJournal::write_object_calls(const KernelPath& path, const PathLog& log) {
    EventLog<KmemEvent>& kmem = table<KmemEvent>();
    for (const PathLog::ObjectCall& call : log.objects) {
        if (call.begin == call.end) { // nobody ran it
            if (kmem.wanted()) kmem.append(call.event);
            continue;
        }
        const auto when = stretch(path, call.begin, call.end);
        if (!when) continue;
        m_counters.all_object_latency.add(when->length());
        m_counters.object_latency[static_cast<std::size_t>(call.event.path)].add(when->length());
        append(kmem, call.event, *when);
    }
}

} // namespace pagewalk::os
