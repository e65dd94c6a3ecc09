#include "models/core/branch_target_buffer.h"

#include <algorithm>
#include <bit>
#include <string>

namespace pagewalk::models {

void BranchTargetBufferConfig::declare(OptionGroup group) {
    constexpr const char* golden_cove =
        "Intel Golden Cove: chipsandcheese.com, 2021-12-02; associativity assumed";
    for (std::size_t i = 0; i < levels.size(); ++i) {
        OptionGroup level = group.group("level" + std::to_string(i + 1));
        level.number("entries", levels[i].entries, {0, 1U << 24},
                     {Unit::Count, "branches (0: no such level)", golden_cove});
        level.number("ways", levels[i].ways, {1, 64}, {Unit::Count, "its associativity", golden_cove});
        level.number(
            "bubbles", levels[i].bubbles, {0, 100},
            {Unit::Cycles, "cycles that fetch loses when a target comes from this level", golden_cove});
    }
    group.number("offset_bits", offset_bits, {0, 12},
                 {Unit::Count, "low bits of an address that do not tell branches apart", "assumed"});
}

void BranchTargetBufferConfig::validate(const OptionSet& options) const {
    for (std::size_t i = 0; i < levels.size(); ++i) {
        if (levels[i].entries == 0 || (levels[i].entries % levels[i].ways == 0 &&
                                       std::has_single_bit(levels[i].entries / levels[i].ways)))
            continue;
        const std::string key = "core.branch_predictor.btb.level" + std::to_string(i + 1) + ".entries";
        throw ConfigError(options.where(key), key, std::to_string(levels[i].entries),
                          "wants 0 or " + std::to_string(levels[i].ways) + " ways times a power of two");
    }
}

BranchTargetBuffer::BranchTargetBuffer(const BranchTargetBufferConfig& config)
    : m_offset_bits(config.offset_bits) {
    for (const BranchTargetBufferConfig::Level& level : config.levels)
        if (level.entries != 0)
            m_levels.push_back({level.entries / level.ways - 1, level.ways, level.bubbles,
                                std::vector<Entry>(level.entries)});
}

BranchTargetBuffer::Found BranchTargetBuffer::find_further(std::uint64_t key) {
    for (std::size_t i = 0; i < m_levels.size(); ++i) {
        Level& level = m_levels[i];
        Entry* const set = &level.entries[first_of(level, key)];
        Entry* const hit =
            std::find_if(set, set + level.ways, [&](const Entry& entry) { return entry.key == key; });
        if (hit == set + level.ways) continue;
        std::rotate(set, hit, hit + 1);
        const Entry found = *set;
        for (std::size_t smaller = 0; smaller < i; ++smaller) put(m_levels[smaller], found);
        return {&m_levels[0].entries[first_of(m_levels[0], key)], level.bubbles};
    }
    return {};
}

void BranchTargetBuffer::insert(const Entry& entry) {
    for (Level& level : m_levels) put(level, entry);
}

// The entry becomes its set's most recent one, in place of an older one of its own or of the least recent.
void BranchTargetBuffer::put(Level& level, const Entry& entry) {
    Entry* const set = &level.entries[first_of(level, entry.key)];
    Entry* const last = set + level.ways - 1;
    Entry* const place = std::find_if(set, last, [&](const Entry& old) { return old.key == entry.key; });
    std::move_backward(set, place, place + 1);
    *set = entry;
}

} // namespace pagewalk::models
