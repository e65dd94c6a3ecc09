#pragma once

#include "base/error.h"
#include "contract/page_tables/page_table_format.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace pagewalk {

/// Table memory of a power of two bytes, in blocks as large as the page allocator gives.
class FrameArea {
public:
    /// Takes at least a frame. False, with nothing taken, when there is not enough memory.
    [[nodiscard]] bool allocate(std::uint64_t bytes, TableFrames& frames) {
        PAGEWALK_INVARIANT(m_blocks.empty() && std::has_single_bit(bytes));
        const std::uint64_t wanted = std::max<std::uint64_t>(bytes >> page_shift, 1);
        const auto whole = static_cast<unsigned>(std::countr_zero(wanted));
        for (unsigned order = std::min(whole, TableFrames::max_order);; --order) {
            m_order = order;
            while (m_blocks.size() < wanted >> order) {
                const Pfn block = frames.allocate(order);
                if (block == TableFrames::no_frame) break;
                m_blocks.push_back(block);
            }
            if (m_blocks.size() == wanted >> order) return true;
            release(frames);
            if (order == 0) return false;
        }
    }
    void release(TableFrames& frames) {
        for (const Pfn block : m_blocks) frames.free(block, m_order);
        m_blocks.clear();
    }
    [[nodiscard]] PhysAddr at(std::uint64_t offset) const {
        const unsigned shift = page_shift + m_order;
        return address_of(m_blocks[static_cast<std::size_t>(offset >> shift)]) +
               (offset & ((1ULL << shift) - 1));
    }
    [[nodiscard]] std::uint64_t frames() const { return m_blocks.size() << m_order; }

private:
    unsigned m_order = 0;
    std::vector<Pfn> m_blocks;
};

} // namespace pagewalk
