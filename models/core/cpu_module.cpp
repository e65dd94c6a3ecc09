#include "models/core/cpu_module.h"

#include "base/sanitizer_fiber.h"

#include <utility>

namespace pagewalk::models {

namespace {
constexpr std::size_t thread_stack_bytes = 1 << 20; // fault handling and a live source's decoding run on it

/// The resolution is 1 ps.
Tick systemc_time() { return Tick(sc_core::sc_time_stamp().value()); }

} // namespace

void RunMonitor::stop() {
    if (!std::exchange(m_stopped, true)) sc_core::sc_stop();
}

CpuModule::CpuModule(const sc_core::sc_module_name& name, Cpu& cpu, CpuHorizons& horizons, Tick quantum,
                     RunMonitor& monitor)
    : sc_module(name), m_cpu(cpu), m_quantum(quantum), m_monitor(monitor) {
    horizons.connect(cpu.id(), *this);
    SC_HAS_PROCESS(CpuModule);
    SC_THREAD(run);
    set_stack_size(thread_stack_bytes);
}

void CpuModule::run() {
    const HostStack stack = stack_from_here(thread_stack_bytes);
    for (;;) {
        announce_arrival(stack);
        const Tick from = systemc_time();
        Cpu::Progress progress;
        if (!advance(from, progress)) {
            m_monitor.stop();
            return;
        }
        wait_for(progress, from);
    }
}

bool CpuModule::advance(Tick from, Cpu::Progress& progress) {
    try {
        progress = m_cpu.advance(from, from + m_quantum);
        return m_monitor.after_quantum(m_cpu, progress);
    } catch (const std::exception&) { // SystemC would turn it into a report of its own
        m_monitor.failed(std::current_exception());
        return false;
    }
}

void CpuModule::wait_for(const Cpu::Progress& progress, Tick from) {
    if (progress.resume == no_time) {
        wait(m_wake);
    } else {
        const auto span = sc_core::sc_time::from_value((progress.resume - from).value());
        if (progress.state == Cpu::State::Running || progress.state == Cpu::State::LimitReached)
            wait(span);
        else
            wait(span, m_wake);
    }
    m_wake.cancel(); // what was to come later is in the next progress
}

void CpuModule::wake_at(Tick at) {
    const Tick now = systemc_time();
    m_wake.notify(sc_core::sc_time::from_value(at > now ? (at - now).value() : 0));
}

} // namespace pagewalk::models
