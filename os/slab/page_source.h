#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "os/page/gfp.h"

#include <cstddef>
#include <optional>
#include <span>

namespace pagewalk::os {

/// No preference: the node of the requesting CPU first.
inline constexpr NodeId any_node{0xffff};

struct PageRequest {
    GfpMask gfp;
    unsigned order = 0;
    CpuId cpu{};
    NodeId node = any_node;
};

/// Where object allocators get their pages. Calls take effect in the order they are made. An allocation with
/// gfp::direct_reclaim may wait: others use the object allocator meanwhile, and the requester may go on on
/// another CPU. Calls name the CPU on which it began.
class PageSource {
public:
    virtual ~PageSource() = default;

    /// First frame of a block of 2^order frames; none when there is no memory.
    [[nodiscard]] virtual std::optional<Pfn> allocate(const PageRequest& request) = 0;
    virtual void free(Pfn frame, unsigned order, CpuId cpu) = 0;
    /// Where a requester that began on `cpu` runs now.
    [[nodiscard]] virtual CpuId current_cpu(CpuId cpu) const { return cpu; }

    [[nodiscard]] virtual std::size_t cpu_count() const = 0;
    [[nodiscard]] virtual std::size_t node_count() const = 0;
    [[nodiscard]] virtual NodeId node_of(CpuId cpu) const = 0;
    [[nodiscard]] virtual NodeId node_of(Pfn frame) const = 0;
    /// Nodes in the order in which `node` falls back to them, itself first.
    [[nodiscard]] virtual std::span<const NodeId> fallback_order(NodeId node) const = 0;
};

} // namespace pagewalk::os
