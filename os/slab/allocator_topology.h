#pragma once

#include "os/page/page_allocator.h"

#include <cstddef>
#include <span>

namespace pagewalk::os {

/// A page source (PageSource or what extends it) whose CPUs and nodes are those of a page allocator.
template <class Source>
class AllocatorTopology : public Source {
public:
    [[nodiscard]] std::size_t cpu_count() const final { return m_allocator.cpus().size(); }
    [[nodiscard]] std::size_t node_count() const final { return m_allocator.node_count(); }
    [[nodiscard]] NodeId node_of(CpuId cpu) const final { return m_allocator.cpus()[cpu]; }
    [[nodiscard]] NodeId node_of(Pfn frame) const final {
        const Zone* const zone = m_allocator.zone_of(frame);
        return zone == nullptr ? NodeId{} : zone->node;
    }
    [[nodiscard]] std::span<const NodeId> fallback_order(NodeId node) const final {
        return m_allocator.node_order()[index_of(node)];
    }

protected:
    /// The allocator must outlive it.
    explicit AllocatorTopology(const PageAllocator& allocator) : m_allocator(allocator) {}

private:
    const PageAllocator& m_allocator;
};

} // namespace pagewalk::os
