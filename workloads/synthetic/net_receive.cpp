#include "workloads/synthetic/net_receive.h"

#include "base/error.h"
#include "workloads/synthetic/repeated_call.h"

#include <string>

namespace pagewalk::workloads {

namespace {

constexpr std::uint32_t largest_message = 2U << 20; // half of what a socket holds

} // namespace

std::unique_ptr<Workload> make_net_receive(const CommonConfig& common, const NetReceiveConfig& config) {
    validate(common);
    require_range("synthetic.net_receive.message_size", config.message_bytes, 1, largest_message);
    require_range("synthetic.net_receive.messages", config.messages, 1, 1ULL << 40);
    Recipe recipe;
    recipe.description = "net_receive: messages of " + std::to_string(config.message_bytes) + " bytes";
    const RepeatedCall call{.number = static_cast<std::uint32_t>(NetCall::Receive),
                            .arguments = {static_cast<std::uint64_t>(config.how), config.message_bytes,
                                          config.reads == ReadsMessages::On ? 1U : 0U, 0, 0, 0},
                            .result = config.message_bytes,
                            .times = config.messages};
    recipe.work = [call](ThreadContext context) { return call_repeatedly(context, call); };
    return make_synthetic_workload(common, std::move(recipe));
}

} // namespace pagewalk::workloads
