#include "models/core/branch_predictor.h"

#include <algorithm>
#include <bit>

namespace pagewalk::models {
namespace {

constexpr unsigned tag_bits = 9;
constexpr std::uint64_t direction_bits = 12; ///< of the history that chooses an indirect target

constexpr std::uint64_t largest_prime_up_to(std::uint64_t number) {
    const auto is_prime = [](std::uint64_t candidate) {
        for (std::uint64_t i = 2; i * i <= candidate; ++i)
            if (candidate % i == 0) return false;
        return true;
    };
    while (!is_prime(number)) --number;
    return number;
}

/// Of the branch that ends the block.
VirtAddr branch_address(const StaticBlock& block) {
    return block.lengths.empty() ? block.end() - 1 : block.end() - block.lengths.back();
}

bool is_call(BranchKind kind) { return kind == BranchKind::DirectCall || kind == BranchKind::IndirectCall; }
/// Outcomes that each tagged table sees, and the two spare lanes.
constexpr std::array<unsigned, 8> history_lengths{5, 11, 22, 44, 88, 176, 0, 0};

} // namespace

void BranchPredictorConfig::declare(OptionGroup group) {
    group.choice("direction", direction,
                 {{DirectionPredictor::Bimodal, "bimodal"},
                  {DirectionPredictor::PrimeBimodal, "prime_bimodal"},
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
    group.choice(
        "indirect_history", indirect_history,
        {{IndirectHistory::Targets, "targets"}, {IndirectHistory::Directions, "directions"}},
        {Unit::None,
         "history that chooses an indirect target: the last targets, or the last 12 conditional directions",
         "assumed"});
    group.choice("unknown_target", unknown_target,
                 {{UnknownTarget::Decode, "decode"}, {UnknownTarget::Execute, "execute"}},
                 {Unit::None, "stage that finds a target which is not in the branch target buffer",
                  "Intel optimization manual (2023): direct branches are redirected at decode"});
    btb.declare(group.group("btb"));
}

void BranchPredictorStats::declare(StatGroup group) const {
    group.counter("conditional", conditional, "count", "conditional branches");
    group.counter("conditional_missed", conditional_missed, "count", "conditional branches predicted wrong");
    group.counter("indirect", indirect, "count", "indirect jumps and calls");
    group.counter("indirect_missed", indirect_missed, "count", "indirect jumps and calls predicted wrong");
    group.counter("returns", returns, "count", "returns");
    group.counter("returns_missed", returns_missed, "count", "returns predicted wrong");
    group.counter("direct", direct, "count", "direct jumps and calls");
    group.counter("targets_unknown", targets_unknown, "count",
                  "taken branches, their direction predicted right, whose target or kind fetch did not know");
}

BranchPredictor::BranchPredictor(const BranchPredictorConfig& config)
    : m_config(config), m_base(std::size_t{1} << config.table_bits), m_btb(config.btb),
      m_prime(largest_prime_up_to(m_base.size())), m_targets(config.target_entries),
      m_return_stack(config.return_stack) {
    if (config.direction == DirectionPredictor::PrimeBimodal) std::ranges::fill(m_base, std::int8_t{-2});
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

inline bool BranchPredictor::direction_missed(const StaticBlock& block, bool taken) {
    const std::uint64_t pc = block.end().value();
    if (m_config.direction == DirectionPredictor::Tage) return tage_missed(pc, taken);
    std::uint64_t index = pc >> 1 & (m_base.size() - 1);
    if (m_config.direction == DirectionPredictor::Gshare)
        index = ((pc >> 1) ^ m_history) & (m_base.size() - 1);
    else if (m_config.direction == DirectionPredictor::PrimeBimodal)
        index = branch_address(block).value() % m_prime;
    std::int8_t& counter = m_base[index];
    const bool missed = (counter >= 0) != taken;
    counter = static_cast<std::int8_t>(taken ? std::min(counter + 1, 1) : std::max(counter - 1, -2));
    m_history = m_history << 1 | (taken ? 1 : 0);
    return missed;
}

Prediction BranchPredictor::found_out_late(bool knows) {
    using enum Prediction::Outcome;
    ++m_stats.targets_unknown;
    return {knows && m_config.unknown_target == UnknownTarget::Decode ? RightAtDecode : Wrong};
}

inline Prediction BranchPredictor::predict_conditional(const StaticBlock& block, VirtAddr next) {
    using enum Prediction::Outcome;
    ++m_stats.conditional;
    const bool taken = next != block.end();
    bool missed = direction_missed(block, taken);
    BranchTargetBuffer::Found found;
    if (m_btb.present() && (taken || m_btb.aliases())) {
        const VirtAddr address = branch_address(block);
        found = m_btb.find(address);
        // What the buffer takes for another kind of branch is predicted taken.
        if (found.entry != nullptr && found.entry->kind != BranchKind::Conditional) missed = !taken;
        const bool right = found.entry != nullptr && found.entry->target == next;
        if (taken) m_btb.update(address, block.branch, next, found);
        if (taken && !missed && !right) return found_out_late(true);
    }
    m_stats.conditional_missed += missed ? 1 : 0;
    return {missed ? Wrong : Right, found.bubbles};
}

inline Prediction BranchPredictor::predict_direct(const StaticBlock& block, VirtAddr next) {
    ++m_stats.direct;
    if (!m_btb.present()) return {};
    const VirtAddr address = branch_address(block);
    const BranchTargetBuffer::Found found = m_btb.find(address);
    const bool right = found.entry != nullptr && found.entry->target == next;
    m_btb.update(address, block.branch, next, found);
    return right ? Prediction{.bubbles = found.bubbles} : found_out_late(true);
}

bool BranchPredictor::indirect_missed(VirtAddr address, VirtAddr next) {
    ++m_stats.indirect;
    std::uint64_t index;
    if (m_config.indirect_history == IndirectHistory::Targets) {
        index = (address.value() ^ m_target_history ^ (m_target_history >> 13)) * 0x9e3779b97f4a7c15ULL >> 32;
    } else {
        const std::uint64_t directions =
            m_config.direction == DirectionPredictor::Tage ? m_long_history[0] : m_history;
        index = (address.value() >> 2) ^ (directions & ((1U << direction_bits) - 1));
    }
    std::uint64_t& target = m_targets[index & (m_targets.size() - 1)];
    const bool missed = target != next.value();
    target = next.value();
    m_target_history = (m_target_history << 5) ^ (next.value() >> 2);
    m_stats.indirect_missed += missed ? 1 : 0;
    return missed;
}

bool BranchPredictor::return_missed(VirtAddr next) {
    ++m_stats.returns;
    const bool missed =
        m_return_top == 0 || m_return_stack[--m_return_top % m_return_stack.size()] != next.value();
    m_stats.returns_missed += missed ? 1 : 0;
    return missed;
}

// Returns and indirect branches: the buffer tells fetch what they are, not where they go.
Prediction BranchPredictor::with_kind_from_btb(const StaticBlock& block, VirtAddr next, bool missed) {
    using enum Prediction::Outcome;
    if (!m_btb.present()) return {missed ? Wrong : Right};
    const VirtAddr address = branch_address(block);
    const BranchTargetBuffer::Found found = m_btb.find(address);
    const bool known = found.entry != nullptr && found.entry->kind == block.branch;
    if (!known) m_btb.update(address, block.branch, next, found);
    if (!known) return found_out_late(!missed);
    return {missed ? Wrong : Right, found.bubbles};
}

Prediction BranchPredictor::predict(const StaticBlock& block, VirtAddr next) {
    if (is_call(block.branch)) m_return_stack[m_return_top++ % m_return_stack.size()] = block.end().value();
    switch (block.branch) {
    case BranchKind::None:
    case BranchKind::Syscall:
        return {};
    case BranchKind::Conditional:
        return predict_conditional(block, next);
    case BranchKind::DirectCall:
    case BranchKind::DirectJump:
        return predict_direct(block, next);
    case BranchKind::IndirectCall:
    case BranchKind::IndirectJump:
        return with_kind_from_btb(block, next, indirect_missed(branch_address(block), next));
    case BranchKind::Return:
        return with_kind_from_btb(block, next, return_missed(next));
    }
    return {};
}

} // namespace pagewalk::models
