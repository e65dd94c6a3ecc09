#include "models/device/block_device_module.h"

namespace pagewalk::models {

BlockDeviceModule::BlockDeviceModule(const sc_core::sc_module_name& name, const BlockDeviceConfig& config,
                                     DeviceId device, InterruptController& interrupts, CpuHorizons& horizons,
                                     std::uint64_t seed)
    : sc_module(name), m_device(device), m_memory("memory"),
      m_controller(config, device, {m_memory, interrupts}, seed), m_horizons(horizons) {
    SC_HAS_PROCESS(BlockDeviceModule);
    SC_METHOD(step);
    sensitive << m_due;
    dont_initialize();
}

void BlockDeviceModule::submit(const BlockRequest& request, Tick now) {
    m_controller.submit(request, now);
    plan();
}

void BlockDeviceModule::step() {
    try {
        m_controller.advance(to_ticks(sc_core::sc_time_stamp()));
        plan();
    } catch (const std::exception&) { // SystemC would turn it into a report of its own
        if (m_monitor == nullptr) throw;
        m_monitor->failed(std::current_exception());
        m_monitor->stop();
    }
}

void BlockDeviceModule::plan() {
    const Tick next = m_controller.next();
    m_horizons.set_device(m_device, next);
    if (next == no_time) return;
    const Tick now = to_ticks(sc_core::sc_time_stamp());
    m_due.notify(next > now ? to_sc_time(next - now) : sc_core::SC_ZERO_TIME);
}

} // namespace pagewalk::models
