#include "os/slab/slab_trace.h"

#include <array>

namespace pagewalk::os {

std::string_view name_of(SlabPath path) {
    constexpr std::array<std::string_view, slab_path_count> names{
        "none",         "alloc_fast",     "alloc_refill", "alloc_cpu_partial", "alloc_node_partial",
        "alloc_shared", "alloc_new_slab", "alloc_scan",   "alloc_pages",       "free_fast",
        "free_remote",  "free_freeze",    "free_partial", "free_discard",      "free_flush",
        "free_alien",   "free_block",     "free_pages",   "free_deferred",     "failed"};
    return names[static_cast<std::size_t>(path)];
}

} // namespace pagewalk::os
