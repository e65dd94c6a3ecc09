#pragma once

#include "base/event_table.h"
#include "base/stats.h"
#include "contract/kernel_interface.h"
#include "os/file/file_system.h"
#include "os/kernel/kernel_config.h"
#include "os/kernel/memory_daemons.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_counters.h"
#include "os/path/kernel_objects.h"
#include "os/syscall/allocation_driver.h"
#include "os/task/order_gate.h"
#include "os/task/scheduler.h"
#include "os/task/task.h"
#include "os/vm/compaction_driver.h"
#include "os/vm/kernel_vmalloc.h"
#include "os/vm/virtual_memory.h"

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace pagewalk::os {

/// Linux 6.1 as the cores see it: boots on a memory map, runs a workload's tasks, and answers faults and
/// system calls with kernel paths.
class Kernel final : public KernelInterface {
public:
    /// Boots. `tables` receives the kernel's page tables and must outlive the kernel. Throws ConfigError for
    /// a machine that cannot boot.
    Kernel(const KernelConfig& config, PageTableMemory& tables);
    ~Kernel() override;
    Kernel(const Kernel&) = delete;
    Kernel& operator=(const Kernel&) = delete;

    /// Creates the workload's first task; it runs when a CPU picks it. The workload must outlive the kernel.
    void start(Workload& workload);

    [[nodiscard]] KernelPath& page_fault(CpuId cpu, VirtAddr address, FaultAccess access, Tick now) override;
    [[nodiscard]] KernelPath& system_call(CpuId cpu, const SyscallRecord& record, Tick now) override;
    [[nodiscard]] KernelPath& system_call_entered(CpuId cpu, const SyscallRecord& record, Tick now) override;
    [[nodiscard]] KernelPath& stream_ended(CpuId cpu, Tick now) override;
    /// The task leaves its CPU until its stream is ready, which each pick() looks at. Costs nothing.
    [[nodiscard]] KernelPath& stream_not_ready(CpuId cpu, Tick now) override;
    [[nodiscard]] KernelPath& interrupt(CpuId cpu, const Interrupt& interrupt, Tick now) override;
    void effect(CpuId cpu, KernelPath& path, std::uint32_t index, Tick now) override;
    void path_completed(CpuId cpu, KernelPath& path, Tick now) override;
    [[nodiscard]] Pick pick(CpuId cpu, Tick now, ScheduledTask& next) override;
    [[nodiscard]] Tick next_wakeup(CpuId cpu) const override;
    [[nodiscard]] std::size_t live_tasks() const override;

    [[nodiscard]] EventLog<AllocationEvent>& allocation_events() { return m_allocation_events; }
    [[nodiscard]] EventLog<FaultEvent>& fault_events() { return m_fault_events; }
    /// Sampled by kernel path: all of a path's calls are kept, or none.
    [[nodiscard]] EventLog<FunctionEvent>& function_events() { return m_function_events; }
    [[nodiscard]] EventLog<KmemEvent>& kmem_events() { return m_kmem_events; }
    [[nodiscard]] EventLog<DriverEvent>& driver_events() { return m_driver_events; }
    [[nodiscard]] const KernelCounters& counters() const { return m_counters; }
    /// Programs that were killed, oldest first.
    [[nodiscard]] std::span<const KillRecord> kills() const { return m_kills; }
    void declare(StatGroup group) const;

    [[nodiscard]] PageAllocator& allocator() { return *m_allocator; }
    [[nodiscard]] const PageAllocator& allocator() const { return *m_allocator; }
    [[nodiscard]] VirtualMemory& memory() { return m_memory; }
    [[nodiscard]] Compaction& compaction() { return m_compaction.compaction(); }
    [[nodiscard]] const Compaction& compaction() const { return m_compaction.compaction(); }
    [[nodiscard]] FrameAllocator& frames() { return m_frames; }
    [[nodiscard]] const FileSystem& files() const { return m_files; }
    [[nodiscard]] const KernelObjects& objects() const { return m_objects; }
    [[nodiscard]] KernelObjects& objects() { return m_objects; }
    [[nodiscard]] const Vmalloc& vmalloc() const { return m_vmalloc->areas(); }
    [[nodiscard]] const AllocationDriver& driver() const { return *m_driver; }
    [[nodiscard]] const BootLayout& boot_layout() const { return m_layout; }
    /// Null where there is no such task.
    [[nodiscard]] const Task* find_task(TaskId id) const;
    [[nodiscard]] const AddressSpace* address_space(TaskId id) const;
    /// Empties the LRU batches of every CPU, as a snapshot of the lists needs it.
    void drain_lru_batches();

private:
    // tasks
    [[nodiscard]] Operation begin(Task& task, CpuId cpu, Tick now);
    [[nodiscard]] Operation untimed(CpuId cpu, Tick now);
    Task& add_task(Operation& op);
    [[nodiscard]] std::shared_ptr<ProcessObjects> add_process_objects(Operation& op);
    void drop_process_objects(Operation& op, Task& task);
    void clone(Operation& op, Task& parent, std::uint64_t flags, std::int64_t child);
    Task& copy_process(Operation& op, Task& parent, std::uint64_t flags, std::int64_t child);
    void copy_space(Operation& op, Task& parent, Task& child, std::uint64_t flags);
    void adopt_streams();
    void wake_ready_streams();
    /// Nobody can run: waits in the host's time for the program, as far as that is what tasks wait for.
    [[nodiscard]] bool wait_for_streams();
    void enter_call(Operation& op, Task& task, std::uint64_t order);
    /// What execve and the loader set up for the task's program.
    void map_image(Operation& op, Task& task, std::span<const InitialMapping> image);
    /// The task goes on in a new image; without one it ends.
    void execute_image(Operation& op, Task& task);
    void end_vfork(Task& child);
    /// Destroys the address space that the CPU's task had before its execve.
    void leave_old_space(CpuId cpu, Tick now);
    void exit_task(Operation& op, Task& task);
    void kill_group(TaskId group, CpuId cpu, const Task* spared);
    void end_if_killed(Operation& op, Task& task);
    void kill(Operation& op, Task& task, VirtAddr address, FaultAccess access);
    void bury(Task& task, CpuId cpu, Tick now);
    void finish_untimed();
    void close_all(Operation& op, Task& task);
    void release_space(Operation& op, Task& task);
    void switch_steps(Operation& op, Task& task);
    void resume(Operation& op, Task& task);

    // kernel threads
    void start_daemons();
    [[nodiscard]] Task* daemon_task(Daemon which, NodeId node);
    [[nodiscard]] bool daemon_asleep(Daemon which, NodeId node);
    void wake_daemon(Operation& op, Daemon which, NodeId node);
    void run_thread(Operation& op, Task& task);

    // the OOM killer
    [[nodiscard]] OomOutcome kill_for_memory(Operation& op);
    [[nodiscard]] Task* choose_victim(Operation& op);
    [[nodiscard]] KillRecord describe_victim(const Operation& op, Task& victim);

    // sleeping
    /// Ends the path in a sleep, by way of the scheduler.
    void fall_asleep(Operation& op, Task& task, SleepReason reason, Tick until);
    /// The same without the scheduler's cost.
    void give_up_cpu(Operation& op, Task& task, SleepReason reason, Tick until);
    void wake(Task& task);
    void stop_waiting(Task& task);
    void pass_order(std::uint64_t order);
    void wait_for_order(Operation& op, Task& task, std::uint64_t order);
    /// Nobody can run any more: gives up the wait that is first in line. Returns whether there was one.
    bool break_deadlock();

    // system calls
    void run_system_call(Operation& op, Task& task, const SyscallRecord& record);
    void finish_system_call(Operation& op, Task& task);
    void dispatch(Operation& op, Task& task, const SyscallRecord& record);
    void sys_mmap(Operation& op, Task& task, const SyscallRecord& record);
    void sys_madvise(Operation& op, Task& task, const SyscallRecord& record);
    void sys_open(Operation& op, Task& task, const SyscallRecord& record);
    void open_file(Operation& op, Task& task, const SyscallRecord& record);
    void make_room(Operation& op, FileDescriptors& files, std::uint64_t fd);
    void drop_table(Operation& op, const DescriptorTable& table);
    void sys_close(Operation& op, Task& task, std::uint64_t fd);
    void sys_duplicate(Operation& op, Task& task, std::uint64_t from, std::uint64_t to);
    void sys_futex(Operation& op, Task& task, const SyscallRecord& record);
    void sys_wait(Operation& op, Task& task, const SyscallRecord& record);
    enum class Direction : std::uint8_t { Read, Write };
    void sys_transfer(Operation& op, Task& task, std::uint64_t fd, VirtAddr buffer, std::uint64_t bytes,
                      const std::uint64_t* position, Direction direction);
    void copy_user(Operation& op, Task& task, Pfn frame, std::uint64_t offset, VirtAddr buffer,
                   std::uint64_t bytes, Direction direction);
    void drop_file(Operation& op, const std::shared_ptr<OpenFile>& file);
    void map_file_ahead(Operation& op, InodeId inode, std::uint64_t first_page, std::uint64_t bytes);

    void log_path(const Task& task, Tick now);
    void log_functions(const Task& task);
    void log_driver_calls(const Task& task);
    void log_object_calls(const Task& task);

    KernelConfig m_config;
    BootLayout m_layout;
    PageTableMemory& m_table_memory;
    std::unique_ptr<PageAllocator> m_allocator;
    KernelCounters m_counters;
    FrameAllocator m_frames;
    KernelObjects m_objects;
    LruBatches m_lru;
    FileSystem m_files;
    PageTables m_tables;
    VirtualMemory m_memory;
    CompactionDriver m_compaction;
    MemoryDaemons m_daemons;
    Scheduler m_scheduler;
    OrderGate m_gate;

    Workload* m_workload = nullptr;
    StrayAccess m_stray = StrayAccess::Kills;
    std::vector<std::unique_ptr<Task>> m_tasks; // by id; ids are not used again
    std::vector<Task*> m_daemon_tasks;          // node by node
    std::vector<Task*> m_without_stream;
    std::vector<Task*> m_stream_waiters;
    std::multimap<std::uint64_t, Task*> m_order_waiters;
    std::vector<Task*> m_futex_waiters;
    std::vector<Task*> m_child_waiters;
    std::size_t m_live = 0;
    Tick m_poll_at = no_time;  ///< when to ask again for streams of new threads
    std::uint64_t m_polls = 0; ///< in a row

    struct Cpu {
        KernelPath interrupt_path;
        PathLog interrupt_log;
        TaskId last{};                      ///< ran here last
        AddressSpace* loaded = nullptr;     ///< whose tables the CPU uses
        std::vector<Pfn> stacks;            ///< kernel stacks of dead tasks, for new ones
        Task* buried = nullptr;             ///< exited, to be forgotten at the next pick
        std::shared_ptr<AddressSpace> left; ///< its task's before an execve, still in use up to the next pick
    };
    IndexedVec<CpuId, Cpu> m_cpus;
    KernelPath m_scratch;
    PathLog m_scratch_log;

    std::unique_ptr<KernelVmalloc> m_vmalloc; ///< needs the kernel's page tables
    std::unique_ptr<AllocationDriver> m_driver;

    EventLog<AllocationEvent> m_allocation_events;
    EventLog<FaultEvent> m_fault_events;
    EventLog<FunctionEvent> m_function_events;
    EventLog<KmemEvent> m_kmem_events;
    EventLog<DriverEvent> m_driver_events;
    std::vector<KillRecord> m_kills;
};

} // namespace pagewalk::os
