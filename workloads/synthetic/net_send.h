#pragma once

#include "contract/driver_calls.h"
#include "contract/instruction_stream.h"
#include "workloads/synthetic/common_config.h"

#include <cstdint>
#include <memory>

namespace pagewalk::workloads {

enum class WritesMessages : std::uint8_t { Off, On };

/// Threads that send messages by the NIC, each from a socket of its own (contract/driver_calls.h).
struct NetSendConfig {
    NetSend how = NetSend::Copy;
    std::uint32_t message_bytes = 65'536;
    WritesMessages writes = WritesMessages::On;
    std::uint64_t messages = 1000; ///< of each thread at the natural end
};

/// Errors: ConfigError.
[[nodiscard]] std::unique_ptr<Workload> make_net_send(const CommonConfig& common,
                                                      const NetSendConfig& config);

} // namespace pagewalk::workloads
