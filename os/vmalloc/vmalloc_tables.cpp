#include "os/vmalloc/vmalloc_tables.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr GfpMask table_gfp = gfp::kernel | gfp::zero; // GFP_PGTABLE_KERNEL
constexpr std::uint64_t table_flags = PageTableEntry::Present | PageTableEntry::Writable |
                                      PageTableEntry::User | PageTableEntry::Accessed |
                                      PageTableEntry::Dirty; // _PAGE_TABLE
constexpr unsigned large_level = 2;
constexpr unsigned largest_leaf_level = 3;

/// Where the entry of this level that covers `at` ends, or `end` if that is nearer.
VirtAddr next_boundary(VirtAddr at, VirtAddr end, unsigned level) {
    const std::uint64_t span = level_span(level);
    const VirtAddr boundary((at.value() & ~(span - 1)) + span);
    // The last entry of the address space ends at 0.
    return boundary.value() - 1 < end.value() - 1 ? boundary : end;
}

VirtAddr entry_address(Pfn table, std::size_t index) {
    return kernel_layout::direct_map(address_of(table) + index * sizeof(PageTableEntry));
}

} // namespace

std::optional<Pfn> VmallocTables::add_table(CpuId cpu) {
    const auto frame = m_pages.allocate({.gfp = table_gfp, .cpu = cpu});
    if (!frame) return std::nullopt;
    m_pages.add_table(m_memory, *frame);
    ++m_tables;
    ++m_trace.summary().tables_added;
    return frame;
}

void VmallocTables::drop_table(Pfn frame, CpuId cpu) {
    m_pages.remove_table(m_memory, frame);
    m_pages.free(frame, 0, cpu);
    --m_tables;
    ++m_trace.summary().tables_dropped;
}

void VmallocTables::write(Pfn table, std::size_t index, PageTableEntry value) {
    entry(table, index) = value;
    m_trace.entry(AllocatorWork::WriteEntry, entry_address(table, index));
}

MapResult VmallocTables::preallocate(VirtAddr start, VirtAddr limit, CpuId cpu) {
    for (std::size_t index = table_index(start, m_levels); index <= table_index(limit, m_levels); ++index) {
        if (entry(m_root, index).present()) continue;
        const auto frame = add_table(cpu);
        if (!frame) return MapResult::NoMemory;
        write(m_root, index, PageTableEntry(*frame, table_flags));
    }
    return MapResult::Mapped;
}

std::optional<Pfn> VmallocTables::table_below(Pfn table, std::size_t index, CpuId cpu) {
    if (!entry(table, index).present()) {
        const auto fresh = add_table(cpu);
        if (!fresh) return std::nullopt;
        if (entry(table, index).present())
            drop_table(*fresh, cpu); // a neighbour was faster while this one waited for memory
        else
            write(table, index, PageTableEntry(*fresh, table_flags));
    }
    return entry(table, index).frame();
}

MapResult VmallocTables::map_pages(VirtAddr start, std::span<const Pfn> frames, std::uint64_t protection,
                                   unsigned page_order, CpuId cpu) {
    if (frames.empty()) return MapResult::Mapped;
    if (page_order == 0) {
        Mapping mapping{.protection = protection, .cpu = cpu, .frames = frames};
        return map_level(m_root, m_levels, start, start + frames.size() * page_size, mapping);
    }
    const std::size_t block = std::size_t{1} << page_order;
    PAGEWALK_INVARIANT(frames.size() % block == 0);
    for (std::size_t i = 0; i < frames.size(); i += block) {
        const VirtAddr at = start + i * page_size;
        if (map_range(at, at + block * page_size, address_of(frames[i]), protection, large_level, cpu) ==
            MapResult::NoMemory)
            return MapResult::NoMemory;
    }
    return MapResult::Mapped;
}

MapResult VmallocTables::map_range(VirtAddr start, VirtAddr end, PhysAddr physical, std::uint64_t protection,
                                   unsigned largest_level, CpuId cpu) {
    Mapping mapping{protection, cpu, std::min(largest_level, largest_leaf_level), physical, {}};
    return map_level(m_root, m_levels, start, end, mapping);
}

MapResult VmallocTables::map_level(Pfn table, unsigned level, VirtAddr start, VirtAddr end,
                                   Mapping& mapping) {
    for (VirtAddr at = start; at != end;) {
        const VirtAddr next = next_boundary(at, end, level);
        const std::size_t index = table_index(at, level);
        if (level == 1) {
            PAGEWALK_INVARIANT(entry(table, index).empty());
            Pfn frame = pfn_of(mapping.physical);
            if (!mapping.frames.empty()) {
                frame = mapping.frames.front();
                mapping.frames = mapping.frames.subspan(1);
            }
            write(table, index, PageTableEntry(frame, mapping.protection));
            mapping.physical += page_size;
        } else if (map_large(table, level, at, next, mapping)) {
            mapping.physical += next - at;
        } else {
            const auto below = table_below(table, index, mapping.cpu);
            if (!below) return MapResult::NoMemory;
            if (map_level(*below, level - 1, at, next, mapping) == MapResult::NoMemory)
                return MapResult::NoMemory;
        }
        at = next;
    }
    return MapResult::Mapped;
}

bool VmallocTables::map_large(Pfn table, unsigned level, VirtAddr at, VirtAddr next, const Mapping& mapping) {
    const std::uint64_t span = level_span(level);
    if (level > mapping.largest_level || next - at != span || at.value() % span != 0 ||
        mapping.physical.value() % span != 0)
        return false;
    const std::size_t index = table_index(at, level);
    if (entry(table, index).present() && !free_tables_below(table, index, level, at, mapping.cpu))
        return false;
    write(table, index, PageTableEntry(pfn_of(mapping.physical), mapping.protection | PageTableEntry::Huge));
    return true;
}

bool VmallocTables::free_tables_below(Pfn table, std::size_t index, unsigned level, VirtAddr at, CpuId cpu) {
    const Pfn below = entry(table, index).frame();
    std::optional<Pfn> copy; // the kernel notes a whole table's entries in a page of their own
    if (level > large_level) {
        copy = m_pages.allocate({.gfp = gfp::kernel, .cpu = cpu});
        if (!copy) return false;
    }
    entry(table, index) = PageTableEntry{};
    m_trace.entry(AllocatorWork::ClearEntry, entry_address(table, index));
    // A walker may hold the table in its paging-structure cache: any address below drops it.
    m_trace.flush(at, at + (page_size - 1));
    if (level > large_level) {
        for (std::size_t i = 0; i < entries_per_table; ++i) {
            const PageTableEntry child = entry(below, i);
            if (child.present()) drop_table(child.frame(), cpu);
        }
        m_pages.free(*copy, 0, cpu);
        ++m_trace.summary().pages_freed;
    }
    drop_table(below, cpu);
    return true;
}

void VmallocTables::unmap(VirtAddr start, VirtAddr end) {
    if (start != end) unmap_level(m_root, m_levels, start, end);
}

void VmallocTables::unmap_level(Pfn table, unsigned level, VirtAddr start, VirtAddr end) {
    for (VirtAddr at = start; at != end;) {
        const VirtAddr next = next_boundary(at, end, level);
        const std::size_t index = table_index(at, level);
        PageTableEntry& here = entry(table, index);
        if (level == 1 || here.has(PageTableEntry::Huge)) {
            if (level == 1 || here.present()) {
                here = PageTableEntry{};
                m_trace.entry(AllocatorWork::ClearEntry, entry_address(table, index));
            }
        } else if (here.present()) {
            unmap_level(here.frame(), level - 1, at, next);
        }
        at = next;
    }
}

VmallocTables::Leaf VmallocTables::leaf_at(VirtAddr address) const {
    Pfn table = m_root;
    for (unsigned level = m_levels;; --level) {
        const PageTableEntry here = entry(table, table_index(address, level));
        if (!here.present()) return {};
        if (level == 1 || here.has(PageTableEntry::Huge)) return {here, level};
        table = here.frame();
    }
}

std::optional<Pfn> VmallocTables::frame_at(VirtAddr address) const {
    const Leaf leaf = leaf_at(address);
    if (leaf.level == 0) return std::nullopt;
    return leaf.entry.frame() + ((address.value() & (level_span(leaf.level) - 1)) >> page_shift);
}

unsigned VmallocTables::level_at(VirtAddr address) const { return leaf_at(address).level; }

} // namespace pagewalk::os
