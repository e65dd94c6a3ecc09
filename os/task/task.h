#pragma once

#include "base/ids.h"
#include "base/time.h"
#include "contract/instruction_stream.h"
#include "contract/kernel_path.h"
#include "os/file/file_descriptors.h"
#include "os/path/operation.h"
#include "os/task/kernel_thread.h"
#include "os/vm/address_space.h"

#include <cstdint>
#include <memory>

namespace pagewalk::os {

enum class TaskState : std::uint8_t {
    NoStream, ///< made by clone; its instructions have not shown up yet
    Runnable, ///< in a run queue
    Running,
    Sleeping,
    Dead,
};

/// Why a task sleeps, when it is not for a time.
enum class SleepReason : std::uint8_t {
    None,
    Time,  ///< until wake_time: I/O, timeouts, polls
    Order, ///< until its next ordered event is due
    Futex,
    Child,  ///< vfork, wait4
    Stream, ///< until its stream has something
    Work,   ///< a kernel thread that has nothing to do
};

/// What a task does when it runs again, before its program goes on.
enum class Continuation : std::uint8_t {
    None,
    EnterCall,     ///< a system call that may block begins
    SystemCall,    ///< a deferred system call takes place
    EndSystemCall, ///< the system call in progress returns, once its end is due
    EndFault,      ///< the fault whose data have been read returns
};

/// Kernel objects that the threads of a process share.
struct ProcessObjects {
    VirtAddr credentials{}, files{}, file_system{}, signal_handlers{}, signals{};
};

/// A task (thread).
struct Task {
    TaskId id{};
    TaskId group{}; ///< of the process: the id of its first thread
    ThreadIndex thread{};
    InstructionStream* stream = nullptr;
    KernelThread* work = nullptr;      ///< a kernel thread's; it has neither stream nor address space
    CpuMask allowed = CpuMask().set(); ///< where it may run
    std::shared_ptr<AddressSpace> space;
    std::shared_ptr<FileDescriptors> files;
    TaskState state = TaskState::NoStream;
    CpuId cpu{}; ///< whose run queue it is in, or where it ran last
    bool ever_ran = false;

    VirtAddr object{}; ///< struct task_struct
    VirtAddr pid{};    ///< struct pid
    std::shared_ptr<ProcessObjects> process;
    Pfn stack = no_pfn;
    KernelPath path;
    PathLog log;

    SleepReason reason = SleepReason::None;
    bool falling_asleep = false; ///< its path ends in a sleep that it has not reached
    bool woken = false;          ///< woken before it got there
    Tick wake_time = no_time;
    std::uint64_t awaited_order = 0;
    VirtAddr futex{};
    TaskId awaited_child{};

    Continuation continuation = Continuation::None;
    SyscallRecord deferred;       ///< a system call that must wait for its place in the order
    FaultEvent fault;             ///< whose data are being read
    std::uint64_t exit_order = 0; ///< of the system call in progress; 0 = none
    bool killed = false;
    bool exited = false;       ///< its exit has taken place; the path still runs
    std::int64_t known_as = 0; ///< what the parent's clone returned
    TaskId parent{};
    TaskId vfork_parent{}; ///< waits for this task's exec or exit; 0 = none
};

} // namespace pagewalk::os
