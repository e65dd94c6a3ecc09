#pragma once

#include "app/machine.h"
#include "base/event_table.h"
#include "results/run_state.h"

#include <cstdint>
#include <map>
#include <vector>

namespace pagewalk::app {

/// A marker that a program has reached.
struct MarkerEvent {
    std::uint64_t time = 0;         ///< ps
    std::uint64_t instructions = 0; ///< of programs, from power-on
    std::uint32_t number = 0;
    std::uint32_t task = 0;
    std::uint16_t cpu = 0;

    [[nodiscard]] static EventSchema schema();
};

/// The markers that programs have reached, and what the machine was like at those whose events are kept.
class MarkerLog {
public:
    static constexpr std::size_t most_snapshots = 256; ///< a megabyte each, in memory and in the file

    explicit MarkerLog(Machine& machine);

    void declare(EventRegistry& registry) { m_events.declare(registry); }
    /// What the kernel tells, in the middle of a system call.
    void reach(const os::ReachedMarker& marker);
    /// After the quantum in which the kernel told: counts and keeps what there is to be kept. The CPU that
    /// reached the marker has executed nothing of its program since.
    void take_stock();
    [[nodiscard]] std::uint64_t times(std::uint32_t number) const;

    [[nodiscard]] const std::vector<results::MarkerSnapshot>& snapshots() const { return m_snapshots; }
    [[nodiscard]] std::uint64_t snapshots_left_out() const { return m_left_out; }

private:
    void keep(const os::ReachedMarker& marker);

    Machine& m_machine;
    EventLogs<MarkerEvent> m_events;
    std::vector<os::ReachedMarker> m_reached; ///< since take_stock()
    std::map<std::uint32_t, std::uint64_t> m_times;
    std::vector<results::MarkerSnapshot> m_snapshots;
    std::uint64_t m_left_out = 0;
};

} // namespace pagewalk::app
