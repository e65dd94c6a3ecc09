#include "models/core/fast_forward.h"

#include "base/error.h"
#include "models/core/kernel_text.h"

#include <algorithm>

namespace pagewalk::models {
namespace {

constexpr VirtAddr no_line{~0ULL};

} // namespace

void FastForward::set_execution(Execution execution) {
    m_warms = execution == Execution::Warming;
    m_seen_shift = m_warms ? line_shift : page_shift;
    m_last_line = no_line;
    m_previous_block = nullptr;
}

void FastForward::settle() { m_pipeline.wait_until(m_now, StallCause::Base); }

inline bool FastForward::fetch(VirtAddr start, VirtAddr end, PendingFault& fault) {
    for (VirtAddr line = start.line(); line < end; line += line_size) {
        if (line == m_last_line) continue;
        const Translation translation = m_mmu.translate_fetch(line, m_now);
        if (translation.faulted()) [[unlikely]] {
            fault = {std::max(line, start), FaultAccess::Execute};
            wait_for(translation.ready);
            return false;
        }
        if (m_warms)
            if (const AccessResult result = m_hierarchy.fetch(translation.address, m_now);
                result.level != HitLevel::L1)
                wait_for(result.ready);
        m_last_line = line;
    }
    return true;
}

inline bool FastForward::access_line(VirtAddr address, bool store, VirtAddr pc, PendingFault& fault) {
    if (has_seen(address, store)) return true;
    const Translation translation =
        store ? m_mmu.translate_store(address, m_now, pc) : m_mmu.translate_load(address, m_now, pc);
    if (translation.faulted()) [[unlikely]] {
        fault = {address, store ? FaultAccess::Write : FaultAccess::Read};
        wait_for(translation.ready);
        return false;
    }
    wait_for(translation.ready);
    remember(address, store);
    if (!m_warms) return true;
    const AccessResult result = store ? m_hierarchy.store(translation.address, m_now, pc)
                                      : m_hierarchy.load(translation.address, m_now, pc);
    if (result.level != HitLevel::L1) [[unlikely]]
        wait_for(result.ready);
    return true;
}

inline bool FastForward::access(MemoryReference reference, VirtAddr pc, PendingFault& fault) {
    const VirtAddr address = reference.address();
    const bool store = reference.is_store();
    if (!access_line(address, store, pc, fault)) [[unlikely]]
        return false;
    if ((address.value() & (line_size - 1)) + reference.size() > line_size) [[unlikely]]
        if (!access_line(address.line() + line_size, store, pc, fault)) return false;
    ++(store ? m_stats.stores : m_stats.loads);
    return true;
}

// As the detailed core counts: an iteration of a string instruction is no new instruction.
inline void FastForward::count_instructions(const StaticBlock& block, std::uint32_t executed) {
    const bool continuation = block.rep_continuation && m_previous_block != nullptr &&
                              !m_previous_block->lengths.empty() &&
                              m_previous_block->end() - m_previous_block->lengths.back() == block.pc;
    m_previous_block = executed == block.instruction_count ? &block : nullptr;
    m_stats.user_instructions += executed - (continuation ? 1 : 0);
}

RunExit FastForward::run(StreamCursor& cursor, const RunLimits& limits, PendingFault& fault) {
    begin();
    m_seen.fill(0);
    RunExit exit = RunExit::BatchDone;
    while (!cursor.batch_done()) {
        const BlockExecution& execution = cursor.batch.blocks[cursor.block];
        const StaticBlock& block = *execution.block;
        if (!cursor.begun) {
            if (m_now >= limits.cycle) exit = RunExit::CycleLimit;
            if (m_stats.user_instructions >= limits.instructions) exit = RunExit::InstructionLimit;
            if (exit == RunExit::BatchDone && limits.meets_watched(block, cursor)) exit = RunExit::Watched;
            if (exit == RunExit::BatchDone && !fetch(block.pc, block.end(), fault)) exit = RunExit::Fault;
            if (exit != RunExit::BatchDone) break;
            count_instructions(block, execution.instruction_count);
            cursor.begun = true;
        }
        for (; cursor.reference != execution.reference_count; ++cursor.reference)
            if (!access(execution.references[cursor.reference], block.pc, fault)) [[unlikely]]
                break;
        if (cursor.reference != execution.reference_count) {
            exit = RunExit::Fault;
            break;
        }
        m_now += Cycles(execution.instruction_count);
        cursor.pass_block();
    }
    settle();
    return exit;
}

void FastForward::kernel_access(VirtAddr address, bool store) {
    if (!m_warms) return;
    const Translation translation =
        store ? m_mmu.translate_kernel_store(address, m_now) : m_mmu.translate_kernel_load(address, m_now);
    PAGEWALK_INVARIANT(!translation.faulted()); // else the OS layer's own tables are wrong
    wait_for(translation.ready);
    const AccessResult result = store ? m_hierarchy.store(translation.address, m_now, VirtAddr())
                                      : m_hierarchy.load(translation.address, m_now, VirtAddr());
    if (result.level != HitLevel::L1) wait_for(result.ready);
}

std::uint32_t FastForward::kernel_execute(const KernelStep& step, VirtAddr stack, std::uint32_t done,
                                          Cycles until) {
    begin();
    const std::uint32_t before = done;
    PendingFault fault;
    while (done < step.count && m_now < until) {
        const std::uint32_t count = std::min(instructions_a_line, step.count - done);
        const VirtAddr text = step.address + done * kernel_instruction_bytes;
        if (m_warms) {
            const bool mapped = fetch(text, text + kernel_instruction_bytes, fault);
            PAGEWALK_INVARIANT(mapped);
            if (step.stores != 0) kernel_access(stack - line_size - (done * 4 & (8 * line_size - 1)), true);
        }
        m_now += Cycles(count);
        done += count;
    }
    m_stats.kernel_instructions += done - before;
    m_last_line = no_line;
    settle();
    return done;
}

template <class Touch>
std::uint32_t FastForward::string_step(const KernelStep& step, std::uint32_t done, Cycles until,
                                       Touch touch) {
    begin();
    for (; done < step.count && m_now < until; done += line_size) {
        touch(done);
        m_now += Cycles(1);
    }
    settle();
    if (done < step.count) return done;
    ++m_stats.kernel_instructions; // a string instruction counts as one
    return step.count;
}

std::uint32_t FastForward::kernel_clear(const KernelStep& step, std::uint32_t done, Cycles until) {
    return string_step(step, done, until, [&](std::uint32_t at) { kernel_access(step.address + at, true); });
}

std::uint32_t FastForward::kernel_copy(const KernelStep& step, std::uint32_t done, Cycles until) {
    return string_step(step, done, until, [&](std::uint32_t at) {
        kernel_access(step.address2 + at, false);
        kernel_access(step.address + at, true);
    });
}

void FastForward::kernel_load(VirtAddr address) {
    begin();
    kernel_access(address, false);
    settle();
}

void FastForward::kernel_store(VirtAddr address) {
    begin();
    kernel_access(address, true);
    settle();
}

void FastForward::kernel_atomic(VirtAddr address) {
    begin();
    kernel_access(address, true);
    m_now += Cycles(1);
    ++m_stats.kernel_instructions;
    settle();
}

} // namespace pagewalk::models
