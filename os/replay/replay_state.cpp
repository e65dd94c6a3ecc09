#include "os/replay/replay_state.h"

#include "base/error.h"
#include "os/replay/list_comparison.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <iterator>
#include <unordered_map>

namespace pagewalk::os {
namespace {

const char* kind_name(PageEventKind kind) {
    switch (kind) {
    case PageEventKind::Alloc:
        return "mm_page_alloc";
    case PageEventKind::Free:
        return "mm_page_free";
    case PageEventKind::FreeBatched:
        return "mm_page_free_batched";
    case PageEventKind::ZoneLocked:
        return "mm_page_alloc_zone_locked";
    case PageEventKind::PcpuDrain:
        return "mm_page_pcpu_drain";
    case PageEventKind::ExtFrag:
        return "mm_page_alloc_extfrag";
    case PageEventKind::LruInsertion:
        return "mm_lru_insertion";
    case PageEventKind::Reclaim:
        return "mm_vmscan_direct_reclaim_begin";
    case PageEventKind::Compact:
        return "mm_compaction_try_to_compact_pages";
    case PageEventKind::KswapdWake:
        return "mm_vmscan_kswapd_wake";
    case PageEventKind::Page:
        return "gt_page";
    case PageEventKind::Zone:
        return "gt_zone";
    case PageEventKind::Mark:
        return "gt_mark";
    }
    return "";
}

std::string event_text(const PageTraceEvent& event) {
    std::string text = "event " + std::to_string(event.sequence) + " on cpu " + std::to_string(event.cpu) +
                       ", pid " + std::to_string(event.pid) + ": " + kind_name(event.kind);
    if (event.frame != no_pfn) text += " frame 0x" + ReplayState::hex(event.frame.value());
    text += " order " + std::to_string(event.order);
    if (event.kind == PageEventKind::Alloc)
        text += " type " + std::to_string(event.type) + " gfp " + to_string(GfpMask(event.mask));
    return text;
}

/// The beginning of a list, for people.
std::string list_text(const FrameList& list, const PageMap& pages) {
    constexpr int shown = 6;
    std::string text;
    std::uint32_t frame = list.first();
    for (int i = 0; i < shown && frame != FrameList::none; ++i, frame = pages.peek(frame).next)
        text += " " + ReplayState::hex(frame);
    return frame == FrameList::none ? text + " ." : text + " ...";
}

} // namespace

std::string ReplayState::hex(std::uint64_t value) {
    std::array<char, 20> text{};
    const int length = std::snprintf(text.data(), text.size(), "%" PRIx64, value);
    return {text.data(), static_cast<std::size_t>(length)};
}

std::string ReplayReport::summary() const {
    std::array<char, 200> text{};
    const double percent =
        allocations == 0 ? 100.0 : 100.0 * static_cast<double>(matched) / static_cast<double>(allocations);
    const int length =
        std::snprintf(text.data(), text.size(),
                      "matched %" PRIu64 " of %" PRIu64 " allocations (%.4f %%), final state %" PRIu64
                      " of %" PRIu64 " lists identical",
                      matched, allocations, percent, final_identical, final_lists);
    return {text.data(), static_cast<std::size_t>(length)};
}

std::string ReplayReport::text() const {
    std::string out = capture + ": " + std::to_string(events) + " events, " + method + "\n";
    for (const ReplayPhase& phase : phases)
        out += "  " + phase.name + ": " + std::to_string(phase.matched) + " of " +
               std::to_string(phase.allocations) + "\n";
    for (const auto& [what, count] : checks) out += "  " + what + ": " + std::to_string(count) + "\n";
    for (const std::string& difference : final_differences) out += "  final state: " + difference + "\n";
    if (!first_difference.empty()) out += "first difference: " + first_difference + "\n";
    return out + summary() + "\n";
}

ReplayState::ReplayState(const PageSnapshot& before, const ReplayOptions& options, ReplayReport& report)
    : m_before(before), m_options(options), m_report(report), m_allocator(before.build()) {}

Zone& ReplayState::zone_of(const PageTraceEvent& event) {
    if (event.order >= max_order)
        throw InputError(event_text(event) + ": order is above the largest, " +
                         std::to_string(max_order - 1));
    Zone* const zone = m_allocator->zone_of(event.frame);
    if (!zone || !zone->spans(event.frame.value() + (1ULL << event.order) - 1))
        throw InputError(event_text(event) + ": pfn is outside every zone of the snapshot");
    return *zone;
}

Zone* ReplayState::find_zone(int node, int kernel_index) {
    for (std::size_t i = 0; i < m_before.zones.size(); ++i)
        if (static_cast<int>(pagewalk::index_of(m_before.zones[i].node)) == node &&
            static_cast<int>(m_before.zones[i].kernel_index) == kernel_index)
            return m_allocator->zones()[i].get();
    return nullptr;
}

Zone& ReplayState::zone_named(const PageTraceEvent& event) {
    Zone* const zone = find_zone(event.node, event.zone);
    if (!zone)
        throw InputError(event_text(event) + ": zone " + std::to_string(event.node) + "." +
                         std::to_string(event.zone) + " is not in the snapshot");
    return *zone;
}

void ReplayState::begin_phase(const std::string& name) {
    const auto known = std::ranges::find(m_report.phases, name, &ReplayPhase::name);
    m_phase = static_cast<std::size_t>(known - m_report.phases.begin());
    if (known == m_report.phases.end()) m_report.phases.push_back({name, 0, 0});
}

void ReplayState::count_allocation(bool same) {
    ++m_report.allocations;
    ++m_report.phases[m_phase].allocations;
    if (!same) return;
    ++m_report.matched;
    ++m_report.phases[m_phase].matched;
}

std::string ReplayState::describe_lists(const Zone& zone, unsigned order, CpuId cpu) const {
    const PageMap& pages = m_allocator->pages();
    std::string text = "\n    model's zone " + std::to_string(pagewalk::index_of(zone.node)) + "." +
                       std::string(name_of(zone.type)) + ": free " + std::to_string(zone.free_pages) +
                       ", min " + std::to_string(zone.watermark(Watermark::Min)) + ", low " +
                       std::to_string(zone.watermark(Watermark::Low)) + ", highatomic " +
                       std::to_string(zone.highatomic_pages);
    const PerCpuPages& lists = zone.pcp[cpu];
    text += "\n    model's per-CPU lists: count " + std::to_string(lists.count) + ", high " +
            std::to_string(lists.high) + ", batch " + std::to_string(lists.batch) + ", free_factor " +
            std::to_string(lists.free_factor);
    for (std::size_t type = 0; type < pcp_migratetype_count; ++type) {
        const auto migratetype = static_cast<Migratetype>(type);
        if (PerCpuPages::allows(order, pages.pageblock_order()))
            text += "\n      per-CPU, order " + std::to_string(order) + ", " +
                    std::string(name_of(migratetype)) + ":" +
                    list_text(lists.lists[PerCpuPages::list_index(order, migratetype)], pages);
        for (unsigned o = order; o < max_order; ++o)
            if (!zone.areas[o].lists[type].empty()) {
                text += "\n      free, order " + std::to_string(o) + ", " +
                        std::string(name_of(migratetype)) + ":" + list_text(zone.areas[o].lists[type], pages);
                break;
            }
    }
    return text;
}

void ReplayState::differ(const char* what, const PageTraceEvent& event, const std::string& model) {
    check(what);
    if (!m_options.first_difference || !m_report.first_difference.empty()) return;
    m_report.first_difference =
        std::string(what) + "\n    kernel: " + event_text(event) + "\n    model: " + model;
    if (const Zone* zone = m_allocator->zone_of(event.frame))
        m_report.first_difference += describe_lists(*zone, event.order, static_cast<CpuId>(event.cpu));
}

bool ReplayState::adopt(const PageTraceEvent& event) {
    PageDescriptor& page = m_allocator->pages().at(event.frame);
    if (page.is(PageState::Buddy) || page.is(PageState::OnPcp)) return false;
    page.clear(PageState::Reserved);
    page.clear(PageState::Absent);
    page.set(PageState::Allocated);
    page.set(PageState::OrderUnknown);
    return true;
}

void ReplayState::prepare_free(const PageTraceEvent& event) {
    zone_of(event);
    if (!adopt(event)) {
        differ("frees of a block that the model has free", event, "the block is free");
        force(event.frame, event.order, static_cast<CpuId>(event.cpu));
        adopt(event);
    }
    const auto prepared = m_allocator->prepare_free(event.frame, event.order);
    PAGEWALK_INVARIANT(prepared.has_value());
}

void ReplayState::undo(Pfn frame, unsigned order, Migratetype type, CpuId cpu) {
    Zone& zone = *m_allocator->zone_of(frame);
    const auto number = static_cast<std::uint32_t>(frame.value());
    PageDescriptor& page = m_allocator->pages().at(frame);
    page = PageDescriptor{};
    page.type = static_cast<std::uint8_t>(static_cast<unsigned>(type) & 0x7);
    if (PerCpuPages::allows(order, m_allocator->pages().pageblock_order())) {
        PerCpuPages& lists = zone.pcp[cpu];
        lists.lists[PerCpuPages::list_index(order, type)].push_front(m_allocator->pages(), number);
        page.set(PageState::OnPcp);
        lists.count += std::int64_t{1} << order;
    } else {
        m_allocator->buddy().free(zone, number, order, type, cpu, Buddy::Placement::MergeLikely, nullptr);
    }
}

std::string ReplayState::force(Pfn frame, unsigned order, CpuId cpu) {
    Zone& zone = *m_allocator->zone_of(frame);
    PageMap& pages = m_allocator->pages();
    const auto number = static_cast<std::uint32_t>(frame.value());
    if (pages.peek(frame).is(PageState::OnPcp)) {
        for (std::size_t owner = 0; owner < zone.pcp.size(); ++owner) {
            PerCpuPages& lists = zone.pcp[static_cast<CpuId>(owner)];
            for (std::size_t list = 0; list < PerCpuPages::list_count; ++list)
                for (std::uint32_t at = lists.lists[list].first(); at != FrameList::none;
                     at = pages.peek(at).next) {
                    if (at != number) continue;
                    lists.lists[list].remove(pages, number);
                    pages.at(frame) = PageDescriptor{};
                    lists.count -= std::int64_t{1} << PerCpuPages::order_of(list, pages.pageblock_order());
                    return "on a per-CPU list";
                }
        }
        return "nowhere";
    }
    return m_allocator->buddy().take_out(zone, number, order, cpu) ? "on a free list" : "in use";
}

void ReplayState::isolate(const PageTraceEvent& event) {
    Zone& zone = zone_of(event);
    const auto number = static_cast<std::uint32_t>(event.frame.value());
    const PageDescriptor& page = m_allocator->pages().peek(event.frame);
    check("free blocks isolated");
    if (page.is(PageState::Buddy) && page.order == event.order &&
        m_allocator->buddy().isolate_free(zone, number, event.order, static_cast<CpuId>(event.cpu), nullptr))
        return;
    differ("isolated blocks that the model does not have free", event, "no such free block");
    force(event.frame, event.order, static_cast<CpuId>(event.cpu));
}

void ReplayState::put_back(const PageTraceEvent& event) {
    Zone& zone = zone_of(event);
    check("isolated blocks put back");
    m_allocator->buddy().free(zone, static_cast<std::uint32_t>(event.frame.value()), event.order,
                              static_cast<Migratetype>(event.x), static_cast<CpuId>(event.cpu),
                              Buddy::Placement::Tail, nullptr);
}

void ReplayState::compare_with(const PageSnapshot& after) {
    ListComparison lists = compare_lists(*m_allocator, after);
    m_report.final_lists += lists.total;
    m_report.final_identical += lists.identical;
    std::ranges::move(lists.differences, std::back_inserter(m_report.final_differences));
}

void ReplayState::finish() {
    std::erase_if(m_report.phases, [](const ReplayPhase& phase) { return phase.allocations == 0; });
    m_report.checks.assign(m_checks.begin(), m_checks.end());
}

std::vector<AfterFree> look_ahead(const std::vector<PageTraceEvent>& events, bool kernel_events_only) {
    std::vector<AfterFree> result(events.size(), AfterFree::Unknown);
    std::unordered_map<std::uint64_t, AfterFree> next;
    next.reserve(events.size() / 4);
    for (std::size_t i = events.size(); i-- > 0;) {
        const PageTraceEvent& event = events[i];
        switch (event.kind) {
        case PageEventKind::Page:
            if (!kernel_events_only && event.which == gt::page_pcp_commit)
                next[event.frame.value()] = AfterFree::Pcp;
            break;
        case PageEventKind::FreeBatched:
            if (kernel_events_only) next[event.frame.value()] = AfterFree::Pcp;
            break;
        case PageEventKind::Alloc:
        case PageEventKind::ZoneLocked:
            next[event.frame.value()] = AfterFree::Other;
            break;
        case PageEventKind::Free: {
            const auto found = next.find(event.frame.value());
            if (found != next.end()) result[i] = found->second;
            next[event.frame.value()] = AfterFree::Other;
            break;
        }
        default:
            break;
        }
    }
    return result;
}

} // namespace pagewalk::os
