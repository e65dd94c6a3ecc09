#pragma once

#include "contract/driver_calls.h"
#include "contract/instruction_stream.h"
#include "workloads/synthetic/common_config.h"

#include <cstdint>
#include <memory>

namespace pagewalk::workloads {

enum class ReadsMessages : std::uint8_t { Off, On };

/// Threads that receive messages from the NIC, each from a socket of its own (contract/driver_calls.h).
struct NetReceiveConfig {
    NetReceive how = NetReceive::Copy;
    std::uint32_t message_bytes = 65'536;
    ReadsMessages reads = ReadsMessages::On;
    std::uint64_t messages = 1000; ///< of each thread at the natural end
};

/// Errors: ConfigError.
[[nodiscard]] std::unique_ptr<Workload> make_net_receive(const CommonConfig& common,
                                                         const NetReceiveConfig& config);

} // namespace pagewalk::workloads
