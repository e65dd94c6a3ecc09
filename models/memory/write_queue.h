#pragma once

#include "models/memory/address_mapping.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

/// Lines of one channel that wait to be written, oldest first.
class WriteQueue {
public:
    struct Write {
        DramPlace place;
        std::uint64_t line = 0;
        std::uint64_t time = 0; ///< when it was queued, in clocks
    };

    /// Contract: never holds more than `capacity`.
    explicit WriteQueue(std::size_t capacity) : m_ring(std::bit_ceil(capacity)) {}

    [[nodiscard]] bool empty() const { return m_size == 0; }
    [[nodiscard]] std::size_t size() const { return m_size; }
    [[nodiscard]] const Write& front() const { return m_ring[m_first]; }
    [[nodiscard]] bool contains(std::uint64_t line) const {
        if (m_filter[filter_slot(line)] == 0) [[likely]]
            return false;
        for (std::size_t i = 0; i < m_size; ++i)
            if (m_ring[(m_first + i) & (m_ring.size() - 1)].line == line) return true;
        return false;
    }
    void push(const Write& write) {
        m_ring[(m_first + m_size++) & (m_ring.size() - 1)] = write;
        ++m_filter[filter_slot(write.line)];
    }
    void pop() {
        --m_filter[filter_slot(front().line)];
        m_first = (m_first + 1) & (m_ring.size() - 1);
        --m_size;
    }

private:
    static constexpr unsigned filter_bits = 10;
    [[nodiscard]] static std::size_t filter_slot(std::uint64_t line) {
        return static_cast<std::size_t>((line * 0x9e3779b97f4a7c15ULL) >> (64 - filter_bits));
    }

    std::vector<Write> m_ring;
    std::size_t m_first = 0;
    std::size_t m_size = 0;
    std::array<std::uint16_t, std::size_t{1} << filter_bits> m_filter{}; ///< lines by hash: most are not here
};

} // namespace pagewalk::models
