#pragma once

#include "base/stats.h"
#include "base/time.h"
#include "contract/kernel_interface.h"
#include "models/cache/private_hierarchy.h"
#include "models/core/branch_predictor.h"
#include "models/core/core_config.h"
#include "models/mmu/mmu.h"

#include <array>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

/// What a cycle without a commit waited for.
enum class StallCause : std::uint8_t {
    Base, ///< a commit group's own cycle
    ICache,
    Itlb,
    Branch,
    Dependency, ///< execution latency and dependences
    L1,
    L2,
    Llc,
    RemoteCache,
    Memory,
    RemoteMemory,
    Dtlb,
    StoreQueue,
    Exception, ///< entering and leaving the kernel
    Lock,
};
inline constexpr std::size_t stall_cause_count = 15;

enum class Mode : std::uint8_t { User, Kernel };

struct CoreStats {
    std::uint64_t cycles = 0;
    std::uint64_t user_instructions = 0;
    std::uint64_t kernel_instructions = 0;
    std::uint64_t user_uops = 0;
    std::uint64_t kernel_uops = 0;
    std::uint64_t user_cycles = 0;
    std::uint64_t kernel_cycles = 0;
    std::uint64_t loads = 0;
    std::uint64_t stores = 0;
    std::uint64_t forwarded_loads = 0;
    std::uint64_t branch_misses = 0;
    std::array<std::array<std::uint64_t, stall_cause_count>, 2> cpi_stack{}; ///< cycles by mode and cause

    void declare(StatGroup group) const;
};

/// Cycles of an L1 hit: fetch hides its own by pipelining, kernel paths assume the loads'.
struct L1Latencies {
    std::uint64_t fetch = 4;
    std::uint64_t load = 5;
};

/// Where a thread is in its stream: a block being executed and what of it is done.
struct StreamCursor {
    StreamBatch batch;
    std::size_t block = 0;
    std::uint32_t uop = 0;
    std::uint32_t reference = 0;
    bool begun = false; ///< the current block has been fetched and predicted
    bool status_pending =
        false; ///< what ends the batch (a system call, the stream's end) is still to be handled

    [[nodiscard]] bool batch_done() const { return block == batch.blocks.size(); }
};

/// A page fault that stopped the core before an instruction.
struct PendingFault {
    VirtAddr address{};
    FaultAccess access = FaultAccess::Read;
};

enum class RunExit : std::uint8_t { BatchDone, Fault, CycleLimit, InstructionLimit };

/// An out-of-order core by timestamps: one pass a micro-op computes when it is dispatched, issued, complete
/// and committed, from the occupancy of dispatch, ROB, scheduler, load and store queues, ports, its operands,
/// and the memory system. No per-cycle loop. Method: Carlson et al., "An evaluation of high-level mechanistic
/// core models", TACO 2014 (instruction-window-centric).
class OooCore {
public:
    OooCore(const CoreConfig& config, const L1Latencies& l1, PrivateHierarchy& hierarchy, Mmu& mmu);

    /// Executes user blocks from the cursor until its batch is done, a page fault, `until` (core cycle), or
    /// the instruction limit. Decodes blocks that come undecoded.
    RunExit run(StreamCursor& cursor, std::uint64_t until);
    [[nodiscard]] const PendingFault& fault() const { return m_fault; }

    // Kernel paths. Enter and leave cost the exception penalty and drain the pipeline.
    void enter_kernel();
    void leave_kernel();
    /// n instructions of kernel text with their typical loads and stores around the stack top.
    void kernel_execute(const KernelStep& step, VirtAddr stack);
    void kernel_load(VirtAddr address);
    void kernel_store(VirtAddr address);
    /// rep stosb / rep movsb, a line at a time.
    void kernel_clear(VirtAddr address, std::uint64_t bytes);
    void kernel_copy(VirtAddr to, VirtAddr from, std::uint64_t bytes);
    /// Atomic read-modify-write that orders memory.
    void kernel_atomic(VirtAddr address);
    /// Nothing commits before `cycle`; the wait is charged to `cause`.
    void wait_until(std::uint64_t cycle, StallCause cause);
    /// Nothing to run until `cycle`: charged to no cause.
    void idle_until(std::uint64_t cycle);

    /// The cycle of the last commit: the core's local time.
    [[nodiscard]] std::uint64_t cycle() const { return m_commit_cycle; }
    [[nodiscard]] const CoreStats& stats() const { return m_stats; }
    void declare(StatGroup group) const;
    /// run() stops at the first block end with at least so many user instructions done.
    void set_instruction_limit(std::uint64_t limit) { m_instruction_limit = limit; }
    /// Forgets the branch history's link to the previous block (task switch).
    void forget_previous_block() { m_previous_block = nullptr; }
    /// Brings time-derived statistics up to date.
    void settle_stats();

private:
    static constexpr std::size_t issue_window = 1U << 16;
    static constexpr std::size_t forward_entries = 512;

    struct StoreRecord {
        std::uint64_t key = 0;   ///< address / 8, plus 1
        std::uint64_t ready = 0; ///< cycle at which the data can be forwarded
        std::uint64_t drained = 0;
    };
    enum class MemoryOutcome : std::uint8_t { Done, Faulted };

    bool begin_block(const StaticBlock& block, StreamCursor& cursor);
    bool fetch_lines(VirtAddr start, VirtAddr end);
    [[nodiscard]] MemoryOutcome execute_memory(const MicroOp& uop, VirtAddr address, std::uint32_t size,
                                               VirtAddr pc);
    [[nodiscard]] MemoryOutcome execute_extra(MemoryReference extra, VirtAddr pc);
    void execute_plain(const MicroOp& uop);
    [[nodiscard]] std::uint64_t dispatch(const MicroOp& uop);
    [[nodiscard]] std::uint64_t operands_ready(const MicroOp& uop, std::uint64_t from) const;
    [[nodiscard]] std::uint64_t issue(UopClass cls, std::uint64_t ready);
    void advance_dispatch(std::uint64_t cycle);
    std::uint64_t commit(std::uint64_t complete, StallCause cause, std::uint64_t tlb_wait);
    void kernel_bulk(std::uint32_t count, std::uint32_t loads, std::uint32_t stores);
    void kernel_memory(const MicroOp& uop, VirtAddr address, std::uint32_t size = 8);
    void resume_at(std::uint64_t cycle);

    CoreConfig m_config;
    PrivateHierarchy& m_hierarchy;
    Mmu& m_mmu;
    BranchPredictor m_predictor;
    std::array<std::uint16_t, uop_class_count> m_ports;
    std::uint64_t m_fetch_hit_latency;
    std::uint64_t m_load_hit_latency;

    // Front end.
    std::uint64_t m_fetch_cycle = 0;
    StallCause m_fetch_cause = StallCause::ICache;
    VirtAddr m_last_line{~0ULL};
    const StaticBlock* m_previous_block = nullptr;
    std::uint64_t m_branch_complete = 0;

    // Dispatch.
    std::uint64_t m_dispatch_cycle = 0;
    std::uint32_t m_dispatch_left = 0;
    StallCause m_dispatch_cause = StallCause::Base; ///< Base: not delayed by front end or store queue
    std::uint64_t m_uop_number = 0;
    std::uint64_t m_load_number = 0;
    std::uint64_t m_store_number = 0;
    std::uint64_t m_ring_mask, m_load_mask, m_store_mask;
    std::vector<std::uint64_t> m_rob_commit;
    std::vector<std::uint64_t> m_load_commit;
    std::vector<std::uint64_t> m_store_drain;

    // Execution.
    std::array<std::uint64_t, 256> m_register_ready{};
    std::vector<std::uint16_t> m_issued; ///< ports taken in each future cycle, a ring
    std::uint32_t m_waiting = 0;         ///< dispatched, not yet issued at m_dispatch_cycle
    std::array<std::uint64_t, uop_class_count> m_unit_free{};
    std::uint64_t m_memory_complete = 0; ///< latest completion of a load or store
    std::uint64_t m_fence = 0;           ///< memory operations do not issue before
    std::uint64_t m_last_drain = 0;
    std::vector<StoreRecord> m_forward;

    // Commit.
    std::uint64_t m_commit_cycle = 0;
    std::uint32_t m_commit_left = 0;

    Mode m_mode = Mode::User;
    std::uint64_t m_mode_since = 0;
    std::uint64_t m_kernel_since_mispredict = 0;
    std::uint64_t m_instruction_limit = ~0ULL;
    PendingFault m_fault;
    CoreStats m_stats;
};

} // namespace pagewalk::models
