#include "models/mmu/nested/host_tables.h"

#include "base/error.h"

namespace pagewalk::models {
namespace {

constexpr std::uint64_t table_flags =
    PageTableEntry::Present | PageTableEntry::Writable | PageTableEntry::Accessed;

} // namespace

HostTables::HostTables(const NestedConfig& config)
    : m_pages(config.page_size_of_host()), m_next(pfn_of(PhysAddr(config.base))),
      m_end(pfn_of(PhysAddr(config.base + config.bytes))), m_root(new_table()) {}

Pfn HostTables::new_table() {
    PAGEWALK_INVARIANT(m_next < m_end);
    const Pfn made = m_next;
    m_tables.add(made);
    m_next += 1;
    return made;
}

PageTableEntry* HostTables::entry(PhysAddr guest, Missing missing) {
    const VirtAddr address(guest.value());
    Pfn table = m_root;
    for (unsigned level = levels; level > leaf_level(); --level) {
        PageTableEntry& upper = m_tables.table(table)[table_index(address, level)];
        if (!upper.present()) {
            if (missing == Missing::Stay) return nullptr;
            upper = PageTableEntry(new_table(), table_flags);
        }
        table = upper.frame();
    }
    return &m_tables.table(table)[table_index(address, leaf_level())];
}

bool HostTables::backs(PhysAddr guest) {
    const PageTableEntry* const leaf = entry(guest, Missing::Stay);
    return leaf != nullptr && leaf->present();
}

void HostTables::back(PhysAddr guest) {
    const std::uint64_t huge = m_pages == PageSize::Page4K ? 0 : std::uint64_t{PageTableEntry::Huge};
    const PhysAddr start(guest.value() & ~(level_span(leaf_level()) - 1));
    *entry(guest, Missing::Add) = PageTableEntry(pfn_of(start), table_flags | huge);
}

} // namespace pagewalk::models
