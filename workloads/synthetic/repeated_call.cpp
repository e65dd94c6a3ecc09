#include "workloads/synthetic/repeated_call.h"

namespace pagewalk::workloads {

Program call_repeatedly(ThreadContext context, RepeatedCall call) {
    Emitter& emit = context.emit;
    Code& code = emit.code();
    constexpr Code::Reg counter = 13;

    // head: count; call, jump head
    StaticBlock& head = code.block();
    code.alu(counter, {counter});
    code.compare({counter});
    code.branch();
    const StaticBlock& site = emit.syscall_site();
    const StaticBlock& returned = code.block();
    code.jump(head.pc);
    head.target = code.here();

    for (std::uint64_t done = 0; done < call.times && !emit.done(); ++done) {
        emit.execute(head);
        emit.system_call(site, call.number, call.arguments, call.result);
        co_yield Pause::SystemCall;
        emit.execute(returned);
    }
    emit.execute(head);
}

} // namespace pagewalk::workloads
