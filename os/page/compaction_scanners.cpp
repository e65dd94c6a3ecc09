#include "os/page/compaction_scanners.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t cluster = 32; // frames isolated at a time

constexpr std::uint64_t unset_start = ~0ULL;

} // namespace

CompactionScanners::CompactionScanners(Compaction& compaction, Compaction::Control& control)
    : m_compaction(compaction), m_control(control), m_zone(*control.zone), m_pages(compaction.m_pages),
      m_buddy(compaction.m_allocator.buddy()), m_block(m_pages.pageblock_pages()) {}

unsigned CompactionScanners::scan_limit() const {
    return static_cast<unsigned>(cluster >> std::min(m_control.fast_search_fail, 63U)) + 1;
}

bool CompactionScanners::inside_zone(std::uint64_t begin, std::uint64_t end) const {
    return m_zone.spans(begin) && m_zone.spans(end - 1) && !m_pages.peek(begin).is(PageState::Absent);
}

bool CompactionScanners::skipped(std::uint64_t frame) const {
    return !m_control.ignore_skip_hint && m_pages.pageblock_skip(frame);
}

bool CompactionScanners::suitable_source(std::uint64_t frame) const {
    const PageDescriptor& page = m_pages.peek(frame);
    if (page.compound && page.order >= m_pages.pageblock_order()) return false;
    if (m_control.mode != CompactMode::Async || !m_control.direct) return true;
    return m_pages.pageblock_type(frame) == m_control.type;
}

bool CompactionScanners::suitable_target(std::uint64_t frame) const {
    const PageDescriptor& page = m_pages.peek(frame);
    if (page.is(PageState::Buddy) && page.order >= m_pages.pageblock_order()) return false;
    const Migratetype type = m_pages.pageblock_type(frame);
    return m_control.ignore_block_suitable || type == Migratetype::Movable || type == Migratetype::Cma;
}

void CompactionScanners::update_cached_migrate(std::uint64_t frame) {
    const std::uint64_t end = block_end(frame);
    auto& cached = m_zone.compaction.migrate_scanner;
    cached[0] = std::max(cached[0], end);
    if (m_control.mode != CompactMode::Async) cached[1] = std::max(cached[1], end);
}

std::uint64_t CompactionScanners::find_migrate_block() {
    const std::uint64_t start = m_control.migrate_frame;
    if (m_control.ignore_skip_hint || m_control.order <= static_cast<int>(costly_order)) return start;
    if (start != m_zone.start.value() && start != block_start(start)) return start;
    if (m_control.direct && m_control.type != Migratetype::Movable) return start;

    std::uint64_t distance = (m_control.free_frame - m_control.migrate_frame) >> 1;
    if (m_control.migrate_frame != m_zone.start.value()) distance >>= 2;
    const std::uint64_t highest = block_start(m_control.migrate_frame + distance);
    const unsigned limit = scan_limit();
    unsigned scanned = 0;
    for (int order = m_control.order - 1; order >= static_cast<int>(costly_order) && scanned < limit;
         --order) {
        FrameList& list = m_zone.areas[static_cast<std::size_t>(order)]
                              .lists[static_cast<std::size_t>(Migratetype::Movable)];
        // The list goes on behind `frame` next time.
        const auto resume_behind = [&](std::uint32_t frame) {
            if (frame != list.last()) list.rotate_to_front(m_pages, m_pages.peek(frame).next);
        };
        for (std::uint32_t frame = list.first(); frame != FrameList::none; frame = m_pages.peek(frame).next) {
            if (scanned++ >= limit) {
                resume_behind(frame);
                break;
            }
            if (frame >= highest || m_pages.pageblock_skip(frame)) continue;
            resume_behind(frame);
            if (m_control.fast_start != unset_start)
                m_control.fast_start =
                    m_control.fast_start == 0 ? frame : std::min<std::uint64_t>(m_control.fast_start, frame);
            m_control.fast_search_fail = 0;
            m_pages.set_pageblock_skip(frame, true);
            m_compaction.m_counters.migrate_scanned += scanned;
            return std::max(block_start(frame), m_zone.start.value());
        }
    }
    m_compaction.m_counters.migrate_scanned += scanned;
    ++m_control.fast_search_fail;
    if (m_control.fast_start == 0 || m_control.fast_start == unset_start) return m_control.migrate_frame;
    m_control.migrate_frame = m_control.fast_start;
    m_control.fast_start = unset_start;
    return m_control.migrate_frame;
}

CompactionScanners::Found CompactionScanners::isolate_migrate_frames() {
    std::uint64_t low = find_migrate_block();
    bool found_fast = low != m_control.migrate_frame && m_control.fast_search_fail == 0;
    std::uint64_t begin = std::max(block_start(low), m_zone.start.value());
    for (std::uint64_t end = block_end(low); end <= m_control.free_frame; end += m_block) {
        const bool skip = (low & (m_block - 1)) == 0 && !found_fast && skipped(low);
        if (inside_zone(begin, end) && !skip) {
            if (suitable_source(begin)) {
                if (!isolate_migrate_block(low, end)) return Found::Abort;
                break;
            }
            update_cached_migrate(end);
        }
        found_fast = false;
        m_control.migrate_frame = low = begin = end;
    }
    return m_control.migrate_frames.empty() ? Found::Nothing : Found::Frames;
}

bool CompactionScanners::isolate_migrate_block(std::uint64_t begin, std::uint64_t end) {
    m_control.migrate_frame = begin;
    if (m_compaction.m_migrator.too_many_isolated(m_zone.node) && m_control.mode == CompactMode::Async)
        return false;

    const bool all_or_nothing = m_control.direct && m_control.mode == CompactMode::Async;
    const std::uint64_t unit = all_or_nothing ? 1ULL << m_control.order : 1;
    std::uint64_t next_unit = (begin + unit) & ~(unit - 1);
    std::uint64_t isolated = 0;
    std::uint64_t scanned = 0;
    bool skip_tested = false;
    bool skip_set_here = false;
    std::uint64_t low = begin;
    for (; low < end; ++low) {
        if (all_or_nothing && low >= next_unit) {
            if (isolated != 0) break;
            next_unit = (low + unit) & ~(unit - 1);
        }
        ++scanned;
        const PageDescriptor& page = m_pages.peek(low);
        if (page.is(PageState::Buddy)) {
            low += (1ULL << page.order) - 1;
            continue;
        }
        bool taken = false;
        if (page.compound) {
            low += (1ULL << page.order) - 1;
        } else if (page.is(PageState::Lru) || page.is(PageState::Migratable)) {
            taken = m_compaction.m_migrator.isolate(Pfn(low), m_control.mode, m_control.mask);
            if (taken && !skip_tested) {
                skip_tested = true;
                // Another run may have begun with this pageblock since it was chosen.
                if (!m_control.ignore_skip_hint && (low & (m_block - 1)) == 0) {
                    skip_set_here = true;
                    m_pages.set_pageblock_skip(low, true);
                }
            }
        }
        if (taken) {
            m_control.migrate_frames.push_back(static_cast<std::uint32_t>(low));
            ++isolated;
            if (m_control.migrate_frames.size() >= cluster && !m_control.rescan && !m_control.contended) {
                ++low;
                break;
            }
            continue;
        }
        if (!all_or_nothing) continue;
        // One frame stays: the whole unit is of no use.
        if (isolated != 0) {
            m_compaction.put_back_isolated(m_control);
            isolated = 0;
        }
        if (low < next_unit) {
            low = next_unit - 1;
            next_unit += unit;
        }
    }
    low = std::min(low, end);
    if (low == end && (isolated == 0 || m_control.rescan)) {
        if ((begin & (m_block - 1)) == 0 && !skip_set_here) m_pages.set_pageblock_skip(begin, true);
        update_cached_migrate(low - 1);
    }
    m_compaction.m_counters.migrate_scanned += scanned;
    m_compaction.m_counters.isolated += isolated;
    m_compaction.m_events->scanned_for_use(m_zone, begin, low, isolated);
    m_control.migrate_frame = low;
    return true;
}

bool CompactionScanners::take_free(std::uint32_t frame, unsigned order) {
    if (!m_buddy.isolate_free(m_zone, frame, order, m_control.cpu, nullptr)) return false;
    m_taken.push_back({frame, order});
    m_taken_frames += 1ULL << order;
    m_compaction.m_events->took_free(m_zone, frame, order);
    m_compaction.m_counters.isolated += 1ULL << order;
    return true;
}

std::uint64_t CompactionScanners::isolate_free_block(std::uint64_t& begin, std::uint64_t end,
                                                     std::uint64_t stride) {
    std::uint64_t at = begin;
    std::uint64_t isolated = 0;
    std::uint64_t scanned = 0;
    for (; at < end; at += stride) {
        ++scanned;
        const PageDescriptor& page = m_pages.peek(at);
        if (page.compound) {
            at += (1ULL << page.order) - 1;
            continue;
        }
        if (!page.is(PageState::Buddy)) continue;
        const unsigned order = page.order;
        const std::uint64_t frames = 1ULL << order;
        if (!take_free(static_cast<std::uint32_t>(at), order)) break;
        scanned += frames - 1;
        isolated += frames;
        if (m_control.migrate_frames.size() <= taken_frames()) {
            at += frames;
            break;
        }
        at += frames - 1;
    }
    m_compaction.m_events->scanned_for_free(m_zone, begin, std::min(at, end), stride, isolated);
    begin = std::min(at, end);
    m_compaction.m_counters.free_scanned += scanned;
    return isolated;
}

void CompactionScanners::isolate_around(std::uint64_t frame) {
    if (taken_frames() >= m_control.migrate_frames.size()) return;
    if (m_control.direct && m_control.mode == CompactMode::Async) return;
    std::uint64_t begin = std::max(block_start(frame), m_zone.start.value());
    const std::uint64_t first = begin;
    const std::uint64_t end = std::min(block_end(frame), m_zone.end().value());
    if (!inside_zone(begin, end)) return;
    isolate_free_block(begin, end, 1);
    if (taken_frames() < m_control.migrate_frames.size()) m_pages.set_pageblock_skip(first, true);
}

int CompactionScanners::next_search_order(int order) {
    if (--order < 0) order = m_control.order - 1;
    if (order != m_control.search_order) return order;
    if (--m_control.search_order < 0) m_control.search_order = m_control.order - 1;
    return -1;
}

void CompactionScanners::search_free_lists() {
    if (m_control.order <= 0) return;
    CompactionState& state = m_zone.compaction;
    std::uint64_t limit = std::max(1U, scan_limit() >> 1);
    bool at_start = false;
    if (m_control.free_frame >= state.first_free) {
        limit = m_block >> 1;
        at_start = true;
    }
    // Best in the top quarter of what lies between the scanners, else in the top half.
    const std::uint64_t distance = m_control.free_frame - m_control.migrate_frame;
    const std::uint64_t preferred = block_start(m_control.free_frame - (distance >> 2));
    const std::uint64_t lowest = block_start(m_control.free_frame - (distance >> 1));
    std::uint64_t highest = 0;
    std::uint64_t scanned = 0;
    bool taken = false;
    std::uint64_t found = 0;

    m_control.search_order = std::min(m_control.order - 1, m_control.search_order);
    for (int order = m_control.search_order; !taken && order >= 0; order = next_search_order(order)) {
        FreeArea& area = m_zone.areas[static_cast<std::size_t>(order)];
        if (area.count == 0) continue;
        FrameList& list = area.lists[static_cast<std::size_t>(Migratetype::Movable)];
        std::uint64_t candidate = 0;
        std::uint64_t scanned_here = 0;
        std::uint32_t stopped_at = FrameList::none;
        bool have = false;
        for (std::uint32_t frame = list.last(); frame != FrameList::none; frame = m_pages.peek(frame).prev) {
            ++scanned_here;
            ++scanned;
            if (frame >= highest) highest = std::max(block_start(frame), m_zone.start.value());
            if (frame >= preferred) {
                m_control.fast_search_fail = 0;
                m_control.search_order = order;
                stopped_at = frame;
                have = true;
                break;
            }
            if (frame >= lowest && frame > candidate) {
                candidate = frame;
                limit >>= 1;
            }
            if (scanned_here >= limit) {
                stopped_at = frame;
                break;
            }
        }
        if (!have && candidate != 0) {
            stopped_at = static_cast<std::uint32_t>(candidate);
            have = true;
        }
        if (stopped_at != FrameList::none) list.rotate_to_front(m_pages, stopped_at);
        if (have) {
            taken = take_free(stopped_at, static_cast<unsigned>(order));
            if (taken) {
                found = stopped_at;
                scanned += (1ULL << order) - 1;
            } else {
                order = m_control.search_order + 1; // ends the search
            }
        }
        if (scanned_here >= limit) limit = std::max<std::uint64_t>(1, limit >> 1);
    }
    if (!taken) {
        ++m_control.fast_search_fail;
        if (at_start) {
            if (highest >= lowest) {
                m_control.free_frame = highest;
                found = highest;
                taken = true;
            } else if (m_control.direct && m_zone.spans(lowest)) {
                m_control.free_frame = lowest;
                found = lowest;
                taken = true;
            }
        }
    }
    if (highest != 0 && highest >= state.free_scanner) state.free_scanner = highest - m_block;
    m_compaction.m_counters.free_scanned += scanned;
    m_compaction.m_events->searched_lists(m_zone, scanned);
    if (taken) isolate_around(found);
}

void CompactionScanners::isolate_free_frames() {
    search_free_lists();
    if (m_taken_frames == 0) {
        std::uint64_t at = m_control.free_frame;
        std::uint64_t begin = block_start(at);
        std::uint64_t end = std::min(begin + m_block, m_zone.end().value());
        const std::uint64_t lowest = block_end(m_control.migrate_frame);
        std::uint64_t stride = m_control.mode == CompactMode::Async ? cluster : 1;
        for (; begin >= lowest; end = begin, begin -= m_block, at = begin) {
            if (!inside_zone(std::max(begin, m_zone.start.value()), end)) continue;
            if (!suitable_target(begin) || skipped(begin)) continue;
            const std::uint64_t isolated = isolate_free_block(at, end, stride);
            if (at == end) {
                m_pages.set_pageblock_skip(begin, true);
                m_zone.compaction.free_scanner = std::min(m_zone.compaction.free_scanner, begin);
            }
            if (taken_frames() >= m_control.migrate_frames.size()) {
                if (at >= end) at = begin - m_block;
                break;
            }
            if (at < end) break;
            stride = isolated != 0 ? 1 : std::min(cluster, stride << 1);
        }
        m_control.free_frame = at;
    }
    split_taken();
}

void CompactionScanners::split_taken() {
    for (const FreeBlock& block : m_taken)
        for (std::uint32_t i = 0; i < 1U << block.order; ++i) {
            m_compaction.m_allocator.prepare_new(block.frame + i, 0, gfp::movable);
            m_control.free_frames.push_back(block.frame + i);
        }
    m_taken.clear();
    m_taken_frames = 0;
}

} // namespace pagewalk::os
