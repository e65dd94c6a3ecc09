#pragma once

#include "os/slab/kmalloc.h"
#include "os/vmalloc/vmalloc.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace pagewalk::os {

/// vmalloc as kvmalloc falls back to it.
class VmallocFallback final : public VirtualMemorySource {
public:
    /// `caller`, whose text outlives the areas, is what /proc/vmallocinfo names.
    explicit VmallocFallback(Vmalloc& vmalloc, std::string_view caller = {})
        : m_vmalloc(vmalloc), m_caller(caller) {}

    [[nodiscard]] std::optional<VirtAddr> allocate(std::uint64_t bytes, const SlabRequest& request) override;
    void free(VirtAddr address, CpuId cpu) override { m_vmalloc.free(address, cpu); }
    [[nodiscard]] bool owns(VirtAddr address) const override {
        return address >= vmalloc_layout::start && address <= vmalloc_layout::limit;
    }

private:
    Vmalloc& m_vmalloc;
    std::string_view m_caller;
};

} // namespace pagewalk::os
