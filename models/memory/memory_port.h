#pragma once

#include "contract/memory_access.h"

namespace pagewalk::models {

/// What lies behind the last-level cache. Timed by reservation: requests may come slightly out of order.
/// Contract: never waits, never allocates. A WriteBack is posted: its answer is when the data was accepted.
class MemoryPort {
public:
    virtual ~MemoryPort() = default;
    /// When the line of `request` arrives (or was accepted) at whoever asked; no_time where it is refused, as
    /// only an IOMMU does.
    virtual Tick access(const LineRequest& request) = 0;
};

} // namespace pagewalk::models
