#include "app/marker_log.h"

#include "app/proc_texts.h"
#include "os/proc/maps.h"
#include "os/proc/process_memory_text.h"
#include "os/proc/smaps.h"

#include <string>
#include <utility>

namespace pagewalk::app {

EventSchema MarkerEvent::schema() {
    using E = MarkerEvent;
    return {
        "markers",
        "points that programs have marked by prctl(0x5057, number, 0, 0, 0)",
        sizeof(E),
        {event_column("time", &E::time, "ps", "simulated time at which the call began"),
         event_column("instructions", &E::instructions, "instructions", "program instructions from power-on"),
         event_column("number", &E::number, "1", "the marker's number"),
         event_column("task", &E::task, "1", "task"), event_column("cpu", &E::cpu, "1", "CPU")},
        "markers, with the statistics and /proc texts of the moment in /markers,",
        {0}};
}

MarkerLog::MarkerLog(Machine& machine) : m_machine(machine) {
    machine.kernel().on_marker([this](const os::ReachedMarker& marker) { reach(marker); });
}

// The CPU stops before its program goes on.
void MarkerLog::reach(const os::ReachedMarker& marker) {
    m_reached.push_back(marker);
    m_machine.cpus()[index_of(marker.cpu)]->core().set_instruction_limit(0);
}

void MarkerLog::take_stock() {
    for (const os::ReachedMarker& marker : m_reached) {
        ++m_times[marker.number];
        EventLog<MarkerEvent>& events = m_events.of<MarkerEvent>();
        if (!events.wanted()) continue;
        events.append({.time = marker.time.value(),
                       .instructions = m_machine.user_instructions(),
                       .number = marker.number,
                       .task = static_cast<std::uint32_t>(marker.task),
                       .cpu = static_cast<std::uint16_t>(marker.cpu)});
        if (m_snapshots.size() < most_snapshots)
            keep(marker);
        else
            ++m_left_out;
    }
    m_reached.clear();
}

void MarkerLog::keep(const os::ReachedMarker& marker) {
    for (auto& cpu : m_machine.cpus()) cpu->core().settle_stats();
    StatSnapshot values = m_machine.stats().snapshot();
    values.histograms.clear();
    const std::uint64_t times = m_times[marker.number];
    os::Kernel& kernel = m_machine.kernel();
    std::vector<results::ProcText> proc = proc_texts(kernel);
    const std::string folder = std::to_string(index_of(marker.task)) + "/";
    proc.push_back({folder + "maps", os::maps_text(kernel, marker.task)});
    proc.push_back({folder + "smaps", os::smaps_text(kernel, marker.task)});
    proc.push_back({folder + "smaps_rollup", os::smaps_rollup_text(kernel, marker.task)});
    proc.push_back({folder + "status", os::status_memory_text(kernel, marker.task)});
    proc.push_back({folder + "statm", os::statm_text(kernel, marker.task)});
    const std::string again = times == 1 ? "" : "@" + std::to_string(times);
    m_snapshots.push_back({.name = std::to_string(marker.number) + again,
                           .task = static_cast<std::uint64_t>(marker.task),
                           .cpu = static_cast<std::uint64_t>(marker.cpu),
                           .time = marker.time,
                           .instructions = m_machine.user_instructions(),
                           .values = std::move(values),
                           .proc = std::move(proc)});
}

std::uint64_t MarkerLog::times(std::uint32_t number) const {
    const auto found = m_times.find(number);
    return found == m_times.end() ? 0 : found->second;
}

} // namespace pagewalk::app
