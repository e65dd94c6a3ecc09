#include "contract/page_tables/flattened.h"

#include "base/error.h"

#include <algorithm>
#include <iterator>

namespace pagewalk {

FlattenedTable::Region* FlattenedTable::find_region(VirtAddr address) {
    const auto region = m_regions.find(address.value() >> region_shift);
    return region == m_regions.end() ? nullptr : &region->second;
}

EntryPlace FlattenedTable::find(VirtAddr address) {
    Region* const region = find_region(address);
    if (region == nullptr) return {};
    const auto table = region->tables.find(address.value() >> table_shift);
    return table == region->tables.end() ? EntryPlace{} : place_in(table->second, address);
}

EntryPlace FlattenedTable::huge_in(Region& region, VirtAddr address) {
    const auto entry = region.huge.find(address.value() >> table_shift);
    if (entry == region.huge.end()) return {};
    const std::uint64_t index = table_index(address, 2);
    const std::uint64_t bytes = region.flat ? page_size : sizeof(PageTableEntry);
    return {&entry->second, address_of(region.frame) + index * bytes, 2};
}

EntryPlace FlattenedTable::find_huge(VirtAddr address) {
    Region* const region = find_region(address);
    return region == nullptr ? EntryPlace{} : huge_in(*region, address);
}

EntryPlace FlattenedTable::ensure_huge(VirtAddr address, TableFrames& frames) {
    Region* const region = region_of(address, frames);
    if (region == nullptr) return {};
    region->huge.try_emplace(address.value() >> table_shift);
    return huge_in(*region, address);
}

bool FlattenedTable::has_small(VirtAddr address) {
    const Region* const region = find_region(address);
    return region != nullptr && region->tables.contains(address.value() >> table_shift);
}

bool FlattenedTable::reserve(VirtAddr address, TableFrames& frames) {
    Region* const region = find_region(address);
    PAGEWALK_INVARIANT(region != nullptr);
    if (region->flat) return true;
    const Pfn frame = frames.allocate(0);
    if (frame == TableFrames::no_frame) return false;
    ++m_frames;
    region->reserved.push_back(frame);
    return true;
}

void FlattenedTable::unreserve(VirtAddr address, TableFrames& frames) {
    Region* const region = find_region(address);
    PAGEWALK_INVARIANT(region != nullptr);
    if (region->flat) return;
    frames.free(region->reserved.back(), 0);
    region->reserved.pop_back();
    --m_frames;
}

void FlattenedTable::split(VirtAddr address, TableFrames& frames) {
    Region* const region = find_region(address);
    PAGEWALK_INVARIANT(region != nullptr);
    if (region->flat) return add_table(*region, address, region->frame + table_index(address, 2), frames);
    add_table(*region, address, region->reserved.back(), frames);
    region->reserved.pop_back();
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

void FlattenedTable::add_table(Region& region, VirtAddr address, Pfn frame, TableFrames& frames) {
    Table& table = region.tables[address.value() >> table_shift];
    if (!table.entries) table = {frame, std::make_unique<Entries>()};
    if (region.flat) return;
    frames.store(address_of(region.frame) + table_index(address, 2) * sizeof(PageTableEntry));
}

EntryPlace FlattenedTable::ensure(VirtAddr address, TableFrames& frames) {
    if (const EntryPlace place = find(address)) return place;
    Region* const region = region_of(address, frames);
    if (region == nullptr) return {};
    Pfn frame = region->frame + table_index(address, 2);
    if (!region->flat) {
        frame = frames.allocate(0);
        if (frame == TableFrames::no_frame) return {};
        if (const EntryPlace place = find(address)) {
            frames.free(frame, 0);
            return place;
        }
        ++m_frames;
    }
    add_table(*region, address, frame, frames);
    return find(address);
}

EntryPlace FlattenedTable::next(VirtAddr& at, VirtAddr end) {
    const VirtAddr block(at.value() & ~(level_span(2) - 1));
    for (auto region = m_regions.lower_bound(at.value() >> region_shift); region != m_regions.end();
         ++region) {
        std::map<std::uint64_t, Table>& tables = region->second.tables;
        const auto is_mapped = [](const auto& entry) { return !entry.second.empty(); };
        auto& huge = region->second.huge;
        const auto large =
            std::find_if(huge.lower_bound(block.value() >> table_shift), huge.end(), is_mapped);
        const VirtAddr large_at(large == huge.end() ? ~0ULL : large->first << table_shift);
        const VirtAddr small_end = std::min(end, large_at);
        for (auto table = tables.lower_bound(at.value() >> table_shift); table != tables.end(); ++table) {
            const VirtAddr start(table->first << table_shift);
            if (start >= small_end) break;
            for (VirtAddr page = std::max(at, start); page < start + level_span(2); page += page_size) {
                if (page >= small_end) break;
                if ((*table->second.entries)[table_index(page, 1)].empty()) continue;
                at = page;
                return place_in(table->second, page);
            }
        }
        if (large_at >= end) {
            if (large != huge.end()) return {};
            continue;
        }
        at = large_at;
        return huge_in(region->second, at);
    }
    return {};
}

void FlattenedTable::release_region(Region& region, TableFrames& frames) {
    frames.free(region.frame, region.flat ? lower_order : 0);
    m_frames -= region.flat ? 1ULL << lower_order : 1;
}

/// Of a region: tables and huge pages' places that have nothing in [start, end) or around it.
void FlattenedTable::release_empty(Region& region, VirtAddr start, VirtAddr end, TableFrames& frames) {
    const std::uint64_t first = start.value() >> table_shift, last = (end.value() - 1) >> table_shift;
    for (auto table = region.tables.lower_bound(first);
         table != region.tables.end() && table->first <= last;) {
        if (!std::ranges::all_of(*table->second.entries, &PageTableEntry::empty)) {
            ++table;
            continue;
        }
        if (!region.flat) {
            frames.store(address_of(region.frame) +
                         (table->first & (entries_per_table - 1)) * sizeof(PageTableEntry));
            frames.free(table->second.frame, 0);
            --m_frames;
        }
        table = region.tables.erase(table);
    }
    for (auto entry = region.huge.lower_bound(first); entry != region.huge.end() && entry->first <= last;)
        entry = entry->second.empty() ? region.huge.erase(entry) : std::next(entry);
}

void FlattenedTable::release(VirtAddr start, VirtAddr end, TableFrames& frames) {
    const std::uint64_t last = (end.value() - 1) >> region_shift;
    for (auto region = m_regions.lower_bound(start.value() >> region_shift);
         region != m_regions.end() && region->first <= last;) {
        release_empty(region->second, start, end, frames);
        if (!region->second.tables.empty() || !region->second.huge.empty() ||
            !region->second.reserved.empty()) {
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
    const EntryPlace huge = huge_in(region->second, address);
    const bool is_huge = huge && !huge.entry->empty();
    walk.found = is_huge ? huge : find(address);
    const PhysAddr upper = lower + table_index(address, 2) * sizeof(PageTableEntry);
    if (region->second.flat) {
        const PhysAddr where = lower + (address.value() >> page_shift & 0x3ffff) * sizeof(PageTableEntry);
        if (walk.found) walk.found.where = where;
        walk.add(where);
        return walk;
    }
    // A table of tables is one more level; what it says is kept like an upper entry, but of huge pages.
    if (is_huge || !memory.recall(1ULL << 40 | address.value() >> table_shift)) walk.add(upper);
    if (walk.found && !is_huge) walk.add(walk.found.where);
    return walk;
}

} // namespace pagewalk
