#pragma once

#include "base/event_table.h"
#include "base/option.h"
#include "os/file/file_system.h"
#include "os/kernel/boot.h"
#include "os/page/page_allocator.h"
#include "os/path/cost_table.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_path_builder.h"
#include "os/slab/slab_config.h"
#include "os/vm/virtual_memory.h"
#include "os/vmalloc/vmalloc.h"

#include <cstdint>

namespace pagewalk::os {

/// How the kernel is set up. The machine gives `memory` (pc_memory_map() makes one); the rest are options.
struct KernelConfig {
    MemoryMap memory;
    KernelTiming timing = KernelTiming::On;
    PagingLevels levels = PagingLevels::Four;
    InitOnAlloc init_on_alloc = InitOnAlloc::On;
    FileCache file_cache = FileCache::Warm;
    Tick time_slice{4'000'000 * ticks_per_ns};
    VmConfig vm;
    PageSettings pages;
    ObjectAllocatorConfig objects;
    VmallocConfig::HugeMappings huge_vmalloc = VmallocConfig::HugeMappings::Off;
    CostTable costs;
    std::uint64_t seed = 1; ///< the run's; the machine gives it

    /// Declares the options of [os]. The struct must outlive the set.
    void declare(OptionGroup os);
    /// Throws ConfigError for contradictions; finishes the cost table.
    void validate();
};

} // namespace pagewalk::os
