#pragma once

#include "base/time.h"
#include "contract/kernel_interface.h"
#include "models/core/cpu_commons.h"
#include "models/core/ooo_core.h"
#include "models/core/timed_queue.h"
#include "models/mmu/mmu.h"

#include <cstdint>

namespace pagewalk::models {

struct CpuConfig {
    CoreConfig core;
    MmuConfig mmu;
    Tick ipi_latency{500'000}; ///< from one CPU to another
    Cycles invlpg_cycles{100}; ///< a page dropped from the own TLB

    void declare(OptionGroup group);
};

struct CpuStats {
    std::uint64_t idle_cycles = 0;
    std::uint64_t context_switches = 0;
    std::uint64_t interrupts = 0;
    std::uint64_t shootdowns_sent = 0;
    std::uint64_t shootdowns_received = 0;
    std::uint64_t shootdown_wait_cycles = 0;

    void declare(StatGroup group) const;
};

/// One processor: a core with its MMU and caches that runs the tasks the kernel gives it, the kernel's paths
/// and the handlers of its interrupts.
///
/// An interrupt is taken between two blocks of the program or two steps of a path, but not while the CPU
/// holds a spin lock or runs another handler. Whoever waits, for a lock or for acknowledgements, still takes
/// shoot-downs, so that CPUs that wait for each other go on.
///
/// A CPU that took a line from another one ends its quantum there and for a while runs ahead by a block of
/// the program only, so that a line that several write goes from one to the next as often as in hardware,
/// whatever the quantum. Who shares nothing runs whole quanta.
class Cpu final : public InterruptTarget, private LineTakenObserver {
public:
    Cpu(CpuId id, const CpuConfig& config, const L1Latencies& l1, PrivateHierarchy& hierarchy,
        PageTableMemory& tables, KernelInterface& kernel, CpuCommons& commons);

    enum class State : std::uint8_t {
        Running,
        Waiting, ///< for a lock, for acknowledgements, or for other CPUs to come as far
        Idle,
        LimitReached,
    };
    struct Progress {
        State state = State::Running;
        Tick resume =
            no_time; ///< when to advance again; no_time: when woken. Waiting and Idle may be woken before
        Tick wake =
            no_time; ///< Idle: when it knows to have something to do; no_time: when another CPU did something
    };
    /// Runs from `from` (or the local time, where that is later) until local time reaches `until`, nothing is
    /// left to run, something has to be waited for, or the instruction limit. Contract: of several CPUs, that
    /// with the earliest `resume` is next.
    Progress advance(Tick from, Tick until);

    [[nodiscard]] Tick now() const { return m_clock.to_ticks(m_core.cycle()); }
    [[nodiscard]] OooCore& core() { return m_core; }
    [[nodiscard]] Mmu& mmu() { return m_mmu; }
    [[nodiscard]] CpuId id() const { return m_id; }
    void declare(StatGroup group) const;

    void raise(const Interrupt& interrupt, Tick at) override;
    void shoot_down(const Shootdown& shootdown) override;
    void acknowledged(Tick at) override;

private:
    static constexpr Cycles never{~0ULL};

    /// A path that has been entered, and what is done of the step at its position: instructions, bytes, or
    /// whether what is waited for has been asked for.
    struct ActivePath {
        KernelPath* path = nullptr;
        std::uint32_t done = 0;
        Mode interrupted = Mode::User; ///< to be returned to
        bool entered = true;           ///< not: a fault's, beside the program, without an exception
    };
    enum class PathEnd : std::uint8_t { Completed, Slept, Left };
    enum class StepEnd : bool { Left, Done };

    void run(Cycles end);
    void run_program(Cycles end);
    [[nodiscard]] Progress idle(Tick from, Tick until);

    [[nodiscard]] bool pick_task();
    void account();
    void begin_path(KernelPath& path);
    void begin_fault();
    void leave_task(KernelPath& path);
    void run_path(Cycles end);
    [[nodiscard]] PathEnd execute_steps(ActivePath& active, Cycles end);
    [[nodiscard]] bool execute_step(ActivePath& active, Cycles end);
    [[nodiscard]] StepEnd continue_step(ActivePath& active, KernelStep step, Cycles end);
    void handle_batch_end();

    void line_taken() override;

    // Steps that may wait.
    [[nodiscard]] StepEnd run_atomic(VirtAddr address);
    [[nodiscard]] StepEnd acquire_lock(ActivePath& active, VirtAddr lock);
    void release_lock(VirtAddr lock);
    [[nodiscard]] StepEnd flush_tlb(ActivePath& active, const TlbInvalidation& invalidation);
    [[nodiscard]] StepEnd take_effect(KernelPath& path, std::uint32_t index);
    [[nodiscard]] StepEnd wait(StallCause cause, Tick until);
    void look_again();
    void end_wait(StallCause cause, Tick end);

    // Interrupts.
    [[nodiscard]] bool interruptible() const { return m_locks_held == 0 && m_handler.path == nullptr; }
    void take_interrupt();
    void run_handler(Cycles end);
    /// Those that have arrived by `until` while the CPU waits.
    void take_shootdowns(StallCause cause, Tick until);
    /// Runs the whole handler and acknowledges, as of `taken`.
    void take_shootdown(const Shootdown& shootdown, Tick taken);
    void drop_translations(const TlbInvalidation& invalidation);
    void note_pending();

    CpuId m_id;
    CpuConfig m_config;
    Clock m_clock;
    Mmu m_mmu;
    OooCore m_core;
    KernelInterface& m_kernel;
    CpuCommons& m_commons;

    ScheduledTask m_task;
    bool m_has_task = false;
    ActivePath m_path;    ///< of the current task
    ActivePath m_handler; ///< of an interrupt
    InterruptKind m_handled = InterruptKind::Device;
    bool m_gives_way = false;       ///< it took another CPU's line in this quantum
    Tick m_shares_until{};          ///< until when it runs ahead but a little
    State m_state = State::Running; ///< Waiting while a step waits; else as last left
    StallCause m_wait_cause = StallCause::Lock;
    Tick m_look_again = no_time;
    Cycles m_slice_end{};
    StreamCursor* m_cursor = nullptr;

    TimedQueue<Interrupt> m_interrupts;
    TimedQueue<Shootdown> m_shootdowns;
    Cycles m_pending = never; ///< cycle at which the first of them is due
    std::uint32_t m_locks_held = 0;
    Tick m_masked_since{}; ///< since when no interrupt could be taken
    std::int64_t m_acknowledgements_due = 0;
    Tick m_last_acknowledgement{};
    Cycles m_flush_sent{};
    ExecutedWork m_accounted; ///< what the kernel has been told of
    CpuStats m_stats;
};

} // namespace pagewalk::models
