#pragma once

#include "os/replay/page_snapshot.h"
#include "os/replay/slab_events.h"
#include "os/slab/page_source.h"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace pagewalk::os {

/// Pages as a trace says they were handed out: each mm_page_alloc is offered when it happens and taken by the
/// request that caused it. Pages given back are expected to be freed in the trace.
class TracedPages final : public PageSource {
public:
    explicit TracedPages(const PageSnapshot& machine);

    /// An mm_page_alloc event.
    void offer(const SlabEvent& event);
    /// An mm_page_free event. False when the model has not given this frame back.
    bool freed(Pfn frame);
    /// Pages offered before this belong to others.
    void forget_offers(CpuId cpu);
    /// The context whose requests come next: offers of the same context are preferred.
    void enter(const SlabEvent& event) { m_in_interrupt = event.in_interrupt(); }
    /// Was a page of this order and mask offered to `cpu` outside interrupts, and not taken yet?
    [[nodiscard]] bool offers(CpuId cpu, unsigned order, GfpMask mask) const;

    [[nodiscard]] std::optional<Pfn> allocate(const PageRequest& request) override;
    void free(Pfn frame, unsigned order, CpuId cpu) override;
    [[nodiscard]] std::size_t cpu_count() const override { return m_offers.size(); }
    [[nodiscard]] std::size_t node_count() const override { return m_fallback.size(); }
    [[nodiscard]] NodeId node_of(CpuId cpu) const override { return m_cpu_node[index_of(cpu)]; }
    [[nodiscard]] NodeId node_of(Pfn frame) const override;
    [[nodiscard]] std::span<const NodeId> fallback_order(NodeId node) const override {
        return m_fallback[index_of(node)];
    }

    [[nodiscard]] std::uint64_t same_mask() const { return m_same_mask; }
    [[nodiscard]] std::uint64_t other_mask() const { return m_other_mask; }
    [[nodiscard]] std::uint64_t without_offer() const { return m_without_offer; }
    [[nodiscard]] std::uint64_t frees_seen() const { return m_frees_seen; }
    /// Given back by the model, but not in the trace.
    [[nodiscard]] std::size_t frees_missing() const { return m_expected.size(); }

private:
    struct Offer {
        Pfn frame;
        GfpMask gfp;
        unsigned order = 0;
        bool in_interrupt = false;
    };
    struct Range {
        Pfn begin, end;
        NodeId node;
    };

    std::vector<std::vector<Offer>> m_offers; ///< by CPU, oldest first
    std::vector<NodeId> m_cpu_node;
    std::vector<Range> m_ranges;
    std::vector<std::vector<NodeId>> m_fallback;
    std::unordered_map<Pfn, unsigned> m_expected; ///< times
    bool m_in_interrupt = false;
    std::uint64_t m_same_mask = 0, m_other_mask = 0, m_without_offer = 0, m_frees_seen = 0;
};

} // namespace pagewalk::os
