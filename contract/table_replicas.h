#pragma once

#include "base/address.h"
#include "base/ids.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pagewalk {

/// Copies of page tables that NUMA nodes have of their own, as a kernel keeps them that replicates tables
/// (Achermann et al., "Mitosis", ASPLOS 2020). All copies of a table hold the same, which PageTableMemory has
/// once; they differ in where they lie. A table goes by the frame of its first copy.
class TableReplicas {
public:
    void add(Pfn table, NodeId node, Pfn copy) { m_copies[table.value()].push_back({node, copy}); }
    /// The table is one no more. Returns the frames of its other copies.
    std::vector<Pfn> remove(Pfn table) {
        std::vector<Pfn> frames;
        const auto found = m_copies.find(table.value());
        if (found == m_copies.end()) return frames;
        for (const Copy& copy : found->second) frames.push_back(copy.frame);
        m_copies.erase(found);
        return frames;
    }
    /// Where the table lies for a CPU of `node`: the first copy where that node has none of its own.
    [[nodiscard]] Pfn on(NodeId node, Pfn table) const {
        const auto found = m_copies.find(table.value());
        if (found == m_copies.end()) return table;
        const auto copy = std::ranges::find(found->second, node, &Copy::node);
        return copy == found->second.end() ? table : copy->frame;
    }
    /// Calls visit(frame) for each copy of the table but the first.
    template <class Visit>
    void for_each(Pfn table, const Visit& visit) const {
        if (const auto found = m_copies.find(table.value()); found != m_copies.end())
            for (const Copy& copy : found->second) visit(copy.frame);
    }
    [[nodiscard]] std::size_t tables() const { return m_copies.size(); }

private:
    struct Copy {
        NodeId node{};
        Pfn frame{};
    };
    std::unordered_map<std::uint64_t, std::vector<Copy>> m_copies;
};

} // namespace pagewalk
