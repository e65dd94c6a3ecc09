#pragma once

#include "base/address.h"

#include <cstdint>
#include <vector>

namespace pagewalk::models::prefetch {

/// Instruction-pointer stride prefetcher (Fu, Patel, Janssens, MICRO 1992; Intel's L1 "IP prefetcher" is
/// one): a direct-mapped table by instruction address of its last data address and stride. The same stride
/// twice in a row makes it confident.
class Stride {
public:
    static constexpr std::size_t entries = 256;

    explicit Stride(bool used) : m_table(used ? entries : 0) {}

    template <class Fetch>
    void train(PhysAddr address, VirtAddr pc, std::uint32_t distance, std::uint32_t degree, Fetch&& fetch) {
        const std::uint64_t key = pc.value() ^ pc.value() >> 8;
        Entry& entry = m_table[key % entries];
        if (entry.pc != pc) {
            entry = {.pc = pc, .last = address, .stride = 0, .confidence = 0};
            return;
        }
        const auto stride = static_cast<std::int64_t>(address - entry.last);
        entry.last = address;
        if (stride == 0) return;
        if (stride != entry.stride) {
            entry.stride = stride;
            entry.confidence = 0;
            return;
        }
        if (entry.confidence < confident) ++entry.confidence;
        if (entry.confidence < confident) return;
        // A stride below a line's size advances by lines.
        const auto line = static_cast<std::int64_t>(line_size);
        const std::int64_t step = stride > -line && stride < line ? (stride < 0 ? -line : line) : stride;
        PhysAddr target = address;
        for (std::uint32_t i = 0; i < distance + degree - 1; ++i) {
            target += static_cast<std::uint64_t>(step);
            if (target.page() != address.page()) return;
            if (i + 1 >= distance) fetch(target.line());
        }
    }

private:
    static constexpr std::uint8_t confident = 2;
    struct Entry {
        VirtAddr pc{};
        PhysAddr last{};
        std::int64_t stride = 0;
        std::uint8_t confidence = 0;
    };
    std::vector<Entry> m_table;
};

} // namespace pagewalk::models::prefetch
