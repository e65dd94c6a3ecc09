#pragma once

#include "base/event_table.h"
#include "base/option.h"
#include "os/block/block_layer.h"
#include "os/dma/dma_mapper.h"
#include "os/file/file_system.h"
#include "os/kernel/boot.h"
#include "os/kernel/captured_allocator.h"
#include "os/net/net_driver.h"
#include "os/page/page_allocator.h"
#include "os/path/cost_table.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_path_builder.h"
#include "os/reclaim/policy/reclaim_policy.h"
#include "os/slab/slab_config.h"
#include "os/vm/virtual_memory.h"
#include "os/vmalloc/vmalloc.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pagewalk::os {

/// What the swap area is on.
enum class SwapDevice : std::uint8_t { Disk, Zram };

/// How the kernel is set up. The machine gives `memory` (pc_memory_map() makes one); the rest are options.
struct KernelConfig {
    MemoryMap memory;
    KernelTiming timing = KernelTiming::On;
    PagingLevels levels = PagingLevels::Four;
    InitOnAlloc init_on_alloc = InitOnAlloc::On;
    FileCache file_cache = FileCache::Warm;
    Tick time_slice{4'000'000 * ticks_per_ns};
    VmConfig vm;
    PageTableKind page_table = PageTableKind::Radix;
    std::string page_table_node = "first_touch"; ///< the kernel makes a PageTablePlacement of it
    std::uint64_t swap_bytes = 0;                ///< of the swap area; 0: none
    SwapDevice swap_device = SwapDevice::Disk;
    std::uint32_t zram_ratio = 200; ///< percent
    unsigned swappiness = 60;
    ReclaimPolicyKind reclaim = ReclaimPolicyKind::Lru;
    PageSettings pages;
    ObjectAllocatorConfig objects;
    VmallocConfig::HugeMappings huge_vmalloc = VmallocConfig::HugeMappings::Off;
    CostTable costs;
    std::uint64_t seed = 1; ///< the run's; the machine gives it
    /// Each kind of object has free ones from the start, as on a machine that has been used.
    bool stocked_objects = false;
    std::string initramfs; ///< files below this folder lie in the initramfs; empty: none do
    std::string tmpfs;     ///< likewise in a tmpfs, beside those below /dev/shm
    /// A file that exists before the run.
    struct KnownFile {
        std::string path;
        std::uint64_t bytes = 0;
    };
    std::vector<KnownFile> files;
    WritebackConfig writeback;
    BlockConfig block;
    DmaConfig dma;
    NetConfig net;
    std::uint64_t read_ahead_kb = 128; ///< KiB. Source: Linux 6.1 default
    /// The page allocator of a machine that has booted elsewhere; null: the kernel boots its own. It outlives
    /// the kernel.
    CapturedAllocator* captured = nullptr;

    /// Declares the options of [os]. The struct must outlive the set.
    void declare(OptionGroup os);
    /// Throws ConfigError for contradictions; finishes the cost table.
    void validate();
};

} // namespace pagewalk::os
