#include "models/core/ooo_core.h"

#include "models/core/decoder.h"
#include "models/core/kernel_text.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace pagewalk::models {
namespace {

using Queue = Pipeline::Queue;

constexpr RegisterId kernel_register = 240; ///< what kernel code computes with: one chain of dependences
constexpr RegisterId kernel_copy_register = 241;
constexpr std::uint32_t kernel_parallelism = 2; // assumed: kernel code runs at an IPC of about 1

StallCause cause_of(HitLevel level) {
    return static_cast<StallCause>(static_cast<unsigned>(StallCause::L1) + static_cast<unsigned>(level));
}

/// Is it the load of a locked instruction? What such an instruction computes serialises.
bool is_locked(const MicroOp* load, const MicroOp* end) {
    const MicroOp* const next = load + 1;
    return next != end && next->cls == UopClass::Serialize && next->instruction == load->instruction;
}

/// Does it wait for its operands and a port only?
bool is_plain(const MicroOp& uop) {
    static_assert(UopClass::Nop < UopClass::IntAlu && UopClass::Branch < UopClass::Load);
    return uop.cls >= UopClass::IntAlu && uop.cls <= UopClass::Branch && uop.pipelined;
}

} // namespace

OooCore::OooCore(const CoreConfig& config, const L1Latencies& l1, PrivateHierarchy& hierarchy, Mmu& mmu)
    : m_config(config), m_hierarchy(hierarchy), m_mmu(mmu), m_pipeline(config), m_fetch_hit_latency(l1.fetch),
      m_load_hit_latency(l1.load), m_branches_in_order(config.branch_order == BranchOrder::InOrder),
      m_forward(forward_entries), m_predictor(config.branch_predictor),
      m_fast_forward(hierarchy, mmu, m_pipeline, m_stats) {}

void OooCore::declare(StatGroup group) const {
    m_stats.declare(group);
    m_predictor.stats().declare(group.group("branch_predictor"));
}

void OooCore::settle_work() {
    m_stats.cycles = cycle().value();
    const std::uint64_t passed = (cycle() - m_mode_since).value();
    (m_mode == Mode::User ? m_stats.user_cycles : m_stats.kernel_cycles) += passed;
    m_mode_since = cycle();
    m_pipeline.settle();
}

void OooCore::settle_stats() {
    settle_work();
    for (const Mode mode : {Mode::User, Mode::Kernel}) {
        CoreStats::CpiStack& stack = m_stats.cpi_stack[static_cast<std::size_t>(mode)];
        const CoreStats::CpiStack charged = m_pipeline.charged(mode);
        // Base keeps what it has been given, so that differences of two readings are never negative: a cycle
        // that rounding would take from it waits for the next reading.
        std::uint64_t left = (mode == Mode::User ? m_stats.user_cycles : m_stats.kernel_cycles) -
                             std::accumulate(stack.begin(), stack.end(), std::uint64_t{0});
        for (std::size_t cause = 0; cause < stack.size(); ++cause) {
            if (static_cast<StallCause>(cause) == StallCause::Base) continue;
            const std::uint64_t more = std::min(charged[cause] - stack[cause], left);
            stack[cause] += more;
            left -= more;
        }
        stack[static_cast<std::size_t>(StallCause::Base)] += left;
    }
}

// What waits for its operands and a port only.
[[gnu::always_inline]] inline void OooCore::execute_plain(const MicroOp& uop) {
    const Cycles dispatched = m_pipeline.dispatch(uop);
    Cycles ready = m_pipeline.operands_ready(uop, dispatched + Cycles(1));
    if (uop.cls == UopClass::Branch && m_branches_in_order) [[unlikely]]
        ready = std::max(ready, m_branch_complete);
    const Cycles complete = m_pipeline.issue(uop.cls, ready) + Cycles(uop.latency);
    if (uop.cls == UopClass::Branch) m_branch_complete = complete;
    m_pipeline.write_registers(uop, complete);
    m_pipeline.commit(complete, StallCause::Dependency);
}

// What needs no port: moves between registers too.
[[gnu::always_inline]] inline void OooCore::execute_nop(const MicroOp& uop) {
    const Cycles dispatched = m_pipeline.dispatch(uop);
    const Cycles complete = m_pipeline.operands_ready(uop, dispatched);
    m_pipeline.write_registers(uop, complete);
    m_pipeline.commit(complete, StallCause::Dependency);
}

// What waits for all memory accesses, or keeps its unit to itself.
[[gnu::noinline]] void OooCore::execute_special(const MicroOp& uop) {
    const Cycles dispatched = m_pipeline.dispatch(uop);
    Cycles ready = m_pipeline.operands_ready(uop, dispatched + Cycles(1));
    // Older loads have their data, and older stores have left the store queue.
    if (uop.cls == UopClass::Serialize) ready = std::max({ready, m_memory_complete, m_last_drain});
    Cycles& unit_free = m_unit_free[static_cast<std::size_t>(uop.cls)];
    if (!uop.pipelined) ready = std::max(ready, unit_free);
    const Cycles complete = m_pipeline.issue(uop.cls, ready) + Cycles(uop.latency);
    if (!uop.pipelined) unit_free = complete;
    if (uop.cls == UopClass::Serialize) m_fence = complete;
    if (uop.cls == UopClass::Branch) m_branch_complete = complete;
    m_pipeline.write_registers(uop, complete);
    m_pipeline.commit(complete, StallCause::Dependency);
}

// Predicated off, or an access the source does not report: address generation only.
[[gnu::noinline]] void OooCore::execute_without_access(const MicroOp& uop) {
    MicroOp plain = uop;
    plain.cls = UopClass::IntAlu;
    plain.latency = 1;
    execute_special(plain);
}

[[gnu::noinline]] OooCore::MemoryOutcome OooCore::faulted(VirtAddr address, FaultAccess access,
                                                          Cycles ready) {
    m_fault = {address, access};
    if (!m_mmu.faults_in_walks()) wait_until(ready, StallCause::Dtlb);
    return MemoryOutcome::Faulted;
}

[[gnu::noinline]] OooCore::MemoryOutcome OooCore::translate_second(VirtAddr address, FaultAccess access,
                                                                   Cycles start, const Translation& first,
                                                                   SecondLine& second) {
    const VirtAddr next = address.line() + line_size;
    const Translation other = next.page() == address.page()
                                  ? Translation{first.address.line() + line_size, first.ready}
                              : access == FaultAccess::Read ? m_mmu.translate_load(next, start)
                                                            : m_mmu.translate_store(next, start);
    if (other.faulted()) return faulted(next, access, other.ready);
    second = {other.address, other.ready};
    return MemoryOutcome::Done;
}

template <Mode mode, OooCore::Wants wants>
[[gnu::always_inline]] inline OooCore::MemoryOutcome
OooCore::execute_load(const MicroOp& uop, VirtAddr address, std::uint32_t size, VirtAddr pc) {
    const Cycles dispatched = m_pipeline.dispatch<Queue::Load>(uop);
    const Cycles start = m_pipeline.issue(
        UopClass::Load, m_pipeline.operands_ready(uop, std::max(dispatched + Cycles(1), m_fence)));
    const Translation translation = mode == Mode::User ? m_mmu.translate_load(address, start, pc)
                                                       : m_mmu.translate_kernel_load(address, start, pc);
    if (translation.faulted()) [[unlikely]]
        return faulted(address, FaultAccess::Read, translation.ready);
    const bool crosses = (address.value() & (line_size - 1)) + size > line_size;
    SecondLine second;
    if (crosses) [[unlikely]]
        if (translate_second(address, FaultAccess::Read, start, translation, second) ==
            MemoryOutcome::Faulted)
            return MemoryOutcome::Faulted;
    const std::uint64_t key = (address.value() >> 3) + 1;
    const StoreRecord& record = forward_record(key);
    Cycles complete;
    StallCause cause;
    Cycles asked = translation.ready;
    std::uint64_t stored = 0, wanted = 0;
    if (wants == Wants::Ownership) {
        // A locked load runs when all before it is done and the store queue is empty; nothing is forwarded.
        asked = std::max({asked, m_memory_complete, m_last_drain});
    } else if (record.key == key && record.drained > start) {
        // A store to this group is still in the store queue.
        wanted = bytes_of_group(address, size);
        stored = record.bytes & wanted;
        // It does not have all that the load wants: the cache has, once it has left.
        if (stored != 0 && stored != wanted) asked = std::max(asked, record.drained);
    }
    if (stored != 0 && stored == wanted) {
        complete = std::max(translation.ready, record.issued) + m_config.forward_latency;
        cause = StallCause::Dependency;
        ++m_stats.forwarded_loads;
    } else {
        AccessResult result = wants == Wants::Ownership ? m_hierarchy.store(translation.address, asked, pc)
                                                        : m_hierarchy.load(translation.address, asked, pc);
        if (crosses) [[unlikely]] {
            const AccessResult rest =
                m_hierarchy.load(second.address, std::max(second.ready, start + Cycles(1)), pc);
            if (rest.ready > result.ready) result = rest;
        }
        complete = result.ready;
        cause = cause_of(result.level);
    }
    complete += Cycles(uop.latency);
    ++m_stats.loads;
    m_memory_complete = std::max(m_memory_complete, complete);
    m_pipeline.write_registers(uop, complete);
    m_pipeline.leave_load_queue(m_pipeline.commit(complete, cause, translation.ready - start));
    return MemoryOutcome::Done;
}

// What loads can be forwarded from now on.
inline void OooCore::note_store(VirtAddr address, std::uint32_t size, Cycles issued, Cycles drained) {
    const std::uint64_t key = (address.value() >> 3) + 1;
    StoreRecord& record = forward_record(key);
    std::uint64_t bytes = bytes_of_group(address, size);
    // What older stores in the queue have written to the group can be forwarded too.
    if (record.key == key && record.drained > issued) {
        bytes |= record.bytes;
        issued = std::max(issued, record.issued);
    }
    record = {key, bytes, issued, drained};
}

template <Mode mode>
[[gnu::always_inline]] inline OooCore::MemoryOutcome
OooCore::execute_store(const MicroOp& uop, VirtAddr address, std::uint32_t size, VirtAddr pc) {
    const Cycles dispatched = m_pipeline.dispatch<Queue::Store>(uop);
    const Cycles start = m_pipeline.issue(
        UopClass::Store, m_pipeline.operands_ready(uop, std::max(dispatched + Cycles(1), m_fence)));
    const Translation translation = mode == Mode::User ? m_mmu.translate_store(address, start, pc)
                                                       : m_mmu.translate_kernel_store(address, start, pc);
    if (translation.faulted()) [[unlikely]]
        return faulted(address, FaultAccess::Write, translation.ready);
    const bool crosses = (address.value() & (line_size - 1)) + size > line_size;
    SecondLine second;
    if (crosses) [[unlikely]]
        if (translate_second(address, FaultAccess::Write, start, translation, second) ==
            MemoryOutcome::Faulted)
            return MemoryOutcome::Faulted;
    const Cycles complete = std::max(start, translation.ready) + Cycles(uop.latency);
    const Cycles committed = m_pipeline.commit<Pipeline::Results::None>(complete, StallCause::Dependency,
                                                                        translation.ready - start);
    // Stores leave the queue in order, one a cycle, each once its line is owned; ownership is asked for at
    // commit.
    Cycles drained = size == line_size && !crosses
                         ? m_hierarchy.store_line(translation.address, committed).ready
                         : m_hierarchy.store(translation.address, committed, pc).ready;
    drained = std::max(m_last_drain + Cycles(1), drained);
    if (crosses) [[unlikely]]
        drained = std::max(drained + Cycles(1), m_hierarchy.store(second.address, committed, pc).ready);
    m_last_drain = drained;
    m_pipeline.leave_store_queue(drained);
    note_store(address, size, start, drained);
    m_memory_complete = std::max(m_memory_complete, complete);
    ++m_stats.stores;
    return MemoryOutcome::Done;
}

// The load of a locked read-modify-write asks for its line once, as a store.
[[gnu::noinline]] OooCore::MemoryOutcome OooCore::execute_locked_load(const MicroOp& uop, VirtAddr address,
                                                                      std::uint32_t size, VirtAddr pc) {
    return execute_load<Mode::User, Wants::Ownership>(uop, address, size, pc);
}

// An access of an instruction's beyond its micro-ops.
[[gnu::noinline]] OooCore::MemoryOutcome OooCore::execute_extra(MemoryReference extra, VirtAddr pc) {
    MicroOp access;
    access.latency = extra.is_store() ? 1 : 0;
    return extra.is_store() ? execute_store<Mode::User>(access, extra.address(), extra.size(), pc)
                            : execute_load<Mode::User>(access, extra.address(), extra.size(), pc);
}

inline bool OooCore::fetch_line(VirtAddr line, VirtAddr start) {
    const Translation translation = m_mmu.translate_fetch(line, m_pipeline.fetch_cycle());
    if (translation.faulted()) [[unlikely]] {
        m_fault = {std::max(line, start), FaultAccess::Execute};
        if (!m_mmu.faults_in_walks()) wait_until(translation.ready, StallCause::Itlb);
        return false;
    }
    const AccessResult result = m_hierarchy.fetch(translation.address, translation.ready);
    m_pipeline.hold_fetch(translation.ready, StallCause::Itlb);
    // A hit is pipelined; only what it takes longer holds the front end up.
    if (result.ready > translation.ready + m_fetch_hit_latency) [[unlikely]]
        m_pipeline.hold_fetch(result.ready - m_fetch_hit_latency, StallCause::ICache);
    m_last_line = line;
    return true;
}

inline bool OooCore::fetch_lines(VirtAddr start, VirtAddr end) {
    for (VirtAddr line = start.line(); line < end; line += line_size)
        if (line != m_last_line && !fetch_line(line, start)) return false;
    return true;
}

// Prediction of the branch that ended the block, and what it costs fetch.
inline void OooCore::follow_branch(const StaticBlock& block, VirtAddr next) {
    const Prediction prediction = m_predictor.predict(block, next);
    if (prediction.outcome == Prediction::Outcome::Right) [[likely]] {
        if (prediction.bubbles != Cycles())
            m_pipeline.hold_fetch(m_pipeline.fetch_cycle() + prediction.bubbles, StallCause::Branch);
        return;
    }
    if (prediction.outcome == Prediction::Outcome::RightAtDecode) {
        m_pipeline.hold_fetch(m_pipeline.fetch_cycle() + m_config.decode_redirect_penalty,
                              StallCause::Branch);
        return;
    }
    ++m_stats.branch_misses;
    m_pipeline.hold_fetch(m_branch_complete + m_config.mispredict_penalty + m_config.front_end_depth,
                          StallCause::Branch);
}

// Prediction of the jump that led here, and fetch. False on an instruction page fault.
[[gnu::always_inline]] inline bool OooCore::begin_block(const StaticBlock& block, StreamCursor& cursor) {
    if (block.uops.empty() && !block.bytes.empty()) [[unlikely]]
        decode(const_cast<StaticBlock&>(block));
    bool continuation = false;
    if (m_previous_block != nullptr) {
        if (m_previous_block->branch != BranchKind::None && !m_config.perfect_branches)
            follow_branch(*m_previous_block, block.pc);
        continuation = block.rep_continuation && !m_previous_block->lengths.empty() &&
                       m_previous_block->end() - m_previous_block->lengths.back() == block.pc;
        m_previous_block = nullptr; // predicted once, even when the fetch below faults and is tried again
    }
    m_pipeline.keep_fetch_near();
    if (!fetch_lines(block.pc, block.end())) return false;
    m_stats.user_instructions += cursor.batch.blocks[cursor.block].instruction_count - (continuation ? 1 : 0);
    cursor.begun = true;
    return true;
}

// The micro-ops of the block that the execution gets to.
inline std::uint32_t OooCore::executed_uops(const BlockExecution& execution) {
    const StaticBlock& block = *execution.block;
    if (execution.instruction_count >= block.instruction_count) [[likely]]
        return static_cast<std::uint32_t>(block.uops.size());
    const auto end = std::ranges::lower_bound(block.uops, execution.instruction_count, {},
                                              [](const MicroOp& uop) { return uop.instruction; });
    return static_cast<std::uint32_t>(end - block.uops.begin());
}

RunExit OooCore::run(StreamCursor& cursor, Cycles until) {
    m_limits.cycle = until;
    const RunExit exit = m_fast ? m_fast_forward.run(cursor, m_limits, m_fault) : run_detailed(cursor);
    if (exit == RunExit::Watched) ++m_times_watched;
    return exit;
}

RunExit OooCore::run_detailed(StreamCursor& cursor) {
    while (!cursor.batch_done()) {
        const BlockExecution& execution = cursor.batch.blocks[cursor.block];
        const StaticBlock& block = *execution.block;
        if (!cursor.begun) {
            if (cycle() >= m_limits.cycle) return RunExit::CycleLimit;
            if (m_stats.user_instructions >= m_limits.instructions) return RunExit::InstructionLimit;
            if (m_limits.meets_watched(block, cursor)) [[unlikely]]
                return RunExit::Watched;
            if (!begin_block(block, cursor)) return RunExit::Fault;
        }
        const MicroOp* const uops = block.uops.data();
        const MicroOp* const uops_end = uops + executed_uops(execution);
        const MicroOp* at = uops + cursor.uop;
        const MemoryReference* reference = execution.references + cursor.reference;
        const MemoryReference* const references_end = execution.references + execution.reference_count;
        const auto stop_before = [&](const MemoryReference* access) {
            cursor.uop = static_cast<std::uint32_t>(at - uops);
            cursor.reference = static_cast<std::uint32_t>(access - execution.references);
            return RunExit::Fault;
        };
        // The instruction that the next reference is of; beyond all when there is none.
        constexpr unsigned none = ~0U;
        const auto instruction_of = [&](const MemoryReference* access) {
            return access != references_end ? access->instruction() : none;
        };
        unsigned accessing = instruction_of(reference);
        for (; at != uops_end; ++at) {
            const MicroOp& uop = *at;
            // What an earlier instruction touched beyond its micro-ops (gathers, state saves).
            while (accessing < uop.instruction) [[unlikely]] {
                    if (execute_extra(*reference, block.pc) == MemoryOutcome::Faulted)
                        return stop_before(reference);
                    accessing = instruction_of(++reference);
                }
            if (is_plain(uop)) [[likely]] {
                execute_plain(uop);
                continue;
            }
            const bool store = uop.cls == UopClass::Store;
            if (!store && uop.cls != UopClass::Load) {
                if (uop.cls == UopClass::Nop) [[likely]]
                    execute_nop(uop);
                else
                    execute_special(uop);
                continue;
            }
            if (accessing != uop.instruction || reference->is_store() != store) [[unlikely]] {
                execute_without_access(uop);
                continue;
            }
            const MemoryReference* const access = reference;
            std::uint32_t size = access->size();
            accessing = instruction_of(++reference);
            // One wide access arrives in pieces. What is longer than a line is several accesses.
            while (accessing == uop.instruction && reference->is_store() == store &&
                   reference->address() == access->address() + size && size + reference->size() <= line_size)
                [[unlikely]] {
                    size += reference->size();
                    accessing = instruction_of(++reference);
                }
            const VirtAddr pc = block.pc + uop.instruction;
            const MemoryOutcome outcome = store ? execute_store<Mode::User>(uop, access->address(), size, pc)
                                          : is_locked(at, uops_end)
                                              ? execute_locked_load(uop, access->address(), size, pc)
                                              : execute_load<Mode::User>(uop, access->address(), size, pc);
            if (outcome == MemoryOutcome::Faulted) [[unlikely]]
                return stop_before(access);
        }
        while (accessing < execution.instruction_count) [[unlikely]] {
                if (execute_extra(*reference, block.pc) == MemoryOutcome::Faulted)
                    return stop_before(reference);
                accessing = instruction_of(++reference);
            }
        m_stats.user_uops += static_cast<std::uint64_t>(at - uops);
        m_previous_block = execution.instruction_count == block.instruction_count ? &block : nullptr;
        // One block a cycle at most; wide blocks take their fetch bandwidth.
        m_pipeline.pass_fetch(execution.instruction_count);
        cursor.pass_block();
    }
    return RunExit::BatchDone;
}

void OooCore::wait_until(Cycles until, StallCause cause) { m_pipeline.wait_until(until, cause); }

void OooCore::idle_until(Cycles until) {
    settle_work();
    m_pipeline.idle_until(until);
    m_mode_since = cycle();
}

Mode OooCore::enter_kernel() {
    settle_work();
    const Mode left = std::exchange(m_mode, Mode::Kernel);
    m_pipeline.set_mode(m_mode);
    m_last_line = VirtAddr(~0ULL);
    wait_until(cycle() + m_config.exception_penalty, StallCause::Exception);
    return left;
}

void OooCore::leave_kernel(Mode to) {
    wait_until(cycle() + m_config.exception_penalty, StallCause::Exception);
    settle_work();
    m_mode = to;
    m_pipeline.set_mode(m_mode);
    m_last_line = VirtAddr(~0ULL);
    m_fast_forward.forget_line();
}

// All of a run but the first of its free loads and stores, which go to memory: the chain, its loads and
// stores hitting L1, and beside it the other free ones.
inline void OooCore::kernel_chain(const TextRun& run) {
    const std::uint32_t loads = run.chain_loads + std::max(run.free_loads, 1U) - 1;
    const std::uint32_t stores = run.chain_stores + std::max(run.free_stores, 1U) - 1;
    const std::uint32_t count =
        run.instructions - std::min(run.free_loads, 1U) - std::min(run.free_stores, 1U);
    if (count == 0) return;
    const std::uint64_t work = run.chain() - run.chain_loads + run.chain_loads * m_load_hit_latency.value();
    m_pipeline.run_chain(count, kernel_register,
                         Cycles(std::max<std::uint64_t>(1, work / kernel_parallelism)));
    m_stats.loads += loads;
    m_stats.stores += stores;
}

[[gnu::noinline]] void OooCore::kernel_memory(const MicroOp& uop, VirtAddr address, std::uint32_t size) {
    const MemoryOutcome outcome = uop.cls == UopClass::Store
                                      ? execute_store<Mode::Kernel>(uop, address, size, VirtAddr())
                                      : execute_load<Mode::Kernel>(uop, address, size, VirtAddr());
    // Kernel memory is always mapped: a fault here means the OS layer's own tables are wrong.
    PAGEWALK_INVARIANT(outcome == MemoryOutcome::Done);
}

void OooCore::kernel_load(VirtAddr address) {
    if (m_fast) return m_fast_forward.kernel_load(address);
    MicroOp uop;
    uop.cls = UopClass::Load;
    uop.latency = 0;
    uop.sources[0] = kernel_register;
    uop.destinations[0] = kernel_register;
    kernel_memory(uop, address);
    ++m_stats.kernel_uops;
}

void OooCore::kernel_store(VirtAddr address) {
    if (m_fast) return m_fast_forward.kernel_store(address);
    MicroOp uop;
    uop.cls = UopClass::Store;
    uop.sources[0] = kernel_register;
    kernel_memory(uop, address);
    ++m_stats.kernel_uops;
}

inline void OooCore::fetch_kernel_line(VirtAddr text, std::uint32_t instructions) {
    if (text.line() != m_last_line) {
        const bool mapped = fetch_line(text.line(), text);
        PAGEWALK_INVARIANT(mapped);
    }
    m_pipeline.pass_fetch(instructions);
}

// A line of text in the page of the one that was fetched last; null where L1I does not have it.
inline const CacheLine* OooCore::find_fetched(VirtAddr fetched, VirtAddr text) const {
    if (text.page() != fetched.page()) return nullptr;
    return m_hierarchy.find_fetched(m_mmu.fetched(text), m_pipeline.fetch_cycle());
}

inline void OooCore::fetch_found_line(const CacheLine& line, VirtAddr text, std::uint32_t instructions) {
    if (!m_mmu.in_fetched_page(text) || !m_hierarchy.fetch_found(line, m_mmu.fetched(text))) [[unlikely]]
        return fetch_kernel_line(text, instructions);
    m_last_line = text.line();
    m_pipeline.pass_fetch(instructions);
}

std::uint32_t OooCore::kernel_execute(const KernelStep& step, VirtAddr stack, std::uint32_t done,
                                      Cycles until) {
    if (m_fast) return m_fast_forward.kernel_execute(step, stack, done, until);
    constexpr MicroOp spill{.cls = UopClass::Store};
    constexpr MicroOp reload{.cls = UopClass::Load, .latency = 0};
    if (step.count == 0) return 0;
    const std::uint32_t before = done;
    const std::uint32_t lines = done / instructions_a_line;
    TextShare loads(step.loads, step.count, lines), stores(step.stores, step.count, lines);
    do {
        // A run at a time: a line of text that may miss, and those behind it that L1I has. Of its loads and
        // stores one each goes to the stack's lines for real; the others are spills, arguments and per-CPU
        // data that hit L1.
        const VirtAddr text = step.address + done * kernel_instruction_bytes;
        const VirtAddr frame = stack - line_size - (done * 4 & (8 * line_size - 1));
        const auto line_from = [&](std::uint32_t at) {
            return std::min(instructions_a_line, step.count - at);
        };
        TextRun run;
        const auto add_line = [&](std::uint32_t count) { run.add(count, loads.of(count), stores.of(count)); };
        const std::uint32_t first = line_from(done);
        add_line(first);
        fetch_kernel_line(text, first);
        std::array<const CacheLine*, TextRun::most_lines> behind;
        std::uint32_t count = first, found = 0;
        while (found + 1 < TextRun::most_lines && done + count < step.count) {
            behind[found] = find_fetched(text, text + count * kernel_instruction_bytes);
            if (behind[found] == nullptr) break;
            ++found;
            count += line_from(done + count);
        }
        run.add_lines((count - first) / instructions_a_line, loads, stores);
        if (run.instructions != count) add_line(count - run.instructions);
        if (run.free_loads != 0) {
            const MemoryOutcome outcome = execute_load<Mode::Kernel>(reload, frame, 8, VirtAddr());
            PAGEWALK_INVARIANT(outcome == MemoryOutcome::Done);
        }
        if (run.free_stores != 0) {
            const MemoryOutcome outcome = execute_store<Mode::Kernel>(spill, frame, 8, VirtAddr());
            PAGEWALK_INVARIANT(outcome == MemoryOutcome::Done);
        }
        kernel_chain(run);
        for (std::uint32_t i = 0, at = first; i < found; ++i, at += instructions_a_line)
            fetch_found_line(*behind[i], text + at * kernel_instruction_bytes, line_from(done + at));
        done += count;
        m_kernel_since_mispredict += count;
        if (m_config.kernel_mispredict_interval != 0 &&
            m_kernel_since_mispredict >= m_config.kernel_mispredict_interval) {
            m_kernel_since_mispredict -= m_config.kernel_mispredict_interval;
            m_pipeline.hold_fetch(cycle() + m_config.mispredict_penalty + m_config.front_end_depth,
                                  StallCause::Branch);
            m_pipeline.blame_fetch_on(StallCause::Branch);
        }
    } while (done < step.count && cycle() < until);
    m_stats.kernel_instructions += done - before;
    m_stats.kernel_uops += done - before;
    return done;
}

std::uint32_t OooCore::kernel_clear(const KernelStep& step, std::uint32_t done, Cycles until) {
    if (m_fast) return m_fast_forward.kernel_clear(step, done, until);
    constexpr MicroOp uop{.cls = UopClass::Store};
    for (; done < step.count && cycle() < until; done += line_size) {
        const MemoryOutcome outcome =
            execute_store<Mode::Kernel>(uop, step.address + done, line_size, VirtAddr());
        PAGEWALK_INVARIANT(outcome == MemoryOutcome::Done);
    }
    return finish_string_step(step, done, 1);
}

std::uint32_t OooCore::kernel_copy(const KernelStep& step, std::uint32_t done, Cycles until) {
    if (m_fast) return m_fast_forward.kernel_copy(step, done, until);
    constexpr MicroOp load{.cls = UopClass::Load, .latency = 0, .destinations = {kernel_copy_register}};
    constexpr MicroOp store{.cls = UopClass::Store, .sources = {kernel_copy_register}};
    for (; done < step.count && cycle() < until; done += line_size) {
        kernel_memory(load, step.address2 + done);
        const MemoryOutcome outcome =
            execute_store<Mode::Kernel>(store, step.address + done, line_size, VirtAddr());
        PAGEWALK_INVARIANT(outcome == MemoryOutcome::Done);
    }
    return finish_string_step(step, done, 2);
}

// A string instruction counts as one, when it is complete.
std::uint32_t OooCore::finish_string_step(const KernelStep& step, std::uint32_t done,
                                          std::uint32_t uops_a_line) {
    if (done < step.count) return done;
    ++m_stats.kernel_instructions;
    m_stats.kernel_uops += uops_a_line * (step.count / line_size);
    return step.count;
}

void OooCore::kernel_atomic(VirtAddr address) {
    if (m_fast) return m_fast_forward.kernel_atomic(address);
    constexpr MicroOp load{
        .cls = UopClass::Load, .latency = 0, .sources = {kernel_register}, .destinations = {kernel_register}};
    const MemoryOutcome outcome = execute_load<Mode::Kernel, Wants::Ownership>(load, address, 8, VirtAddr());
    PAGEWALK_INVARIANT(outcome == MemoryOutcome::Done);
    MicroOp uop;
    uop.cls = UopClass::Serialize;
    uop.latency = locked_operation_latency;
    execute_special(uop);
    kernel_store(address);
    m_stats.kernel_uops += 2;
    m_stats.kernel_instructions += 1;
}

} // namespace pagewalk::models
