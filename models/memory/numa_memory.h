#pragma once

#include "base/error.h"
#include "base/ids.h"
#include "models/interconnect/numa_map.h"
#include "models/memory/memory_port.h"

#include <utility>

namespace pagewalk::models {

/// Sends each line to the controller of its node. The controllers must outlive it.
class NumaMemory final : public MemoryPort {
public:
    /// `controllers`: by node; null for a node that must not be asked here (it belongs to another socket).
    NumaMemory(NumaMap map, IndexedVec<NodeId, MemoryPort*> controllers)
        : m_map(std::move(map)), m_controllers(std::move(controllers)) {
        PAGEWALK_INVARIANT(m_controllers.size() >= m_map.node_count());
    }

    Tick access(const LineRequest& request) override {
        MemoryPort* const controller = m_controllers[m_map.node_of(request.line)];
        PAGEWALK_INVARIANT(controller != nullptr);
        return controller->access(request);
    }

private:
    NumaMap m_map;
    IndexedVec<NodeId, MemoryPort*> m_controllers;
};

} // namespace pagewalk::models
