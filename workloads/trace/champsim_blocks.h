#pragma once

#include "workloads/trace/champsim_record.h"

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

namespace pagewalk::workloads {

/// Turns runs of ChampSim records into static blocks and finds them again.
///
/// A block ends at a branch, before a record that does not follow sequentially, or at 64 instructions. The
/// format has no instruction lengths: a length is the distance to the next address where that is sequential
/// and 1..15 bytes, else what was learnt earlier about that address (a call's length from its return),
/// else 4. When a run differs from the blocks made at its address, or more is known about its last
/// instruction, another block is made.
///
/// Micro-ops of a record: a Load for each source address, a Store for each destination address, and one
/// IntAlu or Branch; a record with one load, no store and no written flags is the Load alone, one that only
/// stores is the Store alone. All latencies are 1, as ChampSim's. The instruction pointer is no dependence
/// (it is known at fetch), nor is a stack pointer written by push, pop, call and return (resolved at decode).
class ChampSimBlocks {
public:
    static constexpr std::size_t max_instructions = 64;
    /// Of one block: four loads and two stores an instruction.
    static constexpr std::size_t max_references = max_instructions * 6;
    /// Returned by execute() when the next record cannot be an instruction.
    enum class Status : std::uint8_t { Ok, Absurd };

    /// The block that `records` starts with; `records` holds all that is left of the trace or at least
    /// max_instructions + 1 records. Writes its references to `references`, which has room for
    /// max_references.
    struct Execution {
        const StaticBlock* block = nullptr;
        std::uint32_t reference_count = 0;
        Status status = Status::Ok;
    };
    [[nodiscard]] Execution execute(std::span<const ChampSimRecord> records, MemoryReference* references);

    [[nodiscard]] std::size_t block_count() const { return m_blocks.size(); }

private:
    struct Instruction {
        std::uint64_t ip = 0;
        std::uint64_t static_part = 0;
        std::uint32_t loads = 0, stores = 0; ///< at most; fewer fit too
    };
    struct CachedBlock {
        StaticBlock block;
        std::vector<Instruction> instructions;
        CachedBlock* older = nullptr;     ///< another block at the same address
        CachedBlock* successor = nullptr; ///< the last one executed next
        bool outdated = false;            ///< its last length proved wrong
    };
    struct Known {
        std::uint8_t length = 0;  ///< 0 = unknown
        std::uint64_t target = 0; ///< 0 = unknown
    };
    struct Call {
        std::uint64_t ip = 0;
        CachedBlock* block = nullptr;
    };

    [[nodiscard]] CachedBlock* newest_at(std::uint64_t ip);
    [[nodiscard]] static bool fits_what_follows(const CachedBlock& block,
                                                std::span<const ChampSimRecord> records);
    [[nodiscard]] static bool matches(const CachedBlock& block, std::span<const ChampSimRecord> records,
                                      MemoryReference*& references);
    [[nodiscard]] CachedBlock* build(std::span<const ChampSimRecord> records);
    void learn_end(std::span<const ChampSimRecord> records, std::size_t count);
    static void append_uops(StaticBlock& block, const ChampSimRecord& record, std::uint16_t index);
    void learn_from_return(const CachedBlock& block, std::span<const ChampSimRecord> records);

    std::deque<CachedBlock> m_blocks;
    std::unordered_map<std::uint64_t, CachedBlock*> m_newest;
    std::unordered_map<std::uint64_t, Known> m_known;
    CachedBlock* m_last = nullptr;
    std::array<Call, 64> m_calls{}; ///< a ring: the innermost calls
    std::size_t m_call_depth = 0;
};

} // namespace pagewalk::workloads
