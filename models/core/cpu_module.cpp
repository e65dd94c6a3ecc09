#include "models/core/cpu_module.h"

#include <algorithm>
#include <utility>

namespace pagewalk::models {

namespace {
constexpr std::size_t thread_stack_bytes = 1 << 20; // fault handling and a live source's decoding run on it
} // namespace

void RunMonitor::stop() {
    if (!std::exchange(m_stopped, true)) sc_core::sc_stop();
}

CpuModule::CpuModule(const sc_core::sc_module_name& name, Cpu& cpu, Tick quantum, RunMonitor& monitor)
    : sc_module(name), m_cpu(cpu), m_quantum(quantum), m_monitor(monitor) {
    SC_HAS_PROCESS(CpuModule);
    SC_THREAD(run);
    set_stack_size(thread_stack_bytes);
}

void CpuModule::run() {
    for (;;) {
        const Tick from(sc_core::sc_time_stamp().value()); // the resolution is 1 ps
        const Tick until = from + m_quantum;
        Cpu::Progress progress;
        bool goes_on = false;
        try {
            progress = m_cpu.advance(from, until);
            goes_on = m_monitor.after_quantum(m_cpu, progress);
        } catch (const std::exception&) { // SystemC would turn it into a report of its own
            m_monitor.failed(std::current_exception());
        }
        if (!goes_on) {
            m_monitor.stop();
            return;
        }
        Tick next = std::max(until, m_cpu.now());
        if (progress.state == Cpu::State::Idle && progress.wake < next)
            next = std::max(progress.wake, from + Tick(1));
        wait(sc_core::sc_time::from_value((next - from).value()));
    }
}

} // namespace pagewalk::models
