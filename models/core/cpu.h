#pragma once

#include "base/time.h"
#include "contract/kernel_interface.h"
#include "models/core/lock_table.h"
#include "models/core/ooo_core.h"
#include "models/core/shootdown_bus.h"
#include "models/mmu/mmu.h"

#include <cstdint>
#include <memory>
#include <unordered_map>

namespace pagewalk::models {

struct CpuConfig {
    CoreConfig core;
    MmuConfig mmu;
    Tick ipi_latency{1'000'000};       ///< until the other CPUs have acknowledged
    std::uint32_t invlpg_cycles = 100; ///< a page dropped from the own TLB

    void declare(OptionGroup group);
};

/// Where each live task is in its stream; shared by the CPUs, since tasks migrate.
class StreamCursors {
public:
    [[nodiscard]] StreamCursor& of(TaskId task) {
        auto& slot = m_cursors[static_cast<std::uint32_t>(task)];
        if (!slot) slot = std::make_unique<StreamCursor>();
        return *slot;
    }
    void forget(TaskId task) { m_cursors.erase(static_cast<std::uint32_t>(task)); }

private:
    std::unordered_map<std::uint32_t, std::unique_ptr<StreamCursor>> m_cursors;
};

struct CpuStats {
    std::uint64_t idle_cycles = 0;
    std::uint64_t context_switches = 0;
    std::uint64_t shootdowns_sent = 0;
    std::uint64_t shootdowns_received = 0;

    void declare(StatGroup group) const;
};

/// One processor: a core with its MMU and caches that runs the tasks the kernel gives it, and the kernel's
/// paths.
class Cpu final : public ShootdownTarget {
public:
    Cpu(CpuId id, const CpuConfig& config, const L1Latencies& l1, PrivateHierarchy& hierarchy,
        PageTableMemory& tables, KernelInterface& kernel, LockTable& locks, ShootdownBus& bus,
        StreamCursors& cursors);

    enum class State : std::uint8_t { Running, Idle, LimitReached };
    struct Progress {
        State state = State::Running;
        Tick wake = no_time; ///< Idle: when to look again; no_time: when another CPU did something
    };
    /// Runs from `from` (or the local time, where that is later) until local time reaches `until`, nothing is
    /// left to run, or the instruction limit.
    Progress advance(Tick from, Tick until);

    [[nodiscard]] Tick now() const { return m_clock.to_ticks(Cycles(m_core.cycle())); }
    [[nodiscard]] OooCore& core() { return m_core; }
    [[nodiscard]] Mmu& mmu() { return m_mmu; }
    [[nodiscard]] CpuId id() const { return m_id; }
    void declare(StatGroup group) const;

    void shoot_down(const TlbInvalidation& invalidation) override;

private:
    enum class PathEnd : std::uint8_t { Completed, Slept };

    [[nodiscard]] bool pick_task();
    /// Runs a path of the current task, from its position on, then does what its outcome says.
    void run_path(KernelPath& path);
    void leave_task(KernelPath& path);
    [[nodiscard]] PathEnd execute_steps(KernelPath& path);
    void handle_batch_end();
    void flush_tlb(const TlbInvalidation& invalidation);
    void take_interrupts();

    CpuId m_id;
    CpuConfig m_config;
    Clock m_clock;
    Mmu m_mmu;
    OooCore m_core;
    KernelInterface& m_kernel;
    LockTable& m_locks;
    ShootdownBus& m_bus;

    ScheduledTask m_task;
    bool m_has_task = false;
    std::uint64_t m_slice_end = 0;
    StreamCursor* m_cursor = nullptr;
    StreamCursors& m_cursors;
    std::uint32_t m_pending_interrupts = 0;
    CpuStats m_stats;
};

} // namespace pagewalk::models
