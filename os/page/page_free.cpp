#include "base/error.h"
#include "os/page/page_allocator.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr unsigned swap_cluster = 32; // frames of a list freed under one hold of the per-CPU lock

} // namespace

void PageAllocator::split(Pfn frame, unsigned order) {
    PageDescriptor& head = m_pages.at(frame);
    PAGEWALK_INVARIANT(head.is(PageState::Allocated) && head.order == order && !head.compound);
    head.order = 0;
    for (std::uint64_t i = 1; i < 1ULL << order; ++i) {
        const std::uint32_t tail = static_cast<std::uint32_t>(frame.value() + i);
        prepare_new(tail, 0, GfpMask{});
    }
}

std::expected<void, BadPage> PageAllocator::prepare_free(Pfn frame, unsigned order) {
    if (frame >= m_pages.end() || order >= max_order) return std::unexpected(BadPage::OutsideMemory);
    const PageDescriptor& seen = m_pages.peek(frame);
    if (!seen.is(PageState::Allocated)) [[unlikely]] {
        if (seen.is(PageState::Absent)) return std::unexpected(BadPage::OutsideMemory);
        if (seen.is(PageState::Reserved)) return std::unexpected(BadPage::Reserved);
        if (seen.is(PageState::Buddy) || seen.is(PageState::OnPcp))
            return std::unexpected(BadPage::AlreadyFree);
        return std::unexpected(BadPage::NotAllocated);
    }
    if (seen.mapcount != 0) [[unlikely]]
        return std::unexpected(BadPage::Mapped);
    if (seen.is(PageState::OrderUnknown)) [[unlikely]] {
        for (std::uint64_t i = 1; i < 1ULL << order; ++i) {
            PageDescriptor& tail = m_pages.at(frame + i);
            tail = PageDescriptor{};
        }
    } else if (seen.order != order) [[unlikely]] {
        return std::unexpected(BadPage::WrongOrder);
    }
    PageDescriptor& page = m_pages.at(frame);
    page.state = 0;
    page.order = 0;
    page.compound = 0;
    page.owner_flags = 0;
    page.refcount = 0;
    page.type = static_cast<std::uint8_t>(static_cast<unsigned>(m_pages.pageblock_type(frame)) & 0x7);
    if (m_events) m_events->page_free(frame, order);
    return {};
}

void PageAllocator::free_to_buddy(Zone& zone, std::uint32_t frame, unsigned order, CpuId cpu,
                                  AllocTrace* trace) {
    if (trace) ++trace->zone_lock_acquisitions;
    auto type = static_cast<Migratetype>(m_pages.peek(frame).type);
    if (zone.isolated_pageblocks != 0 || type == Migratetype::Isolate) type = m_pages.pageblock_type(frame);
    m_buddy.free(zone, frame, order, type, cpu, Buddy::Placement::MergeLikely, trace);
}

std::int64_t PageAllocator::push(Zone& zone, CpuId cpu, std::uint32_t frame, unsigned order,
                                 Migratetype type) {
    PerCpuPages& lists = zone.pcp[cpu];
    lists.lists[PerCpuPages::list_index(order, type)].push_front(m_pages, frame);
    m_pages.at(frame).set(PageState::OnPcp);
    lists.count += std::int64_t{1} << order;
    // Blocks of the middling orders fragment memory: a CPU that only frees gives them all back.
    const bool free_high_orders = lists.free_factor != 0 && order != 0 && order <= costly_order;
    const std::int64_t threshold = lists.drain_threshold(free_high_orders, zone.reclaim_active);
    return lists.count >= threshold ? lists.drain_count(threshold, free_high_orders) : 0;
}

std::expected<void, BadPage> PageAllocator::free(Pfn frame, unsigned order, CpuId cpu, AllocTrace* trace) {
    if (const auto prepared = prepare_free(frame, order); !prepared) return prepared;
    Zone& zone = *zone_of(frame);
    const auto number = static_cast<std::uint32_t>(frame.value());
    zone.counters.freed += 1ULL << order;
    if (trace) trace->zone = zone.index;
    auto type = static_cast<Migratetype>(m_pages.peek(frame).type);
    if (!PerCpuPages::allows(order, m_pages.pageblock_order()) || type == Migratetype::Isolate) {
        free_to_buddy(zone, number, order, cpu, trace);
        return {};
    }
    if (!is_mergeable(type)) type = Migratetype::Movable;
    if (trace) ++trace->pcp_lock_acquisitions;
    if (const std::int64_t excess = push(zone, cpu, number, order, type); excess > 0)
        drain(zone, cpu, excess, PerCpuPages::list_index(order, type), cpu, trace);
    return {};
}

std::size_t PageAllocator::free_list(std::span<const Pfn> frames, CpuId cpu, AllocTrace* trace) {
    std::size_t bad = 0;
    FrameList prepared;
    for (const Pfn frame : frames) {
        if (!prepare_free(frame, 0)) {
            ++bad;
            continue;
        }
        Zone& zone = *zone_of(frame);
        ++zone.counters.freed;
        const auto number = static_cast<std::uint32_t>(frame.value());
        if (static_cast<Migratetype>(m_pages.peek(frame).type) == Migratetype::Isolate)
            free_to_buddy(zone, number, 0, cpu, trace);
        else
            prepared.push_back(m_pages, number);
    }
    const Zone* locked = nullptr;
    unsigned held = 0;
    while (!prepared.empty()) {
        const std::uint32_t number = prepared.first();
        prepared.remove(m_pages, number);
        Zone& zone = *zone_of(Pfn(number));
        if (&zone != locked || held == swap_cluster) {
            locked = &zone;
            held = 0;
            if (trace) ++trace->pcp_lock_acquisitions;
        }
        ++held;
        auto type = static_cast<Migratetype>(m_pages.peek(number).type);
        if (!is_mergeable(type)) type = Migratetype::Movable;
        if (m_events) m_events->page_free_batched(Pfn(number));
        if (trace) trace->zone = zone.index;
        if (const std::int64_t excess = push(zone, cpu, number, 0, type); excess > 0)
            drain(zone, cpu, excess, PerCpuPages::list_index(0, type), cpu, trace);
    }
    return bad;
}

std::expected<void, BadPage> PageAllocator::free_range(Pfn first, std::uint64_t pages, CpuId cpu,
                                                       AllocTrace* trace) {
    for (std::uint64_t i = 0; i < pages; ++i)
        if (auto freed = free(first + i, 0, cpu, trace); !freed) return freed;
    return {};
}

void PageAllocator::drain(Zone& zone, CpuId owner, std::int64_t count, std::size_t list, CpuId by,
                          AllocTrace* trace) {
    PerCpuPages& lists = zone.pcp[owner];
    count = std::min(lists.count, count);
    if (trace) ++trace->zone_lock_acquisitions;
    ++zone.counters.drains;
    const bool isolated = zone.isolated_pageblocks != 0;
    std::size_t lowest = 0;
    std::size_t highest = PerCpuPages::list_count - 1;
    std::size_t next = list; // the named list comes first
    while (count > 0) {
        std::size_t at = 0;
        for (;;) {
            at = next > highest ? lowest : next;
            next = at + 1;
            if (!lists.lists[at].empty()) break;
            if (at == highest) --highest;
            if (at == lowest) ++lowest;
        }
        FrameList& from = lists.lists[at];
        const unsigned order = PerCpuPages::order_of(at, m_pages.pageblock_order());
        do {
            const std::uint32_t frame = from.last();
            from.remove(m_pages, frame);
            PageDescriptor& page = m_pages.at(frame);
            page.clear(PageState::OnPcp);
            auto type = static_cast<Migratetype>(page.type);
            count -= std::int64_t{1} << order;
            lists.count -= std::int64_t{1} << order;
            if (isolated) type = m_pages.pageblock_type(frame);
            m_buddy.free(zone, frame, order, type, by, Buddy::Placement::MergeLikely, trace);
            if (trace) ++trace->blocks_drained;
            if (m_events) m_events->pcpu_drain(Pfn(frame), order, type);
        } while (count > 0 && !from.empty());
    }
}

void PageAllocator::drain_cpu(Zone& zone, CpuId owner, CpuId by, AllocTrace* trace) {
    PerCpuPages& lists = zone.pcp[owner];
    std::int64_t left = lists.count;
    while (left > 0) {
        const std::int64_t part = std::min(left, lists.batch << PerCpuPages::free_factor_max);
        if (trace) ++trace->pcp_lock_acquisitions;
        drain(zone, owner, part, 0, by, trace);
        left -= part;
    }
}

void PageAllocator::drain_all(CpuId by, Zone* only, AllocTrace* trace) {
    for (std::size_t cpu = 0; cpu < m_layout.cpus.size(); ++cpu)
        for (const auto& zone : m_zones)
            if (!only || only == zone.get()) drain_cpu(*zone, static_cast<CpuId>(cpu), by, trace);
}

void PageAllocator::refresh_statistics(CpuId cpu) {
    constexpr std::uint8_t idle_rounds = 3; // rounds without a change until remote lists are drained
    for (const auto& zone : m_zones) {
        PerCpuPages& lists = zone->pcp[cpu];
        if (lists.free_diff != 0 || lists.cma_diff != 0) lists.expire = idle_rounds;
        zone->free_pages += lists.free_diff;
        zone->free_cma_pages += lists.cma_diff;
        lists.free_diff = lists.cma_diff = 0;
        if (lists.expire == 0 || lists.count == 0) continue;
        if (zone->node == m_layout.cpus[cpu]) {
            lists.expire = 0;
            continue;
        }
        if (--lists.expire == 0) drain(*zone, cpu, std::min(lists.count, lists.batch), 0, cpu);
    }
}

void PageAllocator::release(Pfn frame, unsigned order, CpuId cpu) {
    Zone* zone = zone_of(frame);
    PAGEWALK_INVARIANT(zone != nullptr);
    m_pages.fill(frame, frame + (1ULL << order), PageMap::Default::Plain);
    zone->managed += 1ULL << order;
    m_buddy.free(*zone, static_cast<std::uint32_t>(frame.value()), order, m_pages.pageblock_type(frame), cpu,
                 Buddy::Placement::Tail, nullptr);
}

void PageAllocator::release_reserved(Pfn frame, CpuId cpu) {
    Zone* zone = zone_of(frame);
    PAGEWALK_INVARIANT(zone != nullptr && m_pages.peek(frame).is(PageState::Reserved));
    ++zone->managed;
    prepare_new(static_cast<std::uint32_t>(frame.value()), 0, GfpMask{});
    const auto freed = free(frame, 0, cpu);
    PAGEWALK_INVARIANT(freed.has_value());
}

} // namespace pagewalk::os
