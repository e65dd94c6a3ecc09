#include "contract/page_tables/flattened.h"

#include <algorithm>

namespace pagewalk {

EntryPlace FlattenedTable::find(VirtAddr address) {
    const auto region = m_regions.find(address.value() >> region_shift);
    if (region == m_regions.end()) return {};
    const auto table = region->second.tables.find(address.value() >> table_shift);
    return table == region->second.tables.end() ? EntryPlace{} : place_in(table->second, address);
}

FlattenedTable::Region* FlattenedTable::region_of(VirtAddr address, TableFrames& frames) {
    if (m_root == TableFrames::no_frame) {
        m_root = frames.allocate(root_order);
        if (m_root == TableFrames::no_frame) return nullptr;
        m_frames += 1ULL << root_order;
    }
    const std::uint64_t number = address.value() >> region_shift;
    if (const auto found = m_regions.find(number); found != m_regions.end()) return &found->second;
    Region region{.frame = frames.allocate(lower_order)};
    region.flat = region.frame != TableFrames::no_frame;
    if (!region.flat) region.frame = frames.allocate(0);
    if (region.frame == TableFrames::no_frame) return nullptr;
    // Others may have been faster while this one waited for memory.
    if (const auto found = m_regions.find(number); found != m_regions.end()) {
        frames.free(region.frame, region.flat ? lower_order : 0);
        return &found->second;
    }
    m_frames += region.flat ? 1ULL << lower_order : 1;
    frames.store(root_entry(address));
    return &m_regions.emplace(number, std::move(region)).first->second;
}

EntryPlace FlattenedTable::ensure(VirtAddr address, TableFrames& frames) {
    if (const EntryPlace place = find(address)) return place;
    Region* const region = region_of(address, frames);
    if (region == nullptr) return {};
    const std::uint64_t number = address.value() >> table_shift;
    const std::uint64_t index = table_index(address, 2);
    Pfn frame = region->frame + index;
    if (!region->flat) {
        frame = frames.allocate(0);
        if (frame == TableFrames::no_frame) return {};
        if (const EntryPlace place = find(address)) {
            frames.free(frame, 0);
            return place;
        }
        ++m_frames;
        frames.store(address_of(region->frame) + index * sizeof(PageTableEntry));
    }
    Table& table = region->tables[number];
    if (!table.entries) table = {frame, std::make_unique<Entries>()};
    return place_in(table, address);
}

EntryPlace FlattenedTable::next(VirtAddr& at, VirtAddr end) {
    for (auto region = m_regions.lower_bound(at.value() >> region_shift); region != m_regions.end();
         ++region) {
        std::map<std::uint64_t, Table>& tables = region->second.tables;
        for (auto table = tables.lower_bound(at.value() >> table_shift); table != tables.end(); ++table) {
            const VirtAddr start(table->first << table_shift);
            for (VirtAddr page = std::max(at, start); page < start + level_span(2); page += page_size) {
                if (page >= end) return {};
                if ((*table->second.entries)[table_index(page, 1)].empty()) continue;
                at = page;
                return place_in(table->second, page);
            }
        }
    }
    return {};
}

void FlattenedTable::release_region(Region& region, TableFrames& frames) {
    if (!region.flat)
        for (auto& [number, table] : region.tables) {
            frames.free(table.frame, 0);
            --m_frames;
        }
    frames.free(region.frame, region.flat ? lower_order : 0);
    m_frames -= region.flat ? 1ULL << lower_order : 1;
}

void FlattenedTable::release(VirtAddr start, VirtAddr end, TableFrames& frames) {
    const std::uint64_t last = (end.value() - 1) >> region_shift;
    for (auto region = m_regions.lower_bound(start.value() >> region_shift);
         region != m_regions.end() && region->first <= last;) {
        VirtAddr at(region->first << region_shift);
        if (next(at, VirtAddr((region->first + 1) << region_shift))) {
            ++region;
            continue;
        }
        frames.store(root_entry(VirtAddr(region->first << region_shift)));
        release_region(region->second, frames);
        region = m_regions.erase(region);
    }
    if (!m_regions.empty() || m_root == TableFrames::no_frame) return;
    frames.free(m_root, root_order);
    m_root = TableFrames::no_frame;
    m_frames = 0;
}

FormatWalk FlattenedTable::walk(VirtAddr address, WalkMemory& memory) {
    FormatWalk walk;
    if (m_root == TableFrames::no_frame) return walk;
    const std::uint64_t number = address.value() >> region_shift;
    if (!memory.recall(number)) walk.add(root_entry(address));
    const auto region = m_regions.find(number);
    if (region == m_regions.end()) return walk;
    const PhysAddr lower = address_of(region->second.frame);
    // A table of tables is one more level; what it says is kept like an upper entry.
    if (!region->second.flat && !memory.recall(1ULL << 40 | address.value() >> table_shift))
        walk.add(lower + table_index(address, 2) * sizeof(PageTableEntry));
    walk.found = find(address);
    if (walk.found)
        walk.add(walk.found.where);
    else if (region->second.flat)
        walk.add(lower + (address.value() >> page_shift & 0x3ffff) * sizeof(PageTableEntry));
    return walk;
}

} // namespace pagewalk
