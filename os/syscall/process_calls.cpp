#include "os/syscall/handlers.h"
#include "os/syscall/named_task.h"
#include "os/syscall/user_memory.h"

#include <algorithm>
#include <array>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t vfork_flags = clone_flag::vfork | clone_flag::vm;
constexpr std::uint64_t thread_flags =
    clone_flag::thread | clone_flag::files | clone_flag::vm; // what a C library's thread shares

enum FutexOperation : std::uint64_t {
    Wait = 0,
    Wake = 1,
    Requeue = 3,
    CmpRequeue = 4,
    WakeOp = 5,
    WaitBitset = 9,
    WakeBitset = 10
};
constexpr std::uint64_t futex_command = 0x7f; // without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME

/// A mask of as many CPUs, 64 at most.
std::uint64_t lowest_cpus(std::size_t count) { return count < 64 ? (1ULL << count) - 1 : ~0ULL; }

/// Where the order of system calls is known, it says when this one ends; so does a call that was told of when
/// the program entered it.
bool ends_by_itself(const CallContext& call) { return call.record.exit_order == 0 && !call.record.entered; }

} // namespace

void sys_clone(CallContext& call) {
    call.kernel.processes.clone(call.op, call.task, call.argument(0), call.record.result);
}
void sys_fork(CallContext& call) { call.kernel.processes.clone(call.op, call.task, 0, call.record.result); }
void sys_vfork(CallContext& call) {
    call.kernel.processes.clone(call.op, call.task, vfork_flags, call.record.result);
}
void sys_clone3(CallContext& call) {
    call.kernel.processes.clone(call.op, call.task, thread_flags, call.record.result);
}

void sys_execve(CallContext& call) {
    // The words and the environment: where the source has them, all that lies together in one piece.
    for (const UserSegment& piece : call.record.segments) {
        constexpr std::uint64_t most = 2ULL << 20; // a quarter of the usual stack limit
        UserRange user(piece.address, piece.bytes);
        copy_user_on_stack(call, user, std::min(piece.bytes, most), UserCopy::FromUser);
    }
    call.kernel.processes.exec(call.op, call.task);
}
void sys_exit(CallContext& call) { call.kernel.processes.exit(call.op, call.task); }
void sys_exit_group(CallContext& call) { call.kernel.processes.exit_group(call.op, call.task); }

void sys_futex(CallContext& call) {
    switch (call.argument(1) & futex_command) {
    case Wait:
    case WaitBitset:
        call.op.path.call(KernelFunction::FutexWait);
        if (ends_by_itself(call)) call.kernel.futexes.wait(call.op, call.address(0));
        break;
    case Wake:
    case WakeBitset:
    case WakeOp:
    case Requeue:
    case CmpRequeue: {
        const auto woken = static_cast<std::uint32_t>(std::min<std::int64_t>(call.record.result, 0xffff));
        call.op.path.call(KernelFunction::FutexWake);
        call.op.path.call(KernelFunction::TryToWakeUp, woken);
        call.kernel.futexes.wake(call.op, call.address(0), woken);
        break;
    }
    default:
        break;
    }
}

void sys_wait4(CallContext& call) {
    if (call.record.result > 0 && ends_by_itself(call))
        call.kernel.processes.wait_for_child(call.op, call.task, call.record.result);
}

void sys_waitid(CallContext& call) {
    const auto child = static_cast<std::int64_t>(call.argument(1));
    if (child > 0 && ends_by_itself(call)) call.kernel.processes.wait_for_child(call.op, call.task, child);
}

void sys_setaffinity(CallContext& call) {
    Task* const task = named_task(call, static_cast<std::int32_t>(call.argument(0)));
    if (task == nullptr || call.record.segments.empty()) return;
    const CpuMask allowed(call.record.segments.front().bytes);
    Scheduler& scheduler = call.kernel.scheduler;
    if ((allowed.to_ullong() & lowest_cpus(scheduler.cpus())) == 0) return;
    task->allowed = allowed;
    if (allowed[index_of(task->cpu)]) return;
    if (task == &call.task) {
        call.op.path.path().outcome = PathOutcome::Reschedule;
    } else if (task->state == TaskState::Runnable) {
        scheduler.remove(*task);
        scheduler.wake(*task);
    }
}

// Modes as in linux/mempolicy.h; the flags above them say what becomes of the nodes when others are allowed.
void sys_set_mempolicy(CallContext& call) {
    constexpr std::uint64_t mode_bits = 0x3fff;
    const std::uint64_t given = call.record.segments.empty() ? 0 : call.record.segments.front().bytes;
    const std::size_t count = call.kernel.frames.allocator().node_count();
    const NodeMask nodes(count < max_nodes ? given & ((1ULL << count) - 1) : given);
    using Mode = MemoryPolicy::Mode;
    constexpr std::array modes{Mode::Local,      Mode::Preferred, Mode::Bind,
                               Mode::Interleave, Mode::Local,     Mode::Preferred};
    const std::uint64_t mode = call.argument(0) & mode_bits;
    if (mode >= modes.size()) return;
    call.task.policy = nodes.empty() ? MemoryPolicy() : MemoryPolicy(modes[mode], nodes);
}

void sys_sched_yield(CallContext& call) {
    if (call.kernel.scheduler.has_waiting(call.op.cpu)) call.op.path.path().outcome = PathOutcome::Reschedule;
}

} // namespace pagewalk::os
