#pragma once

#include "base/enum_table.h"
#include "contract/instruction_stream.h"
#include "contract/interrupt.h"
#include "contract/kernel_path.h"
#include "contract/page_table.h"

#include <cstdint>
#include <string_view>

namespace pagewalk {

enum class FaultAccess : std::uint8_t { Read, Write, Execute };
[[nodiscard]] constexpr std::string_view name_of(FaultAccess access) {
    constexpr EnumNames<FaultAccess> names{
        {FaultAccess::Read, "read"}, {FaultAccess::Write, "write"}, {FaultAccess::Execute, "execute"}};
    return names[access];
}

/// What the MMU of a CPU translates with.
struct TranslationContext {
    Pfn root{};             ///< frame of the top-level table
    std::uint16_t pcid = 0; ///< 12 bits; distinguishes address spaces in the TLBs
};

/// A task that a CPU is to run.
struct ScheduledTask {
    TaskId task{};
    TranslationContext context{};
    InstructionStream* stream = nullptr;
    KernelPath* path =
        nullptr;       ///< to be run (or resumed at its position) before the program goes on; may be null
    Tick time_slice{}; ///< how long it may run while others wait for this CPU
};

/// What a CPU has executed, programs and kernel apart. Cycles without a task are not in it.
struct ExecutedWork {
    std::uint64_t user_instructions = 0, kernel_instructions = 0;
    std::uint64_t user_cycles = 0, kernel_cycles = 0;

    ExecutedWork& operator+=(const ExecutedWork& other) {
        user_instructions += other.user_instructions;
        kernel_instructions += other.kernel_instructions;
        user_cycles += other.user_cycles;
        kernel_cycles += other.kernel_cycles;
        return *this;
    }
    friend ExecutedWork operator-(const ExecutedWork& a, const ExecutedWork& b) {
        return {a.user_instructions - b.user_instructions, a.kernel_instructions - b.kernel_instructions,
                a.user_cycles - b.user_cycles, a.kernel_cycles - b.kernel_cycles};
    }
};

/// The kernel as a core sees it. Each call changes the OS state at once and returns the path that the core
/// then executes; the core calls path_completed() when its last step has committed, or when it sleeps.
/// Contract: the path stays valid until path_completed(); times never run backwards on one CPU.
class KernelInterface {
public:
    virtual ~KernelInterface() = default;

    /// The current task of `cpu` touched a page that its tables do not allow.
    [[nodiscard]] virtual KernelPath& page_fault(CpuId cpu, VirtAddr address, FaultAccess access,
                                                 Tick now) = 0;
    /// The call's effects and its return; all of it, where `record.entered` is not set.
    [[nodiscard]] virtual KernelPath& system_call(CpuId cpu, const SyscallRecord& record, Tick now) = 0;
    /// The current task enters a call that may block; system_call() follows when its result is known.
    [[nodiscard]] virtual KernelPath& system_call_entered(CpuId cpu, const SyscallRecord& record,
                                                          Tick now) = 0;
    /// The current task's stream is over (thread exit, end of trace).
    [[nodiscard]] virtual KernelPath& stream_ended(CpuId cpu, Tick now) = 0;
    /// The stream has nothing that may happen now (StreamStatus::NotYet).
    [[nodiscard]] virtual KernelPath& stream_not_ready(CpuId cpu, Tick now) = 0;
    /// The handler's path. It belongs to the CPU, not to the task that it interrupts.
    [[nodiscard]] virtual KernelPath& interrupt(CpuId cpu, const Interrupt& interrupt, Tick now) = 0;
    /// The path that `cpu` runs has reached an Effect step: what it names is visible to others from now on.
    virtual void effect(CpuId cpu, KernelPath& path, std::uint32_t index, Tick now) = 0;
    virtual void path_completed(CpuId cpu, KernelPath& path, Tick now) = 0;

    /// `cpu` has executed so much since it last said so, for its current task or, where it has none, for the
    /// kernel itself. Told before the task leaves the CPU and at the end of each quantum.
    virtual void account(CpuId cpu, const ExecutedWork& work) { (void)cpu, (void)work; }

    /// Puts the next runnable task on `cpu`: none when idle. `path`, where set, includes the switch itself.
    enum class Pick : std::uint8_t { Idle, Same, Switched };
    [[nodiscard]] virtual Pick pick(CpuId cpu, Tick now, ScheduledTask& next) = 0;
    /// Called by each CPU between two quanta: the kernel looks after what only the host's time changes, such
    /// as streams of a live program.
    virtual void poll(Tick now) { (void)now; }
    /// When an idle CPU may next have something to run because a sleep ends; no_time when only another CPU
    /// can tell.
    [[nodiscard]] virtual Tick next_wakeup(CpuId cpu) const = 0;
    /// Tasks that have not exited.
    [[nodiscard]] virtual std::size_t live_tasks() const = 0;
};

} // namespace pagewalk
