#pragma once

#include "contract/instruction_stream.h"

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

namespace pagewalk::workloads {

/// One instruction of a lackey trace and where its accesses are in the list of them.
struct LackeyInstruction {
    std::uint64_t pc = 0;
    std::uint8_t bytes = 0;
    std::uint8_t loads = 0,
                 stores = 0; ///< references; an access that is no power of two counts several times
    std::uint32_t first_reference = 0;
    std::uint32_t reference_count = 0;
};

/// Turns runs of lackey instructions into static blocks and finds them again.
///
/// A block ends where the next instruction is not the next in memory, at an instruction where that happened
/// before, or at 64 instructions. Such an instruction is a branch: a DirectJump while it has had one
/// successor, Conditional once it has also fallen through, IndirectJump once it has jumped to two places; the
/// change makes another block. An instruction that follows itself is an iteration of a rep string
/// instruction, not a branch.
///
/// Micro-ops: a Load for each reference read, then IntAlu where something is modified or no memory is read or
/// written, then a Store for each reference written. The format has no registers, so an instruction depends
/// on no other: cycle counts are a lower bound.
class LackeyBlocks {
public:
    static constexpr std::size_t max_instructions = 64;

    /// The block that `run` starts with; `run` holds all that is left of the trace or at least
    /// max_instructions + 1 instructions.
    [[nodiscard]] const StaticBlock& execute(std::span<const LackeyInstruction> run);

private:
    struct Branch {
        std::uint64_t target = 0;
        BranchKind kind = BranchKind::None;
    };
    struct CachedBlock {
        StaticBlock block;
        std::vector<LackeyInstruction> instructions;
        CachedBlock* older = nullptr;
    };

    void learn_end(const LackeyInstruction& last, std::uint64_t next);
    [[nodiscard]] std::size_t length_of(std::span<const LackeyInstruction> run);
    [[nodiscard]] const StaticBlock& build(std::span<const LackeyInstruction> instructions,
                                           const Branch& branch);

    std::deque<CachedBlock> m_blocks;
    std::unordered_map<std::uint64_t, CachedBlock*> m_newest;
    std::unordered_map<std::uint64_t, Branch> m_branches;
    std::unordered_map<std::uint64_t, bool> m_repeating; ///< instructions that have followed themselves
};

} // namespace pagewalk::workloads
