#include "workloads/trace/lackey_blocks.h"

#include <algorithm>

namespace pagewalk::workloads {

namespace {

/// Names for values between the micro-ops of one instruction.
constexpr RegisterId loaded_register = 254;
constexpr RegisterId result_register = 255;

void append_uops(StaticBlock& block, const LackeyInstruction& instruction, std::uint16_t index,
                 BranchKind branch) {
    const std::size_t first = block.uops.size();
    MicroOp uop;
    uop.instruction = index;
    for (unsigned i = 0; i < instruction.loads; ++i) {
        uop.cls = UopClass::Load;
        uop.latency = 0;
        uop.destinations[0] = loaded_register;
        block.uops.push_back(uop);
    }
    uop.latency = 1;
    const bool loads = instruction.loads != 0, stores = instruction.stores != 0;
    uop.sources[0] = loads ? loaded_register : RegisterId{0};
    if (loads == stores && branch == BranchKind::None) {
        uop.cls = UopClass::IntAlu;
        uop.destinations[0] = stores ? result_register : RegisterId{0};
        block.uops.push_back(uop);
        uop.sources[0] = uop.destinations[0];
    }
    uop.destinations[0] = 0;
    for (unsigned i = 0; i < instruction.stores; ++i) {
        uop.cls = UopClass::Store;
        block.uops.push_back(uop);
    }
    if (branch != BranchKind::None) {
        uop.cls = UopClass::Branch;
        block.uops.push_back(uop);
    }
    block.uops[first].first_of_instruction = true;
}

} // namespace

void LackeyBlocks::learn_end(const LackeyInstruction& last, std::uint64_t next) {
    if (next == last.pc) {
        m_repeating[last.pc] = true;
        return;
    }
    const bool fell_through = next == last.pc + last.bytes;
    const auto known = m_branches.find(last.pc);
    if (known == m_branches.end()) {
        // The end of a rep string instruction that began elsewhere is no jump either.
        if (!fell_through && !m_repeating.contains(last.pc))
            m_branches[last.pc] = {next, BranchKind::DirectJump};
        return;
    }
    Branch& branch = known->second;
    if (fell_through) {
        if (branch.kind == BranchKind::DirectJump) branch.kind = BranchKind::Conditional;
    } else if (branch.target != next && branch.kind != BranchKind::IndirectJump) {
        branch = {0, BranchKind::IndirectJump};
    }
}

std::size_t LackeyBlocks::length_of(std::span<const LackeyInstruction> run) {
    const std::size_t most = std::min(run.size(), max_instructions);
    std::size_t count = 1;
    while (count < most && run[count].pc == run[count - 1].pc + run[count - 1].bytes &&
           !m_branches.contains(run[count - 1].pc))
        ++count;
    return count;
}

const StaticBlock& LackeyBlocks::execute(std::span<const LackeyInstruction> run) {
    const std::size_t count = length_of(run);
    const LackeyInstruction& last = run[count - 1];
    if (run.size() > count) learn_end(last, run[count].pc);
    const auto known = m_branches.find(last.pc);
    const Branch branch = known == m_branches.end() ? Branch{} : known->second;
    const bool repeats = m_repeating.contains(run.front().pc);

    const auto newest = m_newest.find(run.front().pc);
    for (CachedBlock* cached = newest == m_newest.end() ? nullptr : newest->second; cached != nullptr;
         cached = cached->older) {
        const auto fits = [](const LackeyInstruction& have, const LackeyInstruction& want) {
            return have.pc == want.pc && have.bytes == want.bytes && have.loads >= want.loads &&
                   have.stores >= want.stores;
        };
        if (cached->instructions.size() == count && cached->block.branch == branch.kind &&
            cached->block.target.value() == branch.target && cached->block.rep_continuation == repeats &&
            std::equal(cached->instructions.begin(), cached->instructions.end(), run.begin(), fits))
            return cached->block;
    }
    const StaticBlock& built = build(run.first(count), branch);
    m_blocks.back().block.rep_continuation = repeats;
    return built;
}

const StaticBlock& LackeyBlocks::build(std::span<const LackeyInstruction> instructions,
                                       const Branch& branch) {
    CachedBlock& cached = m_blocks.emplace_back();
    cached.instructions.assign(instructions.begin(), instructions.end());
    StaticBlock& block = cached.block;
    block.pc = VirtAddr(instructions.front().pc);
    block.instruction_count = static_cast<std::uint16_t>(instructions.size());
    block.branch = branch.kind;
    block.target = VirtAddr(branch.target);
    for (std::size_t i = 0; i < instructions.size(); ++i) {
        block.byte_count += instructions[i].bytes;
        block.lengths.push_back(instructions[i].bytes);
        append_uops(block, instructions[i], static_cast<std::uint16_t>(i),
                    i + 1 == instructions.size() ? branch.kind : BranchKind::None);
    }
    CachedBlock*& newest = m_newest[instructions.front().pc];
    cached.older = newest;
    newest = &cached;
    return block;
}

} // namespace pagewalk::workloads
