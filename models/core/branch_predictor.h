#pragma once

#include "base/address.h"
#include "base/option.h"
#include "base/stats.h"
#include "contract/instruction_stream.h"

#include <array>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

enum class DirectionPredictor : std::uint8_t { Bimodal, Gshare, Tage };

struct BranchPredictorConfig {
    DirectionPredictor direction = DirectionPredictor::Tage;
    std::uint32_t table_bits = 14;       ///< log2 of the counters of the base table
    std::uint32_t tagged_bits = 11;      ///< log2 of the entries of each tagged table (tage)
    std::uint32_t target_entries = 4096; ///< of the indirect target predictor
    std::uint32_t return_stack = 32;

    void declare(OptionGroup group);
};

struct BranchPredictorStats {
    std::uint64_t conditional = 0, conditional_missed = 0;
    std::uint64_t indirect = 0, indirect_missed = 0;
    std::uint64_t returns = 0, returns_missed = 0;
    std::uint64_t direct = 0;

    void declare(StatGroup group) const;
};

/// Predicts where a block goes next. Direct targets are known at decode and never missed.
/// TAGE: Seznec, Michaud, "A case for (partially) TAgged GEometric history length branch prediction", JILP
/// 2006.
class BranchPredictor {
public:
    explicit BranchPredictor(const BranchPredictorConfig& config);

    /// The block ended and `next` is where the program went: true when that was not predicted. Trains.
    [[nodiscard]] bool mispredicts(const StaticBlock& block, VirtAddr next);

    [[nodiscard]] const BranchPredictorStats& stats() const { return m_stats; }

private:
    struct TaggedEntry {
        std::uint16_t tag = 0;
        std::int8_t counter = 0; ///< -4..3, taken when >= 0
        std::uint8_t useful = 0;
    };
    static constexpr std::size_t tagged_tables = 6;
    static constexpr std::array<unsigned, tagged_tables> history_lengths{5, 11, 22, 44, 88, 176};

    /// A history folded to a few bits, updated a branch at a time.
    struct Folded {
        std::uint32_t value = 0;
        unsigned length = 0, width = 1, out = 0;
        void push(bool in, bool leaving) {
            value = (value << 1) | (in ? 1U : 0U);
            value ^= (leaving ? 1U : 0U) << out;
            value ^= value >> width;
            value &= (1U << width) - 1;
        }
    };

    [[nodiscard]] bool direction_missed(std::uint64_t pc, bool taken);
    [[nodiscard]] bool tage_missed(std::uint64_t pc, bool taken);
    void push_history(bool taken);

    BranchPredictorConfig m_config;
    std::vector<std::int8_t> m_base; ///< 2-bit counters, -2..1
    std::uint64_t m_history = 0;
    std::array<std::uint64_t, 4> m_long_history{}; ///< ring of 256 outcomes
    unsigned m_history_head = 0;
    std::array<std::vector<TaggedEntry>, tagged_tables> m_tagged;
    std::array<Folded, tagged_tables> m_index_fold, m_tag_fold;
    std::uint32_t m_allocations = 0;
    std::vector<std::uint64_t> m_targets;
    std::uint64_t m_target_history = 0;
    std::vector<std::uint64_t> m_return_stack;
    std::size_t m_return_top = 0;
    BranchPredictorStats m_stats;
};

} // namespace pagewalk::models
