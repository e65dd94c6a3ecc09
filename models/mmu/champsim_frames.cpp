#include "models/mmu/champsim_frames.h"

#include "base/error.h"

#include <algorithm>
#include <numeric>
#include <random>

namespace pagewalk::models {

ChampSimFrames::ChampSimFrames(std::uint64_t frames, std::uint32_t seed) {
    PAGEWALK_INVARIANT(frames > first_frame && frames <= most_frames);
    m_order.resize(frames - first_frame);
    std::iota(m_order.begin(), m_order.end(), static_cast<std::uint32_t>(first_frame));
    std::shuffle(m_order.begin(), m_order.end(), std::mt19937_64(seed));
}

Pfn ChampSimFrames::take() {
    if (m_next == m_order.size()) m_next = 0;
    return Pfn(m_order[m_next++]);
}

Pfn ChampSimFrames::of_page(std::uint64_t frame) {
    const auto [place, is_new] = m_pages.try_emplace(frame);
    if (is_new) place->second = take();
    return place->second;
}

Pfn ChampSimFrames::of_root(Pfn root) {
    const auto [table, is_new] = m_roots.try_emplace(root.value());
    if (is_new) table->second = {m_roots.size() - 1, take()};
    return table->second.frame;
}

std::uint64_t ChampSimFrames::key_of(Pfn root, VirtAddr address, unsigned level) const {
    const std::uint64_t entry = address.value() >> (page_shift + 9 * (level - 1));
    return m_roots.at(root.value()).number << 48 | entry << 3 | level;
}

Pfn ChampSimFrames::of_table(Pfn root, VirtAddr address, unsigned level) {
    const Pfn taken = take();
    return m_tables.try_emplace(key_of(root, address, level), taken).first->second;
}

Pfn ChampSimFrames::known_table(Pfn root, VirtAddr address, unsigned level) const {
    return m_tables.at(key_of(root, address, level));
}

} // namespace pagewalk::models
