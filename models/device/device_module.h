#pragma once

#include "base/ids.h"
#include "contract/interrupt.h"
#include "models/core/cpu_horizons.h"
#include "models/core/cpu_module.h"
#include "models/memory/memory_socket_module.h"

#include <exception>

#include <systemc>

namespace pagewalk::models {

/// The SystemC shell of a device: a process that wakes for each event of its controller, and a TLM-2.0
/// initiator socket for what it reads and writes in memory. CPUs learn how far it has come, as it interrupts
/// them: what they do to each other waits for it.
///
/// A Controller is made of (Config, DeviceId, {memory, interrupts}, seed), has advance(now), and next(), when
/// it is to be advanced again.
template <class Controller, class Config>
class DeviceModule : public sc_core::sc_module {
public:
    DeviceModule(const sc_core::sc_module_name& name, const Config& config, DeviceId device,
                 InterruptController& interrupts, CpuHorizons& horizons, std::uint64_t seed)
        : sc_module(name), m_device(device), m_memory("memory"),
          m_controller(config, device, {m_memory, interrupts}, seed), m_horizons(horizons) {
        SC_HAS_PROCESS(DeviceModule);
        SC_METHOD(step);
        sensitive << m_due;
        dont_initialize();
    }

    /// Towards memory.
    [[nodiscard]] tlm_utils::simple_initiator_socket<MemorySocketModule>& memory_socket() {
        return m_memory.socket;
    }
    /// Who is told of errors; outlives the simulation.
    void report_to(RunMonitor& monitor) { m_monitor = &monitor; }
    [[nodiscard]] const Controller& controller() const { return m_controller; }

protected:
    [[nodiscard]] Controller& model() { return m_controller; }
    [[nodiscard]] std::uint32_t source() const { return static_cast<std::uint32_t>(m_device); }
    /// The controller has something to do: wakes for its next event.
    void plan() {
        const Tick next = m_controller.next();
        m_horizons.set_device(m_device, next);
        if (next == no_time) return;
        const Tick now = to_ticks(sc_core::sc_time_stamp());
        m_due.notify(next > now ? to_sc_time(next - now) : sc_core::SC_ZERO_TIME);
    }

private:
    void step() {
        try {
            m_controller.advance(to_ticks(sc_core::sc_time_stamp()));
            plan();
        } catch (const std::exception&) { // SystemC would turn it into a report of its own
            if (m_monitor == nullptr) throw;
            m_monitor->failed(std::current_exception());
            m_monitor->stop();
        }
    }

    DeviceId m_device;
    MemorySocketModule m_memory;
    Controller m_controller;
    CpuHorizons& m_horizons;
    RunMonitor* m_monitor = nullptr;
    sc_core::sc_event m_due;
};

} // namespace pagewalk::models
