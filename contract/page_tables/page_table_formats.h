#pragma once

#include "contract/page_tables/page_table_format.h"

#include <memory>
#include <unordered_map>
#include <utility>

namespace pagewalk {

/// The tables of programs whose format is not radix, by the frame of their address space's top-level table,
/// which has the kernel's half.
class PageTableFormats {
public:
    void add(Pfn root, std::unique_ptr<PageTableFormat> table) { m_tables[root.value()] = std::move(table); }
    void remove(Pfn root) { m_tables.erase(root.value()); }
    /// Null where the whole table is radix.
    [[nodiscard]] PageTableFormat* of(Pfn root) const {
        const auto table = m_tables.find(root.value());
        return table == m_tables.end() ? nullptr : table->second.get();
    }

private:
    std::unordered_map<std::uint64_t, std::unique_ptr<PageTableFormat>> m_tables;
};

} // namespace pagewalk
