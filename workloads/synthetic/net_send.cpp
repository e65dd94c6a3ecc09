#include "workloads/synthetic/net_send.h"

#include "workloads/synthetic/repeated_call.h"

#include <string>

namespace pagewalk::workloads {

std::unique_ptr<Workload> make_net_send(const CommonConfig& common, const NetSendConfig& config) {
    validate(common);
    require_range("synthetic.net_send.message_size", config.message_bytes, 1, 2U << 20);
    require_range("synthetic.net_send.messages", config.messages, 1, 1ULL << 40);
    Recipe recipe;
    recipe.description = "net_send: messages of " + std::to_string(config.message_bytes) + " bytes";
    const RepeatedCall call{.number = static_cast<std::uint32_t>(NetCall::Send),
                            .arguments = {static_cast<std::uint64_t>(config.how), config.message_bytes,
                                          config.writes == WritesMessages::On ? 1U : 0U, 0, 0, 0},
                            .result = config.message_bytes,
                            .times = config.messages};
    recipe.work = [call](ThreadContext context) { return call_repeatedly(context, call); };
    return make_synthetic_workload(common, std::move(recipe));
}

} // namespace pagewalk::workloads
