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
        const std::string level = "core.branch_predictor.btb.level" + std::to_string(i + 1);
        const std::string ways = level + ".ways = " + std::to_string(levels[i].ways);
        throw ConfigError(
            options.where(level + ".entries"), level + ".entries", std::to_string(levels[i].entries),
            "wants 0, or " + ways + " (" + options.where(level + ".ways") + ") times a power of two");
    }
}

BranchTargetBuffer::Level::Level(const BranchTargetBufferConfig::Level& config)
    : set_mask(config.entries / config.ways - 1), ways(config.ways), places((config.ways + 3) / 4 * 4),
      bubbles(config.bubbles), keys((set_mask + 1) * places, no_key), used(keys.size()),
      entries(keys.size()) {}

BranchTargetBuffer::BranchTargetBuffer(const BranchTargetBufferConfig& config)
    : m_offset_bits(config.offset_bits) {
    for (const BranchTargetBufferConfig::Level& level : config.levels)
        if (level.entries != 0) m_levels.emplace_back(level);
}

BranchTargetBuffer::Found BranchTargetBuffer::find_further(std::uint64_t key) {
    for (std::size_t i = 1; i < m_levels.size(); ++i) {
        Level& level = m_levels[i];
        const std::size_t place = level.find(key);
        if (place == nowhere) continue;
        level.used[place] = ++m_uses;
        const Entry found = level.entries[place];
        for (std::size_t smaller = 1; smaller < i; ++smaller) m_levels[smaller].put(key, found, ++m_uses);
        return {&m_levels[0].entries[m_levels[0].put(key, found, ++m_uses)], level.bubbles};
    }
    return {};
}

void BranchTargetBuffer::insert(std::uint64_t key, const Entry& entry) {
    for (Level& level : m_levels) level.put(key, entry, ++m_uses);
}

std::size_t BranchTargetBuffer::Level::put(std::uint64_t key, const Entry& entry, std::uint64_t use) {
    std::size_t place = find(key);
    if (place == nowhere) {
        const auto set = used.begin() + static_cast<std::ptrdiff_t>(first_of(key));
        place = static_cast<std::size_t>(std::min_element(set, set + static_cast<std::ptrdiff_t>(ways)) -
                                         used.begin());
    }
    keys[place] = static_cast<std::int64_t>(key);
    used[place] = use;
    entries[place] = entry;
    return place;
}

} // namespace pagewalk::models
