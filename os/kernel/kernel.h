#pragma once

#include "base/stats.h"
#include "contract/block_request.h"
#include "contract/kernel_interface.h"
#include "os/block/block_layer.h"
#include "os/file/file_system.h"
#include "os/file/flusher.h"
#include "os/file/open_files.h"
#include "os/kernel/kernel_config.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_counters.h"
#include "os/path/kernel_objects.h"
#include "os/path/path_journal.h"
#include "os/reclaim/memory_daemons.h"
#include "os/syscall/allocation_driver.h"
#include "os/syscall/block_io_driver.h"
#include "os/syscall/call_context.h"
#include "os/task/call_order.h"
#include "os/task/futexes.h"
#include "os/task/interrupt_lines.h"
#include "os/task/oom_killer.h"
#include "os/task/page_locks.h"
#include "os/task/processes.h"
#include "os/task/scheduler.h"
#include "os/task/stream_waits.h"
#include "os/task/task_runner.h"
#include "os/task/unexplained.h"
#include "os/vm/compaction_driver.h"
#include "os/vm/kernel_vmalloc.h"
#include "os/vm/khugepaged.h"
#include "os/vm/numa_balancing.h"
#include "os/vm/virtual_memory.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace pagewalk::os {

/// A program has said where it is (contract/marker_call.h).
struct ReachedMarker {
    std::uint32_t number = 0;
    TaskId task{};
    CpuId cpu{};
    Tick time{}; ///< at which the call began
};

/// Linux 6.1 as the cores see it: boots on a memory map, wires the rooms of the OS layer together, and
/// answers the cores' calls with operations on them.
class Kernel final : public KernelInterface {
public:
    /// Boots. `tables` receives the kernel's page tables and must outlive the kernel. Throws ConfigError for
    /// a machine that cannot boot.
    Kernel(const KernelConfig& config, PageTableMemory& tables);
    ~Kernel() override;
    Kernel(const Kernel&) = delete;
    Kernel& operator=(const Kernel&) = delete;

    /// The machine around it; both must outlive the run.
    void connect(InterruptController& interrupts, BlockDevice& disk, IommuDevice* iommu = nullptr);
    /// A NIC, after connect(). Throws ConfigError where there is not enough memory for its buffers.
    void connect(NetDevice& nic, InterruptController& interrupts);
    /// Creates the workload's first task; it runs when a CPU picks it. The workload must outlive the kernel.
    /// May be called again, at `moment` between two quanta too: the programs run side by side.
    void start(Workload& workload, const ProgramPlacement& placement = {}, const Moment& moment = {});

    [[nodiscard]] KernelPath& page_fault(CpuId cpu, VirtAddr address, FaultAccess access, Tick now) override;
    [[nodiscard]] KernelPath& system_call(CpuId cpu, const SyscallRecord& record, Tick now) override;
    [[nodiscard]] KernelPath& system_call_entered(CpuId cpu, const SyscallRecord& record, Tick now) override;
    [[nodiscard]] KernelPath& stream_ended(CpuId cpu, Tick now) override;
    [[nodiscard]] KernelPath& stream_not_ready(CpuId cpu, Tick now) override;
    [[nodiscard]] KernelPath& interrupt(CpuId cpu, const Interrupt& interrupt, Tick now) override;
    void effect(CpuId cpu, KernelPath& path, std::uint32_t index, Tick now) override;
    void path_completed(CpuId cpu, KernelPath& path, Tick now) override;
    void account(CpuId cpu, const ExecutedWork& work) override {
        m_processes.account(m_scheduler.running(cpu), work);
    }
    [[nodiscard]] Pick pick(CpuId cpu, Tick now, ScheduledTask& next) override;
    void poll(Tick now) override { poll_streams({CpuId{}, now}); }
    [[nodiscard]] Tick next_wakeup(CpuId cpu) const override;
    [[nodiscard]] std::size_t live_tasks() const override { return m_processes.live(); }

    /// Is told of each marker, in the middle of its system call: may look at nothing of the kernel's.
    void on_marker(std::function<void(const ReachedMarker&)> told) { m_on_marker = std::move(told); }

    /// Gives the texts of /proc/<task> that programs ask for (calls_about_memory.h), in the middle of the
    /// call.
    void set_process_files(std::function<std::string(TaskId, std::string_view file)> reader) {
        m_process_files = std::move(reader);
    }

    [[nodiscard]] PathJournal& journal() { return m_journal; }
    [[nodiscard]] const KernelCounters& counters() const { return m_counters; }
    /// Programs that were killed, oldest first.
    [[nodiscard]] std::span<const KillRecord> kills() const { return m_processes.kills(); }
    /// Markers whose number is too large; they are no markers.
    [[nodiscard]] std::uint64_t markers_out_of_range() const { return m_markers_out_of_range; }
    void declare(StatGroup group) const;

    [[nodiscard]] PageAllocator& allocator() { return *m_allocator; }
    [[nodiscard]] const PageAllocator& allocator() const { return *m_allocator; }
    [[nodiscard]] VirtualMemory& memory() { return m_memory; }
    [[nodiscard]] const VirtualMemory& memory() const { return m_memory; }
    [[nodiscard]] Compaction& compaction() { return m_compaction.compaction(); }
    [[nodiscard]] const Compaction& compaction() const { return m_compaction.compaction(); }
    [[nodiscard]] FrameAllocator& frames() { return m_frames; }
    [[nodiscard]] const FrameAllocator& frames() const { return m_frames; }
    /// Those that were started, a trace once each time that it begins.
    [[nodiscard]] const std::deque<Program>& programs() const { return m_programs; }
    [[nodiscard]] const FileSystem& files() const { return m_files; }
    [[nodiscard]] const Swap& swap() const { return m_swap; }
    [[nodiscard]] Swap& swap() { return m_swap; }
    [[nodiscard]] const KernelObjects& objects() const { return m_objects; }
    [[nodiscard]] KernelObjects& objects() { return m_objects; }
    [[nodiscard]] const Vmalloc& vmalloc() const { return m_vmalloc->areas(); }
    [[nodiscard]] const AllocationDriver& driver() const { return *m_driver; }
    [[nodiscard]] const BootLayout& boot_layout() const { return m_layout; }
    [[nodiscard]] const UnexplainedAccesses& unexplained() const { return m_unexplained; }
    [[nodiscard]] const Processes& processes() const { return m_processes; }
    [[nodiscard]] Processes& processes() { return m_processes; }
    /// Null where there is no such task.
    [[nodiscard]] const Task* find_task(TaskId id) const { return m_processes.find(id); }
    [[nodiscard]] const AddressSpace* address_space(TaskId id) const;
    /// Puts the memory of a task that has not run yet into a captured state.
    void restore(TaskId id, const SpaceImage& image);
    /// Empties the LRU batches of every CPU, as a snapshot of the lists needs it.
    void drain_lru_batches();

private:
    template <class Job>
    KernelPath& operate(CpuId cpu, Tick now, const Job& job);
    void handle_fault(Operation& op, VirtAddr address, FaultAccess access);
    void do_system_call(Operation& op, const SyscallRecord& record);
    void note_marker(const Operation& op, std::uint64_t number);
    [[nodiscard]] MemoryCgroup* memory_cgroup(const ProgramPlacement& placement);
    void go_on(Task& task);
    void look_after_time(CpuId cpu, Tick now);
    [[nodiscard]] Task* next_task(CpuId cpu, Tick now);
    [[nodiscard]] bool wait_for_news(const Moment& moment);
    [[nodiscard]] bool waits_for_host() const;
    void poll_streams(const Moment& moment);
    [[nodiscard]] Task* unblock_somebody(CpuId cpu, Tick now);
    [[nodiscard]] bool force_order(const Moment& moment);
    void switch_to(Operation& op, Task& task);

    KernelConfig m_config;
    BootLayout m_layout;
    std::unique_ptr<PageAllocator> m_allocator;
    KernelCounters m_counters;
    FrameAllocator m_frames;
    KernelObjects m_objects;
    PathJournal m_journal;
    Scheduler m_scheduler;
    TaskRunner m_runner;
    InterruptLines m_lines;
    PageLocks m_page_locks;
    DmaMapper m_dma;
    BlockLayer m_block;
    BlockIoDriver m_block_io;
    NetDriver m_net;
    LruBatches m_lru;
    Workingset m_workingset;
    Swap m_swap;
    FileSystem m_files;
    Flusher m_flusher;
    OpenFiles m_open_files;
    PageTables m_tables;
    VirtualMemory m_memory;
    Khugepaged m_khugepaged;
    std::optional<NumaBalancing> m_numa; ///< where there is more than one node
    CompactionDriver m_compaction;
    NodeReclaim m_reclaim;
    Processes m_processes;
    Futexes m_futexes;
    StreamWaits m_streams;
    OomKiller m_oom_killer;
    UnexplainedAccesses m_unexplained;
    MemoryDaemons m_daemons;
    std::unique_ptr<KernelVmalloc> m_vmalloc; ///< needs the kernel's page tables
    std::unique_ptr<AllocationDriver> m_driver;
    SharedSegments m_segments{m_files};
    std::unique_ptr<CallParts> m_call_parts;
    std::deque<CallOrder> m_orders; ///< a program each; tasks refer to both
    std::deque<Program> m_programs;

    /// Of interrupts: the path that is run, and what it logs.
    struct Handler {
        KernelPath path;
        PathLog log;
    };
    struct Cpu {
        Handler shootdown; ///< may interrupt another handler
        Handler device;
        TaskId last{};            ///< ran here last
        Task* departed = nullptr; ///< exited, to be forgotten at the next pick
    };
    IndexedVec<CpuId, Cpu> m_cpus;
    std::function<void(const ReachedMarker&)> m_on_marker;
    std::function<std::string(TaskId, std::string_view)> m_process_files = [](TaskId, std::string_view) {
        return std::string();
    };
    std::uint64_t m_markers = 0, m_markers_out_of_range = 0;
    std::uint64_t m_stream_waits = 0; ///< in a row, for streams of new threads
    Tick m_poll_at = no_time;         ///< when to ask the host for news again
    CpuId m_poll_cpu{};               ///< who asks
};

} // namespace pagewalk::os
