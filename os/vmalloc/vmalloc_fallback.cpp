#include "os/vmalloc/vmalloc_fallback.h"

namespace pagewalk::os {

std::optional<VirtAddr> VmallocFallback::allocate(std::uint64_t bytes, const SlabRequest& request) {
    const auto address = m_vmalloc.allocate({.size = bytes,
                                             .gfp = request.gfp,
                                             .cpu = request.cpu,
                                             .node = request.node,
                                             .flags = vm_flag::allow_huge,
                                             .caller = m_caller});
    if (!address) return std::nullopt;
    return *address;
}

} // namespace pagewalk::os
