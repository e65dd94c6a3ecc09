#pragma once

#include "contract/net_device.h"
#include "models/core/cpu_horizons.h"
#include "models/core/cpu_module.h"
#include "models/device/nic_controller.h"
#include "models/memory/memory_socket_module.h"

#include <systemc>

namespace pagewalk::models {

/// The SystemC shell of a NIC: a process that wakes for each event of its controller, and a TLM-2.0 initiator
/// socket for what it reads and writes in memory. CPUs learn how far it has come, as from a block device.
class NicModule final : public sc_core::sc_module, public NetDevice {
public:
    NicModule(const sc_core::sc_module_name& name, const NicConfig& config, DeviceId device,
              InterruptController& interrupts, CpuHorizons& horizons, std::uint64_t seed);

    /// Towards memory.
    [[nodiscard]] tlm_utils::simple_initiator_socket<MemorySocketModule>& memory_socket() {
        return m_memory.socket;
    }
    /// Who is told of errors; outlives the simulation.
    void report_to(RunMonitor& monitor) { m_monitor = &monitor; }
    [[nodiscard]] const NicController& controller() const { return m_controller; }

    [[nodiscard]] std::uint32_t interrupt_source() const override {
        return static_cast<std::uint32_t>(m_device);
    }
    [[nodiscard]] NetDeviceLimits limits() const override;
    void set_ring(CpuId queue, const NetRing& ring) override { m_controller.set_ring(queue, ring); }
    void start(Tick now) override;
    void post(CpuId queue, std::span<const BusAddr> buffers, Tick now) override;
    std::size_t take_received(CpuId queue, Tick now, std::span<ReceivedPacket> packets) override {
        return m_controller.take_received(queue, now, packets);
    }
    void enable_interrupt(CpuId queue, Tick now) override;

private:
    void step();
    void plan();

    DeviceId m_device;
    MemorySocketModule m_memory;
    NicController m_controller;
    CpuHorizons& m_horizons;
    RunMonitor* m_monitor = nullptr;
    sc_core::sc_event m_due;
};

} // namespace pagewalk::models
