#pragma once

#include "os/path/frame_allocator.h"
#include "os/path/kernel_events.h"
#include "os/path/kernel_objects.h"
#include "os/task/kernel_thread.h"
#include "os/task/process_account.h"
#include "os/task/process_memory.h"
#include "os/task/program.h"
#include "os/task/scheduler.h"
#include "os/task/task.h"
#include "os/task/task_runner.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace pagewalk::os {

/// clone's flags that matter here. Source: include/uapi/linux/sched.h of Linux 6.1
namespace clone_flag {
inline constexpr std::uint64_t vm = 0x100;
inline constexpr std::uint64_t files = 0x400;
inline constexpr std::uint64_t vfork = 0x4000;
inline constexpr std::uint64_t thread = 0x10000;
} // namespace clone_flag

/// Tasks and processes: how they come to be, replace their program, end and are waited for.
class Processes {
public:
    struct Parts {
        TaskRunner& runner;
        Scheduler& scheduler;
        FrameAllocator& frames;
        KernelObjects& objects;
        KernelCounters& counters;
        ProcessMemory& memory;
        ProcessFiles& files;
    };
    Processes(const Parts& parts, std::size_t cpus)
        : m_parts(parts), m_accounts(1), m_kernel(m_accounts.front()), m_stacks(cpus) {}
    ~Processes() { unwind(); }
    Processes(const Processes&) = delete;
    Processes& operator=(const Processes&) = delete;
    /// Gives back what operations in the middle of their work hold. No task runs afterwards.
    void unwind();

    /// The first task of a program; it runs when a CPU picks it. The program must outlive it. Throws RunError
    /// where there is no memory for it.
    void start(const Program& program, const ProgramPlacement& placement = {}, const Moment& moment = {});
    /// A task for one of the kernel's own threads, which runs until it first sleeps.
    void start(KernelThread& thread, const CpuMask& allowed);

    /// clone, fork and vfork: `child` is what the program was told. It runs once its stream has shown up.
    void clone(Operation& op, Task& parent, std::uint64_t flags, std::int64_t child);
    /// execve: the task's process becomes one with the memory of its stream's present image.
    void exec(Operation& op, Task& task);
    void exit(Operation& op, Task& task);
    /// exit_group, or a signal that kills: the others of the process end when they next run.
    void exit_group(Operation& op, Task& task);
    /// SIGSEGV: the process is gone.
    void kill(Operation& op, Task& task, const KillRecord& record);
    /// Marks every task of the process, `spared` aside, as killed.
    void kill_group(Operation& op, TaskId group, const Task* spared);
    void note_kill(KillRecord record);
    /// wait4, waitid: until the child that the program knows by this id has ended.
    void wait_for_child(Operation& op, Task& task, std::int64_t child);

    /// Gives streams that have shown up to their tasks.
    void adopt_streams(const Moment& moment);
    [[nodiscard]] bool awaits_streams() const { return !m_without_stream.empty(); }
    /// They have not shown up: those tasks were never traced, and end.
    void give_up_streams(const Moment& moment);
    /// The rest of a task that has exited, once its path has run.
    void free_task(Task& task, const Moment& moment);

    /// The address space that the task's execve has left, once no CPU uses it.
    void destroy_left_space(Task& task, const Moment& moment);

    /// Null where there is no such task.
    [[nodiscard]] Task* find(TaskId id) const;
    /// By id; null for those that are no more.
    [[nodiscard]] std::span<const std::unique_ptr<Task>> tasks() const { return m_tasks; }
    /// Tasks that have not exited, kernel threads aside.
    [[nodiscard]] std::size_t live() const { return m_live + m_without_stream.size(); }
    /// Tasks of the programs with this number that have not been freed: an exit's path is over.
    [[nodiscard]] std::size_t tasks_of(ProgramNumber number) const { return tally(number).tasks; }
    /// Instructions of theirs, from power-on.
    [[nodiscard]] std::uint64_t instructions_of(ProgramNumber number) const {
        return tally(number).instructions;
    }
    /// A CPU has done so much for the task that it runs; null: none.
    void account(const Task* task, const ExecutedWork& work);
    /// What all processes there ever were have done, in the order in which they began; the first account is
    /// the kernel's own.
    [[nodiscard]] const std::deque<ProcessAccount>& accounts();
    /// Pages of dead tasks' stacks that are kept for new ones.
    [[nodiscard]] std::uint64_t kept_stack_pages() const;
    /// As many are kept for the operation's CPU as it keeps at all, as on a machine that has been used.
    void keep_stacks(Operation& op);
    /// Programs that were killed, oldest first.
    [[nodiscard]] std::span<const KillRecord> kills() const { return m_kills; }
    /// Somebody waits for a child: gives that wait up. Returns whether there was one.
    bool give_up_a_wait(const Moment& moment);

private:
    /// Of the programs with one number.
    struct Tally {
        std::size_t tasks = 0;
        std::uint64_t instructions = 0;
    };
    [[nodiscard]] Tally tally(ProgramNumber number) const {
        return pagewalk::index_of(number) < m_tallies.size() ? m_tallies[number] : Tally{};
    }
    [[nodiscard]] Tally& tally_of(const Program& program);
    /// Its stream has shown up.
    void begin(Task& task, InstructionStream& stream);
    Task& add_task(Operation& op);
    [[nodiscard]] KernelStack new_stack(Operation& op);
    [[nodiscard]] ProcessAccount& add_account(const Task& first);
    void note_peak(const Task& task);
    [[nodiscard]] std::shared_ptr<ProcessObjects> add_process_objects(Operation& op);
    void drop_process_objects(Operation& op, Task& task);
    Task& copy_process(Operation& op, Task& parent, std::uint64_t flags, std::int64_t child);
    void await_stream(const Task& child, const Moment& moment);
    void copy_space(Operation& op, Task& parent, Task& child, std::uint64_t flags);
    void close_all(Operation& op, Task& task);
    void wake_waiters(Operation& op, Task& task);
    void give_up(Task& task, const Moment& moment);
    void wait_for(Operation& op, Task& other, bool (*over)(const Task&));

    Parts m_parts;
    std::deque<ProcessAccount> m_accounts;
    ProcessAccount& m_kernel;                   ///< the first of them
    std::vector<std::unique_ptr<Task>> m_tasks; // by id; ids are not used again
    std::vector<Task*> m_without_stream;
    std::vector<KillRecord> m_kills;
    std::size_t m_live = 0;
    IndexedVec<ProgramNumber, Tally> m_tallies;
    IndexedVec<CpuId, std::vector<KernelStack>> m_stacks; ///< kernel stacks of dead tasks, for new ones
};

} // namespace pagewalk::os
