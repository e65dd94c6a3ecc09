#pragma once

#include "base/address.h"
#include "base/error.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace pagewalk {

/// An x86-64 page-table entry of any level. Source: Intel SDM vol. 3A, 4.5.
class PageTableEntry {
public:
    enum Flag : std::uint64_t {
        Present = 1ULL << 0,
        Writable = 1ULL << 1,
        User = 1ULL << 2,
        Accessed = 1ULL << 5,
        Dirty = 1ULL << 6,
        Huge = 1ULL << 7, ///< a leaf of level 2 (2 MiB) or 3 (1 GiB)
        Global = 1ULL << 8,
        NoExecute = 1ULL << 63,
    };

    constexpr PageTableEntry() = default;
    explicit constexpr PageTableEntry(std::uint64_t raw) : m_raw(raw) {}
    constexpr PageTableEntry(Pfn frame, std::uint64_t flags) : m_raw(frame.value() << page_shift | flags) {}

    [[nodiscard]] constexpr std::uint64_t raw() const { return m_raw; }
    [[nodiscard]] constexpr bool has(Flag flag) const { return (m_raw & flag) != 0; }
    [[nodiscard]] constexpr bool present() const { return has(Present); }
    /// Empty entries are all zero; a swap entry is not present but not empty.
    [[nodiscard]] constexpr bool empty() const { return m_raw == 0; }
    [[nodiscard]] constexpr Pfn frame() const { return Pfn((m_raw & 0x000ffffffffff000ULL) >> page_shift); }
    [[nodiscard]] constexpr PageTableEntry with(std::uint64_t flags) const {
        return PageTableEntry(m_raw | flags);
    }
    [[nodiscard]] constexpr PageTableEntry without(std::uint64_t flags) const {
        return PageTableEntry(m_raw & ~flags);
    }

    constexpr bool operator==(const PageTableEntry&) const = default;

private:
    std::uint64_t m_raw = 0;
};

inline constexpr std::size_t entries_per_table = 512;

/// Levels count from the leaf: 1 = PTE, 2 = PMD, 3 = PUD, 4 = PGD (or P4D), 5 = PGD.
[[nodiscard]] constexpr std::size_t table_index(VirtAddr address, unsigned level) {
    return static_cast<std::size_t>(address.value() >> (page_shift + 9 * (level - 1))) &
           (entries_per_table - 1);
}
/// Bytes that one entry of this level spans.
[[nodiscard]] constexpr std::uint64_t level_span(unsigned level) { return page_size << (9 * (level - 1)); }

/// The contents of the simulated frames that hold page tables: the one kind of data that is simulated, since
/// the page walker reads it. The OS layer adds and removes tables; OS layer and walker both write entries
/// (accessed, dirty).
class PageTableMemory {
public:
    using Table = std::array<PageTableEntry, entries_per_table>;

    /// Makes `frame` a table of empty entries.
    Table& add(Pfn frame) {
        const std::size_t chunk = static_cast<std::size_t>(frame.value() >> chunk_bits);
        if (chunk >= m_chunks.size()) m_chunks.resize(chunk + 1);
        if (!m_chunks[chunk]) m_chunks[chunk] = std::make_unique<Chunk>();
        auto& slot = (*m_chunks[chunk])[frame.value() & chunk_mask];
        PAGEWALK_INVARIANT(slot == nullptr);
        slot = std::make_unique<Table>();
        ++m_count;
        return *slot;
    }
    void remove(Pfn frame) {
        auto& slot =
            (*m_chunks[static_cast<std::size_t>(frame.value() >> chunk_bits)])[frame.value() & chunk_mask];
        PAGEWALK_INVARIANT(slot != nullptr);
        slot.reset();
        --m_count;
    }
    /// Contract: `frame` is a table.
    [[nodiscard]] Table& table(Pfn frame) {
        return *(
            *m_chunks[static_cast<std::size_t>(frame.value() >> chunk_bits)])[frame.value() & chunk_mask];
    }
    /// Null when `frame` is no table, or none any more.
    [[nodiscard]] Table* find(Pfn frame) {
        const auto chunk = static_cast<std::size_t>(frame.value() >> chunk_bits);
        if (chunk >= m_chunks.size() || !m_chunks[chunk]) return nullptr;
        return (*m_chunks[chunk])[frame.value() & chunk_mask].get();
    }
    [[nodiscard]] std::size_t count() const { return m_count; }

private:
    static constexpr unsigned chunk_bits = 12;
    static constexpr std::uint64_t chunk_mask = (1ULL << chunk_bits) - 1;
    using Chunk = std::array<std::unique_ptr<Table>, 1ULL << chunk_bits>;
    std::vector<std::unique_ptr<Chunk>> m_chunks;
    std::size_t m_count = 0;
};

} // namespace pagewalk
