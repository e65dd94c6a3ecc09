#include "app/marker_stops.h"

#include "base/sanitizer_fiber.h"

#include <utility>

#include <systemc>

namespace pagewalk::app {

MarkerStops::MarkerStops(Machine& machine, AtMarker at_marker)
    : m_machine(machine), m_at_marker(std::move(at_marker)) {
    for (auto& cpu : machine.cpus()) cpu->core().set_execution(models::Execution::Bare);
    machine.kernel().on_marker([this](const os::ReachedMarker& marker) {
        m_reached.push_back(marker);
        m_machine.cpus()[index_of(marker.cpu)]->core().set_instruction_limit(0);
    });
}

void MarkerStops::run() {
    m_machine.power_on(*this);
    sc_core::sc_start();
    announce_arrival(thread_stack());
    if (m_error) std::rethrow_exception(m_error);
}

bool MarkerStops::after_quantum(models::Cpu& cpu, const models::Cpu::Progress& progress) {
    for (const os::ReachedMarker& marker : std::exchange(m_reached, {})) m_at_marker(marker);
    cpu.core().set_instruction_limit(~0ULL);
    if (progress.state == models::Cpu::State::Idle && m_machine.kernel().live_tasks() == 0) return false;
    m_idle.look(progress);
    return true;
}

} // namespace pagewalk::app
