#pragma once

#include "base/address.h"
#include "contract/page_tables/page_table_format.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

namespace pagewalk {

/// A line of eight entries for eight pages that lie together, as hashed page tables keep them: the tag is in
/// the entries' unused bits.
struct EntryLine {
    static constexpr unsigned pages = 8;

    std::array<PageTableEntry, pages> entries{};
    std::uint64_t key = 0; ///< address >> EntryLines::key_shift()
    std::uint64_t slot = 0;
    unsigned way = 0;

    [[nodiscard]] bool empty() const {
        for (const PageTableEntry entry : entries)
            if (!entry.empty()) return false;
        return true;
    }
};

/// The lines of one address space's pages of one size in the order of their addresses, at host addresses that
/// stay. It stands for what a kernel with hashed tables goes through its areas for.
class EntryLines {
public:
    using Lines = std::map<std::uint64_t, EntryLine>;

    /// `level`: 1 for pages of 4 KiB, 2 for those of 2 MiB.
    explicit EntryLines(unsigned level) : m_level(level) {}

    [[nodiscard]] unsigned level() const { return m_level; }
    [[nodiscard]] unsigned key_shift() const { return page_shift + 9 * (m_level - 1) + 3; }
    [[nodiscard]] std::uint64_t key_of(VirtAddr address) const { return address.value() >> key_shift(); }
    [[nodiscard]] VirtAddr start_of(std::uint64_t key) const { return VirtAddr(key << key_shift()); }
    [[nodiscard]] std::size_t place_of(VirtAddr address) const {
        return table_index(address, m_level) % EntryLine::pages;
    }
    /// Is there a line for any page of [start, end)?
    [[nodiscard]] bool any(VirtAddr start, VirtAddr end) const {
        const auto line = m_lines.lower_bound(key_of(start));
        return line != m_lines.end() && start_of(line->first) < end;
    }

    [[nodiscard]] EntryLine* find(std::uint64_t key) {
        const auto line = m_lines.find(key);
        return line == m_lines.end() ? nullptr : &line->second;
    }
    [[nodiscard]] EntryLine& add(std::uint64_t key) {
        EntryLine& line = m_lines[key];
        line.key = key;
        return line;
    }
    void remove(std::uint64_t key) { m_lines.erase(key); }
    [[nodiscard]] std::size_t size() const { return m_lines.size(); }

    /// The line of the first entry of a page that ends after `at` and begins below `end`, and that is not
    /// empty; moves `at` to its page.
    [[nodiscard]] EntryLine* next(VirtAddr& at, VirtAddr end) {
        const std::uint64_t bytes = level_span(m_level);
        for (auto line = m_lines.lower_bound(key_of(at)); line != m_lines.end(); ++line) {
            for (std::size_t i = 0; i < line->second.entries.size(); ++i) {
                const VirtAddr page = start_of(line->first) + i * bytes;
                if (page >= end) return nullptr;
                if (page + bytes <= at || line->second.entries[i].empty()) continue;
                at = page;
                return &line->second;
            }
        }
        return nullptr;
    }
    /// Calls take_out(line), then forgets it, for each line of [start, end) without entries.
    template <class TakeOut>
    void remove_empty(VirtAddr start, VirtAddr end, const TakeOut& take_out) {
        auto line = m_lines.lower_bound(key_of(start));
        while (line != m_lines.end() && start_of(line->first) < end) {
            if (!line->second.empty()) {
                ++line;
                continue;
            }
            take_out(line->second);
            line = m_lines.erase(line);
        }
    }
    template <class Visit>
    void for_each(const Visit& visit) {
        for (auto& [key, line] : m_lines) visit(line);
    }

private:
    unsigned m_level;
    Lines m_lines;
};

} // namespace pagewalk
