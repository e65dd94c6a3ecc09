#pragma once

#include "base/address.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"

#include <bitset>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace pagewalk {

inline constexpr std::size_t max_cpus = 256;
using CpuMask = std::bitset<max_cpus>;

enum class StepKind : std::uint8_t {
    Execute,    ///< instructions of a kernel function with its typical loads and stores (stack, per-CPU data)
    Load,       ///< of the line at `address`
    Store,      ///< to the line at `address`
    ClearPages, ///< rep stosb over `count` bytes from `address`
    CopyPages,  ///< rep movsb of `count` bytes from `address2` to `address`
    Atomic,     ///< read-modify-write of the line at `address` that orders memory; all CPUs' in order of time
    AcquireLock, ///< spin lock at `address`: an atomic on its line, and waiting while another CPU holds it
    ReleaseLock,
    FlushTlb, ///< path.invalidation(count)
    Mark,     ///< path.mark(count) becomes the time of this point
    Effect,   ///< what others can see happens here: KernelInterface::effect is told, with index `count`
    Sleep,    ///< the task gives up its CPU until path.wake_time, or for ever until woken (no_time)
};

/// One step of a kernel path. All addresses are kernel virtual (direct map, vmemmap, text, per-CPU).
struct KernelStep {
    StepKind kind = StepKind::Execute;
    std::uint16_t loads = 0;  ///< Execute: loads among the instructions
    std::uint16_t stores = 0; ///< Execute: stores among the instructions
    std::uint32_t count =
        0; ///< Execute: instructions; ClearPages, CopyPages: bytes; Mark, FlushTlb, Effect: index
    VirtAddr address{}; ///< Execute: of the function's text
    VirtAddr address2{};
};

/// Translations to drop. Other CPUs in the mask are interrupted.
struct TlbInvalidation {
    enum class Scope : std::uint8_t { Range, AddressSpace, All };
    Scope scope = Scope::Range;
    std::uint16_t pcid = 0;
    VirtAddr start{};
    VirtAddr end{};
    CpuMask cpus;
};

inline constexpr Tick no_time{std::numeric_limits<std::uint64_t>::max()};

/// What a kernel path ends in, for the CPU that ran it.
enum class PathOutcome : std::uint8_t {
    Resume,     ///< back to the program: retry the faulting instruction, or continue after the system call
    Reschedule, ///< the task yields: another may run
    Exit,       ///< the task is gone
};

/// A short sequence of kernel steps that a core executes on its timing model and caches. The OS layer has
/// changed its state already; the path says what it costs and where. Owned by a task (or a CPU for
/// interrupts) and reused, so that filling one allocates nothing once it has grown.
class KernelPath {
public:
    void clear() {
        m_steps.clear();
        m_marks.clear();
        m_invalidations.clear();
        position = 0;
        wake_time = no_time;
        outcome = PathOutcome::Resume;
    }
    /// Forgets the steps that have run, for an operation that goes on after a sleep; marks keep their times.
    void drop_executed() {
        m_steps.clear();
        position = 0;
        wake_time = no_time;
        outcome = PathOutcome::Resume;
    }
    void execute(VirtAddr text, std::uint32_t instructions, std::uint16_t loads, std::uint16_t stores) {
        m_steps.push_back({StepKind::Execute, loads, stores, instructions, text, {}});
    }
    void load(VirtAddr address) { m_steps.push_back({StepKind::Load, 0, 0, 0, address, {}}); }
    void store(VirtAddr address) { m_steps.push_back({StepKind::Store, 0, 0, 0, address, {}}); }
    void clear_pages(VirtAddr address, std::uint32_t bytes) {
        m_steps.push_back({StepKind::ClearPages, 0, 0, bytes, address, {}});
    }
    void copy_pages(VirtAddr to, VirtAddr from, std::uint32_t bytes) {
        m_steps.push_back({StepKind::CopyPages, 0, 0, bytes, to, from});
    }
    void atomic(VirtAddr address) { m_steps.push_back({StepKind::Atomic, 0, 0, 0, address, {}}); }
    void acquire(VirtAddr lock) { m_steps.push_back({StepKind::AcquireLock, 0, 0, 0, lock, {}}); }
    void release(VirtAddr lock) { m_steps.push_back({StepKind::ReleaseLock, 0, 0, 0, lock, {}}); }
    void flush_tlb(const TlbInvalidation& invalidation) {
        m_steps.push_back(
            {StepKind::FlushTlb, 0, 0, static_cast<std::uint32_t>(m_invalidations.size()), {}, {}});
        m_invalidations.push_back(invalidation);
    }
    /// Returns the mark's index.
    std::uint32_t mark() {
        const auto index = static_cast<std::uint32_t>(m_marks.size());
        m_steps.push_back({StepKind::Mark, 0, 0, index, {}, {}});
        m_marks.push_back(no_time);
        return index;
    }
    /// `index` is the kernel's own number for what happens.
    void effect(std::uint32_t index) { m_steps.push_back({StepKind::Effect, 0, 0, index, {}, {}}); }
    void sleep_until(Tick time) {
        m_steps.push_back({StepKind::Sleep, 0, 0, 0, {}, {}});
        wake_time = time;
    }

    [[nodiscard]] std::span<const KernelStep> steps() const { return m_steps; }
    [[nodiscard]] const TlbInvalidation& invalidation(std::uint32_t index) const {
        return m_invalidations[index];
    }
    /// When the path reached the mark; no_time before.
    [[nodiscard]] Tick marked(std::uint32_t index) const { return m_marks[index]; }
    void set_mark(std::uint32_t index, Tick time) { m_marks[index] = time; }

    std::size_t position = 0; ///< next step to run, after a sleep
    Tick wake_time = no_time; ///< of a Sleep step
    VirtAddr stack{};         ///< top of the kernel stack that Execute steps use
    PathOutcome outcome = PathOutcome::Resume;

private:
    std::vector<KernelStep> m_steps;
    std::vector<Tick> m_marks;
    std::vector<TlbInvalidation> m_invalidations;
};

} // namespace pagewalk
