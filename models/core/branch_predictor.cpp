#include "models/core/branch_predictor.h"

#include <algorithm>
#include <bit>

namespace pagewalk::models {
namespace {

constexpr unsigned tag_bits = 9;
/// Outcomes that each tagged table sees, and the two spare lanes.
constexpr std::array<unsigned, 8> history_lengths{5, 11, 22, 44, 88, 176, 0, 0};

} // namespace

void BranchPredictorConfig::declare(OptionGroup group) {
    group.choice("direction", direction,
                 {{DirectionPredictor::Bimodal, "bimodal"},
                  {DirectionPredictor::Gshare, "gshare"},
                  {DirectionPredictor::Tage, "tage"}},
                 {Unit::None, "predictor of conditional branches", "TAGE-like in Intel cores since Haswell"});
    group.number("table_bits", table_bits, {4, 24},
                 {Unit::Count, "log2 of the counters of the base table", "assumed"});
    group.number("tagged_bits", tagged_bits, {4, 20},
                 {Unit::Count, "log2 of the entries of each tagged table (tage)", "assumed"});
    group.number("target_entries", target_entries, {16, 1 << 20, OptionRange::Shape::PowerOfTwo},
                 {Unit::Count, "entries of the indirect target predictor", "assumed"});
    group.number("return_stack", return_stack, {1, 1024},
                 {Unit::Count, "entries of the return address stack", "assumed"});
}

void BranchPredictorStats::declare(StatGroup group) const {
    group.counter("conditional", conditional, "count", "conditional branches");
    group.counter("conditional_missed", conditional_missed, "count", "conditional branches predicted wrong");
    group.counter("indirect", indirect, "count", "indirect jumps and calls");
    group.counter("indirect_missed", indirect_missed, "count", "indirect jumps and calls predicted wrong");
    group.counter("returns", returns, "count", "returns");
    group.counter("returns_missed", returns_missed, "count", "returns predicted wrong");
    group.counter("direct", direct, "count", "direct jumps and calls");
}

BranchPredictor::BranchPredictor(const BranchPredictorConfig& config)
    : m_config(config), m_base(std::size_t{1} << config.table_bits), m_targets(config.target_entries),
      m_return_stack(config.return_stack) {
    if (config.direction != DirectionPredictor::Tage) return;
    m_tagged.resize(tagged_tables << config.tagged_bits);
    m_index_fold.configure(config.tagged_bits);
    m_tag_fold.configure(tag_bits);
    for (std::size_t i = 0; i < tagged_tables; ++i)
        m_table_start[i] = static_cast<std::uint32_t>(i << config.tagged_bits);
}

void BranchPredictor::Folded::configure(unsigned bits) {
    for (std::size_t i = 0; i < history_lengths.size(); ++i) {
        width[i] = bits;
        mask[i] = (1U << bits) - 1;
        out[i] = history_lengths[i] % bits;
    }
}

inline void BranchPredictor::push_history(bool taken) {
    constexpr Lanes but_first{0, ~0U, ~0U, ~0U, ~0U, ~0U, ~0U, ~0U};
    constexpr Lanes leaving_bit{5 % 32, 11 % 32, 22 % 32, 44 % 32, 88 % 32, 176 % 32, 0, 0};
    const Lanes first{taken ? 1U : 0U};
    const Lanes carry = m_long_history >> 31;
    m_long_history = (m_long_history << 1) |
                     (__builtin_shufflevector(carry, carry, 7, 0, 1, 2, 3, 4, 5, 6) & but_first) | first;
    // What leaves each table's history by this shift, brought into the table's lane.
    const Lanes leaving_word = __builtin_shufflevector(m_long_history, m_long_history, 5 / 32, 11 / 32,
                                                       22 / 32, 44 / 32, 88 / 32, 176 / 32, 0, 0);
    const Lanes leaving = (leaving_word >> leaving_bit) & 1;
    const Lanes in = Lanes{} + (taken ? 1U : 0U);
    m_index_fold.push(in, leaving);
    m_tag_fold.push(in, leaving);
}

inline bool BranchPredictor::tage_missed(std::uint64_t pc, bool taken) {
    constexpr Lanes table_shift{1, 2, 3, 4, 5, 6, 0, 0};
    const Lanes key = Lanes{} + static_cast<std::uint32_t>(pc ^ (pc >> m_config.tagged_bits));
    const Lanes tag =
        ((static_cast<std::uint32_t>(pc ^ (pc >> tag_bits)) ^ m_tag_fold.value) & ((1U << tag_bits) - 1)) + 1;
    const Lanes index =
        ((key ^ m_index_fold.value ^ (key >> table_shift)) & m_index_fold.mask) + m_table_start;
    TaggedEntry* const tagged = m_tagged.data();
    std::uint32_t matches = 0; // a bit a table
#pragma GCC unroll 6
    for (std::size_t i = 0; i < tagged_tables; ++i)
        matches |= (tagged[index[i]].tag == tag[i] ? 1U : 0U) << i;

    std::int8_t& base = m_base[(pc >> 1) & (m_base.size() - 1)];
    const int provider = std::bit_width(matches) - 1; // the longest history that knows the branch
    bool predicted = base >= 0;
    if (provider >= 0) {
        bool alternate_taken = base >= 0;
        if (const std::uint32_t others = matches ^ (1U << provider); others != 0)
            alternate_taken = tagged[index[std::bit_width(others) - 1]].counter >= 0;
        TaggedEntry& entry = tagged[index[provider]];
        const bool entry_taken = entry.counter >= 0;
        const bool weak = entry.useful == 0 && (entry.counter == 0 || entry.counter == -1);
        predicted = weak ? alternate_taken : entry_taken;
        if (entry_taken != alternate_taken)
            entry.useful = static_cast<std::uint8_t>(entry_taken == taken ? std::min(entry.useful + 1, 3)
                                                                          : std::max(entry.useful - 1, 0));
        entry.counter = static_cast<std::int8_t>(taken ? std::min(entry.counter + 1, 3)
                                                       : std::max(entry.counter - 1, -4));
    } else {
        base = static_cast<std::int8_t>(taken ? std::min(base + 1, 1) : std::max(base - 1, -2));
    }
    const bool missed = predicted != taken;
    if (missed && provider < static_cast<int>(tagged_tables) - 1) {
        bool placed = false;
        const auto longer = static_cast<std::size_t>(provider + 1);
        for (std::size_t i = longer; i < tagged_tables && !placed; ++i) {
            TaggedEntry& entry = tagged[index[i]];
            if (entry.useful == 0) {
                entry = {static_cast<std::uint16_t>(tag[i]), static_cast<std::int8_t>(taken ? 0 : -1), 0};
                placed = true;
            }
        }
        if (!placed)
            for (std::size_t i = longer; i < tagged_tables; ++i) --tagged[index[i]].useful;
        if (++m_allocations == 1U << 18) {
            m_allocations = 0;
            for (TaggedEntry& entry : m_tagged) entry.useful >>= 1;
        }
    }
    push_history(taken);
    return missed;
}

inline bool BranchPredictor::direction_missed(std::uint64_t pc, bool taken) {
    if (m_config.direction == DirectionPredictor::Tage) return tage_missed(pc, taken);
    const std::uint64_t key =
        m_config.direction == DirectionPredictor::Gshare ? (pc >> 1) ^ m_history : pc >> 1;
    std::int8_t& counter = m_base[key & (m_base.size() - 1)];
    const bool missed = (counter >= 0) != taken;
    counter = static_cast<std::int8_t>(taken ? std::min(counter + 1, 1) : std::max(counter - 1, -2));
    m_history = m_history << 1 | (taken ? 1 : 0);
    return missed;
}

bool BranchPredictor::mispredicts(const StaticBlock& block, VirtAddr next) {
    switch (block.branch) {
    case BranchKind::None:
    case BranchKind::Syscall:
        return false;
    case BranchKind::Conditional: {
        ++m_stats.conditional;
        const bool missed = direction_missed(block.end().value(), next != block.end());
        m_stats.conditional_missed += missed ? 1 : 0;
        return missed;
    }
    case BranchKind::DirectCall:
        m_return_stack[m_return_top++ % m_return_stack.size()] = block.end().value();
        [[fallthrough]];
    case BranchKind::DirectJump:
        ++m_stats.direct;
        return false;
    case BranchKind::IndirectCall:
    case BranchKind::IndirectJump: {
        if (block.branch == BranchKind::IndirectCall)
            m_return_stack[m_return_top++ % m_return_stack.size()] = block.end().value();
        ++m_stats.indirect;
        const std::uint64_t hash =
            (block.end().value() ^ m_target_history ^ (m_target_history >> 13)) * 0x9e3779b97f4a7c15ULL;
        std::uint64_t& target = m_targets[(hash >> 32) & (m_targets.size() - 1)];
        const bool missed = target != next.value();
        target = next.value();
        m_target_history = (m_target_history << 5) ^ (next.value() >> 2);
        m_stats.indirect_missed += missed ? 1 : 0;
        return missed;
    }
    case BranchKind::Return: {
        ++m_stats.returns;
        bool missed = true;
        if (m_return_top > 0) missed = m_return_stack[--m_return_top % m_return_stack.size()] != next.value();
        m_stats.returns_missed += missed ? 1 : 0;
        return missed;
    }
    }
    return false;
}

} // namespace pagewalk::models
