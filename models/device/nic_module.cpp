#include "models/device/nic_module.h"

namespace pagewalk::models {

NicModule::NicModule(const sc_core::sc_module_name& name, const NicConfig& config, DeviceId device,
                     InterruptController& interrupts, CpuHorizons& horizons, std::uint64_t seed)
    : sc_module(name), m_device(device), m_memory("memory"),
      m_controller(config, device, {m_memory, interrupts}, seed), m_horizons(horizons) {
    SC_HAS_PROCESS(NicModule);
    SC_METHOD(step);
    sensitive << m_due;
    dont_initialize();
}

NetDeviceLimits NicModule::limits() const {
    const NicConfig& config = m_controller.config();
    return {config.queues, config.ring_entries};
}

void NicModule::start(Tick now) {
    m_controller.start(now);
    plan();
}

void NicModule::post(CpuId queue, std::span<const BusAddr> buffers, Tick now) {
    m_controller.post(queue, buffers, now);
}

void NicModule::enable_interrupt(CpuId queue, Tick now) {
    m_controller.enable_interrupt(queue, now);
    plan();
}

void NicModule::step() {
    try {
        m_controller.advance(to_ticks(sc_core::sc_time_stamp()));
        plan();
    } catch (const std::exception&) { // SystemC would turn it into a report of its own
        if (m_monitor == nullptr) throw;
        m_monitor->failed(std::current_exception());
        m_monitor->stop();
    }
}

void NicModule::plan() {
    const Tick next = m_controller.next();
    m_horizons.set_device(m_device, next);
    if (next == no_time) return;
    const Tick now = to_ticks(sc_core::sc_time_stamp());
    m_due.notify(next > now ? to_sc_time(next - now) : sc_core::SC_ZERO_TIME);
}

} // namespace pagewalk::models
