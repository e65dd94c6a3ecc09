#pragma once

#include "base/address.h"
#include "base/option.h"
#include "base/stats.h"
#include "contract/instruction_stream.h"
#include "models/core/branch_target_buffer.h"

#include <array>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

enum class DirectionPredictor : std::uint8_t {
    Bimodal,
    PrimeBimodal, ///< counters by the address modulo a prime, strongly not taken at first (ChampSim's)
    Gshare,
    Tage,
};
/// What chooses among the targets of an indirect branch.
enum class IndirectHistory : std::uint8_t { Targets, Directions };
/// Where it is found out that fetch did not know a target that the instruction itself gives.
enum class UnknownTarget : std::uint8_t { Decode, Execute };

struct BranchPredictorConfig {
    DirectionPredictor direction = DirectionPredictor::Tage;
    std::uint32_t table_bits = 14;       ///< log2 of the counters of the base table
    std::uint32_t tagged_bits = 11;      ///< log2 of the entries of each tagged table (tage)
    std::uint32_t target_entries = 4096; ///< of the indirect target predictor
    std::uint32_t return_stack = 32;
    IndirectHistory indirect_history = IndirectHistory::Targets;
    UnknownTarget unknown_target = UnknownTarget::Decode;
    BranchTargetBufferConfig btb;

    void declare(OptionGroup group);
    void validate(const OptionSet& options) const { btb.validate(options); }
};

struct BranchPredictorStats {
    std::uint64_t conditional = 0, conditional_missed = 0;
    std::uint64_t indirect = 0, indirect_missed = 0;
    std::uint64_t returns = 0, returns_missed = 0;
    std::uint64_t direct = 0;
    std::uint64_t targets_unknown = 0;

    void declare(StatGroup group) const;
};

/// How fetch went on after a block.
struct Prediction {
    enum class Outcome : std::uint8_t {
        Right,
        RightAtDecode, ///< put right once the branch was decoded
        Wrong,         ///< put right once it was executed
    };
    Outcome outcome = Outcome::Right;
    Cycles bubbles{}; ///< that fetch lost although it was right
};

/// Predicts where a block goes next: a direction, and a target from the branch target buffer, the return
/// stack, or the indirect target predictor.
/// TAGE: Seznec, Michaud, "A case for (partially) TAgged GEometric history length branch prediction", JILP
/// 2006.
class BranchPredictor {
public:
    explicit BranchPredictor(const BranchPredictorConfig& config);

    /// The block ended and `next` is where the program went: true when that was not predicted. Trains.
    [[nodiscard]] bool mispredicts(const StaticBlock& block, VirtAddr next) {
        return predict(block, next).outcome == Prediction::Outcome::Wrong;
    }
    /// The same, with what fetch lost where it was right.
    [[nodiscard]] Prediction predict(const StaticBlock& block, VirtAddr next);

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

    [[nodiscard]] Prediction predict_conditional(const StaticBlock& block, VirtAddr next);
    [[nodiscard]] Prediction predict_direct(const StaticBlock& block, VirtAddr next);
    [[nodiscard]] bool indirect_missed(VirtAddr address, VirtAddr next);
    [[nodiscard]] bool return_missed(VirtAddr next);
    /// The target is one that only the instruction tells, or the return stack or indirect predictor once the
    /// instruction is known for what it is; `knows`: whether they have the right one.
    [[nodiscard]] Prediction found_out_late(bool knows);
    [[nodiscard]] Prediction with_kind_from_btb(const StaticBlock& block, VirtAddr next, bool missed);
    [[nodiscard]] bool direction_missed(const StaticBlock& block, bool taken);
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
    BranchTargetBuffer m_btb;
    std::uint64_t m_prime; ///< the largest not above the counters of the base table
    std::vector<std::uint64_t> m_targets;
    std::uint64_t m_target_history = 0;
    std::vector<std::uint64_t> m_return_stack;
    std::size_t m_return_top = 0;
    BranchPredictorStats m_stats;
};

} // namespace pagewalk::models
