#pragma once

#include "contract/instruction_stream.h"

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace pagewalk::workloads {

/// Where control can be after a block that ran to its end.
enum class Successor : std::uint8_t {
    Next,         ///< the following instruction
    NextOrTarget, ///< that, or the target of a direct branch (a rep string instruction is its own)
    Any,          ///< indirect branches, returns, system calls
};

/// A block and what the stream decoder asks about it.
struct BlockInfo {
    const StaticBlock* block = nullptr; ///< null: the id is not known yet
    std::uint64_t pc = 0;
    std::uint64_t last_pc = 0; ///< of the last instruction
    std::uint64_t end = 0;
    std::uint64_t target = 0;
    std::uint32_t id = 0;
    std::uint16_t instruction_count = 0;
    Successor successor = Successor::Any;
    bool rep_continuation = false;
    bool fast_string = false; ///< an iteration of rep movs or rep stos, alone in its block

    /// False when a block at `next` can follow only if this one did not run to its end (or a signal came).
    [[nodiscard]] bool may_precede(std::uint64_t next) const {
        return next == end || (successor != Successor::Next && next == target) || successor == Successor::Any;
    }
};

/// The static blocks of a program by id. Blocks keep their address until the dictionary dies.
class BlockDictionary {
public:
    /// Called for an id that is not known; calls add() when it can, and otherwise leaves it unknown.
    using Loader = std::function<void(std::uint32_t id)>;

    explicit BlockDictionary(Loader loader = {}) : m_loader(std::move(loader)) {}

    /// `lengths` and `bytes` must agree: at least one instruction, lengths of 1 to 15 that add up. Errors:
    /// RunError.
    void add(std::uint32_t id, VirtAddr pc, std::span<const std::uint8_t> lengths,
             std::span<const std::uint8_t> bytes);
    /// Null when nobody knows the id.
    [[nodiscard]] const BlockInfo* find(std::uint32_t id) {
        const std::size_t chunk = id / chunk_size;
        if (chunk < m_infos.size() && m_infos[chunk] != nullptr) [[likely]] {
            const BlockInfo& info = (*m_infos[chunk])[id % chunk_size];
            if (info.block != nullptr) [[likely]]
                return &info;
        }
        return load(id);
    }
    [[nodiscard]] std::size_t size() const { return m_added.size(); }
    /// Ids in the order they were added.
    [[nodiscard]] std::span<const std::uint32_t> added() const { return m_added; }

private:
    static constexpr std::size_t chunk_size = 4096;
    using Chunk = std::array<BlockInfo, chunk_size>;

    [[nodiscard]] const BlockInfo* load(std::uint32_t id);

    Loader m_loader;
    std::vector<std::unique_ptr<Chunk>> m_infos; ///< in pieces, so that an entry never moves
    std::vector<std::uint32_t> m_added;
    std::deque<StaticBlock> m_blocks;
};

} // namespace pagewalk::workloads
