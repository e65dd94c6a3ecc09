#pragma once

#include "contract/block_request.h"
#include "models/core/cpu_horizons.h"
#include "models/core/cpu_module.h"
#include "models/device/block_controller.h"
#include "models/memory/memory_socket_module.h"

#include <systemc>

namespace pagewalk::models {

/// The SystemC shell of a block device: a process that wakes for each event of its controller, and a TLM-2.0
/// initiator socket for what it reads and writes in memory. CPUs learn how far it has come, as it interrupts
/// them: what they do to each other waits for it.
class BlockDeviceModule final : public sc_core::sc_module, public BlockDevice {
public:
    BlockDeviceModule(const sc_core::sc_module_name& name, const BlockDeviceConfig& config, DeviceId device,
                      InterruptController& interrupts, CpuHorizons& horizons, std::uint64_t seed);

    /// Towards memory.
    [[nodiscard]] tlm_utils::simple_initiator_socket<MemorySocketModule>& memory_socket() {
        return m_memory.socket;
    }
    /// Who is told of errors; outlives the simulation.
    void report_to(RunMonitor& monitor) { m_monitor = &monitor; }
    [[nodiscard]] const BlockController& controller() const { return m_controller; }

    [[nodiscard]] std::uint32_t interrupt_source() const override {
        return static_cast<std::uint32_t>(m_device);
    }
    [[nodiscard]] BlockDeviceLimits limits() const override { return m_controller.limits(); }
    void set_rings(CpuId cpu, const BlockRings& rings) override { m_controller.set_rings(cpu, rings); }
    void submit(const BlockRequest& request, Tick now) override;
    std::size_t take_completions(CpuId cpu, Tick now, std::span<BlockCompletion> done) override {
        return m_controller.take_completions(cpu, now, done);
    }

private:
    void step();
    void plan();

    DeviceId m_device;
    MemorySocketModule m_memory;
    BlockController m_controller;
    CpuHorizons& m_horizons;
    RunMonitor* m_monitor = nullptr;
    sc_core::sc_event m_due;
};

} // namespace pagewalk::models
