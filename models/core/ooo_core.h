#pragma once

#include "base/stats.h"
#include "models/cache/private_hierarchy.h"
#include "models/core/branch_predictor.h"
#include "models/core/core_config.h"
#include "models/core/core_stats.h"
#include "models/core/fast_forward.h"
#include "models/core/kernel_text.h"
#include "models/core/pipeline.h"
#include "models/core/stream_cursor.h"
#include "models/mmu/mmu.h"

#include <array>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

/// Cycles of an L1 hit: fetch hides its own by pipelining, kernel paths assume the loads'.
struct L1Latencies {
    Cycles fetch{4};
    Cycles load{5};
};

/// An out-of-order core by timestamps: one pass a micro-op computes when it is dispatched, issued, complete
/// and committed, from its Pipeline and the memory system. No per-cycle loop. Method: Carlson et al., "An
/// evaluation of high-level mechanistic core models", TACO 2014 (instruction-window-centric).
class OooCore {
public:
    OooCore(const CoreConfig& config, const L1Latencies& l1, PrivateHierarchy& hierarchy, Mmu& mmu);

    /// Executes user blocks from the cursor until its batch is done, a page fault, `until` (core cycle), or
    /// the instruction limit. Decodes blocks that come undecoded.
    RunExit run(StreamCursor& cursor, Cycles until);
    [[nodiscard]] const PendingFault& fault() const { return m_fault; }

    // Kernel paths. Enter and leave cost the exception penalty and drain the pipeline.
    /// Returns the mode that was left: an interrupt may come in the kernel.
    Mode enter_kernel();
    void leave_kernel(Mode to = Mode::User);
    // Steps that may be long go on from what is `done` of them until they are complete or local time reaches
    // `until`. They return what is done then; `step.count` says that nothing is left.
    /// n instructions of kernel text with their typical loads and stores around the stack top.
    [[nodiscard]] std::uint32_t kernel_execute(const KernelStep& step, VirtAddr stack, std::uint32_t done,
                                               Cycles until);
    /// rep stosb / rep movsb, a line at a time.
    [[nodiscard]] std::uint32_t kernel_clear(const KernelStep& step, std::uint32_t done, Cycles until);
    [[nodiscard]] std::uint32_t kernel_copy(const KernelStep& step, std::uint32_t done, Cycles until);
    void kernel_load(VirtAddr address);
    void kernel_store(VirtAddr address);
    /// Atomic read-modify-write that orders memory.
    void kernel_atomic(VirtAddr address);
    /// Nothing commits before `until`; the wait from the last commit on is charged to `cause`.
    void wait_until(Cycles until, StallCause cause);
    /// Nothing to run before `until`: charged to no cause.
    void idle_until(Cycles until);

    /// When the last store so far has left the store queue: others see it.
    [[nodiscard]] Cycles stores_done() const { return m_last_drain; }
    /// The cycle of the last commit: the core's local time.
    [[nodiscard]] Cycles cycle() const { return m_pipeline.cycle(); }
    [[nodiscard]] const CoreStats& stats() const { return m_stats; }
    void declare(StatGroup group) const;
    /// run() stops at the first block end with at least so many user instructions done.
    void set_instruction_limit(std::uint64_t limit) { m_limits.instructions = limit; }
    /// run() stops before the next block. Called from within.
    void end_run() { m_limits.cycle = Cycles(); }
    /// run() stops each time before a block that holds the instruction at this address.
    void watch(VirtAddr address) { m_limits.watched = address; }
    [[nodiscard]] std::uint64_t times_watched() const { return m_times_watched; }
    /// What is executed from now on, programs and kernel paths.
    void set_execution(Execution execution) {
        m_fast = execution != Execution::Detailed;
        m_fast_forward.set_execution(execution);
        m_last_line = VirtAddr(~0ULL);
    }
    /// Forgets the branch history's link to the previous block (task switch).
    void forget_previous_block() {
        m_previous_block = nullptr;
        m_fast_forward.forget_previous_block();
        m_fast_forward.forget_line();
    }
    /// Brings instructions and cycles by mode up to date.
    void settle_work();
    /// Brings all statistics up to date.
    void settle_stats();

private:
    [[nodiscard]] RunExit run_detailed(StreamCursor& cursor);

    static constexpr std::size_t forward_entries = 512;

    /// The stores to an aligned group of 8 bytes that are in the store queue together.
    struct StoreRecord {
        std::uint64_t key = 0;   ///< address / 8, plus 1
        std::uint64_t bytes = 0; ///< which of the 8 it has written, a bit each
        Cycles issued{};
        Cycles drained{}; ///< it has left the store queue
    };
    /// Of an access, the bytes in the group of 8 that it begins in, a bit each.
    [[nodiscard]] static std::uint64_t bytes_of_group(VirtAddr address, std::uint32_t size) {
        return (((2ULL << (size - 1)) - 1) << (address.value() & 7)) & 0xff;
    }
    enum class MemoryOutcome : std::uint8_t { Done, Faulted };
    /// What a load asks of its line: an atomic's asks for it as a store does.
    enum class Wants : bool { Data, Ownership };
    /// The part of an access that lies in the next line.
    struct SecondLine {
        PhysAddr address{};
        Cycles ready{};
    };

    [[nodiscard]] static std::uint32_t executed_uops(const BlockExecution& execution);
    void follow_branch(const StaticBlock& block, VirtAddr next);
    void note_store(VirtAddr address, std::uint32_t size, Cycles issued, Cycles drained);
    [[nodiscard]] bool begin_block(const StaticBlock& block, StreamCursor& cursor);
    [[nodiscard]] bool fetch_lines(VirtAddr start, VirtAddr end);
    [[nodiscard]] bool fetch_line(VirtAddr line, VirtAddr start);
    template <Mode mode, Wants wants = Wants::Data>
    [[nodiscard]] MemoryOutcome execute_load(const MicroOp& uop, VirtAddr address, std::uint32_t size,
                                             VirtAddr pc);
    template <Mode mode>
    [[nodiscard]] MemoryOutcome execute_store(const MicroOp& uop, VirtAddr address, std::uint32_t size,
                                              VirtAddr pc);
    [[nodiscard]] MemoryOutcome execute_locked_load(const MicroOp& uop, VirtAddr address, std::uint32_t size,
                                                    VirtAddr pc);
    [[nodiscard]] MemoryOutcome execute_extra(MemoryReference extra, VirtAddr pc);
    [[nodiscard]] MemoryOutcome faulted(VirtAddr address, FaultAccess access, Cycles ready);
    [[nodiscard]] MemoryOutcome translate_second(VirtAddr address, FaultAccess access, Cycles start,
                                                 const Translation& first, SecondLine& second);
    void execute_plain(const MicroOp& uop);
    void execute_nop(const MicroOp& uop);
    void execute_special(const MicroOp& uop);
    void execute_without_access(const MicroOp& uop);
    void fetch_kernel_line(VirtAddr text, std::uint32_t instructions);
    [[nodiscard]] const CacheLine* find_fetched(VirtAddr fetched, VirtAddr text) const;
    void fetch_found_line(const CacheLine& line, VirtAddr text, std::uint32_t instructions);
    void kernel_chain(const TextRun& run);
    [[nodiscard]] std::uint32_t finish_string_step(const KernelStep& step, std::uint32_t done,
                                                   std::uint32_t uops_a_line);
    void kernel_memory(const MicroOp& uop, VirtAddr address, std::uint32_t size = 8);
    [[nodiscard]] StoreRecord& forward_record(std::uint64_t key) {
        return m_forward[key & (forward_entries - 1)];
    }

    CoreConfig m_config;
    PrivateHierarchy& m_hierarchy;
    Mmu& m_mmu;
    CoreStats m_stats;
    Pipeline m_pipeline;
    Cycles m_fetch_hit_latency;
    Cycles m_load_hit_latency;
    bool m_branches_in_order;

    VirtAddr m_last_line{~0ULL};
    const StaticBlock* m_previous_block = nullptr;
    Cycles m_branch_complete{};
    std::array<Cycles, uop_class_count> m_unit_free{};
    Cycles m_memory_complete{}; ///< latest completion of a load or store
    Cycles m_fence{};           ///< memory operations do not issue before
    Cycles m_last_drain{};
    std::vector<StoreRecord> m_forward;
    BranchPredictor m_predictor;

    Mode m_mode = Mode::User;
    Cycles m_mode_since{};
    std::uint64_t m_kernel_since_mispredict = 0;
    RunLimits m_limits; ///< its cycle is run()'s
    std::uint64_t m_times_watched = 0;
    bool m_fast = false; ///< programs and kernel paths are left to:
    FastForward m_fast_forward;
    PendingFault m_fault;
};

} // namespace pagewalk::models
