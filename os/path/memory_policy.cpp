#include "os/path/memory_policy.h"

#include <bit>

namespace pagewalk::os {

NodeId MemoryPolicy::node_at(std::uint64_t place) const {
    std::uint64_t left = m_nodes.bits();
    for (place %= static_cast<std::uint64_t>(std::popcount(left)); place != 0; --place) left &= left - 1;
    return static_cast<NodeId>(std::countr_zero(left));
}

MemoryPolicy::Placement MemoryPolicy::place(NodeId own, std::optional<std::uint64_t> index) {
    switch (m_mode) {
    case Mode::Local:
        break;
    case Mode::Preferred:
        return {node_at(0), nullptr};
    case Mode::Bind:
        return {own, &m_nodes};
    case Mode::Interleave:
        return {node_at(index ? *index : m_turn++), nullptr};
    }
    return {own, nullptr};
}

} // namespace pagewalk::os
