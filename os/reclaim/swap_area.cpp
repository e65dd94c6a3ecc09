#include "os/reclaim/swap_area.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::os {

SwapArea::SwapArea(std::uint64_t pages) : m_slots(pages < 2 ? 0 : pages) {
    PAGEWALK_INVARIANT(pages < std::uint64_t{1} << 32);
}

/// Looks for a run of free slots, from the lowest on.
void SwapArea::begin_cluster() {
    m_cluster_left = cluster - 1;
    if (free() < cluster) return;
    std::uint32_t run = 0;
    for (std::uint32_t slot = m_lowest; slot < m_slots.size(); ++slot) {
        run = m_slots[slot].used() ? 0 : run + 1;
        if (run == cluster) {
            m_next = slot - (cluster - 1);
            return;
        }
    }
    m_next = m_lowest;
}

std::optional<SwapSlot> SwapArea::take() {
    if (free() == 0) return std::nullopt;
    if (m_cluster_left == 0)
        begin_cluster();
    else
        --m_cluster_left;
    const auto free_from = [this](std::uint32_t slot) {
        while (slot < m_slots.size() && m_slots[slot].used()) ++slot;
        return slot;
    };
    std::uint32_t slot = free_from(m_next);
    if (slot == m_slots.size()) slot = free_from(m_lowest);
    if (slot == m_lowest) ++m_lowest;
    m_next = slot + 1;
    m_slots[slot].cached = true;
    ++m_used;
    return SwapSlot{slot};
}

void SwapArea::duplicate(SwapSlot slot) {
    PAGEWALK_INVARIANT(at(slot).used() && at(slot).references != 0xffff);
    ++at(slot).references;
}

unsigned SwapArea::drop(SwapSlot slot) {
    PAGEWALK_INVARIANT(at(slot).references != 0);
    const unsigned left = --at(slot).references;
    released(slot);
    return left;
}

void SwapArea::leave_cache(SwapSlot slot) {
    PAGEWALK_INVARIANT(at(slot).cached);
    at(slot).cached = false;
    released(slot);
}

void SwapArea::released(SwapSlot slot) {
    if (at(slot).used()) return;
    --m_used;
    m_lowest = std::min(m_lowest, static_cast<std::uint32_t>(slot));
}

} // namespace pagewalk::os
