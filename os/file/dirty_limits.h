#pragma once

#include "base/option.h"
#include "base/time.h"
#include "os/page/page_allocator.h"

#include <cstdint>

namespace pagewalk::os {

/// When dirty pages are written back, as /proc/sys/vm has it. Defaults: Linux 6.1.
struct WritebackConfig {
    std::uint64_t dirty_ratio = 20;            ///< percent of dirtyable memory
    std::uint64_t dirty_background_ratio = 10; ///< likewise
    std::uint64_t dirty_bytes = 0;             ///< in place of dirty_ratio where it is not 0
    std::uint64_t dirty_background_bytes = 0;
    Tick dirty_writeback{5 * ticks_per_second}; ///< how often the flusher looks for old pages; 0: never
    Tick dirty_expire{30 * ticks_per_second};   ///< how old pages get before it writes them

    /// Declares options of [os].
    void declare(OptionGroup os);
};

/// Pages that may be dirty before the flusher begins with them, and before tasks wait for the disk.
struct DirtyLimits {
    std::uint64_t background = 0;
    std::uint64_t threshold = 0;

    /// Below it nobody who makes pages dirty is slowed down.
    [[nodiscard]] std::uint64_t free_run() const { return (background + threshold) / 2; }
    /// `dirtyable`: pages of memory that could be dirty.
    [[nodiscard]] static DirtyLimits of(const WritebackConfig& config, std::uint64_t dirtyable);
};

/// global_dirtyable_memory: free pages beyond the zones' reserves, and `file_pages` on the LRU lists of
/// files.
[[nodiscard]] std::uint64_t dirtyable_pages(const PageAllocator& allocator, std::uint64_t file_pages);

} // namespace pagewalk::os
