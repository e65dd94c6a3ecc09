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
    /// A value for each tagged table, two lanes spare: what is done for all tables is done at once.
    using Lanes [[gnu::vector_size(32)]] = std::uint32_t;

    /// The history folded to `width` bits, for each table from as much of it as the table sees.
    struct Folded {
        Lanes value{};
        Lanes width{}; ///< the same in all lanes
        Lanes mask{};
        Lanes out{}; ///< where the outcome that leaves a table's history has got to
        void configure(unsigned bits);
        void push(Lanes in, Lanes leaving) {
            value = (value << 1) | in;
            value ^= leaving << out;
            value ^= value >> width;
            value &= mask;
        }
    };

    [[nodiscard]] bool direction_missed(std::uint64_t pc, bool taken);
    [[nodiscard]] bool tage_missed(std::uint64_t pc, bool taken);
    void push_history(bool taken);

    BranchPredictorConfig m_config;
    std::vector<std::int8_t> m_base; ///< 2-bit counters, -2..1
    std::uint64_t m_history = 0;
    Lanes m_long_history{}; ///< 256 outcomes, the latest in bit 0 of lane 0
    Folded m_index_fold, m_tag_fold;
    Lanes m_table_start{};             ///< of each tagged table in m_tagged
    std::vector<TaggedEntry> m_tagged; ///< table after table
    std::uint32_t m_allocations = 0;
    std::vector<std::uint64_t> m_targets;
    std::uint64_t m_target_history = 0;
    std::vector<std::uint64_t> m_return_stack;
    std::size_t m_return_top = 0;
    BranchPredictorStats m_stats;
};

} // namespace pagewalk::models
