#pragma once

#include "os/slab/kmem_cache.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// One cache of a captured /sys/kernel/slab: attributes as the kernel printed them. Sizes in bytes.
struct SysSlabCache {
    std::string name; ///< of the folder: a merged cache has one that begins with a colon
    std::vector<std::string> aliases;
    std::uint32_t object_size = 0, slab_size = 0, align = 0;
    unsigned order = 0;
    std::uint32_t objects_per_slab = 0, min_partial = 0, cpu_partial = 0, usersize = 0;
    std::uint64_t slabs = 0, objects = 0;
    SlabFlags flags;
};

/// Reads a capture's sys_kernel_slab (one cache a line, fields between bars, `alias -> name` lines). Errors:
/// InputError naming `file`, the line and the field.
[[nodiscard]] std::vector<SysSlabCache> parse_sys_kernel_slab(std::string_view text, const std::string& file);

/// Names merged caches as /proc/slabinfo does: by the first cache that was made, which /sys does not tell. It
/// is the alias that `slabinfo`, the same kernel's, lists; where that lists none, the first.
void name_as_slabinfo(std::vector<SysSlabCache>& caches, std::string_view slabinfo);

/// Creates the same caches, from name, size, alignment and flags alone: geometry is the allocator's.
void create_captured_caches(std::span<const SysSlabCache> caches, SlabAllocator& allocator);

} // namespace pagewalk::os
