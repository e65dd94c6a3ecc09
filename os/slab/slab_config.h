#pragma once

#include "base/option.h"
#include "os/slab/kmalloc.h"
#include "os/slab/slab.h"
#include "os/slab/slob.h"
#include "os/slab/slub.h"

#include <memory>

namespace pagewalk::os {

/// Which object allocator the simulated kernel was built with, and its boot parameters.
struct ObjectAllocatorConfig {
    enum class Kind : std::uint8_t { Slub, Slab, Slob } kind = Kind::Slub;
    FreelistOrder freelist_order = FreelistOrder::Random; ///< CONFIG_SLAB_FREELIST_RANDOM
    SlabAllocator::Merging merging = SlabAllocator::Merging::On;
    std::uint32_t slub_min_order = 0, slub_max_order = 3, slub_min_objects = 0;
    enum class Switch : bool { Off, On };
    Switch cpu_partial = Switch::On;
    Switch debug = Switch::Off;            ///< slub_debug=FZPU, CONFIG_DEBUG_SLAB
    Switch historical_sizes = Switch::Off; ///< SLAB: kmalloc caches up to 128 KiB
    std::uint32_t remote_defrag_percent = 100;

    /// Declares [os] slab and [os.slab].
    void declare(OptionGroup os);
};

/// Builds the chosen allocator over `pages`; `seed` is the run's.
[[nodiscard]] std::unique_ptr<SlabAllocator> make_object_allocator(const ObjectAllocatorConfig& config,
                                                                   PageSource& pages, std::uint64_t seed);
/// The kmalloc caches that go with it.
[[nodiscard]] KmallocConfig kmalloc_config(const ObjectAllocatorConfig& config);

} // namespace pagewalk::os
