#include "os/file/pipe.h"
#include "os/file/socket_queue.h"
#include "os/syscall/handlers.h"

#include <fcntl.h>
#include <memory>
#include <utility>

// Calls that make pipes and sockets.
namespace pagewalk::os {
namespace {

using Queue = std::shared_ptr<ByteQueue>;

Queue new_socket_queue(CallContext& call) {
    return std::make_shared<SocketQueue>(call.kernel.memory.objects(), call.kernel.frames);
}

/// `flags` are those of pipe2; SOCK_CLOEXEC has the same value.
void open_stream(CallContext& call, std::int64_t fd, Queue source, Queue sink, std::uint64_t flags) {
    call.op.path.call(KernelFunction::OpenFile);
    call.kernel.open_files.open_stream(call.op, call.descriptors(), static_cast<std::uint64_t>(fd),
                                       std::move(source), std::move(sink));
    call.descriptors().set_close_on_exec(static_cast<std::uint64_t>(fd), (flags & O_CLOEXEC) != 0);
}

} // namespace

void sys_pipe(CallContext& call) {
    const auto [read_end, write_end] = call.record.descriptors;
    if (read_end < 0 || write_end < 0) return; // an older recording does not say
    const Queue pipe = std::make_shared<Pipe>(call.kernel.memory.objects(), call.kernel.frames, call.op);
    constexpr std::uint32_t pipe2 = 293;
    const std::uint64_t flags = call.record.number == pipe2 ? call.argument(1) : 0;
    open_stream(call, read_end, pipe, nullptr, flags);
    open_stream(call, write_end, nullptr, pipe, flags);
}

void sys_socketpair(CallContext& call) {
    const auto [one, other] = call.record.descriptors;
    if (one < 0 || other < 0) return;
    const Queue there = new_socket_queue(call);
    const Queue back = new_socket_queue(call);
    open_stream(call, one, back, there, call.argument(1));
    open_stream(call, other, there, back, call.argument(1));
}

// Who is at the other end is not followed, be it a process of the program's own.
void sys_socket(CallContext& call) {
    const Queue source = new_socket_queue(call);
    const Queue sink = new_socket_queue(call);
    source->lead_outside();
    sink->lead_outside();
    constexpr std::uint32_t accept = 43, accept4 = 288;
    const std::uint32_t number = call.record.number;
    const std::uint64_t flags = number == accept ? 0 : call.argument(number == accept4 ? 3 : 1);
    open_stream(call, call.record.result, source, sink, flags);
}

} // namespace pagewalk::os
