#include "models/core/branch_predictor.h"

#include <algorithm>

namespace pagewalk::models {

void BranchPredictorConfig::declare(OptionGroup group) {
    group.choice("direction", direction, {"bimodal", "gshare", "tage"},
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
    for (std::size_t i = 0; i < tagged_tables; ++i) {
        m_tagged[i].resize(std::size_t{1} << config.tagged_bits);
        m_index_fold[i] = {0, history_lengths[i], config.tagged_bits,
                           history_lengths[i] % config.tagged_bits};
        m_tag_fold[i] = {0, history_lengths[i], 9, history_lengths[i] % 9};
    }
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

bool BranchPredictor::direction_missed(std::uint64_t pc, bool taken) {
    if (m_config.direction == DirectionPredictor::Tage) return tage_missed(pc, taken);
    const std::uint64_t key =
        m_config.direction == DirectionPredictor::Gshare ? (pc >> 1) ^ m_history : pc >> 1;
    std::int8_t& counter = m_base[key & (m_base.size() - 1)];
    const bool missed = (counter >= 0) != taken;
    counter = static_cast<std::int8_t>(taken ? std::min(counter + 1, 1) : std::max(counter - 1, -2));
    m_history = m_history << 1 | (taken ? 1 : 0);
    return missed;
}

void BranchPredictor::push_history(bool taken) {
    m_history_head = (m_history_head + 1) & 255;
    std::uint64_t& word = m_long_history[m_history_head >> 6];
    const std::uint64_t bit = 1ULL << (m_history_head & 63);
    word = taken ? word | bit : word & ~bit;
    for (std::size_t i = 0; i < tagged_tables; ++i) {
        const unsigned old = (m_history_head - history_lengths[i]) & 255;
        const bool leaving = (m_long_history[old >> 6] >> (old & 63) & 1) != 0;
        m_index_fold[i].push(taken, leaving);
        m_tag_fold[i].push(taken, leaving);
    }
}

bool BranchPredictor::tage_missed(std::uint64_t pc, bool taken) {
    const std::uint64_t mask = (1ULL << m_config.tagged_bits) - 1;
    const std::uint64_t key = pc ^ (pc >> m_config.tagged_bits);
    std::array<std::size_t, tagged_tables> index;
    std::array<std::uint16_t, tagged_tables> tag;
    std::int8_t& base = m_base[(pc >> 1) & (m_base.size() - 1)];
    int provider = -1;
    int alternate = -1;
    for (std::size_t i = 0; i < tagged_tables; ++i) {
        index[i] = static_cast<std::size_t>((key ^ m_index_fold[i].value ^ (key >> (i + 1))) & mask);
        tag[i] = static_cast<std::uint16_t>(((pc ^ (pc >> 9) ^ m_tag_fold[i].value) & 0x1ff) + 1);
        if (m_tagged[i][index[i]].tag == tag[i]) {
            alternate = provider;
            provider = static_cast<int>(i);
        }
    }
    const bool base_taken = base >= 0;
    bool alternate_taken = base_taken;
    if (alternate >= 0) alternate_taken = m_tagged[alternate][index[alternate]].counter >= 0;
    bool predicted = base_taken;
    if (provider >= 0) {
        TaggedEntry& entry = m_tagged[provider][index[provider]];
        const bool weak = entry.useful == 0 && (entry.counter == 0 || entry.counter == -1);
        predicted = weak ? alternate_taken : entry.counter >= 0;
        if ((entry.counter >= 0) != alternate_taken) {
            const bool right = (entry.counter >= 0) == taken;
            entry.useful = static_cast<std::uint8_t>(right ? std::min(entry.useful + 1, 3)
                                                           : std::max(entry.useful - 1, 0));
        }
        entry.counter = static_cast<std::int8_t>(taken ? std::min(entry.counter + 1, 3)
                                                       : std::max(entry.counter - 1, -4));
    } else {
        base = static_cast<std::int8_t>(taken ? std::min(base + 1, 1) : std::max(base - 1, -2));
    }
    const bool missed = predicted != taken;
    if (missed && provider < static_cast<int>(tagged_tables) - 1) {
        bool placed = false;
        for (std::size_t i = static_cast<std::size_t>(provider + 1); i < tagged_tables && !placed; ++i) {
            TaggedEntry& entry = m_tagged[i][index[i]];
            if (entry.useful == 0) {
                entry = {tag[i], static_cast<std::int8_t>(taken ? 0 : -1), 0};
                placed = true;
            }
        }
        if (!placed)
            for (std::size_t i = static_cast<std::size_t>(provider + 1); i < tagged_tables; ++i)
                --m_tagged[i][index[i]].useful;
        if (++m_allocations == 1U << 18) {
            m_allocations = 0;
            for (auto& table : m_tagged)
                for (TaggedEntry& entry : table) entry.useful >>= 1;
        }
    }
    push_history(taken);
    return missed;
}

} // namespace pagewalk::models
