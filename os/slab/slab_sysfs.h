#pragma once

#include "os/slab/kmem_cache.h"

#include <span>
#include <string>
#include <string_view>

namespace pagewalk::os {

/// The attributes that /sys/kernel/slab/<cache> has in Linux 6.1 and that slab_attribute can print. Left out:
/// ctor (symbols are not known here), validate and shrink (nothing to read) and remote_node_defrag_ratio.
[[nodiscard]] std::span<const std::string_view> slab_attribute_names();

/// One attribute of /sys/kernel/slab/<cache>, without the newline; empty where SLUB has none of this name.
[[nodiscard]] std::string slab_attribute(const KmemCache& cache, std::string_view name);

/// All of /sys/kernel/slab as the captures of real machines have it: a line a cache, attributes between bars
/// under a header, and `alias -> cache` for merged names. Empty for other allocators than SLUB.
[[nodiscard]] std::string sys_kernel_slab_text(const SlabAllocator& allocator);

} // namespace pagewalk::os
