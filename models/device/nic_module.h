#pragma once

#include "contract/net_device.h"
#include "models/device/device_module.h"
#include "models/device/nic_controller.h"

namespace pagewalk::models {

/// The SystemC shell of a NIC.
class NicModule final : public DeviceModule<NicController, NicConfig>, public NetDevice {
public:
    using DeviceModule::DeviceModule;

    [[nodiscard]] std::uint32_t interrupt_source() const override { return source(); }
    [[nodiscard]] NetDeviceLimits limits() const override;
    void set_ring(CpuId queue, const NetRing& ring) override { model().set_ring(queue, ring); }
    void start(Tick now) override;
    void post(CpuId queue, std::span<const BusAddr> buffers, Tick now) override {
        model().post(queue, buffers, now);
    }
    std::size_t take_received(CpuId queue, Tick now, std::span<ReceivedPacket> packets) override {
        return model().take_received(queue, now, packets);
    }
    void set_send_ring(CpuId queue, const NetRing& ring) override { model().set_send_ring(queue, ring); }
    void send(CpuId queue, std::span<const SendBuffer> buffers, Tick now) override;
    std::size_t take_sent(CpuId queue, Tick now) override { return model().take_sent(queue, now); }
    void enable_interrupt(CpuId queue, Tick now) override;
    [[nodiscard]] bool has_stopped() const override { return controller().has_stopped(); }
    void reset(Tick now) override;
};

} // namespace pagewalk::models
