#pragma once

#include "os/slab/kmem_cache.h"

#include <string>

namespace pagewalk::os {

enum class SlabinfoFormat : bool {
    Plain,
    Statistics, ///< of SLAB built with CONFIG_DEBUG_SLAB; SLUB has no such format
};
/// What the allocator's kernel prints.
[[nodiscard]] SlabinfoFormat slabinfo_format(const SlabAllocator& allocator);

/// The text of /proc/slabinfo (version 2.1) of SLUB or SLAB, newest cache first, as Linux 6.1 prints it.
/// Empty for SLOB, which has no such file.
[[nodiscard]] std::string slabinfo_text(const SlabAllocator& allocator, SlabinfoFormat format);
/// The same in the allocator's own format.
[[nodiscard]] std::string slabinfo_text(const SlabAllocator& allocator);

/// The caches that use most memory, as slabtop prints them: objects, active, use, object size, slabs, objects
/// a slab, cache size, name.
[[nodiscard]] std::string slabtop_text(const SlabAllocator& allocator, std::size_t lines);

} // namespace pagewalk::os
