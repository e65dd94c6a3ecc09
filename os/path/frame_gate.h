#pragma once

#include "base/address.h"
#include "os/page/page_allocator.h"
#include "os/path/kernel_events.h"

#include <optional>

namespace pagewalk::os {

/// Stands between the simulated kernel and its page allocator where the state of both comes from a real
/// machine: what else that machine did is put in where it belongs, and requests that do not count there are
/// served from elsewhere.
class FrameGate {
public:
    virtual ~FrameGate() = default;
    /// Before a block is asked for. The block, where it does not come from the page allocator.
    [[nodiscard]] virtual std::optional<Pfn> serve(const AllocRequest& request,
                                                   AllocationPurpose purpose) = 0;
    /// The page allocator has served the request instead.
    virtual void note_served(Pfn frame) = 0;
    /// Before a block is given back. True: it does not go to the page allocator.
    [[nodiscard]] virtual bool take_back(Pfn frame, unsigned order) = 0;
};

} // namespace pagewalk::os
