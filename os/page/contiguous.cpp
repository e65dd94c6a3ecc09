#include "os/page/contiguous.h"

#include "base/error.h"

#include <algorithm>
#include <bit>

namespace pagewalk::os {
namespace {

std::uint32_t number(std::uint64_t frame) { return static_cast<std::uint32_t>(frame); }

} // namespace

bool ContiguousAllocator::has_unmovable(const Zone& zone, std::uint64_t begin, std::uint64_t end,
                                        Migratetype type) const {
    if (m_pages.pageblock_type(begin) == Migratetype::Cma) return type != Migratetype::Cma;
    for (std::uint64_t frame = begin; frame < end; ++frame) {
        const PageDescriptor& page = m_pages.peek(frame);
        if (page.is(PageState::Reserved) || page.is(PageState::Absent)) return true;
        if (zone.type == ZoneType::Movable) continue;
        if (page.is(PageState::Buddy)) {
            frame += (1ULL << page.order) - 1;
            continue;
        }
        if (!page.is(PageState::Allocated)) continue; // on a per-CPU list, or inside a block
        if (!page.is(PageState::Lru) && !page.is(PageState::Migratable)) return true;
        frame += (1ULL << page.order) - 1;
    }
    return false;
}

bool ContiguousAllocator::isolate_block(Zone& zone, std::uint64_t block, std::uint64_t begin,
                                        std::uint64_t end, Migratetype type, CpuId cpu) {
    if (m_pages.pageblock_type(block) == Migratetype::Isolate) return false;
    const std::uint64_t first = std::max(block, begin);
    const std::uint64_t last = std::min(block + m_pages.pageblock_pages(), end);
    if (has_unmovable(zone, first, last, type)) return false;
    const Migratetype old_type = m_pages.pageblock_type(block);
    ++zone.isolated_pageblocks;
    m_allocator.buddy().set_pageblock_type(block, Migratetype::Isolate);
    const auto moved = static_cast<std::int64_t>(
        m_allocator.buddy().move_pageblock(zone, number(block), Migratetype::Isolate, nullptr, nullptr));
    zone.count_free(cpu, -moved, old_type);
    return true;
}

void ContiguousAllocator::restore_block(Zone& zone, std::uint64_t block, Migratetype type, CpuId cpu) {
    if (m_pages.pageblock_type(block) != Migratetype::Isolate) return;
    Buddy& buddy = m_allocator.buddy();
    const PageDescriptor& page = m_pages.peek(block);
    const unsigned order = page.order;
    bool taken = false;
    if (page.is(PageState::Buddy) && order >= m_pages.pageblock_order() && order < max_order - 1) {
        // Kept apart from its buddy while it was isolated: freed again, it merges.
        const std::uint64_t other = block ^ (1ULL << order);
        const PageDescriptor& neighbour = m_pages.peek(other);
        if (zone.spans(other) && neighbour.is(PageState::Buddy) && neighbour.order == order &&
            m_pages.pageblock_type(other) != Migratetype::Isolate)
            taken = buddy.isolate_free(zone, number(block), order, cpu, nullptr);
    }
    if (!taken) {
        const auto moved =
            static_cast<std::int64_t>(buddy.move_pageblock(zone, number(block), type, nullptr, nullptr));
        zone.count_free(cpu, moved, type);
    }
    buddy.set_pageblock_type(block, type);
    if (taken) buddy.free(zone, number(block), order, type, cpu, Buddy::Placement::Tail, nullptr);
    --zone.isolated_pageblocks;
}

void ContiguousAllocator::restore_blocks(Zone& zone, std::uint64_t begin, std::uint64_t end, Migratetype type,
                                         CpuId cpu) {
    for (std::uint64_t block = begin; block < end; block += m_pages.pageblock_pages())
        restore_block(zone, block, type, cpu);
}

void ContiguousAllocator::split_across(Zone& zone, std::uint64_t boundary, CpuId cpu) {
    for (unsigned order = m_pages.pageblock_order() + 1; order < max_order; ++order) {
        const std::uint64_t head = boundary & ~((1ULL << order) - 1);
        if (head == boundary || !zone.spans(head)) continue;
        const PageDescriptor& page = m_pages.peek(head);
        if (!page.is(PageState::Buddy) || page.order != order) continue;
        Buddy& buddy = m_allocator.buddy();
        if (const Migratetype type = m_pages.pageblock_type(head); type != Migratetype::Isolate)
            zone.count_free(cpu, -(std::int64_t{1} << order), type);
        buddy.remove(zone, number(head), order, nullptr);
        const std::uint64_t end = head + (1ULL << order);
        for (std::uint64_t frame = head; frame < end;) {
            const std::uint64_t left = (frame < boundary ? boundary : end) - frame;
            const unsigned piece = std::min<unsigned>(static_cast<unsigned>(std::countr_zero(frame)),
                                                      static_cast<unsigned>(std::bit_width(left)) - 1);
            buddy.free(zone, number(frame), std::min(piece, order), m_pages.pageblock_type(frame), cpu,
                       Buddy::Placement::MergeLikely, nullptr);
            frame += 1ULL << std::min(piece, order);
        }
        return;
    }
}

bool ContiguousAllocator::move_pages(std::uint64_t begin, std::uint64_t end, CpuId cpu) {
    for (std::uint64_t frame = begin; frame < end; ++frame) {
        const PageDescriptor& page = m_pages.peek(frame);
        if (page.is(PageState::Buddy)) {
            frame += (1ULL << page.order) - 1;
            continue;
        }
        if (!page.is(PageState::Allocated)) continue;
        const unsigned order = page.order;
        if (!m_migrator.isolate(Pfn(frame), CompactMode::Sync, gfp::highuser_movable)) return false;
        const Zone& zone = *m_allocator.zone_of(Pfn(frame));
        const auto target =
            m_allocator.allocate({.mask = gfp::user | gfp::movable | gfp::highmem | gfp::retry_mayfail,
                                  .order = order,
                                  .cpu = cpu,
                                  .preferred = zone.node});
        if (!target || !m_migrator.migrate(Pfn(frame), *target, CompactMode::Sync)) {
            m_migrator.put_back(Pfn(frame));
            if (target) (void)m_allocator.free(*target, order, cpu);
            return false;
        }
        (void)m_allocator.free(Pfn(frame), order, cpu);
        frame += (1ULL << order) - 1;
    }
    return true;
}

bool ContiguousAllocator::all_free(std::uint64_t begin, std::uint64_t end) const {
    for (std::uint64_t frame = begin; frame < end;) {
        const PageDescriptor& page = m_pages.peek(frame);
        if (!page.is(PageState::Buddy)) return false;
        frame += 1ULL << page.order;
    }
    return true;
}

std::expected<void, ContigError> ContiguousAllocator::allocate_range(Pfn begin, Pfn end, Migratetype type,
                                                                     CpuId cpu) {
    if (begin >= end || end > m_pages.end()) return std::unexpected(ContigError::BadRange);
    const std::uint64_t first = begin.value();
    const std::uint64_t last = end.value();
    const std::uint64_t block = m_pages.pageblock_pages();
    const std::uint64_t outer_begin = first & ~(block - 1);
    const std::uint64_t outer_end = (last + block - 1) & ~(block - 1);
    Zone* const zone = m_allocator.zone_of(begin);
    if (!zone || !zone->spans(outer_begin) || !zone->spans(outer_end - 1))
        return std::unexpected(ContigError::BadRange);

    split_across(*zone, outer_begin, cpu);
    split_across(*zone, outer_end, cpu);
    for (std::uint64_t at = outer_begin; at < outer_end; at += block)
        if (!isolate_block(*zone, at, first, last, type, cpu)) {
            restore_blocks(*zone, outer_begin, at, type, cpu);
            return std::unexpected(ContigError::Unmovable);
        }

    m_allocator.drain_all(cpu, zone);
    const bool moved = move_pages(first, last, cpu);
    m_allocator.drain_all(cpu, zone);

    // The first free block may begin before the range.
    std::uint64_t start = first;
    for (unsigned order = 0; order < max_order; ++order) {
        const std::uint64_t head = first & ~((1ULL << order) - 1);
        const PageDescriptor& page = m_pages.peek(head);
        if (!page.is(PageState::Buddy)) continue;
        if (head + (1ULL << page.order) > first) start = head;
        break;
    }
    if (!moved || !all_free(start, last)) {
        restore_blocks(*zone, outer_begin, outer_end, type, cpu);
        return std::unexpected(ContigError::Busy);
    }
    std::uint64_t stop = start;
    while (stop < last) {
        const unsigned order = m_pages.peek(stop).order;
        const bool isolated = m_allocator.buddy().isolate_free(*zone, number(stop), order, cpu, nullptr);
        PAGEWALK_INVARIANT(isolated);
        for (std::uint64_t i = 0; i < 1ULL << order; ++i)
            m_allocator.prepare_new(number(stop + i), 0, GfpMask{});
        stop += 1ULL << order;
    }
    for (std::uint64_t frame = start; frame < first; ++frame) (void)m_allocator.free(Pfn(frame), 0, cpu);
    for (std::uint64_t frame = last; frame < stop; ++frame) (void)m_allocator.free(Pfn(frame), 0, cpu);
    restore_blocks(*zone, outer_begin, outer_end, type, cpu);
    zone->counters.allocated += last - first;
    return {};
}

std::expected<Pfn, ContigError> ContiguousAllocator::allocate(const AllocRequest& request,
                                                              std::uint64_t pages) {
    if (pages == 0) return std::unexpected(ContigError::BadRange);
    const ZoneType highest = highest_zone(request.mask, m_allocator.layout());
    for (const Zone* zone : m_allocator.zonelist(request.preferred, request.mask.any(gfp::thisnode))) {
        if (zone->type > highest || (request.nodes && !request.nodes->contains(zone->node))) continue;
        for (std::uint64_t begin = (zone->start.value() + pages - 1) / pages * pages;
             zone->spans(begin + pages - 1); begin += pages) {
            bool possible = true;
            for (std::uint64_t frame = begin; frame < begin + pages && possible; ++frame) {
                const PageDescriptor& page = m_pages.peek(frame);
                possible = !page.is(PageState::Reserved) && !page.is(PageState::Absent);
                if (page.is(PageState::Buddy)) frame += (1ULL << page.order) - 1;
            }
            if (possible && allocate_range(Pfn(begin), Pfn(begin + pages), Migratetype::Movable, request.cpu))
                return Pfn(begin);
        }
    }
    return std::unexpected(ContigError::NoMemory);
}

void ContiguousAllocator::free(Pfn begin, std::uint64_t pages, CpuId cpu) {
    const auto freed = m_allocator.free_range(begin, pages, cpu);
    PAGEWALK_INVARIANT(freed.has_value());
}

void ContiguousAllocator::release_as_cma(Pfn begin, std::uint64_t pages, CpuId cpu) {
    const std::uint64_t block = m_pages.pageblock_pages();
    PAGEWALK_INVARIANT(begin.value() % block == 0 && pages % block == 0);
    Zone* const zone = m_allocator.zone_of(begin);
    PAGEWALK_INVARIANT(zone != nullptr);
    for (std::uint64_t frame = begin.value(); frame < begin.value() + pages; frame += block) {
        PAGEWALK_INVARIANT(m_pages.peek(frame).is(PageState::Reserved));
        m_pages.fill(Pfn(frame), Pfn(frame + block), PageMap::Default::Plain);
        m_pages.set_pageblock_type(frame, Migratetype::Cma);
        zone->managed += block;
        zone->cma_pages += block;
        m_allocator.prepare_new(number(frame), m_pages.pageblock_order(), GfpMask{});
        const auto freed = m_allocator.free(Pfn(frame), m_pages.pageblock_order(), cpu);
        PAGEWALK_INVARIANT(freed.has_value());
    }
}

} // namespace pagewalk::os
