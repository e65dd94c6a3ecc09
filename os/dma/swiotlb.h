#pragma once

#include "base/address.h"
#include "os/page/memory_map.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace pagewalk::os {

/// The bounce buffers of swiotlb: memory below 4 GiB, reserved at boot, in slots of 2 KiB. A page takes two
/// that follow each other from a page's begin. Slots are looked for from where the last one was found, as the
/// kernel does within a CPU's area; here all CPUs share one.
class Swiotlb {
public:
    static constexpr std::uint64_t slot_bytes = 2048; // IO_TLB_SIZE
    static constexpr std::uint64_t slots_per_page = page_size / slot_bytes;
    static constexpr std::uint64_t segment_bytes = 128 * slot_bytes; // IO_TLB_SEGSIZE: the largest mapping

    Swiotlb() = default;
    explicit Swiotlb(const PhysRange& pool)
        : m_begin(pfn_of(pool.begin)), m_taken((pool.end - pool.begin) / page_size) {}

    /// Slots for a page; none where all are taken.
    [[nodiscard]] std::optional<Pfn> take() {
        for (std::size_t looked = 0; looked < m_taken.size(); ++looked) {
            const std::size_t place = m_next;
            m_next = m_next + 1 == m_taken.size() ? 0 : m_next + 1;
            if (m_taken[place]) continue;
            m_taken[place] = true;
            ++m_used;
            return m_begin + place;
        }
        return std::nullopt;
    }
    /// Contract: holds(frame), and it was taken.
    void give_back(Pfn frame) {
        m_taken[static_cast<std::size_t>(frame - m_begin)] = false;
        --m_used;
    }
    [[nodiscard]] bool holds(Pfn frame) const { return frame >= m_begin && frame - m_begin < m_taken.size(); }
    [[nodiscard]] std::uint64_t pages() const { return m_taken.size(); }
    [[nodiscard]] std::uint64_t free_pages() const { return m_taken.size() - m_used; }
    /// The end of its memory.
    [[nodiscard]] PhysAddr end() const { return address_of(m_begin + m_taken.size()); }

private:
    Pfn m_begin{};
    std::vector<bool> m_taken; ///< by page of the pool
    std::size_t m_next = 0;
    std::uint64_t m_used = 0;
};

} // namespace pagewalk::os
