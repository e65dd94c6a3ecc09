#include "os/page/buddy.h"

#include "base/error.h"
#include "os/page/watermark.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

// Which types a request turns to, in order, when its own lists are empty.
constexpr std::array<std::array<Migratetype, 2>, pcp_migratetype_count> fallback_order{{
    {Migratetype::Reclaimable, Migratetype::Movable},
    {Migratetype::Reclaimable, Migratetype::Unmovable},
    {Migratetype::Unmovable, Migratetype::Movable},
}};

FrameList& list_of(Zone& zone, unsigned order, Migratetype type) {
    return zone.areas[order].lists[static_cast<std::size_t>(type)];
}

} // namespace

void Buddy::add(Zone& zone, std::uint32_t frame, unsigned order, Migratetype type, bool to_tail,
                AllocTrace* trace) {
    FrameList& list = list_of(zone, order, type);
    if (to_tail)
        list.push_back(m_pages, frame);
    else
        list.push_front(m_pages, frame);
    PageDescriptor& page = m_pages.at(frame);
    page.set(PageState::Buddy);
    page.order = static_cast<std::uint8_t>(order & 0xf);
    page.type = static_cast<std::uint8_t>(static_cast<unsigned>(type) & 0x7);
    ++zone.areas[order].count;
    if (trace) {
        trace->touch(frame);
        trace->touch_list(zone.free_list(order, type));
    }
}

void Buddy::remove(Zone& zone, std::uint32_t frame, unsigned order, AllocTrace* trace) {
    PageDescriptor& page = m_pages.at(frame);
    const auto type = static_cast<Migratetype>(page.type);
    list_of(zone, order, type).remove(m_pages, frame);
    page.clear(PageState::Buddy);
    page.order = 0;
    --zone.areas[order].count;
    if (trace) {
        trace->touch(frame);
        trace->touch_list(zone.free_list(order, type));
    }
}

void Buddy::move_to_tail(Zone& zone, std::uint32_t frame, unsigned order, Migratetype type,
                         AllocTrace* trace) {
    PageDescriptor& page = m_pages.at(frame);
    list_of(zone, order, static_cast<Migratetype>(page.type)).remove(m_pages, frame);
    list_of(zone, order, type).push_back(m_pages, frame);
    page.type = static_cast<std::uint8_t>(static_cast<unsigned>(type) & 0x7);
    if (trace) {
        trace->touch(frame);
        trace->touch_list(zone.free_list(order, type));
    }
}

bool Buddy::captured(const Zone& zone, std::uint32_t frame, unsigned order, Migratetype type) {
    if (!m_capture || m_capture->zone != &zone || m_capture->order != order || m_capture->frame != none)
        return false;
    if (type == Migratetype::Cma || type == Migratetype::Isolate) return false;
    // A small block must not let a request of another type into a movable pageblock.
    if (order < m_pages.pageblock_order() && type == Migratetype::Movable) return false;
    m_capture->frame = frame;
    m_capture->type = type;
    return true;
}

void Buddy::free(Zone& zone, std::uint32_t frame, unsigned order, Migratetype type, CpuId cpu,
                 Placement placement, AllocTrace* trace) {
    if (type != Migratetype::Isolate) zone.count_free(cpu, std::int64_t{1} << order, type);

    std::uint32_t buddy = 0;
    while (order < max_order - 1) {
        if (m_capture && captured(zone, frame, order, type)) [[unlikely]] {
            zone.count_free(cpu, -(std::int64_t{1} << order), type);
            return;
        }
        buddy = frame ^ (1U << order);
        if (trace) trace->look(buddy);
        if (!is_free_block(buddy, order) || !zone.spans(buddy)) break;
        if (order >= m_pages.pageblock_order()) {
            // Reserved, isolated and CMA pageblocks are counted apart and must stay so.
            const Migratetype other = m_pages.pageblock_type(buddy);
            if (type != other && (!is_mergeable(type) || !is_mergeable(other))) break;
        }
        remove(zone, buddy, order, trace);
        frame &= buddy;
        ++order;
        if (trace) ++trace->merge_levels;
    }

    bool to_tail = placement == Placement::Tail;
    if (!to_tail && order < max_order - 2) {
        const std::uint32_t combined = frame & buddy;
        const std::uint32_t next = combined ^ (1U << (order + 1));
        if (trace) trace->look(next);
        to_tail = is_free_block(next, order + 1) && zone.spans(next);
    }
    add(zone, frame, order, type, to_tail, trace);
}

std::uint32_t Buddy::take_smallest(Zone& zone, unsigned order, Migratetype type, AllocTrace* trace) {
    for (unsigned current = order; current < max_order; ++current) {
        const std::uint32_t frame = list_of(zone, current, type).first();
        if (frame == none) continue;
        remove(zone, frame, current, trace);
        if (trace) trace->split_levels = static_cast<std::uint16_t>(trace->split_levels + (current - order));
        while (current > order) {
            --current;
            add(zone, frame + (1U << current), current, type, false, trace);
        }
        m_pages.at(frame).type = static_cast<std::uint8_t>(static_cast<unsigned>(type) & 0x7);
        if (m_events) m_events->zone_locked(Pfn(frame), order, type);
        return frame;
    }
    return none;
}

std::uint32_t Buddy::take(Zone& zone, unsigned order, Migratetype type, AllocFlags flags, AllocTrace* trace) {
    if (flags.any(alloc::cma) && zone.free_cma_pages > zone.free_pages / 2) {
        if (const std::uint32_t frame = take_smallest(zone, order, Migratetype::Cma, trace); frame != none)
            return frame;
    }
    for (;;) {
        std::uint32_t frame = take_smallest(zone, order, type, trace);
        if (frame == none && flags.any(alloc::cma))
            frame = take_smallest(zone, order, Migratetype::Cma, trace);
        if (frame != none || !fall_back(zone, order, type, flags, trace)) return frame;
    }
}

bool Buddy::find_fallback(const Zone& zone, unsigned order, Migratetype wanted, Fallback& found) const {
    const FreeArea& area = zone.areas[order];
    if (area.count == 0) return false;
    for (const Migratetype type : fallback_order[static_cast<std::size_t>(wanted)]) {
        if (area.lists[static_cast<std::size_t>(type)].empty()) continue;
        const bool large = order >= m_pages.pageblock_order() / 2;
        found = {type, large || wanted != Migratetype::Movable || !m_group_by_mobility};
        return true;
    }
    return false;
}

bool Buddy::fall_back(Zone& zone, unsigned order, Migratetype wanted, AllocFlags flags, AllocTrace* trace) {
    const unsigned pageblock = m_pages.pageblock_order();
    const unsigned smallest = order < pageblock && flags.any(alloc::nofragment) ? pageblock : order;
    Fallback found{};
    unsigned current = max_order;
    while (current-- > smallest) {
        if (!find_fallback(zone, current, wanted, found)) continue;
        if (!found.steal && wanted == Migratetype::Movable && current > order) {
            // A movable request that cannot claim the pageblock takes the smallest block instead of the
            // largest.
            for (current = order; !find_fallback(zone, current, wanted, found); ++current) {
            }
        }
        const std::uint32_t frame = list_of(zone, current, found.type).first();
        steal(zone, frame, current, wanted, found.steal, flags, trace);
        ++zone.counters.fallbacks;
        if (trace) ++trace->fallbacks;
        if (m_events)
            m_events->extfrag(Pfn(frame), order, current, wanted, found.type,
                              m_pages.pageblock_type(frame) == wanted);
        return true;
    }
    return false;
}

bool Buddy::boost_watermark(Zone& zone) const {
    if (m_boost_factor == 0) return false;
    const std::uint64_t block = m_pages.pageblock_pages();
    if (block * 4 > zone.managed) return false;
    const std::uint64_t most = zone.watermark_without_boost(Watermark::High) * m_boost_factor / 10000;
    if (most == 0) return false;
    zone.boost = std::min(zone.boost + block, std::max(block, most));
    return true;
}

void Buddy::steal(Zone& zone, std::uint32_t frame, unsigned order, Migratetype wanted, bool whole_block,
                  AllocFlags flags, AllocTrace* trace) {
    const unsigned pageblock = m_pages.pageblock_order();
    const Migratetype old_type = m_pages.pageblock_type(frame);
    if (old_type == Migratetype::HighAtomic) {
        move_to_tail(zone, frame, order, wanted, trace);
        return;
    }
    if (order >= pageblock) {
        for (std::uint64_t i = 0; i < 1ULL << (order - pageblock); ++i)
            set_pageblock_type(frame + (i << pageblock), wanted);
        move_to_tail(zone, frame, order, wanted, trace);
        return;
    }
    if (boost_watermark(zone) && flags.any(alloc::kswapd)) zone.boosted = true;
    if (!whole_block) {
        move_to_tail(zone, frame, order, wanted, trace);
        return;
    }

    std::uint64_t movable = 0;
    const std::uint64_t freed = move_pageblock(zone, frame, wanted, &movable, trace);
    if (freed == 0) {
        move_to_tail(zone, frame, order, wanted, trace);
        return;
    }
    const std::uint64_t pages = m_pages.pageblock_pages();
    std::uint64_t alike = 0;
    if (wanted == Migratetype::Movable)
        alike = movable;
    else if (old_type == Migratetype::Movable)
        alike = pages - (freed + movable);
    if (freed + alike >= pages / 2 || !m_group_by_mobility) {
        set_pageblock_type(frame, wanted);
        if (trace) ++trace->pageblocks_claimed;
    }
}

std::uint64_t Buddy::move_pageblock(Zone& zone, std::uint32_t frame, Migratetype type, std::uint64_t* movable,
                                    AllocTrace* trace) {
    if (movable) *movable = 0;
    const auto pages = static_cast<std::uint32_t>(m_pages.pageblock_pages());
    std::uint32_t at = frame & ~(pages - 1);
    const std::uint32_t last = at + pages - 1;
    if (!zone.spans(at)) at = frame;
    if (!zone.spans(last)) return 0;
    std::uint64_t moved = 0;
    if (trace) trace->scan_begin = at;
    while (at <= last) {
        const PageDescriptor& page = m_pages.peek(at);
        if (trace) ++trace->frames_scanned;
        if (!page.is(PageState::Buddy)) {
            if (movable && (page.is(PageState::Lru) || page.is(PageState::Migratable))) ++*movable;
            ++at;
            continue;
        }
        const unsigned order = page.order;
        move_to_tail(zone, at, order, type, trace);
        at += 1U << order;
        moved += 1ULL << order;
    }
    return moved;
}

void Buddy::reserve_highatomic(Zone& zone, std::uint32_t frame, AllocTrace* trace) {
    const std::uint64_t most = zone.managed / 100 + m_pages.pageblock_pages();
    if (zone.highatomic_pages >= most) return;
    if (trace) ++trace->zone_lock_acquisitions;
    if (!is_mergeable(m_pages.pageblock_type(frame))) return;
    zone.highatomic_pages += m_pages.pageblock_pages();
    set_pageblock_type(frame, Migratetype::HighAtomic);
    move_pageblock(zone, frame, Migratetype::HighAtomic, nullptr, trace);
}

bool Buddy::unreserve_highatomic(Zone& zone, Migratetype type, bool force, AllocTrace* trace) {
    const std::uint64_t block = m_pages.pageblock_pages();
    if (!force && zone.highatomic_pages <= block) return false;
    if (trace) ++trace->zone_lock_acquisitions;
    for (unsigned order = 0; order < max_order; ++order) {
        const std::uint32_t frame = list_of(zone, order, Migratetype::HighAtomic).first();
        if (frame == none) continue;
        if (m_pages.pageblock_type(frame) == Migratetype::HighAtomic)
            zone.highatomic_pages -= std::min(block, zone.highatomic_pages);
        set_pageblock_type(frame, type);
        if (move_pageblock(zone, frame, type, nullptr, trace) != 0) return true;
    }
    return false;
}

bool Buddy::isolate_free(Zone& zone, std::uint32_t frame, unsigned order, CpuId cpu, AllocTrace* trace) {
    PAGEWALK_INVARIANT(is_free_block(frame, order));
    const Migratetype type = m_pages.pageblock_type(frame);
    if (type != Migratetype::Isolate) {
        const std::uint64_t mark = zone.watermark_without_boost(Watermark::Min) + (1ULL << order);
        if (!watermark_ok(zone, 0, mark, ZoneType::Dma, alloc::cma, zone.free_pages)) return false;
        zone.count_free(cpu, -(std::int64_t{1} << order), type);
    }
    remove(zone, frame, order, trace);
    const unsigned pageblock = m_pages.pageblock_order();
    if (order + 1 >= pageblock) {
        for (std::uint32_t at = frame; at < frame + (1U << order) - 1; at += 1U << pageblock)
            if (is_mergeable(m_pages.pageblock_type(at))) set_pageblock_type(at, Migratetype::Movable);
    }
    return true;
}

bool Buddy::take_out(Zone& zone, std::uint32_t frame, unsigned order, CpuId cpu) {
    for (unsigned current = order; current < max_order; ++current) {
        std::uint32_t head = frame & ~((1U << current) - 1);
        if (!is_free_block(head, current)) continue;
        const auto type = static_cast<Migratetype>(m_pages.peek(head).type);
        const Migratetype block_type = m_pages.pageblock_type(head);
        remove(zone, head, current, nullptr);
        while (current > order) {
            --current;
            const std::uint32_t half = 1U << current;
            if ((frame & half) != 0) {
                add(zone, head, current, type, false, nullptr);
                head += half;
            } else {
                add(zone, head + half, current, type, false, nullptr);
            }
        }
        if (block_type != Migratetype::Isolate) zone.count_free(cpu, -(std::int64_t{1} << order), block_type);
        return true;
    }
    return false;
}

} // namespace pagewalk::os
