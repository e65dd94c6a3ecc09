#include "workloads/trace/champsim_blocks.h"

#include "contract/register_names.h"

#include <algorithm>

namespace pagewalk::workloads {

namespace {

constexpr std::uint64_t longest_instruction = 15;
constexpr std::uint8_t assumed_length = 4;
// Values between the micro-ops of one instruction.
constexpr RegisterId first_loaded = first_internal_register; // of four
// Records give no size. One byte never reaches into the next line; ChampSim splits no access either.
constexpr unsigned reference_size_log2 = 0;

bool is_sequential(std::uint64_t ip, std::uint64_t next) { return next - ip - 1 < longest_instruction; }

bool has_static_target(BranchKind kind) {
    return kind == BranchKind::Conditional || kind == BranchKind::DirectJump ||
           kind == BranchKind::DirectCall;
}

bool is_call(BranchKind kind) { return kind == BranchKind::DirectCall || kind == BranchKind::IndirectCall; }

/// ChampSim takes the trace's word only for conditional branches; the others always jump.
bool is_taken(const ChampSimRecord& record, BranchKind kind) {
    return kind != BranchKind::None && (kind != BranchKind::Conditional || record.branch_taken != 0);
}

MicroOp make_uop(UopClass cls, std::uint16_t index, std::array<RegisterId, 4> sources) {
    MicroOp uop;
    uop.cls = cls;
    uop.sources = sources;
    uop.instruction = index;
    return uop;
}

} // namespace

ChampSimBlocks::Execution ChampSimBlocks::execute(std::span<const ChampSimRecord> records,
                                                  MemoryReference* references) {
    const std::uint64_t ip = records.front().ip;
    CachedBlock* newest = m_last != nullptr ? m_last->successor : nullptr;
    if (newest == nullptr || newest->block.pc.value() != ip) newest = newest_at(ip);

    CachedBlock* found = newest;
    MemoryReference* end = references;
    while (found != nullptr) {
        end = references;
        if (matches(*found, records, end)) break;
        found = found->older;
    }
    if (found == nullptr) {
        found = build(records);
        if (found == nullptr) return {nullptr, 0, Status::Absurd};
        newest = found;
        end = references;
        // Fits by construction; what follows may be a record that cannot be an instruction.
        (void)matches(*found, records.first(found->instructions.size()), end);
    }
    if (m_last != nullptr) m_last->successor = newest;
    m_last = found;

    const BranchKind kind = found->block.branch;
    if (is_call(kind)) {
        m_calls[m_call_depth++ % m_calls.size()] = {found->instructions.back().ip, found};
    } else if (kind == BranchKind::Return) {
        learn_from_return(*found, records);
    }
    return {&found->block, static_cast<std::uint32_t>(end - references), Status::Ok};
}

ChampSimBlocks::CachedBlock* ChampSimBlocks::newest_at(std::uint64_t ip) {
    const auto it = m_newest.find(ip);
    return it == m_newest.end() ? nullptr : it->second;
}

bool ChampSimBlocks::matches(const CachedBlock& block, std::span<const ChampSimRecord> records,
                             MemoryReference*& references) {
    const std::size_t count = block.instructions.size();
    if (block.outdated || records.size() < count) return false;
    MemoryReference* next = references;
    for (std::size_t i = 0; i < count; ++i) {
        const ChampSimRecord& record = records[i];
        const Instruction& instruction = block.instructions[i];
        if (record.ip != instruction.ip || static_part(record) != instruction.static_part) return false;
        const MemoryReference* before = next;
        for (const std::uint64_t address : record.source_memory) {
            *next = MemoryReference(VirtAddr(address), static_cast<unsigned>(i), reference_size_log2, false);
            next += address != 0;
        }
        if (next - before > static_cast<std::ptrdiff_t>(instruction.loads)) return false;
        before = next;
        for (const std::uint64_t address : record.destination_memory) {
            *next = MemoryReference(VirtAddr(address), static_cast<unsigned>(i), reference_size_log2, true);
            next += address != 0;
        }
        if (next - before > static_cast<std::ptrdiff_t>(instruction.stores)) return false;
    }
    if (records.size() > count && !fits_what_follows(block, records)) return false;
    references = next;
    return true;
}

bool ChampSimBlocks::fits_what_follows(const CachedBlock& cached, std::span<const ChampSimRecord> records) {
    const StaticBlock& block = cached.block;
    const ChampSimRecord& last = records[cached.instructions.size() - 1];
    const std::uint64_t next = records[cached.instructions.size()].ip;
    if (is_taken(last, block.branch)) return !has_static_target(block.branch) || block.target.value() == next;
    if (!is_sequential(last.ip, next)) return true;
    const bool could_go_on =
        block.branch == BranchKind::None && cached.instructions.size() < max_instructions;
    return !could_go_on && block.end().value() == next;
}

void ChampSimBlocks::learn_end(std::span<const ChampSimRecord> records, std::size_t count) {
    if (records.size() <= count) return;
    const ChampSimRecord& last = records[count - 1];
    const std::uint64_t next = records[count].ip;
    const BranchKind kind = branch_kind(last);
    if (is_taken(last, kind)) {
        if (has_static_target(kind)) m_known[last.ip].target = next;
    } else if (is_sequential(last.ip, next)) {
        m_known[last.ip].length = static_cast<std::uint8_t>(next - last.ip);
    }
}

ChampSimBlocks::CachedBlock* ChampSimBlocks::build(std::span<const ChampSimRecord> records) {
    std::size_t count = 0;
    for (bool more = true; more; ++count) {
        const ChampSimRecord& record = records[count];
        if (why_absurd(record) != nullptr) {
            if (count == 0) return nullptr;
            break;
        }
        more = branch_kind(record) == BranchKind::None && count + 1 < max_instructions &&
               count + 1 < records.size() && is_sequential(record.ip, records[count + 1].ip);
    }
    learn_end(records, count);

    CachedBlock& cached = m_blocks.emplace_back();
    StaticBlock& block = cached.block;
    block.pc = VirtAddr(records.front().ip);
    block.instruction_count = static_cast<std::uint16_t>(count);
    for (std::size_t i = 0; i < count; ++i) {
        const ChampSimRecord& record = records[i];
        const auto nonzero = [](auto& a) {
            return a.size() - static_cast<std::size_t>(std::ranges::count(a, 0U));
        };
        cached.instructions.push_back({record.ip, static_part(record),
                                       static_cast<std::uint32_t>(nonzero(record.source_memory)),
                                       static_cast<std::uint32_t>(nonzero(record.destination_memory))});
        append_uops(block, record, static_cast<std::uint16_t>(i));
        if (i + 1 < count) block.lengths.push_back(static_cast<std::uint8_t>(records[i + 1].ip - record.ip));
    }

    const ChampSimRecord& last = records[count - 1];
    block.branch = branch_kind(last);
    const auto known = m_known.find(last.ip);
    std::uint8_t length = assumed_length;
    if (known != m_known.end()) {
        if (has_static_target(block.branch)) block.target = VirtAddr(known->second.target);
        if (known->second.length != 0) {
            length = known->second.length;
        } else if (known->second.target == last.ip + assumed_length) {
            // A taken branch must not look as if it fell through; a short jump is 2 bytes.
            length = 2;
        }
    }
    block.lengths.push_back(length);
    for (const std::uint8_t bytes : block.lengths) block.byte_count += bytes;

    CachedBlock*& newest = m_newest[records.front().ip];
    cached.older = newest;
    newest = &cached;
    return &cached;
}

void ChampSimBlocks::append_uops(StaticBlock& block, const ChampSimRecord& record, std::uint16_t index) {
    const BranchKind kind = branch_kind(record);
    const auto loads =
        record.source_memory.size() - static_cast<std::size_t>(std::ranges::count(record.source_memory, 0U));
    const auto stores = record.destination_memory.size() -
                        static_cast<std::size_t>(std::ranges::count(record.destination_memory, 0U));

    std::array<RegisterId, 4> sources{};
    std::size_t source_count = 0;
    bool reads_sp = false, reads_other = false;
    for (const std::uint8_t reg : record.source_registers) {
        if (reg == 0 || reg == champsim_instruction_pointer) continue;
        sources[source_count++] = reg;
        reads_sp |= reg == champsim_stack_pointer;
        reads_other |= reg != champsim_stack_pointer && reg != champsim_flags;
    }
    const bool stack_engine = reads_sp && (kind != BranchKind::None || loads + stores != 0 || !reads_other);
    std::array<RegisterId, 2> destinations{};
    std::size_t destination_count = 0;
    bool writes_flags = false;
    for (const std::uint8_t reg : record.destination_registers) {
        if (reg == 0 || reg == champsim_instruction_pointer) continue;
        if (reg == champsim_stack_pointer && stack_engine) continue;
        destinations[destination_count++] = reg;
        writes_flags |= reg == champsim_flags;
    }

    const std::size_t first = block.uops.size();
    const bool load_only = kind == BranchKind::None && loads == 1 && stores == 0 && !writes_flags;
    const bool needs_operation =
        kind != BranchKind::None ||
        (!load_only && (destination_count != 0 || loads + stores == 0 || stores == 0));

    std::array<RegisterId, 4> operands = sources;
    if (loads != 0) operands = {};
    for (std::size_t i = 0; i < loads; ++i) {
        MicroOp load = make_uop(UopClass::Load, index, sources);
        load.latency = 0;
        if (load_only) {
            load.destinations = destinations;
        } else {
            load.destinations[0] = operands[i] = static_cast<RegisterId>(first_loaded + i);
        }
        block.uops.push_back(load);
    }

    if (needs_operation && kind == BranchKind::None) {
        MicroOp operation = make_uop(UopClass::IntAlu, index, operands);
        operation.destinations = destinations;
        block.uops.push_back(operation);
    }
    // What is stored may have been loaded or computed by the same instruction. The record does not tell, and
    // ChampSim does not wait for it: the store cannot be committed before them anyway.
    for (std::size_t i = 0; i < stores; ++i) block.uops.push_back(make_uop(UopClass::Store, index, sources));
    if (kind != BranchKind::None) {
        MicroOp branch = make_uop(UopClass::Branch, index, operands);
        branch.destinations = destinations;
        if (destination_count < destinations.size())
            branch.destinations[destination_count] = instruction_pointer_register;
        block.uops.push_back(branch);
    }
    block.uops[first].first_of_instruction = true;
}

void ChampSimBlocks::learn_from_return(const CachedBlock& block, std::span<const ChampSimRecord> records) {
    if (m_call_depth == 0) return;
    const Call call = m_calls[--m_call_depth % m_calls.size()];
    const std::size_t count = block.instructions.size();
    if (call.block == nullptr || records.size() <= count) return;
    const std::uint64_t next = records[count].ip;
    if (!is_sequential(call.ip, next) || call.block->block.end().value() == next) return;
    m_known[call.ip].length = static_cast<std::uint8_t>(next - call.ip);
    call.block->outdated = true;
}

} // namespace pagewalk::workloads
