#pragma once

#include "os/path/frame_allocator.h"
#include "os/path/kernel_counters.h"

namespace pagewalk::os {

/// What folio_end_writeback does first with a page that reclaim wants to be rid of (frame_flags::reclaim):
/// it is inactive and the oldest of its list from now on, so that reclaim meets it next. Contract: the page
/// has just been written. The batches of 15 pages in which Linux does this are left out.
void rotate_reclaimable(FrameAllocator& frames, KernelCounters& counters, Pfn frame);

} // namespace pagewalk::os
