#pragma once

#include "os/vm/vma.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace pagewalk::os {

/// The areas of an address space, by address and by number. They lie in chunks, so that one that comes or
/// goes among very many moves few others. Look-ups remember where they were last. References hold until an
/// area comes or goes.
class VmaList {
    template <class List, class Area>
    class Iterator {
    public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = Vma;
        using difference_type = std::ptrdiff_t;
        using pointer = Area*;
        using reference = Area&;

        Iterator() = default;
        Iterator(List& list, std::size_t at) : m_list(&list), m_at(at) {}
        [[nodiscard]] Area& operator*() const { return (*m_list)[m_at]; }
        [[nodiscard]] Area* operator->() const { return &(*m_list)[m_at]; }
        Iterator& operator++() { return ++m_at, *this; }
        Iterator operator++(int) { return {*m_list, m_at++}; }
        [[nodiscard]] bool operator==(const Iterator& other) const { return m_at == other.m_at; }

    private:
        List* m_list = nullptr;
        std::size_t m_at = 0;
    };

public:
    /// Index of the first area that ends above `address`; size() when there is none.
    [[nodiscard]] std::size_t find(VirtAddr address) const {
        if (is_first_above(m_last, address)) return m_last;
        std::size_t low = 0, high = m_chunks.size();
        while (low < high) { // the first chunk that ends above it
            const std::size_t middle = (low + high) / 2;
            if (!m_chunks[middle].empty() && m_chunks[middle].back().end > address)
                high = middle;
            else
                low = middle + 1;
        }
        if (low == m_chunks.size()) return m_size;
        const Chunk& chunk = m_chunks[low];
        const auto above =
            std::ranges::partition_point(chunk, [&](const Vma& a) { return a.end <= address; });
        m_chunk = low;
        return m_last = m_first[low] + static_cast<std::size_t>(above - chunk.begin());
    }
    [[nodiscard]] Vma& operator[](std::size_t i) {
        seek(i);
        return m_chunks[m_chunk][i - m_first[m_chunk]];
    }
    [[nodiscard]] const Vma& operator[](std::size_t i) const {
        seek(i);
        return m_chunks[m_chunk][i - m_first[m_chunk]];
    }
    [[nodiscard]] std::size_t size() const { return m_size; }
    [[nodiscard]] bool empty() const { return m_size == 0; }
    /// In front of number `at`.
    Vma& insert(std::size_t at, Vma area) {
        seek(at == m_size && at != 0 ? at - 1 : at); // behind the last one of its chunk
        if (m_chunks[m_chunk].size() == most_in_chunk) {
            split_chunk();
            seek(at == m_size ? at - 1 : at);
        }
        Chunk& chunk = m_chunks[m_chunk];
        const auto place = chunk.begin() + static_cast<std::ptrdiff_t>(at - m_first[m_chunk]);
        Vma& inserted = *chunk.insert(place, std::move(area));
        for (std::size_t i = m_chunk + 1; i < m_first.size(); ++i) ++m_first[i];
        ++m_size;
        return inserted;
    }
    /// [first, last)
    void erase(std::size_t first, std::size_t last) {
        while (first < last) {
            seek(first);
            Chunk& chunk = m_chunks[m_chunk];
            const std::size_t begin = first - m_first[m_chunk];
            const std::size_t gone = std::min(chunk.size() - begin, last - first);
            const auto from = chunk.begin() + static_cast<std::ptrdiff_t>(begin);
            chunk.erase(from, from + static_cast<std::ptrdiff_t>(gone));
            for (std::size_t i = m_chunk + 1; i < m_first.size(); ++i) m_first[i] -= gone;
            if (chunk.empty() && m_chunks.size() > 1) drop_chunk();
            last -= gone;
            m_size -= gone;
        }
    }
    void clear() { erase(0, m_size); }
    [[nodiscard]] auto begin() const { return Iterator<const VmaList, const Vma>(*this, 0); }
    [[nodiscard]] auto end() const { return Iterator<const VmaList, const Vma>(*this, m_size); }
    [[nodiscard]] auto begin() { return Iterator<VmaList, Vma>(*this, 0); }
    [[nodiscard]] auto end() { return Iterator<VmaList, Vma>(*this, m_size); }

private:
    using Chunk = std::vector<Vma>;
    static constexpr std::size_t most_in_chunk = 64;

    [[nodiscard]] bool is_first_above(std::size_t i, VirtAddr address) const {
        return i < m_size && (*this)[i].end > address && (i == 0 || (*this)[i - 1].end <= address);
    }
    /// Makes m_chunk the one that has number `i`.
    void seek(std::size_t i) const {
        if (i - m_first[m_chunk] < m_chunks[m_chunk].size()) [[likely]]
            return;
        const auto above = std::ranges::upper_bound(m_first, i);
        m_chunk = static_cast<std::size_t>(above - m_first.begin()) - 1;
    }
    void split_chunk() {
        Chunk& full = m_chunks[m_chunk];
        const auto half = full.begin() + most_in_chunk / 2;
        Chunk upper;
        upper.reserve(most_in_chunk);
        upper.assign(std::make_move_iterator(half), std::make_move_iterator(full.end()));
        full.erase(half, full.end());
        const auto behind = static_cast<std::ptrdiff_t>(m_chunk) + 1;
        m_first.insert(m_first.begin() + behind, m_first[m_chunk] + most_in_chunk / 2);
        m_chunks.insert(m_chunks.begin() + behind, std::move(upper));
    }
    void drop_chunk() {
        const auto gone = static_cast<std::ptrdiff_t>(m_chunk);
        m_chunks.erase(m_chunks.begin() + gone);
        m_first.erase(m_first.begin() + gone);
        m_chunk = 0;
    }

    std::vector<Chunk> m_chunks{1};      ///< one at least; none is empty where there are several
    std::vector<std::size_t> m_first{0}; ///< number of each chunk's first area
    std::size_t m_size = 0;
    mutable std::size_t m_chunk = 0; ///< of the last look-up
    mutable std::size_t m_last = 0;
};

} // namespace pagewalk::os
