#include "os/vm/page_table.h"

#include "base/error.h"
#include "os/vm/operation_frames.h"

#include <utility>

namespace pagewalk::os {
namespace {

constexpr GfpMask table_gfp = gfp::kernel_account | gfp::zero; // GFP_PGTABLE_USER
constexpr unsigned root_order = 1; // PGD_ALLOCATION_ORDER with page-table isolation
constexpr std::uint64_t table_flags =
    PageTableEntry::Present | PageTableEntry::Writable | PageTableEntry::User | PageTableEntry::Accessed;
constexpr std::size_t user_entries = entries_per_table / 2;

/// Those of 2 MiB and of 1 GiB have counters; Linux has none for larger ones.
constexpr bool is_counted(unsigned level) { return level <= 2; }

PteSlot slot_at(const EntryPlace& place) {
    if (!place) return {};
    return {place.entry, pfn_of(place.where),
            static_cast<std::size_t>(place.where.value() % page_size) / sizeof(PageTableEntry), place.level};
}

} // namespace

void PageTables::make_table(Pfn frame) {
    if (const auto dead = std::ranges::find(m_dead, frame); dead != m_dead.end()) {
        m_memory.remove(frame);
        *dead = m_dead.back();
        m_dead.pop_back();
    }
    m_memory.add(frame);
}

void PageTables::retire_table(Operation& op, Pfn frame) {
    m_dead.push_back(frame);
    op.log.dead_tables.push_back(frame);
}

void PageTables::remove_dead_tables(PathLog& log) {
    for (const Pfn frame : log.dead_tables)
        if (const auto dead = std::ranges::find(m_dead, frame); dead != m_dead.end()) {
            m_memory.remove(frame);
            *dead = m_dead.back();
            m_dead.pop_back();
        }
    log.dead_tables.clear();
}

bool PageTables::create_root(Operation& op, AddressSpace& space) {
    const FunctionScope scope = in(op, TracedFunction::PgdAlloc);
    op.path.call(KernelFunction::PgdAlloc);
    const FunctionScope pages = in(op, TracedFunction::GetFreePages);
    op.path.call(KernelFunction::AllocPages);
    const auto frame = allocate(op, root_order);
    if (!frame) return false;
    m_frames.pages().at(*frame).owner_flags = frame_flags::kernel;
    make_table(*frame);
    fill_kernel_half(*frame);
    op.path.copy_bytes(kernel_layout::direct_map(address_of(*frame)) + page_size / 2,
                       kernel_layout::direct_map(address_of(m_kernel_root)) + page_size / 2, page_size / 2);
    space.root = *frame;
    add_copies(op, m_levels, *frame);
    if (m_kind != PageTableKind::Radix) m_formats.add(space.root, make_page_table(m_kind));
    return true;
}

std::expected<Pfn, AllocError> PageTables::allocate(Operation& op, unsigned order) {
    FrameAllocator::Request request{
        .mask = table_gfp, .order = order, .purpose = AllocationPurpose::PageTable};
    if (m_placement.kind == PageTablePlacement::Kind::Node) request.node = m_placement.node;
    return m_frames.allocate(op, request);
}

/// A new table gets a copy on each node but its own that has memory to spare.
void PageTables::add_copies(Operation& op, unsigned level, Pfn table) {
    if (m_placement.kind != PageTablePlacement::Kind::Replicated) return;
    const NodeId own = m_frames.allocator().zone_of(table)->node;
    const std::size_t nodes = m_frames.allocator().node_order().size();
    for (std::size_t i = 0; i < nodes; ++i) {
        const auto node = static_cast<NodeId>(i);
        if (node == own) continue;
        op.path.call(KernelFunction::AllocPages);
        const auto copy =
            m_frames.allocate(op, {.mask = table_gfp | gfp::thisnode | gfp::noretry | gfp::nowarn,
                                   .purpose = AllocationPurpose::PageTable,
                                   .node = node});
        if (!copy) continue;
        m_frames.pages().at(*copy).owner_flags = frame_flags::kernel;
        if (is_counted(level)) ++m_counters.nr_page_table_pages;
        m_replicas.add(table, node, *copy);
    }
}

/// The copies of a table that goes; the caller frees them.
std::vector<Pfn> PageTables::take_copies(unsigned level, Pfn table) {
    if (m_placement.kind != PageTablePlacement::Kind::Replicated) return {};
    std::vector<Pfn> frames = m_replicas.remove(table);
    if (is_counted(level)) m_counters.nr_page_table_pages -= frames.size();
    return frames;
}

void PageTables::free_copies(Operation& op, unsigned level, Pfn table) {
    for (const Pfn copy : take_copies(level, table)) m_frames.free(op, copy, 0);
}

void PageTables::store_copies(Operation& op, PteSlot slot) const {
    m_replicas.for_each(
        slot.table, [&](Pfn copy) { op.path.store(address_of(copy) + slot.index * sizeof(PageTableEntry)); });
}

void PageTables::fill_kernel_half(Pfn root) {
    PageTableMemory::Table& table = m_memory.table(root);
    const PageTableMemory::Table& kernel = m_memory.table(m_kernel_root);
    std::copy(kernel.begin() + user_entries, kernel.end(), table.begin() + user_entries);
}

Pfn PageTables::table_at(const AddressSpace& space, VirtAddr address, unsigned level) {
    Pfn table = space.root;
    for (unsigned above = m_levels; above > level; --above) {
        const PageTableEntry entry = m_memory.table(table)[table_index(address, above)];
        if (!entry.present() || (above <= 3 && entry.has(PageTableEntry::Huge))) return no_pfn;
        table = entry.frame();
    }
    return table;
}

bool PageTables::move_leaf_table(Operation& op, AddressSpace& space, VirtAddr from, VirtAddr to) {
    if (table_at(space, from, 1) == no_pfn) return false;
    const PteSlot target = get_upper(op, space, to);
    if (!target || !target.entry->empty()) return false;
    PageTableEntry& old = m_memory.table(table_at(space, from, 2))[table_index(from, 2)];
    *target.entry = std::exchange(old, PageTableEntry{});
    store(op, target);
    space.cached_block = VirtAddr(~0ULL);
    return true;
}

void PageTables::adopt_root(Operation& op, AddressSpace& space, Pfn frame) {
    destroy_root(op, space);
    make_table(frame);
    fill_kernel_half(frame);
    space.root = frame;
    space.cached_block = VirtAddr(~0ULL);
}

void PageTables::adopt_table(AddressSpace& space, VirtAddr address, unsigned level, Pfn frame) {
    Pfn table = space.root;
    for (unsigned above = m_levels; above > level + 1; --above)
        table = m_memory.table(table)[table_index(address, above)].frame();
    make_table(frame);
    m_memory.table(table)[table_index(address, level + 1)] = PageTableEntry(frame, table_flags);
    ++space.table_pages;
    if (is_counted(level)) ++m_counters.nr_page_table_pages;
}

void PageTables::destroy_root(Operation& op, AddressSpace& space) {
    m_formats.remove(space.root);
    free_copies(op, m_levels, space.root);
    m_memory.remove(space.root);
    m_frames.free(op, space.root, root_order);
    space.root = no_pfn;
}

PageTables::Block PageTables::block_at(AddressSpace& space, VirtAddr at) {
    const VirtAddr block = VirtAddr(at.value() & ~(level_span(2) - 1));
    if (space.cached_block == block) return {.table = space.cached_table, .huge = {}};
    Pfn table = space.root;
    for (unsigned level = m_levels; level > 1; --level) {
        const std::size_t index = table_index(at, level);
        PageTableEntry& entry = m_memory.table(table)[index];
        if (level == 2 && entry.has(PageTableEntry::Huge)) return {.huge = {&entry, table, index, 2}};
        const bool gigantic = level == 3 && entry.has(PageTableEntry::Huge); // of hugetlbfs
        if (!entry.present() || gigantic) return {.huge = {}, .span = level_span(level)};
        table = entry.frame();
    }
    space.cached_block = block;
    space.cached_table = table;
    return {.table = table, .huge = {}};
}

PteSlot PageTables::next_entry(const AddressSpace& space, VirtAddr& at, VirtAddr end) {
    return slot_at(m_formats.of(space.root)->next(at, end));
}

PteSlot PageTables::find(AddressSpace& space, VirtAddr address) {
    if (m_kind != PageTableKind::Radix) [[unlikely]]
        return slot_at(m_formats.of(space.root)->find(address));
    const Pfn table = block_at(space, address).table;
    if (table == no_pfn) return {};
    const std::size_t index = table_index(address, 1);
    return {&m_memory.table(table)[index], table, index};
}

PteSlot PageTables::find_huge(const AddressSpace& space, VirtAddr address) {
    if (m_kind != PageTableKind::Radix) [[unlikely]] {
        const PteSlot slot = slot_at(m_formats.of(space.root)->find_huge(address));
        return slot && slot.entry->has(PageTableEntry::Huge) ? slot : PteSlot{};
    }
    const Pfn table = table_at(space, address, 2);
    if (table == no_pfn) return {};
    const std::size_t index = table_index(address, 2);
    PageTableEntry& entry = m_memory.table(table)[index];
    return entry.has(PageTableEntry::Huge) ? PteSlot{&entry, table, index, 2} : PteSlot{};
}

PteSlot PageTables::get_upper(Operation& op, AddressSpace& space, VirtAddr address, unsigned level) {
    if (m_kind != PageTableKind::Radix) [[unlikely]] {
        PAGEWALK_INVARIANT(level == 2); // 1 GiB pages want radix tables
        OperationFrames frames(op, space, m_frames, m_counters);
        return slot_at(m_formats.of(space.root)->ensure_huge(address, frames));
    }
    return add_tables(op, space, address, level) ? find_upper(space, address, level) : PteSlot{};
}

PteSlot PageTables::find_upper(const AddressSpace& space, VirtAddr address, unsigned level) {
    const Pfn table = table_at(space, address, level);
    if (table == no_pfn) return {};
    const std::size_t index = table_index(address, level);
    return {&m_memory.table(table)[index], table, index, level};
}

Pfn PageTables::allocate_leaf(Operation& op, AddressSpace& space, VirtAddr address) {
    if (m_kind == PageTableKind::Radix) [[likely]]
        return add_table(op, space, 1);
    OperationFrames frames(op, space, m_frames, m_counters);
    return m_formats.of(space.root)->reserve(address, frames) ? space.root : no_pfn;
}

void PageTables::free_leaf(Operation& op, AddressSpace& space, VirtAddr address, Pfn table) {
    if (m_kind == PageTableKind::Radix) [[likely]]
        return drop_table(op, space, 1, table);
    OperationFrames frames(op, space, m_frames, m_counters);
    m_formats.of(space.root)->unreserve(address, frames);
}

void PageTables::free_deposited(Operation& op, AddressSpace& space, VirtAddr address, PteSlot slot) {
    const bool radix = m_kind == PageTableKind::Radix;
    free_leaf(op, space, address, radix ? m_deposited.take(slot.table) : no_pfn);
}

void PageTables::split(Operation& op, AddressSpace& space, VirtAddr address, PteSlot slot) {
    if (m_kind == PageTableKind::Radix) [[likely]] {
        *slot.entry = PageTableEntry(m_deposited.take(slot.table), table_flags);
        return store(op, slot);
    }
    *slot.entry = PageTableEntry();
    store(op, slot);
    OperationFrames frames(op, space, m_frames, m_counters);
    m_formats.of(space.root)->split(address, frames);
}

bool PageTables::is_free(const AddressSpace& space, VirtAddr address, PteSlot slot) const {
    if (!slot.entry->empty()) return false;
    return m_kind == PageTableKind::Radix || !m_formats.of(space.root)->has_small(address);
}

bool PageTables::has_leaf(const AddressSpace& space, VirtAddr address) {
    if (m_kind == PageTableKind::Radix) [[likely]]
        return table_at(space, address, 1) != no_pfn;
    return m_formats.of(space.root)->has_small(address);
}

PageTables::Collapse PageTables::begin_collapse(Operation& op, AddressSpace& space, VirtAddr start) {
    const PteSlot slot = get_upper(op, space, start);
    if (m_kind == PageTableKind::Radix) return {slot, table_at(space, start, 1)};
    const Pfn reserved = slot ? allocate_leaf(op, space, start) : no_pfn;
    return reserved == no_pfn ? Collapse{} : Collapse{slot, reserved};
}

void PageTables::cancel_collapse(Operation& op, AddressSpace& space, VirtAddr start,
                                 const Collapse& collapse) {
    if (m_kind != PageTableKind::Radix && collapse.slot) free_leaf(op, space, start, collapse.table);
}

void PageTables::end_collapse(Operation& op, AddressSpace& space, VirtAddr start) {
    space.cached_block = VirtAddr(~0ULL);
    if (m_kind == PageTableKind::Radix) return;
    OperationFrames frames(op, space, m_frames, m_counters);
    m_formats.of(space.root)->release(start, start + level_span(2), frames);
}

bool PageTables::move_huge(Operation& op, AddressSpace& space, VirtAddr from_address, PteSlot from,
                           VirtAddr to) {
    const PteSlot target = get_upper(op, space, to);
    if (!target || !is_free(space, to, target)) return false;
    const bool radix = m_kind == PageTableKind::Radix;
    if (!radix && allocate_leaf(op, space, to) == no_pfn) return false;
    if (!from.entry->has(PageTableEntry::Huge)) { // split while this one waited for memory
        if (!radix) free_leaf(op, space, to, no_pfn);
        return false;
    }
    *target.entry = std::exchange(*from.entry, PageTableEntry{});
    if (!radix)
        free_leaf(op, space, from_address, no_pfn);
    else if (target.table != from.table)
        m_deposited.add(target.table, m_deposited.take(from.table));
    store(op, from);
    store(op, target);
    return true;
}

Pfn PageTables::add_table(Operation& op, AddressSpace& space, unsigned level) {
    op.path.call(level == 1 ? KernelFunction::PteAlloc : KernelFunction::PmdAlloc);
    op.path.call(KernelFunction::AllocPages);
    const auto frame = allocate(op, 0);
    if (!frame) return no_pfn;
    m_frames.pages().at(*frame).owner_flags = frame_flags::kernel;
    make_table(*frame);
    ++space.table_pages;
    if (is_counted(level)) ++m_counters.nr_page_table_pages;
    add_copies(op, level, *frame);
    return *frame;
}

void PageTables::drop_table(Operation& op, AddressSpace& space, unsigned level, Pfn frame) {
    free_copies(op, level, frame);
    m_memory.remove(frame);
    --space.table_pages;
    if (is_counted(level)) --m_counters.nr_page_table_pages;
    m_frames.free(op, frame, 0);
}

PteSlot PageTables::get(Operation& op, AddressSpace& space, VirtAddr address) {
    if (const PteSlot slot = find(space, address)) return slot;
    if (m_kind != PageTableKind::Radix) [[unlikely]] {
        OperationFrames frames(op, space, m_frames, m_counters);
        const PteSlot slot = slot_at(m_formats.of(space.root)->ensure(address, frames));
        if (!find_huge(space, address)) return slot;
        // The huge page came while this one waited for memory.
        const VirtAddr start(address.value() & ~(level_span(2) - 1));
        m_formats.of(space.root)->release(start, start + level_span(2), frames);
        return {};
    }
    return add_tables(op, space, address, 1) ? find(space, address) : PteSlot{};
}

bool PageTables::get_range(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end) {
    if (m_kind == PageTableKind::Radix) [[likely]]
        return static_cast<bool>(get(op, space, start));
    for (VirtAddr at = start; at < end; at += page_size)
        if (!get(op, space, at)) return false;
    return true;
}

bool PageTables::add_upper(Operation& op, AddressSpace& space, VirtAddr address) {
    return m_kind != PageTableKind::Radix || find(space, address) || add_tables(op, space, address, 2);
}

bool PageTables::add_tables(Operation& op, AddressSpace& space, VirtAddr address, unsigned lowest) {
    Pfn table = space.root;
    for (unsigned level = m_levels; level > lowest; --level) {
        const std::size_t index = table_index(address, level);
        PageTableEntry entry = m_memory.table(table)[index];
        if (!entry.present()) {
            const Pfn frame = add_table(op, space, level - 1);
            if (frame == no_pfn) return false;
            entry = m_memory.table(table)[index];
            if (entry.present()) { // another was faster while this one waited for memory
                drop_table(op, space, level - 1, frame);
            } else {
                entry = PageTableEntry(frame, table_flags);
                m_memory.table(table)[index] = entry;
                store(op, {&m_memory.table(table)[index], table, index});
            }
        }
        table = entry.frame();
    }
    return true;
}

void PageTables::free_range(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end, VirtAddr floor,
                            VirtAddr ceiling, std::vector<Pfn>& freed) {
    space.cached_block = VirtAddr(~0ULL);
    if (m_kind != PageTableKind::Radix) [[unlikely]] {
        OperationFrames frames(op, space, m_frames, m_counters);
        return m_formats.of(space.root)->release(start, end, frames);
    }
    free_level(op, space, space.root, m_levels, start, end, floor, ceiling, freed);
}

void PageTables::free_level(Operation& op, AddressSpace& space, Pfn table, unsigned level, VirtAddr start,
                            VirtAddr end, VirtAddr floor, VirtAddr ceiling, std::vector<Pfn>& freed) {
    // An entry's table goes when the entry's whole span, clipped to user space, has no neighbour's memory in
    // it.
    const std::uint64_t span = level_span(level);
    const std::uint64_t last = (end.value() - 1) & ~(span - 1);
    for (std::uint64_t at = start.value() & ~(span - 1);; at += span) {
        const std::size_t index = table_index(VirtAddr(at), level);
        const PageTableEntry entry = m_memory.table(table)[index];
        if (entry.present() && !(level == 2 && entry.has(PageTableEntry::Huge))) {
            const VirtAddr from = std::max(start, VirtAddr(at));
            const VirtAddr to = std::min(end, VirtAddr(at + span));
            if (level > 2) free_level(op, space, entry.frame(), level - 1, from, to, floor, ceiling, freed);
            const bool below = at < floor.value();
            const bool above = ceiling != VirtAddr{} && at + span > ceiling.value();
            if (!below && !above) {
                m_memory.table(table)[index] = PageTableEntry{};
                store(op, {&m_memory.table(table)[index], table, index});
                op.path.call(KernelFunction::FreeTable);
                retire_table(op, entry.frame());
                freed.push_back(entry.frame());
                for (const Pfn copy : take_copies(level - 1, entry.frame())) freed.push_back(copy);
                --space.table_pages;
                if (is_counted(level - 1)) --m_counters.nr_page_table_pages;
            }
        }
        if (at == last) break;
    }
}

} // namespace pagewalk::os
