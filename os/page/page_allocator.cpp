#include "os/page/page_allocator.h"

#include "base/error.h"
#include "os/page/watermark.h"

#include <algorithm>
#include <bit>

namespace pagewalk::os {
namespace {

Pfn end_of(const AllocatorLayout& layout) {
    Pfn end{};
    for (const ZoneRange& zone : layout.zones) end = std::max(end, zone.end);
    return end;
}

} // namespace

std::string_view name_of(AllocError error) {
    switch (error) {
    case AllocError::NoMemory:
        return "no memory";
    case AllocError::OrderTooLarge:
        return "order above the largest block";
    case AllocError::BadMask:
        return "contradictory gfp flags";
    case AllocError::Livelock:
        return "may not fail and nothing left to try";
    }
    return "";
}

std::string_view name_of(BadPage reason) {
    switch (reason) {
    case BadPage::OutsideMemory:
        return "outside memory";
    case BadPage::Reserved:
        return "reserved";
    case BadPage::AlreadyFree:
        return "already free";
    case BadPage::NotAllocated:
        return "not allocated";
    case BadPage::WrongOrder:
        return "allocated with another order";
    case BadPage::Mapped:
        return "still mapped";
    }
    return "";
}

PageAllocator::PageAllocator(const AllocatorLayout& layout, const PageSettings& settings)
    : m_layout(layout), m_settings(settings), m_pages(end_of(layout), layout.pageblock_order),
      m_buddy(m_pages), m_no_reclaimer(std::make_unique<Reclaimer>()),
      m_no_compactor(std::make_unique<Compactor>()), m_reclaimer(m_no_reclaimer.get()),
      m_compactor(m_no_compactor.get()) {
    const std::size_t nodes = layout.distances.size();
    if (nodes == 0 || nodes > max_nodes)
        throw ConfigError("a machine has 1 to " + std::to_string(max_nodes) + " NUMA nodes, not " +
                          std::to_string(nodes));
    m_buddy.set_watermark_boost_factor(settings.watermark_boost_factor);
    std::vector<bool> has_memory(nodes, false);
    std::vector<bool> has_cpus(nodes, false);
    for (const NodeId node : layout.cpus) has_cpus[index_of(node)] = true;
    for (const ZoneRange& range : layout.zones) {
        auto zone = std::make_unique<Zone>();
        zone->node = range.node;
        zone->type = range.type;
        zone->index = static_cast<std::uint8_t>(m_zones.size());
        zone->start = range.begin;
        zone->spanned = range.end - range.begin;
        zone->present = range.present;
        zone->pcp.resize(layout.cpus.size());
        m_pages.set_zone_index(range.begin, range.end, zone->index);
        if (range.present != 0) has_memory[index_of(range.node)] = true;
        m_zones.push_back(std::move(zone));
    }
    m_node_order = fallback_order(layout.distances, has_memory, has_cpus);
    m_fallback.resize(nodes);
    m_local.resize(nodes);
    for (std::size_t node = 0; node < nodes; ++node) {
        for (const NodeId other : m_node_order[node])
            for (auto zone = m_zones.rbegin(); zone != m_zones.rend(); ++zone)
                if ((*zone)->node == other) m_fallback[node].push_back(zone->get());
        for (Zone* zone : m_fallback[node])
            if (index_of(zone->node) == node) m_local[node].push_back(zone);
    }
}

void PageAllocator::set_reclaimer(Reclaimer* reclaimer) {
    m_reclaimer = reclaimer ? reclaimer : m_no_reclaimer.get();
}

void PageAllocator::set_compactor(Compactor* compactor) {
    m_compactor = compactor ? compactor : m_no_compactor.get();
}

void PageAllocator::set_events(PageEvents* events) {
    m_events = events;
    m_buddy.set_events(events);
}

Zone* PageAllocator::zone_of(Pfn frame) {
    if (frame >= m_pages.end()) return nullptr;
    const std::uint8_t index = m_pages.zone_index(frame.value());
    if (index == PageMap::no_zone) return nullptr;
    if (index != PageMap::mixed_zones) {
        Zone* zone = m_zones[index].get();
        return zone->spans(frame.value()) ? zone : nullptr;
    }
    for (const auto& zone : m_zones)
        if (zone->spans(frame.value())) return zone.get();
    return nullptr;
}

Zone* PageAllocator::find_zone(NodeId node, ZoneType type) const {
    for (const auto& zone : m_zones)
        if (zone->node == node && zone->type == type) return zone.get();
    return nullptr;
}

const Zonelist& PageAllocator::zonelist(NodeId node, bool this_node_only) const {
    return (this_node_only ? m_local : m_fallback)[index_of(node)];
}

void PageAllocator::set_first_zone(Context& context) const {
    context.preferred = nullptr;
    for (std::size_t i = 0; i < context.zones->size(); ++i) {
        Zone* zone = (*context.zones)[i];
        if (zone->type > context.highest || (context.nodes && !context.nodes->contains(zone->node))) continue;
        context.preferred = zone;
        context.first = i;
        return;
    }
}

PageAllocator::Context PageAllocator::prepare(const AllocRequest& request, AllocFlags& flags,
                                              AllocTrace* trace) const {
    Context context;
    context.mask = request.mask;
    // Scoped constraints of the task.
    if (has(request.context, TaskContext::NoIo))
        context.mask = context.mask.without(gfp::io | gfp::fs);
    else if (has(request.context, TaskContext::NoFs))
        context.mask = context.mask.without(gfp::fs);
    if (has(request.context, TaskContext::Pin)) context.mask = context.mask.without(gfp::movable);
    context.order = request.order;
    context.cpu = request.cpu;
    context.highest = highest_zone(context.mask, m_layout.layout);
    context.type = m_buddy.group_by_mobility() ? migratetype_of(context.mask) : Migratetype::Unmovable;
    context.zones = &zonelist(request.preferred, context.mask.any(gfp::thisnode));
    context.nodes = request.nodes;
    context.cpuset = request.cpuset;
    context.context = request.context;
    context.preferred_node = request.preferred;
    context.spread_dirty = context.mask.any(gfp::write);
    context.trace = trace;
    if (request.cpuset) {
        const bool in_task = !has(request.context, TaskContext::Interrupt | TaskContext::SoftIrq);
        if (in_task && !request.nodes)
            context.nodes = request.cpuset;
        else
            flags = flags | alloc::cpuset;
    }
    if (context.type == Migratetype::Movable) flags = flags | alloc::cma;
    set_first_zone(context);
    return context;
}

AllocFlags PageAllocator::nofragment_flags(const Context& context) const {
    AllocFlags flags(context.mask.bits() & alloc::kswapd.bits());
    // Only Normal with a DMA32 zone below it can spread over two zones without mixing types.
    if (!has_zone(m_layout.layout, ZoneType::Dma32)) return flags;
    const Zone* zone = context.preferred;
    if (!zone || zone->type != ZoneType::Normal) return flags;
    if (node_count() > 1) {
        const Zone* below = find_zone(zone->node, ZoneType::Dma32);
        if (!below || !below->populated()) return flags;
    }
    return flags | alloc::nofragment;
}

bool PageAllocator::usable(const Context& context, const Zone& zone, AllocFlags flags) const {
    if (zone.type > context.highest || (context.nodes && !context.nodes->contains(zone.node))) return false;
    if (context.cpuset && flags.any(alloc::cpuset) && !context.cpuset->contains(zone.node)) {
        // Only requests that are not bound to the cpuset may leave it.
        return has(context.context, TaskContext::Interrupt | TaskContext::SoftIrq) ||
               (!context.mask.any(gfp::hardwall) && has(context.context, TaskContext::OomVictim));
    }
    return true;
}

bool PageAllocator::reclaimed_nearby(Context& context, const Zone& zone, AllocFlags flags) {
    constexpr unsigned reclaim_distance = 30; // beyond it, reclaiming costs less than a remote page
    const auto from = index_of(context.preferred->node);
    if (m_layout.distances[from][index_of(zone.node)] > reclaim_distance) return false;
    const bool may_block =
        context.mask.any(gfp::direct_reclaim) && !has(context.context, TaskContext::Memalloc);
    // Its own CPUs look after a node that has any.
    const bool others = zone.node != m_layout.cpus[context.cpu] &&
                        std::ranges::find(m_layout.cpus, zone.node) != m_layout.cpus.end();
    if (!may_block || others) return false;
    const NodeReclaimOutcome outcome = m_reclaimer->node_reclaim(zone.node, reclaim_request(context));
    context.cpu = m_reclaimer->requester_cpu(context.cpu);
    if (outcome != NodeReclaimOutcome::Some) return false;
    return watermark_ok(zone, context.order, zone.watermarks[flags.watermark()] + zone.boost, context.highest,
                        flags, zone.free_pages);
}

std::uint32_t PageAllocator::take_from_zones(Context& context, AllocFlags flags) {
    const Zonelist& zones = *context.zones;
    if (!context.preferred) return Buddy::none;
    for (;;) {
        const bool no_fallback = flags.any(alloc::nofragment);
        bool left_node = false;
        const Zone* dirty = nullptr; // of a node known to be at its limit
        for (std::size_t i = context.first; i < zones.size(); ++i) {
            Zone& zone = *zones[i];
            if (!usable(context, zone, flags)) continue;
            if (context.spread_dirty) [[unlikely]] {
                if (dirty && dirty->node == zone.node) continue;
                if (!m_reclaimer->node_dirty_ok(zone.node)) {
                    dirty = &zone;
                    continue;
                }
            }
            if (no_fallback && zone.node != context.preferred->node) {
                // Being local matters more than not mixing types.
                left_node = true;
                break;
            }
            if (context.trace) {
                ++context.trace->zones_visited;
                ++context.trace->watermark_checks;
            }
            if (!watermark_ok_fast(zone, context.order, context.highest, flags, context.mask) &&
                !flags.any(alloc::no_watermarks)) {
                ++zone.counters.watermark_failures;
                if (m_settings.zone_reclaim == ZoneReclaim::Off || !reclaimed_nearby(context, zone, flags))
                    continue;
            }
            const std::uint32_t frame = take_from_zone(context, zone, flags);
            if (frame == Buddy::none) continue;
            prepare_new(frame, context.order, context.mask);
            if (flags.any(alloc::highatomic)) [[unlikely]]
                m_buddy.reserve_highatomic(zone, frame, context.trace);
            if (context.trace) context.trace->zone = zone.index;
            return frame;
        }
        if (!left_node && !no_fallback) return Buddy::none;
        flags = flags.without(alloc::nofragment);
    }
}

std::uint32_t PageAllocator::take_from_zone(Context& context, Zone& zone, AllocFlags flags) {
    std::uint32_t frame = Buddy::none;
    if (PerCpuPages::allows(context.order, m_pages.pageblock_order()))
        frame = take_from_pcp(context, zone, flags);
    if (frame == Buddy::none) frame = take_from_buddy(context, zone, flags);
    if (zone.boosted) [[unlikely]] {
        zone.boosted = false;
        m_reclaimer->wake_kswapd(zone, 0, GfpMask{}, zone.type);
    }
    if (frame == Buddy::none) return frame;
    zone.counters.allocated += 1ULL << context.order;
    count_numa(context, zone, 1);
    return frame;
}

void PageAllocator::count_numa(const Context& context, Zone& zone, std::uint64_t allocations) const {
    if (zone.node == context.preferred->node) {
        zone.counters.numa_hit += allocations;
    } else {
        zone.counters.numa_miss += allocations;
        context.preferred->counters.numa_foreign += allocations;
    }
    if (zone.node == m_layout.cpus[context.cpu])
        zone.counters.numa_local += allocations;
    else
        zone.counters.numa_other += allocations;
}

std::uint32_t PageAllocator::take_from_pcp(Context& context, Zone& zone, AllocFlags flags) {
    PerCpuPages& lists = zone.pcp[context.cpu];
    lists.free_factor >>= 1;
    if (context.trace) {
        ++context.trace->pcp_lock_acquisitions;
        context.trace->path = AllocPath::PcpHit;
    }
    FrameList& list = lists.lists[PerCpuPages::list_index(context.order, context.type)];
    if (list.empty()) {
        if (refill(zone, context.cpu, context.order, context.type, flags, context.trace) == 0)
            return Buddy::none;
        if (context.trace) context.trace->path = AllocPath::PcpRefill;
    }
    const std::uint32_t frame = list.first();
    list.remove(m_pages, frame);
    m_pages.at(frame).clear(PageState::OnPcp);
    lists.count -= std::int64_t{1} << context.order;
    return frame;
}

std::int64_t PageAllocator::refill(Zone& zone, CpuId cpu, unsigned order, Migratetype type, AllocFlags flags,
                                   AllocTrace* trace) {
    PerCpuPages& lists = zone.pcp[cpu];
    FrameList& list = lists.lists[PerCpuPages::list_index(order, type)];
    const std::int64_t wanted = lists.refill_count(order);
    std::int64_t taken = 0;
    if (trace) ++trace->zone_lock_acquisitions;
    for (; taken < wanted; ++taken) {
        const std::uint32_t frame = m_buddy.take(zone, order, type, flags, trace);
        if (frame == Buddy::none) break;
        list.push_back(m_pages, frame);
        m_pages.at(frame).set(PageState::OnPcp);
        if (static_cast<Migratetype>(m_pages.peek(frame).type) == Migratetype::Cma)
            zone.count_cma(cpu, -(std::int64_t{1} << order));
        if (trace) trace->touch(frame);
    }
    zone.count_free(cpu, -(taken << order), Migratetype::Unmovable);
    lists.count += taken << order;
    ++zone.counters.refills;
    if (trace) trace->blocks_refilled += static_cast<std::uint32_t>(taken);
    return taken;
}

std::uint32_t PageAllocator::pop(Zone& zone, CpuId cpu, unsigned order, Migratetype type) {
    PerCpuPages& lists = zone.pcp[cpu];
    FrameList& list = lists.lists[PerCpuPages::list_index(order, type)];
    const std::uint32_t frame = list.first();
    if (frame == Buddy::none) return frame;
    list.remove(m_pages, frame);
    m_pages.at(frame).clear(PageState::OnPcp);
    lists.count -= std::int64_t{1} << order;
    return frame;
}

std::uint32_t PageAllocator::take_from_buddy(Context& context, Zone& zone, AllocFlags flags) {
    AllocTrace* trace = context.trace;
    if (trace) {
        ++trace->zone_lock_acquisitions;
        trace->path = AllocPath::Buddy;
    }
    std::uint32_t frame = Buddy::none;
    if (flags.any(alloc::highatomic)) {
        frame = m_buddy.take_smallest(zone, context.order, Migratetype::HighAtomic, trace);
        if (frame != Buddy::none && trace) trace->path = AllocPath::HighAtomic;
    }
    if (frame == Buddy::none) {
        frame = m_buddy.take(zone, context.order, context.type, flags, trace);
        if (frame == Buddy::none && flags.any(alloc::oom | alloc::non_block)) {
            frame = m_buddy.take_smallest(zone, context.order, Migratetype::HighAtomic, trace);
            if (frame != Buddy::none && trace) trace->path = AllocPath::HighAtomic;
        }
        if (frame == Buddy::none) return frame;
    }
    zone.count_free(context.cpu, -(std::int64_t{1} << context.order),
                    static_cast<Migratetype>(m_pages.peek(frame).type));
    return frame;
}

void PageAllocator::prepare_new(std::uint32_t frame, unsigned order, GfpMask mask) {
    PageDescriptor& page = m_pages.at(frame);
    page.state = static_cast<std::uint8_t>(PageState::Allocated);
    page.order = static_cast<std::uint8_t>(order & 0xf);
    page.compound = order != 0 && mask.any(gfp::comp) ? 1 : 0;
    page.owner_flags = 0;
    page.refcount = 1;
    page.mapcount = 0;
    page.next = page.prev = PageDescriptor::no_link;
}

AllocFlags PageAllocator::fast_path_flags(const AllocRequest& request) const {
    AllocFlags flags = alloc::wmark_low;
    const Context context = prepare(request, flags, nullptr);
    return flags | nofragment_flags(context);
}

std::expected<Pfn, AllocError> PageAllocator::allocate(const AllocRequest& request, AllocTrace* trace) {
    if (request.order >= max_order) [[unlikely]]
        return std::unexpected(AllocError::OrderTooLarge);
    if (!is_consistent(request.mask)) [[unlikely]]
        return std::unexpected(AllocError::BadMask);
    AllocFlags flags = alloc::wmark_low;
    Context context = prepare(request, flags, trace);
    flags = flags | nofragment_flags(context);

    std::uint32_t frame = take_from_zones(context, flags);
    if (frame == Buddy::none) [[unlikely]] {
        context.nodes = request.nodes;
        context.spread_dirty = false;
        const auto result = slow_path(context);
        if (!result) {
            if (trace) trace->path = AllocPath::Failed;
            if (m_events) m_events->page_alloc(no_pfn, request.order, context.mask, context.type);
            return std::unexpected(result.error());
        }
        frame = *result;
    }
    if (m_events) m_events->page_alloc(Pfn(frame), request.order, context.mask, context.type);
    return Pfn(frame);
}

std::size_t PageAllocator::allocate_bulk(const AllocRequest& request, std::span<Pfn> frames,
                                         AllocTrace* trace) {
    if (frames.empty()) return 0;
    const auto single = [&]() -> std::size_t {
        AllocRequest one = request;
        one.order = 0;
        const auto frame = allocate(one, trace);
        if (!frame) return 0;
        frames[0] = *frame;
        return 1;
    };
    if (frames.size() == 1) return single();

    AllocFlags flags = alloc::wmark_low;
    AllocRequest zero = request;
    zero.order = 0;
    Context context = prepare(zero, flags, trace);
    if (!context.preferred) return single();
    Zone* chosen = nullptr;
    for (std::size_t i = context.first; i < context.zones->size(); ++i) {
        Zone& zone = *(*context.zones)[i];
        if (!usable(context, zone, flags)) continue;
        if (zone.node != context.preferred->node) return single();
        if (trace) {
            ++trace->zones_visited;
            ++trace->watermark_checks;
        }
        if (watermark_ok_fast(zone, 0, context.preferred->type, flags, context.mask, frames.size())) {
            chosen = &zone;
            break;
        }
    }
    if (!chosen) return single();

    if (trace) ++trace->pcp_lock_acquisitions;
    FrameList& list = chosen->pcp[context.cpu].lists[PerCpuPages::list_index(0, context.type)];
    std::size_t count = 0;
    while (count < frames.size()) {
        if (list.empty() && refill(*chosen, context.cpu, 0, context.type, flags, trace) == 0) break;
        const std::uint32_t frame = pop(*chosen, context.cpu, 0, context.type);
        prepare_new(frame, 0, context.mask);
        frames[count++] = Pfn(frame);
    }
    if (count == 0) return single();
    if (trace) {
        trace->zone = chosen->index;
        trace->path = trace->blocks_refilled != 0 ? AllocPath::PcpRefill : AllocPath::PcpHit;
    }
    chosen->counters.allocated += count;
    count_numa(context, *chosen, count);
    return count;
}

std::expected<Pfn, AllocError> PageAllocator::allocate_exact(AllocRequest request, std::uint64_t pages,
                                                             AllocTrace* trace) {
    PAGEWALK_INVARIANT(pages != 0);
    request.order = static_cast<unsigned>(std::bit_width(pages - 1));
    request.mask = request.mask.without(gfp::comp);
    const auto frame = allocate(request, trace);
    if (!frame) return frame;
    split(*frame, request.order);
    for (std::uint64_t i = pages; i < 1ULL << request.order; ++i) {
        const auto freed = free(*frame + i, 0, request.cpu, trace);
        PAGEWALK_INVARIANT(freed.has_value());
    }
    return frame;
}

const Zone* PageAllocator::preview(const AllocRequest& request) const {
    AllocFlags flags = alloc::wmark_low;
    Context context = prepare(request, flags, nullptr);
    const AllocFlags slow = slow_path_flags(context);
    for (const AllocFlags pass : {flags, slow, slow | reserve_flags(context)})
        for (std::size_t i = context.first; context.preferred && i < context.zones->size(); ++i) {
            const Zone& zone = *(*context.zones)[i];
            if (!usable(context, zone, pass)) continue;
            if (pass.any(alloc::no_watermarks) ||
                watermark_ok_fast(zone, request.order, context.highest, pass, context.mask))
                return &zone;
        }
    return nullptr;
}

} // namespace pagewalk::os
