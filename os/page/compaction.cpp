#include "os/page/compaction.h"

#include "base/error.h"
#include "os/page/compaction_scanners.h"
#include "os/page/watermark.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr unsigned max_defer_shift = 6; // skip at most 64 times

/// Free frames wanted besides the watermark: for both copies while pages move.
std::uint64_t gap_of(int order) { return 2ULL << order; }

struct FreeBlocks {
    std::uint64_t pages = 0, blocks = 0, suitable = 0;
};

FreeBlocks count_free(const Zone& zone, unsigned order) {
    FreeBlocks info;
    for (unsigned o = 0; o < max_order; ++o) {
        const std::uint64_t blocks = zone.areas[o].count;
        info.blocks += blocks;
        info.pages += blocks << o;
        if (o >= order) info.suitable += blocks << (o - order);
    }
    return info;
}

} // namespace

void CompactionCounters::declare(StatGroup group) const {
    group.counter("compact_migrate_scanned", migrate_scanned, "pages", "read in search of pages to move");
    group.counter("compact_free_scanned", free_scanned, "pages", "read in search of free pages");
    group.counter("compact_isolated", isolated, "pages", "taken off their lists, free and in use");
    group.counter("compact_stall", stalls, "count", "direct compactions");
    group.counter("compact_success", successes, "count", "of these, followed by a successful allocation");
    group.counter("compact_daemon_wake", daemon_wakes, "count", "rounds of kcompactd");
    group.counter("compact_daemon_migrate_scanned", daemon_migrate_scanned, "pages",
                  "of compact_migrate_scanned, by kcompactd");
    group.counter("compact_daemon_free_scanned", daemon_free_scanned, "pages",
                  "of compact_free_scanned, by kcompactd");
}

Compaction::Compaction(PageAllocator& allocator, PageMigrator& migrator, const Settings& settings)
    : m_allocator(allocator), m_pages(allocator.pages()), m_migrator(migrator), m_settings(settings),
      m_nodes(allocator.node_count()) {}

std::int64_t Compaction::fragmentation_index(const Zone& zone, unsigned order) {
    const FreeBlocks info = count_free(zone, order);
    if (info.blocks == 0) return 0;
    if (info.suitable != 0) return -1000;
    return 1000 - static_cast<std::int64_t>((1000 + info.pages * 1000 / (1ULL << order)) / info.blocks);
}

std::uint64_t Compaction::unusable_percent(const Zone& zone, unsigned order) {
    const FreeBlocks info = count_free(zone, order);
    return info.pages == 0 ? 0 : (info.pages - (info.suitable << order)) * 100 / info.pages;
}

bool Compaction::deferred(Zone& zone, unsigned order) {
    CompactionState& state = zone.compaction;
    if (order < state.order_failed) return false;
    const unsigned limit = 1U << state.defer_shift;
    if (++state.considered >= limit) {
        state.considered = limit;
        return false;
    }
    return true;
}

bool Compaction::restarting(const Zone& zone, unsigned order) {
    const CompactionState& state = zone.compaction;
    return order >= state.order_failed && state.defer_shift == max_defer_shift &&
           state.considered >= 1U << state.defer_shift;
}

void Compaction::defer(Zone& zone, unsigned order) {
    CompactionState& state = zone.compaction;
    state.considered = 0;
    state.defer_shift = std::min(state.defer_shift + 1, max_defer_shift);
    state.order_failed = std::min(state.order_failed, order);
}

void Compaction::note_success(Zone& zone, unsigned order, bool allocated) {
    CompactionState& state = zone.compaction;
    if (allocated) state.considered = state.defer_shift = 0;
    if (order >= state.order_failed) state.order_failed = order + 1;
}

void Compaction::defer_reset(Zone& zone, unsigned order) {
    ++m_counters.successes;
    note_success(zone, order, true);
}

CompactResult Compaction::suitable_by_watermark(const Zone& zone, int order, AllocFlags flags,
                                                ZoneType highest, std::int64_t free_pages) const {
    if (order == everything) return CompactResult::Continue;
    const auto wanted = static_cast<unsigned>(order);
    const std::uint64_t mark = zone.watermarks[flags.watermark()] + zone.boost;
    if (watermark_ok(zone, wanted, mark, highest, flags, zone.free_pages)) return CompactResult::Success;
    const std::uint64_t base = zone.watermark(wanted > costly_order ? Watermark::Low : Watermark::Min);
    if (!watermark_ok(zone, 0, base + gap_of(order), highest, alloc::cma, free_pages))
        return CompactResult::Skipped;
    return CompactResult::Continue;
}

CompactResult Compaction::suitable(const Zone& zone, int order, AllocFlags flags, ZoneType highest) const {
    const CompactResult result = suitable_by_watermark(zone, order, flags, highest, zone.free_pages);
    if (result != CompactResult::Continue || order <= static_cast<int>(costly_order)) return result;
    // A costly request is not worth compacting for when memory is simply short.
    const std::int64_t index = fragmentation_index(zone, static_cast<unsigned>(order));
    return index >= 0 && index <= m_settings.extfrag_threshold ? CompactResult::Skipped : result;
}

bool Compaction::could_run_after_reclaim(const ReclaimRequest& request, AllocFlags flags) const {
    for (const Zone* zone : m_allocator.zonelist(request.preferred, request.mask.any(gfp::thisnode))) {
        if (zone->type > request.highest || (request.nodes && !request.nodes->contains(zone->node))) continue;
        const auto reclaimable = static_cast<std::int64_t>(m_allocator.reclaimer().reclaimable_pages(*zone));
        const std::int64_t available =
            reclaimable / static_cast<std::int64_t>(std::max(request.order, 1U)) + zone->exact_free_pages();
        if (suitable_by_watermark(*zone, static_cast<int>(request.order), flags, request.highest,
                                  available) == CompactResult::Continue)
            return true;
    }
    return false;
}

bool Compaction::scanners_met(const Control& control, unsigned pageblock_order) {
    return control.free_frame >> pageblock_order <= control.migrate_frame >> pageblock_order;
}

void Compaction::reset_cached_positions(Zone& zone) const {
    zone.compaction.migrate_scanner = {zone.start.value(), zone.start.value()};
    zone.compaction.free_scanner = (zone.end().value() - 1) & ~(m_pages.pageblock_pages() - 1);
}

CompactResult Compaction::finished(Control& control) {
    Zone& zone = *control.zone;
    if (scanners_met(control, m_pages.pageblock_order())) {
        reset_cached_positions(zone);
        if (control.direct) zone.compaction.flush_skip_bits = true;
        return control.whole_zone ? CompactResult::Complete : CompactResult::PartialSkipped;
    }
    if (control.proactive) {
        const std::uint64_t low = std::max(100U - m_settings.proactiveness, 5U);
        return unusable_percent(zone, m_pages.pageblock_order()) > low ? CompactResult::Continue
                                                                       : CompactResult::Success;
    }
    if (control.order == everything) return CompactResult::Continue;
    // A pageblock begun is finished, so that it does not have to be stolen from again soon.
    if ((control.migrate_frame & (m_pages.pageblock_pages() - 1)) != 0) return CompactResult::Continue;
    for (auto order = static_cast<unsigned>(control.order); order < max_order; ++order) {
        const FreeArea& area = zone.areas[order];
        if (!area.lists[static_cast<std::size_t>(control.type)].empty()) return CompactResult::Success;
        if (control.type == Migratetype::Movable &&
            !area.lists[static_cast<std::size_t>(Migratetype::Cma)].empty())
            return CompactResult::Success;
        if (m_allocator.buddy().could_claim(zone, order, control.type)) return CompactResult::Success;
    }
    return control.contended ? CompactResult::Contended : CompactResult::Continue;
}

void Compaction::free(std::uint32_t frame, CpuId cpu) {
    AllocTrace trace(touched());
    const auto freed = m_allocator.free(Pfn(frame), 0, cpu, &trace);
    PAGEWALK_INVARIANT(freed.has_value());
    m_events->freed(frame, trace);
}

bool Compaction::migrate_isolated(Control& control) {
    CompactionScanners scanners(*this, control);
    std::vector<std::uint32_t> failed;
    bool out_of_targets = false;
    while (!control.migrate_frames.empty()) {
        const std::uint32_t from = control.migrate_frames.back();
        if (control.free_frames.empty()) scanners.isolate_free_frames();
        if (control.free_frames.empty()) {
            out_of_targets = true;
            break;
        }
        control.migrate_frames.pop_back();
        const std::uint32_t to = control.free_frames.back();
        control.free_frames.pop_back();
        if (m_migrator.migrate(Pfn(from), Pfn(to), control.mode)) {
            ++m_counters.migrated;
            free(from, control.cpu);
        } else {
            ++m_counters.failed;
            control.free_frames.push_back(to);
            failed.push_back(from);
        }
    }
    control.migrate_frames.insert(control.migrate_frames.end(), failed.begin(), failed.end());
    return !out_of_targets;
}

void Compaction::put_back_isolated(Control& control) {
    for (const std::uint32_t frame : control.migrate_frames) m_migrator.put_back(Pfn(frame));
    control.migrate_frames.clear();
}

void Compaction::release_free(Control& control) {
    if (control.free_frames.empty()) return;
    std::uint64_t highest = 0;
    while (!control.free_frames.empty()) {
        const std::uint32_t frame = control.free_frames.back();
        control.free_frames.pop_back();
        highest = std::max<std::uint64_t>(highest, frame);
        free(frame, control.cpu);
    }
    highest &= ~(m_pages.pageblock_pages() - 1);
    std::uint64_t& cached = control.zone->compaction.free_scanner;
    cached = std::max(cached, highest);
}

CompactResult Compaction::begin_zone(Control& control) {
    Zone& zone = *control.zone;
    CompactionState& state = zone.compaction;
    control.type = migratetype_of(control.mask);
    const CompactResult result = suitable(zone, control.order, control.flags, control.highest);
    if (result != CompactResult::Continue) return result;
    if (control.order >= 0 && restarting(zone, static_cast<unsigned>(control.order)))
        reset_zone_skip_hints(zone);

    const std::uint64_t start = zone.start.value();
    const std::uint64_t end = zone.end().value();
    const std::uint64_t last_block = (end - 1) & ~(m_pages.pageblock_pages() - 1);
    const bool sync = control.mode != CompactMode::Async;
    control.fast_start = 0;
    if (control.whole_zone) {
        control.migrate_frame = start;
        control.free_frame = last_block;
    } else {
        control.migrate_frame = state.migrate_scanner[sync ? 1 : 0];
        control.free_frame = state.free_scanner;
        if (control.free_frame < start || control.free_frame >= end)
            control.free_frame = state.free_scanner = last_block;
        if (control.migrate_frame < start || control.migrate_frame >= end) {
            control.migrate_frame = start;
            state.migrate_scanner = {start, start};
        }
        if (control.migrate_frame <= state.first_migrate) control.whole_zone = true;
    }
    control.last_migrated = 0;
    control.keep_in_step = !sync && state.migrate_scanner[0] == state.migrate_scanner[1];
    m_events->begin(zone);
    m_migrator.drain_batches(control.cpu);
    return CompactResult::Continue;
}

CompactResult Compaction::step_zone(Control& control) {
    const CompactResult result = finished(control);
    if (result != CompactResult::Continue) return result;
    Zone& zone = *control.zone;
    CompactionState& state = zone.compaction;
    CompactionScanners scanners(*this, control);
    const std::uint64_t block_mask = ~(m_pages.pageblock_pages() - 1);
    const std::uint64_t iteration_start = control.migrate_frame;
    control.rescan = (control.last_migrated & block_mask) == (iteration_start & block_mask);
    const CompactionScanners::Found found = scanners.isolate_migrate_frames();
    if (found == CompactionScanners::Found::Abort) {
        put_back_isolated(control);
        return CompactResult::Contended;
    }
    if (found == CompactionScanners::Found::Nothing) {
        if (control.keep_in_step) state.migrate_scanner[1] = state.migrate_scanner[0];
    } else {
        control.keep_in_step = false;
        control.last_migrated = iteration_start;
        const bool had_targets = migrate_isolated(control);
        if (!control.migrate_frames.empty()) {
            put_back_isolated(control);
            if (!had_targets && !scanners_met(control, m_pages.pageblock_order()))
                return CompactResult::Contended;
            if (control.direct && control.mode == CompactMode::Async) {
                // The block cannot become free as a whole: on to the next.
                const std::uint64_t block = 1ULL << control.order;
                control.migrate_frame = (control.migrate_frame - 1 + block) & ~(block - 1);
                control.last_migrated = 0;
            }
        }
    }
    if (control.order > 0 && control.last_migrated != 0 &&
        control.last_migrated < (control.migrate_frame & ~((1ULL << control.order) - 1))) {
        // What was freed must reach the free lists to merge.
        AllocTrace trace(touched());
        m_migrator.drain_batches(control.cpu);
        m_allocator.drain_cpu(zone, control.cpu, control.cpu, &trace);
        m_events->drained(zone, trace);
        control.last_migrated = 0;
    }
    const bool captured = control.capture && control.capture->frame != FrameList::none;
    return captured ? CompactResult::Success : CompactResult::Continue;
}

CompactResult Compaction::compact_zone(Control& control) {
    CompactResult result = begin_zone(control);
    if (result != CompactResult::Continue) return result;
    do result = step_zone(control);
    while (result == CompactResult::Continue);
    release_free(control);
    return result;
}

Compactor::Outcome Compaction::compact(const ReclaimRequest& request, AllocFlags flags,
                                       CompactPriority priority) {
    Outcome outcome;
    if (!request.mask.any(gfp::io)) return outcome;
    for (Zone* zone : m_allocator.zonelist(request.preferred, request.mask.any(gfp::thisnode))) {
        if (zone->type > request.highest || (request.nodes && !request.nodes->contains(zone->node))) continue;
        const bool full = priority == CompactPriority::SyncFull;
        if (!full && deferred(*zone, request.order)) {
            outcome.result = std::max(outcome.result, CompactResult::Deferred);
            continue;
        }
        Control control;
        control.zone = zone;
        control.order = control.search_order = static_cast<int>(request.order);
        control.mask = request.mask;
        control.mode = priority == CompactPriority::Async ? CompactMode::Async : CompactMode::SyncLight;
        control.flags = flags;
        control.highest = request.highest;
        control.cpu = request.cpu;
        control.direct = true;
        control.whole_zone = control.ignore_skip_hint = control.ignore_block_suitable = full;

        CaptureRequest capture{zone, request.order, migratetype_of(request.mask), FrameList::none};
        control.capture = &capture;
        m_allocator.buddy().set_capture(&capture);
        CompactResult status = compact_zone(control);
        m_allocator.buddy().set_capture(nullptr);
        if (capture.frame != FrameList::none) {
            outcome.captured = capture.frame;
            status = CompactResult::Success;
        }
        outcome.result = std::max(outcome.result, status);
        if (status == CompactResult::Success) {
            note_success(*zone, request.order, false);
            break;
        }
        if (priority != CompactPriority::Async &&
            (status == CompactResult::Complete || status == CompactResult::PartialSkipped))
            defer(*zone, request.order);
    }
    if (outcome.result != CompactResult::Skipped) ++m_counters.stalls;
    return outcome;
}

void Compaction::wake_kcompactd(Zone& zone, unsigned order, ZoneType highest) {
    if (order == 0) return;
    NodeState& node = m_nodes[pagewalk::index_of(zone.node)];
    node.max_order = std::max(node.max_order, order);
    node.highest = std::min(node.highest, highest);
    if (kcompactd_wanted(zone.node)) m_events->daemon_wanted(zone.node);
}

bool Compaction::kcompactd_wanted(NodeId node) const {
    const NodeState& state = m_nodes[pagewalk::index_of(node)];
    if (state.max_order == 0) return false;
    return std::ranges::any_of(m_allocator.zones(), [&](const auto& zone) {
        return zone->node == node && zone->type <= state.highest &&
               suitable(*zone, static_cast<int>(state.max_order), {}, state.highest) ==
                   CompactResult::Continue;
    });
}

void Compaction::begin_kcompactd(NodeId node) {
    NodeState& state = m_nodes[pagewalk::index_of(node)];
    ++m_counters.daemon_wakes;
    state.run = NodeState::Run::Woken;
    state.order = state.max_order;
    state.run_highest = state.highest;
    state.next_zone = 0;
    state.in_zone = false;
}

void Compaction::begin_proactive(NodeId node) {
    NodeState& state = m_nodes[pagewalk::index_of(node)];
    state.run = NodeState::Run::Proactive;
    state.score = node_score(node);
    state.next_zone = 0;
    state.in_zone = false;
}

void Compaction::finish_woken_zone(const NodeState& state, CompactResult status, CpuId cpu) {
    Zone& zone = *state.control.zone;
    if (status == CompactResult::Success) {
        note_success(zone, state.order, false);
    } else if (status == CompactResult::PartialSkipped || status == CompactResult::Complete) {
        AllocTrace trace(touched());
        m_allocator.drain_all(cpu, &zone, &trace);
        m_events->drained(zone, trace);
        defer(zone, state.order);
    }
}

bool Compaction::begin_next_zone(NodeState& state, NodeId node, CpuId cpu) {
    const bool woken = state.run == NodeState::Run::Woken;
    while (state.next_zone < m_allocator.zones().size()) {
        Zone& zone = *m_allocator.zones()[state.next_zone++];
        if (zone.node != node) continue;
        if (woken) {
            if (zone.type > state.run_highest || deferred(zone, state.order)) continue;
            if (suitable(zone, static_cast<int>(state.order), {}, zone.type) != CompactResult::Continue)
                continue;
        }
        state.control = Control{};
        Control& control = state.control;
        control.zone = &zone;
        control.cpu = cpu;
        if (woken) {
            control.order = control.search_order = static_cast<int>(state.order);
            control.highest = state.run_highest;
        } else {
            control.whole_zone = control.ignore_skip_hint = control.proactive = true;
        }
        const CompactResult result = begin_zone(control);
        if (result == CompactResult::Continue) return true;
        if (woken) finish_woken_zone(state, result, cpu);
    }
    return false;
}

Compaction::Progress Compaction::step(NodeId node, CpuId cpu) {
    NodeState& state = m_nodes[pagewalk::index_of(node)];
    if (state.run == NodeState::Run::None) return Progress::Done;
    const bool woken = state.run == NodeState::Run::Woken;
    if (state.in_zone) {
        const CompactionCounters before = m_counters;
        state.control.cpu = cpu;
        const CompactResult result = step_zone(state.control);
        if (woken) {
            m_counters.daemon_migrate_scanned += m_counters.migrate_scanned - before.migrate_scanned;
            m_counters.daemon_free_scanned += m_counters.free_scanned - before.free_scanned;
        }
        if (result == CompactResult::Continue) return Progress::More;
        release_free(state.control);
        state.in_zone = false;
        if (woken) finish_woken_zone(state, result, cpu);
    }
    if (begin_next_zone(state, node, cpu)) {
        state.in_zone = true;
        return Progress::More;
    }
    state.run = NodeState::Run::None;
    if (!woken) return node_score(node) < state.score ? Progress::Done : Progress::DoneInVain;
    // What was asked for meanwhile and is more than this run was for is still to be done.
    if (state.max_order <= state.order) state.max_order = 0;
    if (state.highest >= state.run_highest) state.highest = ZoneType::Device;
    return Progress::Done;
}

void Compaction::run_kcompactd(NodeId node, CpuId cpu) {
    begin_kcompactd(node);
    while (step(node, cpu) == Progress::More) {
    }
}

bool Compaction::run_proactive(NodeId node, CpuId cpu) {
    begin_proactive(node);
    for (;;) {
        const Progress progress = step(node, cpu);
        if (progress != Progress::More) return progress == Progress::Done;
    }
}

std::uint64_t Compaction::node_score(NodeId node) const {
    std::uint64_t present = 0;
    for (const auto& zone : m_allocator.zones())
        if (zone->node == node) present += zone->present;
    std::uint64_t score = 0;
    for (const auto& zone : m_allocator.zones())
        if (zone->node == node)
            score += zone->present * unusable_percent(*zone, m_pages.pageblock_order()) / (present + 1);
    return score;
}

bool Compaction::proactive_wanted(NodeId node) const {
    if (m_settings.proactiveness == 0) return false;
    const std::uint64_t high = std::min(std::max(100U - m_settings.proactiveness, 5U) + 10, 100U);
    return node_score(node) > high;
}

void Compaction::compact_node(NodeId node, CpuId cpu) {
    for (const auto& zone : m_allocator.zones()) {
        if (zone->node != node) continue;
        Control control;
        control.zone = zone.get();
        control.mode = CompactMode::Sync;
        control.cpu = cpu;
        control.whole_zone = control.ignore_skip_hint = true;
        (void)compact_zone(control);
    }
}

void Compaction::compact_everything(CpuId cpu) {
    for (std::size_t node = 0; node < m_allocator.node_count(); ++node)
        compact_node(static_cast<NodeId>(node), cpu);
}

bool Compaction::reset_block_skip(Zone& zone, std::uint64_t frame, bool as_source, bool as_target) {
    if (!zone.spans(frame)) return false;
    const PageDescriptor& page = m_pages.peek(frame);
    if (page.compound && page.order >= m_pages.pageblock_order()) return false;
    if (as_source && as_target && !m_pages.pageblock_skip(frame)) return true;
    if (!as_source && as_target && m_pages.pageblock_type(frame) != Migratetype::Movable) return false;
    const std::uint64_t block = frame & ~(m_pages.pageblock_pages() - 1);
    const std::uint64_t begin = std::max(block, zone.start.value());
    const std::uint64_t last = std::min(block + m_pages.pageblock_pages(), zone.end().value()) - 1;
    // One or the other kind of page is needed for the block to be of use; a sample decides.
    for (std::uint64_t at = begin; at <= last; at += 1ULL << costly_order) {
        const PageDescriptor& sample = m_pages.peek(at);
        if ((as_source && sample.is(PageState::Lru)) || (as_target && sample.is(PageState::Buddy))) {
            m_pages.set_pageblock_skip(frame, false);
            return true;
        }
    }
    return false;
}

void Compaction::reset_zone_skip_hints(Zone& zone) {
    CompactionState& state = zone.compaction;
    if (!state.flush_skip_bits) return;
    state.flush_skip_bits = false;
    const std::uint64_t block = m_pages.pageblock_pages();
    std::uint64_t migrate = zone.start.value();
    std::uint64_t free = zone.end().value() - 1;
    std::uint64_t reset_migrate = free;
    std::uint64_t reset_free = migrate;
    bool source_set = false;
    bool free_set = false;
    for (; migrate < free; migrate += block, free -= block) {
        if (reset_block_skip(zone, migrate, true, source_set) && migrate < reset_migrate) {
            source_set = true;
            reset_migrate = migrate;
            state.first_migrate = migrate;
            state.migrate_scanner = {migrate, migrate};
        }
        if (reset_block_skip(zone, free, free_set, true) && free > reset_free) {
            free_set = true;
            reset_free = free;
            state.first_free = free;
            state.free_scanner = free;
        }
        if (free < block) break;
    }
    if (reset_migrate >= reset_free) {
        state.migrate_scanner = {migrate, migrate};
        state.free_scanner = free;
    }
}

void Compaction::reset_skip_hints(NodeId node) {
    for (const auto& zone : m_allocator.zones())
        if (zone->node == node) reset_zone_skip_hints(*zone);
}

} // namespace pagewalk::os
