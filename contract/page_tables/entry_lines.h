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
    static constexpr unsigned key_shift = page_shift + 3;

    std::array<PageTableEntry, 8> entries{};
    std::uint64_t key = 0; ///< address >> key_shift
    std::uint64_t slot = 0;
    unsigned way = 0;

    [[nodiscard]] static std::uint64_t key_of(VirtAddr address) { return address.value() >> key_shift; }
    [[nodiscard]] static std::size_t place_of(VirtAddr address) {
        return static_cast<std::size_t>(address.value() >> page_shift & 7);
    }
    [[nodiscard]] bool empty() const {
        for (const PageTableEntry entry : entries)
            if (!entry.empty()) return false;
        return true;
    }
};

/// The lines of one address space in the order of their addresses, at host addresses that stay. It stands for
/// what a kernel with hashed tables goes through its areas for.
class EntryLines {
public:
    using Lines = std::map<std::uint64_t, EntryLine>;

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

    /// The line of the first entry at or after `at`, below `end`, that is not empty; moves `at` to its page.
    [[nodiscard]] EntryLine* next(VirtAddr& at, VirtAddr end) {
        for (auto line = m_lines.lower_bound(EntryLine::key_of(at)); line != m_lines.end(); ++line) {
            const VirtAddr start(line->first << EntryLine::key_shift);
            for (std::size_t i = 0; i < line->second.entries.size(); ++i) {
                const VirtAddr page = start + i * page_size;
                if (page >= end) return nullptr;
                if (page < at || line->second.entries[i].empty()) continue;
                at = page;
                return &line->second;
            }
        }
        return nullptr;
    }
    /// Calls take_out(line), then forgets it, for each line of [start, end) without entries.
    template <class TakeOut>
    void remove_empty(VirtAddr start, VirtAddr end, const TakeOut& take_out) {
        auto line = m_lines.lower_bound(EntryLine::key_of(start));
        while (line != m_lines.end() && VirtAddr(line->first << EntryLine::key_shift) < end) {
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
    Lines m_lines;
};

} // namespace pagewalk
