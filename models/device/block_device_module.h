#pragma once

#include "contract/block_request.h"
#include "models/device/block_controller.h"
#include "models/device/device_module.h"

namespace pagewalk::models {

/// The SystemC shell of a block device.
class BlockDeviceModule final : public DeviceModule<BlockController, BlockDeviceConfig>, public BlockDevice {
public:
    using DeviceModule::DeviceModule;

    [[nodiscard]] std::uint32_t interrupt_source() const override { return source(); }
    [[nodiscard]] BlockDeviceLimits limits() const override { return controller().limits(); }
    void set_rings(CpuId cpu, const BlockRings& rings) override { model().set_rings(cpu, rings); }
    void submit(const BlockRequest& request, Tick now) override;
    std::size_t take_completions(CpuId cpu, Tick now, std::span<BlockCompletion> done) override {
        return model().take_completions(cpu, now, done);
    }
};

} // namespace pagewalk::models
