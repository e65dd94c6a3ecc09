#include "models/device/nic_module.h"

namespace pagewalk::models {

NetDeviceLimits NicModule::limits() const {
    const NicConfig& config = controller().config();
    return {config.queues, config.ring_entries, config.packet_bytes};
}

void NicModule::start(Tick now) {
    model().start(now);
    plan();
}

void NicModule::send(CpuId queue, std::span<const SendBuffer> buffers, Tick now) {
    model().send(queue, buffers, now);
    plan();
}

void NicModule::enable_interrupt(CpuId queue, Tick now) {
    model().enable_interrupt(queue, now);
    plan();
}

void NicModule::reset(Tick now) {
    model().reset(now);
    plan();
}

} // namespace pagewalk::models
