#pragma once

#include "base/ids.h"
#include "base/time.h"
#include "contract/instruction_stream.h"
#include "contract/kernel_path.h"
#include "os/path/memory_policy.h"
#include "os/path/operation.h"
#include "os/task/fiber.h"
#include "os/task/program.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace pagewalk::os {

struct AddressSpace;
class FileDescriptors;
class KernelThread;
struct ProcessAccount;
struct Program;
class WaitQueue;

enum class TaskState : std::uint8_t {
    NoStream, ///< made by clone; its instructions have not shown up yet
    Runnable, ///< in a run queue
    Running,
    Sleeping,
    Dead,
};

/// Why a task sleeps, for those who look from outside.
enum class SleepReason : std::uint8_t {
    None,
    Time,   ///< until wake_time
    Queue,  ///< until woken: in `queue`
    Stream, ///< until its stream has something that may happen
};

/// Kernel objects that the threads of a process share.
struct ProcessObjects {
    VirtAddr credentials{}, files{}, file_system{}, signal_handlers{}, signals{};
};

/// The frames of a task's kernel stack, the deepest part first. THREAD_SIZE is 16 KiB.
using KernelStack = std::array<Pfn, 4>;

/// A task (thread).
struct Task {
    TaskId id{};
    TaskId group{}; ///< of the process: the id of its first thread
    ThreadIndex thread{};
    const Program* program = nullptr;  ///< null: a kernel thread
    ProcessAccount* account = nullptr; ///< of its process
    InstructionStream* stream = nullptr;
    KernelThread* work = nullptr;      ///< a kernel thread's; it has neither stream nor address space
    CpuMask allowed = CpuMask().set(); ///< where it may run
    MemoryPolicy policy;               ///< where its memory comes from
    std::shared_ptr<AddressSpace> space;
    std::shared_ptr<AddressSpace> space_left; ///< by execve; to be destroyed
    std::shared_ptr<FileDescriptors> files;
    TaskState state = TaskState::NoStream;
    CpuId cpu{}; ///< whose run queue it is in, or where it ran last
    bool ever_ran = false;

    VirtAddr object{}; ///< struct task_struct
    VirtAddr pid{};    ///< struct pid
    std::shared_ptr<ProcessObjects> process;
    KernelStack stack{};

    // the operation in progress
    KernelPath path;
    PathLog log;
    std::optional<Operation> operation;
    std::unique_ptr<Fiber> fiber; ///< while there is an operation in the middle of its work
    bool round_over = false;      ///< a kernel thread's round has ended: the next part begins a new path

    // sleeping
    SleepReason reason = SleepReason::None;
    bool falling_asleep = false; ///< its path ends in a sleep that it has not reached
    bool woken = false;          ///< woken before it got there
    Tick wake_time = no_time;
    WaitQueue* queue = nullptr; ///< that it waits in
    bool killable = false;      ///< a kill ends the wait
    VirtAddr futex{};           ///< the word that it waits on
    TaskId futex_waker{};       ///< who has chosen it to be woken; 0 = nobody
    std::uint64_t awaited_order = 0;

    bool in_call = false; ///< has entered a system call that may block; what it does next, others decide
    bool gave_up = false; ///< its wait was ended because nobody was left to end it

    bool killed = false;
    bool executed = false;     ///< has done execve
    bool exited = false;       ///< its exit has taken place; the path still runs
    std::int64_t known_as = 0; ///< what the parent's clone returned
    TaskId parent{};
    static constexpr std::size_t calls_remembered = 4;
    std::array<std::uint32_t, calls_remembered> last_calls{}; ///< numbers of system calls, the latest first
    std::unique_ptr<WaitQueue> left; ///< who waits for this task's exit, or for its exec after vfork

    Task();
    ~Task();
};

/// What its memory is charged to; null: nothing.
[[nodiscard]] inline MemoryCgroup* cgroup_of(const Task& task) {
    return task.program == nullptr ? nullptr : task.program->cgroup;
}

} // namespace pagewalk::os
