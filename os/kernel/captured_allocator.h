#pragma once

#include "os/kernel/boot.h"
#include "os/page/page_allocator.h"
#include "os/path/frame_gate.h"

#include <memory>

namespace pagewalk::os {

/// The page allocator of a machine that has booted elsewhere, and what goes on around it.
class CapturedAllocator {
public:
    virtual ~CapturedAllocator() = default;
    /// Hands the allocator over, once; the kernel's own tables in `layout` move to frames that it never
    /// gives.
    [[nodiscard]] virtual std::unique_ptr<PageAllocator> take_allocator(BootLayout& layout) = 0;
    [[nodiscard]] virtual FrameGate& gate() = 0;
};

} // namespace pagewalk::os
