#include "workloads/synthetic/net_receive.h"

#include "base/error.h"
#include "workloads/synthetic/synthetic_workload.h"

#include <string>

namespace pagewalk::workloads {

namespace {

constexpr std::uint32_t largest_message = 2U << 20; // half of what a socket holds

Program receive_messages(ThreadContext context, NetReceiveConfig config) {
    Emitter& emit = context.emit;
    Code& code = emit.code();
    constexpr Code::Reg counter = 13;

    // head: count; receive, jump head
    StaticBlock& head = code.block();
    code.alu(counter, {counter});
    code.compare({counter});
    code.branch();
    const StaticBlock& site = emit.syscall_site();
    const StaticBlock& received = code.block();
    code.jump(head.pc);
    head.target = code.here();

    for (std::uint64_t done = 0; done < config.messages && !emit.done(); ++done) {
        emit.execute(head);
        emit.system_call(site, static_cast<std::uint32_t>(NetCall::Receive),
                         {static_cast<std::uint64_t>(config.how), config.message_bytes,
                          config.reads == ReadsMessages::On ? 1U : 0U, 0, 0, 0},
                         config.message_bytes);
        co_yield Pause::SystemCall;
        emit.execute(received);
    }
    emit.execute(head);
}

} // namespace

std::unique_ptr<Workload> make_net_receive(const CommonConfig& common, const NetReceiveConfig& config) {
    validate(common);
    require_range("synthetic.net_receive.message_size", config.message_bytes, 1, largest_message);
    require_range("synthetic.net_receive.messages", config.messages, 1, 1ULL << 40);
    Recipe recipe;
    recipe.description = "net_receive: messages of " + std::to_string(config.message_bytes) + " bytes";
    recipe.work = [config](ThreadContext context) { return receive_messages(context, config); };
    return make_synthetic_workload(common, std::move(recipe));
}

} // namespace pagewalk::workloads
