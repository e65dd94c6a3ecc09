#include "os/replay/sequential_replay.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr int workload_pid = 1; // the workload runs as init

CpuId cpu_of(const PageTraceEvent& event) { return static_cast<CpuId>(event.cpu); }

std::uint32_t number_of(Pfn frame) { return static_cast<std::uint32_t>(frame.value()); }

std::string frame_text(const std::expected<Pfn, AllocError>& result) {
    return result ? "frame 0x" + ReplayState::hex(result->value())
                  : "fails: " + std::string(name_of(result.error()));
}

} // namespace

SequentialReplay::SequentialReplay(ReplayState& state, const WorkloadLog& log)
    : m_state(state), m_allocator(state.allocator()), m_log(log) {}

void SequentialReplay::run(const std::vector<PageTraceEvent>& events) {
    check_zonelists();
    m_state.begin_phase("before the workload");
    const bool kernel_only = m_state.options().kernel_events_only;
    const std::vector<AfterFree> after = look_ahead(events, kernel_only);
    for (std::size_t i = 0; i < events.size(); ++i) {
        const PageTraceEvent& event = events[i];
        switch (event.kind) {
        case PageEventKind::Alloc:
            allocate(event);
            break;
        case PageEventKind::Free:
            free(event, after[i]);
            break;
        case PageEventKind::FreeBatched:
            if (kernel_only) commit_batched(event);
            break;
        case PageEventKind::LruInsertion:
            if (event.frame < m_allocator.pages().end())
                m_allocator.pages().at(event.frame).set(PageState::Lru);
            break;
        case PageEventKind::Page:
            if (!kernel_only) probe_page(event);
            break;
        case PageEventKind::Zone:
            if (!kernel_only) probe_zone(event);
            break;
        case PageEventKind::Mark:
            mark(event);
            break;
        default:
            break;
        }
    }
}

void SequentialReplay::mark(const PageTraceEvent& event) {
    if (!m_log.allocations.empty()) return; // the log's phases are finer
    if (event.which == gt::mark_begin) m_state.begin_phase("workload");
    if (event.which >= gt::mark_phase)
        m_state.begin_phase("workload, phase " + std::to_string(event.which - gt::mark_phase + 1));
    if (event.which == gt::mark_end) m_state.begin_phase("after the workload");
}

void SequentialReplay::check_zonelists() {
    for (const LoggedZonelist& logged : m_log.zonelists) {
        const Zonelist& mine = m_allocator.zonelist(static_cast<NodeId>(logged.node), logged.this_node_only);
        bool same = mine.size() == logged.zones.size();
        for (std::size_t i = 0; same && i < mine.size(); ++i)
            same = mine[i] == m_state.find_zone(static_cast<int>(logged.zones[i].first),
                                                static_cast<int>(logged.zones[i].second));
        m_state.check(same ? "zonelists in the kernel's order"
                           : "zonelists in another order than the kernel's");
    }
}

const LoggedAllocation* SequentialReplay::match_log(const PageTraceEvent& event) {
    if (m_next_logged >= m_log.allocations.size()) return nullptr;
    const LoggedAllocation& logged = m_log.allocations[m_next_logged];
    if (event.pid != workload_pid || event.in_interrupt() || logged.mask != event.mask ||
        logged.order != event.order || logged.frame != event.frame)
        return nullptr;
    ++m_next_logged;
    return &logged;
}

void SequentialReplay::apply_readings(const LoggedAllocation& logged) {
    for (const ZoneReading& reading : logged.readings) {
        Zone* const zone = m_state.find_zone(static_cast<int>(reading.node), static_cast<int>(reading.zone));
        if (!zone) continue;
        m_state.check(zone->pcp_pages() == reading.pcp_pages ? "per-CPU counts as the kernel read them"
                                                             : "per-CPU counts unlike the kernel's readings");
        m_state.check(zone->highatomic_pages == reading.highatomic
                          ? "highatomic reserves as the kernel read them"
                          : "highatomic reserves unlike the kernel's readings");
        if (zone->free_pages == reading.free_pages && zone->boost == reading.boost) {
            m_state.check("free counters and boosts as the kernel read them");
            continue;
        }
        // A timer folds the per-CPU parts and kswapd takes the boost away; neither is traced. What is not in
        // the global counter any more, or yet, is kept as the first CPU's part.
        m_state.check("free counters or boosts set from the kernel's readings (not traced)");
        zone->pcp[CpuId{0}].free_diff += static_cast<std::int32_t>(zone->free_pages - reading.free_pages);
        zone->free_pages = reading.free_pages;
        zone->boost = reading.boost;
    }
}

AllocRequest SequentialReplay::request_of(const PageTraceEvent& event, const LoggedAllocation* logged) const {
    AllocRequest request;
    request.mask = GfpMask(event.mask);
    request.order = event.order;
    request.cpu = cpu_of(event);
    request.preferred = m_allocator.cpus()[request.cpu];
    if (event.in_interrupt()) request.context = TaskContext::Interrupt;
    if (logged) {
        if (logged->node >= 0) request.preferred = static_cast<NodeId>(logged->node);
    } else if (event.frame != no_pfn && m_allocator.node_count() > 1) {
        // The trace does not say which node was asked for. Where the CPU's own would not have given a frame
        // of the node that served, the request must have named that node.
        const Zone* const real = m_allocator.zone_of(event.frame);
        const Zone* const local = m_allocator.preview(request);
        if (real && (!local || local->node != real->node)) request.preferred = real->node;
    }
    return request;
}

void SequentialReplay::allocate(const PageTraceEvent& event) {
    const LoggedAllocation* const logged = match_log(event);
    if (logged && logged->phase != m_phase) {
        m_phase = logged->phase;
        m_state.begin_phase(m_phase < m_log.phases.size() ? m_log.phases[m_phase] : "workload");
    }
    if (logged) apply_readings(*logged);
    if (event.frame != no_pfn) m_state.zone_of(event);
    if (const auto valid = check(GfpMask(event.mask)); !valid)
        throw InputError("event " + std::to_string(event.sequence) +
                         ": mm_page_alloc gfp_flags: " + valid.error());

    const AllocRequest request = request_of(event, logged);
    const auto result = m_allocator.allocate(request);
    const bool same = result ? *result == event.frame : event.frame == no_pfn;
    m_state.count_allocation(same);
    if (event.frame == no_pfn) m_state.check(same ? "failures predicted" : "failures not predicted");
    if (!same) {
        m_state.differ("allocations with another frame", event, frame_text(result));
        if (result) m_state.undo(*result, event.order, migratetype_of(request.mask), request.cpu);
        if (event.frame != no_pfn) {
            const std::string where = m_state.force(event.frame, event.order, request.cpu);
            m_state.check("frames the model had " + where);
            m_allocator.prepare_new(number_of(event.frame), event.order, request.mask);
        }
    }
    m_last_allocated = event.frame;
}

void SequentialReplay::bulk_page(const PageTraceEvent& event) {
    // alloc_pages_bulk falls back to a single allocation, which has its own event.
    if (event.frame == m_last_allocated) {
        m_last_allocated = no_pfn;
        return;
    }
    Zone& zone = m_state.zone_of(event);
    constexpr Migratetype type =
        Migratetype::Unmovable; // the capture does not say; its only callers ask for GFP_KERNEL
    const CpuId cpu = cpu_of(event);
    std::uint32_t frame = m_allocator.pop(zone, cpu, 0, type);
    if (frame == Buddy::none && m_allocator.refill(zone, cpu, 0, type, alloc::wmark_low) != 0)
        frame = m_allocator.pop(zone, cpu, 0, type);
    const bool same = frame == number_of(event.frame);
    m_state.count_allocation(same);
    if (!same) {
        m_state.differ("bulk allocations with another frame", event, "frame 0x" + ReplayState::hex(frame));
        if (frame != Buddy::none) m_state.undo(Pfn(frame), 0, type, cpu);
        m_state.force(event.frame, 0, cpu);
    }
    m_allocator.prepare_new(number_of(event.frame), 0, gfp::kernel);
}

void SequentialReplay::free(const PageTraceEvent& event, AfterFree after) {
    m_state.prepare_free(event);
    Zone& zone = m_state.zone_of(event);
    const bool pcp = PerCpuPages::allows(event.order, m_allocator.pages().pageblock_order());
    if (pcp && after == AfterFree::Pcp) return; // the frame moves at its own event
    if (pcp && m_state.options().kernel_events_only) {
        commit(event);
        return;
    }
    m_state.check(pcp ? "frees past a busy per-CPU lock" : "frees to the free lists");
    m_allocator.free_to_buddy(zone, number_of(event.frame), event.order, cpu_of(event));
}

void SequentialReplay::commit_batched(const PageTraceEvent& event) { commit(event); }

void SequentialReplay::commit(const PageTraceEvent& event) {
    Zone& zone = m_state.zone_of(event);
    const CpuId cpu = cpu_of(event);
    auto type = static_cast<Migratetype>(m_allocator.pages().peek(event.frame).type);
    if (!is_mergeable(type)) type = Migratetype::Movable;
    if (event.kind == PageEventKind::Page) {
        zone.reclaim_active = (event.x >> 8 & 2) != 0;
        if ((event.x & 0xff) != static_cast<unsigned>(type)) {
            m_state.differ("frees to a list of another type", event, std::string(name_of(type)));
            type = static_cast<Migratetype>(event.x & 0xff);
        }
        const unsigned factor = zone.pcp[cpu].free_factor;
        m_state.check(factor == (event.x >> 16 & 0xff) ? "frees with the kernel's free_factor"
                                                       : "frees with another free_factor");
    }
    if (m_allocator.pages().peek(event.frame).is(PageState::OnPcp)) return;
    const std::int64_t excess = m_allocator.push(zone, cpu, number_of(event.frame), event.order, type);
    if (excess > 0) m_allocator.drain(zone, cpu, excess, PerCpuPages::list_index(event.order, type), cpu);
}

void SequentialReplay::probe_page(const PageTraceEvent& event) {
    switch (event.which) {
    case gt::page_pcp_commit:
        commit(event);
        break;
    case gt::page_isolate:
        m_state.isolate(event);
        break;
    case gt::page_putback:
        m_state.put_back(event);
        break;
    case gt::page_bulk:
        bulk_page(event);
        break;
    case gt::page_set_block_type:
        unreserve(event);
        break;
    default:
        break;
    }
}

void SequentialReplay::unreserve(const PageTraceEvent& event) {
    // Reclaim gives reserved pageblocks back; reserving them is the allocator's own doing.
    constexpr unsigned type_mask = 7;
    PageMap& pages = m_allocator.pages();
    Zone* const zone = m_allocator.zone_of(event.frame);
    if (!zone || (event.x & type_mask) != type_mask) return;
    const auto type = static_cast<Migratetype>(event.order & type_mask);
    if (type == Migratetype::HighAtomic || pages.pageblock_type(event.frame) != Migratetype::HighAtomic)
        return;
    m_state.check("pageblocks given back from the atomic reserve");
    zone->highatomic_pages -= std::min(zone->highatomic_pages, pages.pageblock_pages());
    pages.set_pageblock_type(event.frame.value(), type);
    m_allocator.buddy().move_pageblock(*zone, number_of(event.frame), type, nullptr, nullptr);
}

void SequentialReplay::probe_zone(const PageTraceEvent& event) {
    if (event.which != gt::zone_drain_cpu && event.which != gt::zone_drain_idle) return;
    Zone& zone = m_state.zone_named(event);
    m_state.check("drains from outside");
    const CpuId cpu = cpu_of(event);
    if (event.which == gt::zone_drain_cpu) {
        if (event.a < 0 || static_cast<std::size_t>(event.a) >= zone.pcp.size())
            throw InputError("event " + std::to_string(event.sequence) + ": gt_zone a: cpu " +
                             std::to_string(event.a) + " is not in the snapshot");
        m_allocator.drain_cpu(zone, static_cast<CpuId>(event.a), cpu);
    } else {
        m_allocator.drain(zone, cpu, zone.pcp[cpu].batch, 0, cpu);
    }
}

} // namespace pagewalk::os
