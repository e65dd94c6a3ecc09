#pragma once

#include "base/time.h"
#include "models/core/cpu.h"

#include <exception>

#include <systemc>

namespace pagewalk::models {

/// Decides how long CPUs run; called by every CPU after each quantum.
class RunMonitor {
public:
    virtual ~RunMonitor() = default;
    /// `progress` is what the CPU just returned. Returns whether the simulation goes on.
    [[nodiscard]] virtual bool after_quantum(Cpu& cpu, const Cpu::Progress& progress) = 0;
    /// The CPU's work threw; simulation stops.
    virtual void failed(std::exception_ptr error) = 0;
    /// Ends the simulation; CPUs that are still to run in this instant may call it again.
    void stop();

private:
    bool m_stopped = false;
};

/// The SystemC shell of a CPU: one thread that runs ahead of SystemC time for a quantum, then waits for it. A
/// CPU that waits or is idle is also woken by the others.
class CpuModule final : public sc_core::sc_module, private CpuWaker {
public:
    CpuModule(const sc_core::sc_module_name& name, Cpu& cpu, CpuHorizons& horizons, Tick quantum,
              RunMonitor& monitor);

private:
    void run();
    /// Returns whether the simulation goes on.
    [[nodiscard]] bool advance(Tick from, Cpu::Progress& progress);
    void wait_for(const Cpu::Progress& progress, Tick from);
    void wake_at(Tick at) override;

    Cpu& m_cpu;
    Tick m_quantum;
    RunMonitor& m_monitor;
    sc_core::sc_event m_wake;
};

} // namespace pagewalk::models
