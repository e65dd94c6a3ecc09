#pragma once

#include "base/ids.h"
#include "os/page/zonelist.h"

#include <cstdint>
#include <optional>

namespace pagewalk::os {

/// A task's NUMA policy: the nodes that its memory comes from. Source:
/// Documentation/admin-guide/mm/numa_memory_policy.rst of Linux 6.1.
class MemoryPolicy {
public:
    enum class Mode : std::uint8_t {
        Local,      ///< the CPU's node first
        Preferred,  ///< one node first
        Bind,       ///< no others than these nodes
        Interleave, ///< these nodes in turn: pages of an area by their place, others one after the other
    };
    MemoryPolicy() = default;
    /// Contract: `nodes` is not empty, but for Local.
    MemoryPolicy(Mode mode, NodeMask nodes) : m_mode(mode), m_nodes(nodes) {}

    struct Placement {
        NodeId preferred{};
        const NodeMask* nodes = nullptr; ///< null: any
    };
    /// Of the next block for a task on `own` node. `index`: which page of its area's file or memory it is,
    /// where it belongs to an area.
    [[nodiscard]] Placement place(NodeId own, std::optional<std::uint64_t> index);

    [[nodiscard]] Mode mode() const { return m_mode; }
    [[nodiscard]] const NodeMask& nodes() const { return m_nodes; }
    /// mpol_equal: how far it is through its nodes does not count.
    bool operator==(const MemoryPolicy& other) const {
        return m_mode == other.m_mode && m_nodes == other.m_nodes;
    }

private:
    [[nodiscard]] NodeId node_at(std::uint64_t place) const;

    Mode m_mode = Mode::Local;
    NodeMask m_nodes;
    std::uint64_t m_turn = 0;
};

} // namespace pagewalk::os
