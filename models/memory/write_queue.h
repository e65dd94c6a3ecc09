#pragma once

#include "models/memory/address_mapping.h"

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numeric>
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
    explicit WriteQueue(std::size_t capacity) : m_ring(std::bit_ceil(capacity)) { m_left.reserve(capacity); }

    [[nodiscard]] bool empty() const { return m_size == 0; }
    [[nodiscard]] std::size_t size() const { return m_size; }
    [[nodiscard]] const Write& front() const { return m_ring[m_first]; }
    [[nodiscard]] bool contains(std::uint64_t line) const {
        if (m_filter[filter_slot(line)] == 0) [[likely]]
            return false;
        for (std::size_t i = 0; i < m_size; ++i)
            if (at(i).line == line) return true;
        return false;
    }
    /// The oldest `count`, those of a row together: rows in the order of their oldest write, a row's writes
    /// in the order they came.
    template <std::invocable<const Write&> Visit>
    void for_each_by_row(std::size_t count, Visit visit) {
        m_left.resize(count);
        std::iota(m_left.begin(), m_left.end(), 0U);
        while (!m_left.empty()) {
            const DramPlace place = at(m_left.front()).place;
            std::erase_if(m_left, [&](std::uint32_t i) {
                const Write& write = at(i);
                const bool same_row = write.place.bank == place.bank && write.place.row == place.row;
                if (same_row) visit(write);
                return same_row;
            });
        }
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
    /// Number 0 is the oldest.
    [[nodiscard]] const Write& at(std::size_t i) const { return m_ring[(m_first + i) & (m_ring.size() - 1)]; }
    [[nodiscard]] static std::size_t filter_slot(std::uint64_t line) {
        return static_cast<std::size_t>((line * 0x9e3779b97f4a7c15ULL) >> (64 - filter_bits));
    }

    std::vector<Write> m_ring;
    std::vector<std::uint32_t> m_left; ///< of a batch: not visited yet
    std::size_t m_first = 0;
    std::size_t m_size = 0;
    std::array<std::uint16_t, std::size_t{1} << filter_bits> m_filter{}; ///< lines by hash: most are not here
};

} // namespace pagewalk::models
