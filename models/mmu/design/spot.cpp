#include "models/mmu/design/spot.h"

#include <algorithm>
#include <span>

namespace pagewalk::models {
namespace {

constexpr std::size_t ways = 4;

} // namespace

void SpotConfig::declare(OptionGroup group) {
    const char* const source = "Alverti et al., ISCA 2020: 32 entries, a flush of 20 cycles";
    group.number(
        "entries", entries, {4, 4096, OptionRange::Shape::PowerOfTwo},
        {Unit::Count, "instructions whose distance from page to frame is kept, in sets of four", source});
    group.number("wrong_cycles", wrong, {0, 1000},
                 {Unit::Cycles, "cycles that a wrong guess adds to its walk", source});
}

void SpotStats::declare(StatGroup group) const {
    group.counter("predictions", predictions, "count", "walks during which the core went on with a guess");
    group.counter("right", right, "count", "of these, that the walk found right");
    group.counter("saved_cycles", saved_cycles, "cycles", "of walks, that right guesses did not wait for");
    group.counter("wrong_cycles", wrong_cycles, "cycles", "that wrong guesses added");
    group.ratio("accuracy", "right", "predictions", 1, "1", "share of the guesses that were right");
}

Spot::Spot(const DesignParts& parts)
    : m_wrong_penalty(parts.config.design.spot.wrong), m_rows(parts.config.design.spot.entries) {}

/// The instruction's row; in the place of the set's least recent where it has none.
Spot::Row& Spot::row_of(VirtAddr pc) {
    const std::uint64_t hash = pc.value() * 0x9e3779b97f4a7c15ULL >> 40;
    const std::size_t set = static_cast<std::size_t>(hash) % (m_rows.size() / ways);
    const std::span<Row> rows(&m_rows[set * ways], ways);
    const auto found =
        std::ranges::find_if(rows, [&](const Row& row) { return row.used != 0 && row.pc == pc.value(); });
    if (found != rows.end()) return *found;
    Row& oldest = *std::ranges::min_element(rows, {}, &Row::used);
    oldest = {.pc = pc.value()};
    return oldest;
}

Cycles Spot::usable(const TlbMiss& miss, const WalkResult& result) {
    const PageSize size = result.entry.size;
    const std::uint64_t page = miss.address.value() >> shift_of(size) << (shift_of(size) - page_shift);
    const std::uint64_t offset = result.entry.frame - page;
    Row& row = row_of(miss.pc);
    row.used = ++m_clock;
    const bool predicts = row.confidence >= confident;
    const bool right = row.offset == offset;
    if (right)
        row.confidence = std::min(row.confidence + 1, 3U);
    else if (row.confidence != 0)
        --row.confidence;
    else
        row.offset = offset;
    if (!predicts) return result.entry.ready;
    ++m_stats.predictions;
    if (!right) {
        m_stats.wrong_cycles += m_wrong_penalty.value();
        return result.entry.ready + m_wrong_penalty;
    }
    ++m_stats.right;
    m_stats.saved_cycles += (result.entry.ready - miss.cycle).value();
    return miss.cycle;
}

} // namespace pagewalk::models
