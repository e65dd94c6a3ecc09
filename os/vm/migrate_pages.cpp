#include "os/vm/migrate_pages.h"

#include <utility>

namespace pagewalk::os {

std::optional<NodeId> NodeMigrator::node_of(AddressSpace& space, VirtAddr address) {
    const PteSlot slot = m_memory.tables().find_leaf(space, address);
    if (!slot || !is_mapped(*slot.entry) || m_memory.is_zero_page(slot.entry->frame())) return std::nullopt;
    return m_frames.allocator().zone_of(slot.entry->frame())->node;
}

/// alloc_migration_target. The charge moves with the page.
std::optional<Pfn> NodeMigrator::allocate(Operation& op, GfpMask mask, unsigned order, NodeId node) {
    MemoryCgroup* const charged = std::exchange(op.cgroup, nullptr);
    const auto frame = m_frames.allocate(op, {.mask = mask | gfp::thisnode | gfp::nowarn,
                                              .order = order,
                                              .purpose = AllocationPurpose::Anonymous,
                                              .node = node});
    op.cgroup = charged;
    return frame ? std::optional(*frame) : std::nullopt;
}

PageMove NodeMigrator::count(PageMove result, std::uint64_t pages) {
    (result == PageMove::Moved ? m_counters.pgmigrate_success : m_counters.pgmigrate_fail) += pages;
    return result;
}

PageMove NodeMigrator::move(Operation& op, AddressSpace& space, VirtAddr address, NodeId node,
                            MovedPages which) {
    const PteSlot slot = m_memory.tables().find_leaf(space, address);
    op.path.call(KernelFunction::WalkTables);
    if (!slot) return PageMove::Absent;
    op.path.load(slot.address());
    if (!is_mapped(*slot.entry)) return PageMove::Absent;
    const Pfn frame = slot.entry->frame();
    if (m_memory.is_zero_page(frame)) return PageMove::ZeroPage;
    op.path.load_page(frame);
    if (m_frames.allocator().zone_of(frame)->node == node) return PageMove::There;
    if (frame_flags::is_hugetlb(m_frames.pages().peek(frame).owner_flags)) return PageMove::Busy;
    if (which == MovedPages::Own && m_memory.huge_pages().mapcount(frame) > 1) return PageMove::Shared;
    if (!m_memory.huge_pages().is_part(frame))
        return move_small(op, space, address, node, gfp::highuser_movable);
    if (slot.huge()) return move_huge(op, space, address, node);
    if (!m_memory.split_huge_page(op, frame)) return PageMove::Busy;
    return move_small(op, space, address, node, gfp::highuser_movable);
}

bool NodeMigrator::move_misplaced(Operation& op, AddressSpace& space, VirtAddr address, NodeId node) {
    op.path.call(KernelFunction::MigrateMisplacedPage);
    const PteSlot slot = m_memory.tables().find_leaf(space, address);
    const Pfn frame = slot.frame_of(address);
    if (!slot.huge()) {
        if (m_memory.huge_pages().is_part(frame)) return false;
        constexpr GfpMask mask =
            (gfp::highuser_movable | gfp::nomemalloc | gfp::noretry).without(gfp::reclaim);
        return move_small(op, space, address, node, mask) == PageMove::Moved;
    }
    const auto to = allocate(op, gfp::transhuge_light, HugePages::order, node);
    if (!to) return count(PageMove::NoMemory, HugePages::frames) == PageMove::Moved;
    m_memory.prepare_huge_page(*to);
    if (m_memory.migrate_huge_page(op, slot.entry->frame(), *to))
        return count(PageMove::Moved, HugePages::frames) == PageMove::Moved;
    m_memory.discard_huge_page(op, *to);
    return count(PageMove::Busy, HugePages::frames) == PageMove::Moved;
}

PageMove NodeMigrator::move_small(Operation& op, AddressSpace& space, VirtAddr address, NodeId node,
                                  GfpMask mask) {
    const Pfn from = m_memory.tables().find_leaf(space, address).entry->frame();
    const auto to = allocate(op, mask, 0, node);
    if (!to) return count(PageMove::NoMemory, 1);
    // The memory may have been waited for.
    const PteSlot slot = m_memory.tables().find_leaf(space, address);
    const bool same = slot && is_mapped(*slot.entry) && slot.entry->frame() == from;
    if (same && m_memory.isolate_page(op, from, gfp::kernel)) {
        if (m_memory.migrate_page(op, from, *to)) {
            m_frames.free(op, from, 0);
            return count(PageMove::Moved, 1);
        }
        m_memory.put_back_page(op, from);
    }
    m_frames.free(op, *to, 0);
    return same ? count(PageMove::Busy, 1) : PageMove::Absent;
}

PageMove NodeMigrator::move_huge(Operation& op, AddressSpace& space, VirtAddr address, NodeId node) {
    const Pfn from = m_memory.tables().find_leaf(space, address).entry->frame();
    const auto to = allocate(op, gfp::transhuge, HugePages::order, node);
    PteSlot slot = m_memory.tables().find_leaf(space, address);
    const bool same = slot && slot.huge() && is_mapped(*slot.entry) && slot.entry->frame() == from;
    if (to) {
        m_memory.prepare_huge_page(*to);
        if (same && m_memory.migrate_huge_page(op, from, *to))
            return count(PageMove::Moved, HugePages::frames);
        m_memory.discard_huge_page(op, *to);
        return same ? count(PageMove::Busy, HugePages::frames) : PageMove::Absent;
    }
    if (!same) return PageMove::Absent;
    if (!m_memory.split_huge_page(op, from)) return count(PageMove::NoMemory, HugePages::frames);
    const VirtAddr start(address.value() & ~(HugePages::bytes - 1));
    PageMove result = PageMove::Moved;
    for (VirtAddr at = start; at < start + HugePages::bytes; at += page_size) {
        slot = m_memory.tables().find_leaf(space, at);
        if (!slot || !is_mapped(*slot.entry) || m_memory.is_zero_page(slot.entry->frame())) continue;
        const PageMove part = move_small(op, space, at, node, gfp::highuser_movable);
        if (at == address.page()) result = part;
    }
    return result;
}

} // namespace pagewalk::os
