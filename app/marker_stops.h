#pragma once

#include "app/idle_watch.h"
#include "app/machine.h"
#include "models/core/cpu_module.h"
#include "os/kernel/kernel.h"

#include <exception>
#include <functional>
#include <vector>

namespace pagewalk::app {

/// Runs a machine's program to its end, untimed, and stops at each marker.
class MarkerStops final : public models::RunMonitor {
public:
    /// Called while no CPU goes on: may look at everything.
    using AtMarker = std::function<void(const os::ReachedMarker&)>;

    MarkerStops(Machine& machine, AtMarker at_marker);

    /// Throws RunError.
    void run();
    [[nodiscard]] bool after_quantum(models::Cpu& cpu, const models::Cpu::Progress& progress) override;
    void failed(std::exception_ptr error) override { m_error = std::move(error); }

private:
    Machine& m_machine;
    AtMarker m_at_marker;
    std::vector<os::ReachedMarker> m_reached; ///< since the last stop
    IdleWatch m_idle;
    std::exception_ptr m_error;
};

} // namespace pagewalk::app
