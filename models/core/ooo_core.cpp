#include "models/core/ooo_core.h"

#include "models/core/decoder.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace pagewalk::models {
namespace {

constexpr RegisterId kernel_register = 240; ///< what kernel code computes with: one chain of dependences
constexpr RegisterId kernel_copy_register = 241;
constexpr std::uint32_t kernel_parallelism = 2; // assumed: kernel code runs at an IPC of about 1
constexpr std::uint64_t kernel_instruction_bytes = 4;
constexpr std::uint32_t instructions_a_line = line_size / kernel_instruction_bytes;

constexpr const char* cause_names[stall_cause_count] = {
    "base",         "icache", "itlb",          "branch", "dependency",  "l1",        "l2",  "llc",
    "remote_cache", "memory", "remote_memory", "dtlb",   "store_queue", "exception", "lock"};

StallCause cause_of(HitLevel level) {
    return static_cast<StallCause>(static_cast<unsigned>(StallCause::L1) + static_cast<unsigned>(level));
}

} // namespace

void CoreStats::declare(StatGroup group) const {
    group.counter("cycles", cycles, "cycles", "cycles of the core, idle ones included");
    group.counter("user_instructions", user_instructions, "instructions", "program instructions committed");
    group.counter("kernel_instructions", kernel_instructions, "instructions",
                  "kernel instructions committed");
    group.counter("user_uops", user_uops, "count", "program micro-ops committed");
    group.counter("kernel_uops", kernel_uops, "count", "kernel micro-ops committed");
    group.counter("user_cycles", user_cycles, "cycles", "cycles in user mode");
    group.counter("kernel_cycles", kernel_cycles, "cycles", "cycles in kernel mode, idle ones excluded");
    group.counter("loads", loads, "count", "loads executed");
    group.counter("stores", stores, "count", "stores executed");
    group.counter("forwarded_loads", forwarded_loads, "count",
                  "loads served by an older store in the store queue");
    group.counter("branch_misses", branch_misses, "count", "mispredicted branches of the program");
    for (std::size_t mode = 0; mode < 2; ++mode) {
        const StatGroup stack = group.group(mode == 0 ? "cpi_stack/user" : "cpi_stack/kernel");
        for (std::size_t cause = 0; cause < stall_cause_count; ++cause)
            StatGroup(stack).counter(cause_names[cause], cpi_stack[mode][cause], "cycles",
                                     std::string("cycles charged to ") + cause_names[cause]);
    }
    group.ratio("ipc", "user_instructions", "cycles", 1, "instructions/cycle",
                "program instructions a cycle");
}

OooCore::OooCore(const CoreConfig& config, const L1Latencies& l1, PrivateHierarchy& hierarchy, Mmu& mmu)
    : m_config(config), m_hierarchy(hierarchy), m_mmu(mmu), m_predictor(config.branch_predictor),
      m_ports(config.port_masks()), m_fetch_hit_latency(l1.fetch), m_load_hit_latency(l1.load),
      m_ring_mask(std::bit_ceil(std::uint64_t{config.rob_entries}) - 1),
      m_load_mask(std::bit_ceil(std::uint64_t{config.load_queue_entries}) - 1),
      m_store_mask(std::bit_ceil(std::uint64_t{config.store_queue_entries}) - 1),
      m_rob_commit(m_ring_mask + 1), m_load_commit(m_load_mask + 1), m_store_drain(m_store_mask + 1),
      m_issued(issue_window), m_forward(forward_entries) {}

void OooCore::declare(StatGroup group) const {
    m_stats.declare(group);
    m_predictor.stats().declare(group.group("branch_predictor"));
}

void OooCore::settle_stats() {
    m_stats.cycles = m_commit_cycle;
    const std::uint64_t passed = m_commit_cycle - m_mode_since;
    (m_mode == Mode::User ? m_stats.user_cycles : m_stats.kernel_cycles) += passed;
    m_mode_since = m_commit_cycle;
}

// Moves dispatch to `cycle`; micro-ops that issue by then leave the scheduler.
inline void OooCore::advance_dispatch(std::uint64_t cycle) {
    if (m_waiting != 0) {
        std::uint64_t at = m_dispatch_cycle + 1;
        while (at <= cycle) {
            const std::size_t slot = at & (issue_window - 1);
            if ((slot & 3) == 0 && at + 3 <= cycle) {
                std::uint64_t four;
                std::memcpy(&four, &m_issued[slot], sizeof four);
                if (four != 0) {
                    m_waiting -= static_cast<std::uint32_t>(std::popcount(four));
                    four = 0;
                    std::memcpy(&m_issued[slot], &four, sizeof four);
                    if (m_waiting == 0) break;
                }
                at += 4;
            } else {
                if (m_issued[slot] != 0) {
                    m_waiting -= static_cast<std::uint32_t>(std::popcount(m_issued[slot]));
                    m_issued[slot] = 0;
                    if (m_waiting == 0) break;
                }
                ++at;
            }
        }
    }
    m_dispatch_cycle = cycle;
    m_dispatch_left = m_config.dispatch_width;
}

// When the micro-op is dispatched: front end, ROB, scheduler and dispatch width allow it.
inline std::uint64_t OooCore::dispatch(const MicroOp& uop) {
    std::uint64_t cycle = m_dispatch_cycle + (m_dispatch_left == 0 ? 1 : 0);
    m_dispatch_cause = StallCause::Base;
    const std::uint64_t rob_free = m_rob_commit[(m_uop_number - m_config.rob_entries) & m_ring_mask];
    if (m_uop_number >= m_config.rob_entries && rob_free > cycle) cycle = rob_free;
    if (m_fetch_cycle > cycle) {
        cycle = m_fetch_cycle;
        m_dispatch_cause = m_fetch_cause;
    }
    if (uop.cls == UopClass::Load) {
        const std::uint64_t free = m_load_commit[(m_load_number - m_config.load_queue_entries) & m_load_mask];
        if (m_load_number >= m_config.load_queue_entries && free > cycle) cycle = free;
    } else if (uop.cls == UopClass::Store) {
        const std::uint64_t free =
            m_store_drain[(m_store_number - m_config.store_queue_entries) & m_store_mask];
        if (m_store_number >= m_config.store_queue_entries && free > cycle) {
            cycle = free;
            m_dispatch_cause = StallCause::StoreQueue;
        }
    }
    if (cycle != m_dispatch_cycle) advance_dispatch(cycle);
    while (m_waiting >= m_config.scheduler_entries) advance_dispatch(m_dispatch_cycle + 1);
    --m_dispatch_left;
    return m_dispatch_cycle;
}

inline std::uint64_t OooCore::operands_ready(const MicroOp& uop, std::uint64_t from) const {
    std::uint64_t ready = from;
    // Register 0 is never written, so reading it needs no test.
    for (RegisterId source : uop.sources) ready = std::max(ready, m_register_ready[source]);
    return ready;
}

// The first cycle from `ready` with a free port of the class.
inline std::uint64_t OooCore::issue(UopClass cls, std::uint64_t ready) {
    if (ready >= m_dispatch_cycle + issue_window) [[unlikely]]
        return ready;
    const std::uint16_t mask = m_ports[static_cast<std::size_t>(cls)];
    for (std::uint64_t cycle = ready; cycle < m_dispatch_cycle + issue_window; ++cycle) {
        std::uint16_t& taken = m_issued[cycle & (issue_window - 1)];
        const auto free = static_cast<std::uint16_t>(mask & ~taken);
        if (free != 0) {
            taken = static_cast<std::uint16_t>(taken | std::bit_floor(free));
            ++m_waiting;
            return cycle;
        }
    }
    return ready;
}

// In-order commit; the cycles since the last commit are charged to what this micro-op waited for.
inline std::uint64_t OooCore::commit(std::uint64_t complete, StallCause cause, std::uint64_t tlb_wait) {
    const std::uint64_t earliest = complete + 1;
    if (earliest > m_commit_cycle) {
        const std::uint64_t gap = earliest - m_commit_cycle;
        auto& stack = m_stats.cpi_stack[static_cast<std::size_t>(m_mode)];
        ++stack[static_cast<std::size_t>(StallCause::Base)];
        if (std::uint64_t stall = gap - 1; stall != 0) {
            if (m_dispatch_cause != StallCause::Base && m_dispatch_cycle > m_commit_cycle) {
                const std::uint64_t front = std::min(stall, m_dispatch_cycle - m_commit_cycle);
                stack[static_cast<std::size_t>(m_dispatch_cause)] += front;
                stall -= front;
            }
            const std::uint64_t tlb = std::min(stall, tlb_wait);
            stack[static_cast<std::size_t>(StallCause::Dtlb)] += tlb;
            stack[static_cast<std::size_t>(cause)] += stall - tlb;
        }
        m_commit_cycle = earliest;
        m_commit_left = m_config.commit_width - 1;
    } else if (m_commit_left == 0) {
        ++m_commit_cycle;
        ++m_stats.cpi_stack[static_cast<std::size_t>(m_mode)][static_cast<std::size_t>(StallCause::Base)];
        m_commit_left = m_config.commit_width - 1;
    } else {
        --m_commit_left;
    }
    m_rob_commit[m_uop_number & m_ring_mask] = m_commit_cycle;
    ++m_uop_number;
    return m_commit_cycle;
}

inline void OooCore::execute_plain(const MicroOp& uop) {
    const std::uint64_t dispatched = dispatch(uop);
    std::uint64_t complete;
    switch (uop.cls) {
    case UopClass::Nop:
        complete = operands_ready(uop, dispatched);
        break;
    case UopClass::Serialize: {
        const std::uint64_t start =
            issue(uop.cls, std::max(operands_ready(uop, dispatched + 1), m_memory_complete));
        complete = start + uop.latency;
        m_fence = complete;
        break;
    }
    default: {
        std::uint64_t ready = operands_ready(uop, dispatched + 1);
        if (!uop.pipelined) ready = std::max(ready, m_unit_free[static_cast<std::size_t>(uop.cls)]);
        const std::uint64_t start = issue(uop.cls, ready);
        complete = start + uop.latency;
        if (!uop.pipelined) m_unit_free[static_cast<std::size_t>(uop.cls)] = complete;
        if (uop.cls == UopClass::Branch) m_branch_complete = complete;
        break;
    }
    }
    m_register_ready[uop.destinations[0]] = complete;
    m_register_ready[uop.destinations[1]] = complete;
    m_register_ready[0] = 0;
    commit(complete, StallCause::Dependency, 0);
}

inline OooCore::MemoryOutcome OooCore::execute_memory(const MicroOp& uop, VirtAddr address,
                                                      std::uint32_t size, VirtAddr pc) {
    const bool load = uop.cls == UopClass::Load;
    const std::uint64_t dispatched = dispatch(uop);
    const std::uint64_t start = issue(uop.cls, operands_ready(uop, std::max(dispatched + 1, m_fence)));
    const Translation translation =
        load ? m_mmu.translate_load(address, start) : m_mmu.translate_store(address, start);
    if (translation.faulted()) [[unlikely]] {
        m_fault = {address, load ? FaultAccess::Read : FaultAccess::Write};
        wait_until(translation.ready, StallCause::Dtlb);
        return MemoryOutcome::Faulted;
    }
    const bool crosses = (address.value() & (line_size - 1)) + size > line_size;
    PhysAddr second{};
    std::uint64_t second_ready = 0;
    if (crosses) [[unlikely]] {
        const VirtAddr next = address.line() + line_size;
        const Translation other = next.page() == address.page()
                                      ? Translation{translation.address.line() + line_size, translation.ready}
                                  : load ? m_mmu.translate_load(next, start)
                                         : m_mmu.translate_store(next, start);
        if (other.faulted()) {
            m_fault = {next, load ? FaultAccess::Read : FaultAccess::Write};
            wait_until(other.ready, StallCause::Dtlb);
            return MemoryOutcome::Faulted;
        }
        second = other.address;
        second_ready = other.ready;
    }
    const std::uint64_t key = (address.value() >> 3) + 1;
    StoreRecord& record = m_forward[key & (forward_entries - 1)];
    const std::uint64_t tlb_wait = translation.ready - start;
    if (load) {
        std::uint64_t complete;
        StallCause cause = StallCause::L1;
        if (record.key == key && record.drained > start) {
            // The youngest older store to these 8 bytes is still in the store queue.
            complete = std::max(translation.ready, record.ready) + m_config.forward_latency;
            cause = StallCause::Dependency;
            ++m_stats.forwarded_loads;
        } else {
            const AccessResult result = m_hierarchy.load(translation.address, translation.ready, pc);
            complete = result.ready;
            cause = cause_of(result.level);
            if (crosses) {
                const AccessResult rest = m_hierarchy.load(second, std::max(second_ready, start + 1), pc);
                if (rest.ready > complete) {
                    complete = rest.ready;
                    cause = cause_of(rest.level);
                }
            }
        }
        complete += uop.latency;
        ++m_stats.loads;
        m_memory_complete = std::max(m_memory_complete, complete);
        m_register_ready[uop.destinations[0]] = complete;
        m_register_ready[uop.destinations[1]] = complete;
        m_register_ready[0] = 0;
        m_load_commit[m_load_number++ & m_load_mask] = commit(complete, cause, tlb_wait);
        return MemoryOutcome::Done;
    }
    const std::uint64_t complete = std::max(start, translation.ready) + uop.latency;
    const std::uint64_t committed = commit(complete, StallCause::Dependency, tlb_wait);
    // Stores leave the queue in order, one a cycle, each once its line is owned; ownership is asked for at
    // commit.
    std::uint64_t drained = size == line_size && !crosses
                                ? m_hierarchy.store_line(translation.address, committed).ready
                                : m_hierarchy.store(translation.address, committed, pc).ready;
    drained = std::max(m_last_drain + 1, drained);
    if (crosses) drained = std::max(drained + 1, m_hierarchy.store(second, committed, pc).ready);
    m_last_drain = drained;
    m_store_drain[m_store_number++ & m_store_mask] = drained;
    record = {key, complete, drained};
    m_memory_complete = std::max(m_memory_complete, complete);
    ++m_stats.stores;
    return MemoryOutcome::Done;
}

// An access of an instruction's beyond its micro-ops.
OooCore::MemoryOutcome OooCore::execute_extra(MemoryReference extra, VirtAddr pc) {
    MicroOp access;
    access.cls = extra.is_store() ? UopClass::Store : UopClass::Load;
    access.latency = extra.is_store() ? 1 : 0;
    return execute_memory(access, extra.address(), extra.size(), pc);
}

bool OooCore::fetch_lines(VirtAddr start, VirtAddr end) {
    for (VirtAddr line = start.line(); line < end; line += line_size) {
        if (line == m_last_line) continue;
        const Translation translation = m_mmu.translate_fetch(line, m_fetch_cycle);
        if (translation.faulted()) [[unlikely]] {
            m_fault = {std::max(line, start), FaultAccess::Execute};
            wait_until(translation.ready, StallCause::Itlb);
            return false;
        }
        const AccessResult result = m_hierarchy.fetch(translation.address, translation.ready);
        if (translation.ready > m_fetch_cycle) m_fetch_cause = StallCause::Itlb;
        // A hit is pipelined; only what it takes longer holds the front end up.
        if (result.ready > translation.ready + m_fetch_hit_latency) {
            m_fetch_cause = StallCause::ICache;
            m_fetch_cycle = result.ready - m_fetch_hit_latency;
        } else {
            m_fetch_cycle = std::max(m_fetch_cycle, translation.ready);
        }
        m_last_line = line;
    }
    return true;
}

// Prediction of the jump that led here, and fetch. False on an instruction page fault.
bool OooCore::begin_block(const StaticBlock& block, StreamCursor& cursor) {
    if (block.uops.empty() && !block.bytes.empty()) decode(const_cast<StaticBlock&>(block));
    if (m_previous_block != nullptr && m_predictor.mispredicts(*m_previous_block, block.pc)) {
        ++m_stats.branch_misses;
        const std::uint64_t resumed =
            m_branch_complete + m_config.mispredict_penalty + m_config.front_end_depth;
        if (resumed > m_fetch_cycle) {
            m_fetch_cycle = resumed;
            m_fetch_cause = StallCause::Branch;
        }
    }
    const bool continuation = block.rep_continuation && m_previous_block != nullptr &&
                              !m_previous_block->lengths.empty() &&
                              m_previous_block->end() - m_previous_block->lengths.back() == block.pc;
    m_previous_block = nullptr; // predicted once, even when the fetch below faults and is tried again
    const std::uint64_t ahead = m_config.fetch_buffer / m_config.dispatch_width;
    if (m_dispatch_cycle > m_fetch_cycle + ahead) m_fetch_cycle = m_dispatch_cycle - ahead;
    if (!fetch_lines(block.pc, block.end())) return false;
    m_stats.user_instructions += cursor.batch.blocks[cursor.block].instruction_count - (continuation ? 1 : 0);
    cursor.begun = true;
    return true;
}

RunExit OooCore::run(StreamCursor& cursor, std::uint64_t until) {
    while (!cursor.batch_done()) {
        const BlockExecution& execution = cursor.batch.blocks[cursor.block];
        const StaticBlock& block = *execution.block;
        if (!cursor.begun) {
            if (m_commit_cycle >= until) return RunExit::CycleLimit;
            if (m_stats.user_instructions >= m_instruction_limit) return RunExit::InstructionLimit;
            if (!begin_block(block, cursor)) return RunExit::Fault;
        }
        const MicroOp* const uops = block.uops.data();
        const auto count = static_cast<std::uint32_t>(block.uops.size());
        const MemoryReference* const references = execution.references;
        const std::uint32_t reference_count = execution.reference_count;
        std::uint32_t reference = cursor.reference;
        std::uint32_t index = cursor.uop;
        for (; index < count; ++index) {
            const MicroOp& uop = uops[index];
            // What an earlier instruction touched beyond its micro-ops (gathers, state saves).
            while (reference < reference_count && references[reference].instruction() < uop.instruction)
                [[unlikely]] {
                    if (execute_extra(references[reference], block.pc) == MemoryOutcome::Faulted) {
                        cursor.uop = index;
                        cursor.reference = reference;
                        return RunExit::Fault;
                    }
                    ++reference;
                }
            if (uop.instruction >= execution.instruction_count) [[unlikely]]
                break;
            if (uop.cls != UopClass::Load && uop.cls != UopClass::Store) {
                execute_plain(uop);
                continue;
            }
            const bool store = uop.cls == UopClass::Store;
            if (reference >= reference_count || references[reference].instruction() != uop.instruction ||
                references[reference].is_store() != store) {
                // Predicated off, or an access the source does not report: address generation only.
                MicroOp plain = uop;
                plain.cls = UopClass::IntAlu;
                plain.latency = 1;
                execute_plain(plain);
                continue;
            }
            const MemoryReference access = references[reference];
            std::uint32_t size = access.size();
            std::uint32_t next = reference + 1;
            // One wide access arrives in pieces.
            while (next < reference_count && references[next].instruction() == uop.instruction &&
                   references[next].is_store() == store &&
                   references[next].address() == access.address() + size)
                size += references[next++].size();
            if (execute_memory(uop, access.address(), size, block.pc + uop.instruction) ==
                MemoryOutcome::Faulted) [[unlikely]] {
                cursor.uop = index;
                cursor.reference = reference;
                return RunExit::Fault;
            }
            reference = next;
        }
        while (reference < reference_count &&
               references[reference].instruction() < execution.instruction_count)
            [[unlikely]] {
                if (execute_extra(references[reference], block.pc) == MemoryOutcome::Faulted) {
                    cursor.uop = index;
                    cursor.reference = reference;
                    return RunExit::Fault;
                }
                ++reference;
            }
        m_stats.user_uops += index;
        m_previous_block = execution.instruction_count == block.instruction_count ? &block : nullptr;
        // One block a cycle at most; wide blocks take their fetch bandwidth.
        m_fetch_cycle += (execution.instruction_count + m_config.fetch_width - 1) / m_config.fetch_width;
        ++cursor.block;
        cursor.uop = cursor.reference = 0;
        cursor.begun = false;
    }
    return RunExit::BatchDone;
}

void OooCore::wait_until(std::uint64_t cycle, StallCause cause) {
    if (cycle > m_commit_cycle)
        m_stats.cpi_stack[static_cast<std::size_t>(m_mode)][static_cast<std::size_t>(cause)] +=
            cycle - m_commit_cycle;
    resume_at(cycle);
}

void OooCore::idle_until(std::uint64_t cycle) {
    settle_stats();
    resume_at(cycle);
    m_mode_since = m_commit_cycle;
}

void OooCore::resume_at(std::uint64_t cycle) {
    if (cycle > m_commit_cycle) {
        m_commit_cycle = cycle;
        m_commit_left = m_config.commit_width;
    }
    if (m_commit_cycle > m_dispatch_cycle) advance_dispatch(m_commit_cycle);
    m_fetch_cycle = std::max(m_fetch_cycle, m_commit_cycle);
}

void OooCore::enter_kernel() {
    settle_stats();
    m_mode = Mode::Kernel;
    m_last_line = VirtAddr(~0ULL);
    wait_until(m_commit_cycle + m_config.exception_penalty, StallCause::Exception);
}

void OooCore::leave_kernel() {
    wait_until(m_commit_cycle + m_config.exception_penalty, StallCause::Exception);
    settle_stats();
    m_mode = Mode::User;
    m_last_line = VirtAddr(~0ULL);
}

// `count` micro-ops of one dependence chain, their loads and stores hitting L1: dispatched, executed and
// committed as one, with the bandwidth of many.
void OooCore::kernel_bulk(std::uint32_t count, std::uint32_t loads, std::uint32_t stores) {
    const std::uint64_t dispatched = dispatch(MicroOp{.cls = UopClass::IntAlu});
    const std::uint32_t rest = count - 1;
    if (rest > m_dispatch_left) {
        const std::uint32_t more = rest - m_dispatch_left;
        advance_dispatch(dispatched + (more + m_config.dispatch_width - 1) / m_config.dispatch_width);
    }
    m_dispatch_left -= std::min(m_dispatch_left, rest);
    const std::uint64_t work = (count - loads) + loads * m_load_hit_latency;
    std::uint64_t& chain = m_register_ready[kernel_register];
    chain = std::max(chain, dispatched + 1) + std::max<std::uint64_t>(1, work / kernel_parallelism);
    const std::uint64_t width_bound =
        m_commit_cycle + (count + m_config.commit_width - 1) / m_config.commit_width;
    commit(std::max(chain, width_bound - 1), StallCause::Dependency, 0);
    for (std::uint32_t i = 0; i < rest; ++i) m_rob_commit[m_uop_number++ & m_ring_mask] = m_commit_cycle;
    m_stats.loads += loads;
    m_stats.stores += stores;
}

inline void OooCore::kernel_memory(const MicroOp& uop, VirtAddr address, std::uint32_t size) {
    const MemoryOutcome outcome = execute_memory(uop, address, size, VirtAddr());
    // Kernel memory is always mapped: a fault here means the OS layer's own tables are wrong.
    PAGEWALK_INVARIANT(outcome == MemoryOutcome::Done);
}

void OooCore::kernel_load(VirtAddr address) {
    MicroOp uop;
    uop.cls = UopClass::Load;
    uop.latency = 0;
    uop.sources[0] = kernel_register;
    uop.destinations[0] = kernel_register;
    kernel_memory(uop, address);
    ++m_stats.kernel_uops;
}

void OooCore::kernel_store(VirtAddr address) {
    MicroOp uop;
    uop.cls = UopClass::Store;
    uop.sources[0] = kernel_register;
    kernel_memory(uop, address);
    ++m_stats.kernel_uops;
}

void OooCore::kernel_execute(const KernelStep& step, VirtAddr stack) {
    MicroOp spill;
    spill.cls = UopClass::Store;
    MicroOp reload;
    reload.cls = UopClass::Load;
    reload.latency = 0;
    std::uint32_t loads_due = 0, stores_due = 0;
    for (std::uint32_t done = 0; done < step.count;) {
        // A line of text at a time. Of its loads and stores one each goes to the stack's lines for real; the
        // others are spills, arguments and per-CPU data that hit L1.
        const std::uint32_t count = std::min(instructions_a_line, step.count - done);
        const VirtAddr text = step.address + done * kernel_instruction_bytes;
        const bool mapped = fetch_lines(text, text + 1);
        PAGEWALK_INVARIANT(mapped);
        m_fetch_cycle += (count + m_config.fetch_width - 1) / m_config.fetch_width;
        loads_due += step.loads * count;
        stores_due += step.stores * count;
        std::uint32_t loads = loads_due / step.count;
        std::uint32_t stores = stores_due / step.count;
        loads_due -= loads * step.count;
        stores_due -= stores * step.count;
        std::uint32_t plain = count;
        const VirtAddr frame = stack - line_size - (done * 4 & (8 * line_size - 1));
        if (loads != 0) {
            kernel_memory(reload, frame);
            --loads;
            --plain;
        }
        if (stores != 0 && plain != 0) {
            kernel_memory(spill, frame);
            --stores;
            --plain;
        }
        if (plain != 0) kernel_bulk(plain, std::min(loads, plain), stores);
        done += count;
        m_kernel_since_mispredict += count;
        if (m_config.kernel_mispredict_interval != 0 &&
            m_kernel_since_mispredict >= m_config.kernel_mispredict_interval) {
            m_kernel_since_mispredict -= m_config.kernel_mispredict_interval;
            m_fetch_cycle = std::max(m_fetch_cycle,
                                     m_commit_cycle + m_config.mispredict_penalty + m_config.front_end_depth);
            m_fetch_cause = StallCause::Branch;
        }
    }
    m_stats.kernel_instructions += step.count;
    m_stats.kernel_uops += step.count;
}

void OooCore::kernel_clear(VirtAddr address, std::uint64_t bytes) {
    MicroOp uop;
    uop.cls = UopClass::Store;
    for (std::uint64_t offset = 0; offset < bytes; offset += line_size)
        kernel_memory(uop, address + offset, line_size);
    ++m_stats.kernel_instructions;
    m_stats.kernel_uops += bytes / line_size;
}

void OooCore::kernel_copy(VirtAddr to, VirtAddr from, std::uint64_t bytes) {
    MicroOp load;
    load.cls = UopClass::Load;
    load.latency = 0;
    load.destinations[0] = kernel_copy_register;
    MicroOp store;
    store.cls = UopClass::Store;
    store.sources[0] = kernel_copy_register;
    for (std::uint64_t offset = 0; offset < bytes; offset += line_size) {
        kernel_memory(load, from + offset);
        kernel_memory(store, to + offset, line_size);
    }
    ++m_stats.kernel_instructions;
    m_stats.kernel_uops += 2 * (bytes / line_size);
}

void OooCore::kernel_atomic(VirtAddr address) {
    kernel_load(address);
    MicroOp uop;
    uop.cls = UopClass::Serialize;
    uop.latency = 18; // lock-prefixed: Fog, instruction tables, Ice Lake
    execute_plain(uop);
    kernel_store(address);
    ++m_stats.kernel_uops;
    m_stats.kernel_instructions += 1;
}

} // namespace pagewalk::models
