#include "os/replay/traced_pages.h"

#include <algorithm>

namespace pagewalk::os {

TracedPages::TracedPages(const PageSnapshot& machine) : m_offers(machine.cpus) {
    for (std::size_t cpu = 0; cpu < machine.cpus; ++cpu)
        m_cpu_node.push_back(static_cast<NodeId>(cpu * machine.nodes / machine.cpus));
    for (const ZoneSnapshot& zone : machine.zones)
        m_ranges.push_back({zone.start, zone.start + zone.spanned, zone.node});
    for (std::size_t node = 0; node < machine.nodes; ++node) {
        std::vector<NodeId> order{static_cast<NodeId>(node)};
        for (std::size_t step = 1; step < machine.nodes; ++step)
            order.push_back(static_cast<NodeId>((node + step) % machine.nodes));
        m_fallback.push_back(std::move(order));
    }
}

NodeId TracedPages::node_of(Pfn frame) const {
    for (const Range& range : m_ranges)
        if (range.begin <= frame && frame < range.end) return range.node;
    return NodeId{};
}

void TracedPages::offer(const SlabEvent& event) {
    constexpr std::size_t most = 64; // older ones are other users' pages
    std::vector<Offer>& offers = m_offers[index_of(event.cpu)];
    if (offers.size() == most) offers.erase(offers.begin());
    offers.push_back({event.frame, event.gfp, event.order, event.in_interrupt()});
}

void TracedPages::forget_offers(CpuId cpu) { m_offers[index_of(cpu)].clear(); }

bool TracedPages::offers(CpuId cpu, unsigned order, GfpMask mask) const {
    return std::ranges::any_of(m_offers[index_of(cpu)], [&](const Offer& offer) {
        return offer.order == order && !offer.in_interrupt && offer.gfp == mask;
    });
}

std::optional<Pfn> TracedPages::allocate(const PageRequest& request) {
    std::vector<Offer>& offers = m_offers[index_of(request.cpu)];
    const auto best = [&](auto&& fits) {
        return std::find_if(offers.rbegin(), offers.rend(),
                            [&](const Offer& offer) { return offer.order == request.order && fits(offer); });
    };
    auto found =
        best([&](const Offer& o) { return o.gfp == request.gfp && o.in_interrupt == m_in_interrupt; });
    if (found == offers.rend()) found = best([&](const Offer& o) { return o.gfp == request.gfp; });
    if (found != offers.rend()) {
        ++m_same_mask;
    } else {
        found = best([](const Offer&) { return true; });
        if (found == offers.rend()) {
            ++m_without_offer;
            return std::nullopt;
        }
        ++m_other_mask;
    }
    const Pfn frame = found->frame;
    offers.erase(std::next(found).base());
    if (frame == no_pfn) return std::nullopt;
    return frame;
}

void TracedPages::free(Pfn frame, unsigned, CpuId) { ++m_expected[frame]; }

bool TracedPages::freed(Pfn frame) {
    const auto found = m_expected.find(frame);
    if (found == m_expected.end()) return false;
    if (--found->second == 0) m_expected.erase(found);
    ++m_frees_seen;
    return true;
}

} // namespace pagewalk::os
