#include "os/proc/vmallocinfo.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <vector>

namespace pagewalk::os {
namespace {

struct FlagName {
    VmFlags flag;
    const char* name;
};
constexpr std::array flag_names{
    FlagName{vm_flag::ioremap, " ioremap"},
    FlagName{vm_flag::alloc, " vmalloc"},
    FlagName{vm_flag::map, " vmap"},
    FlagName{vm_flag::usermap, " user"},
    FlagName{vm_flag::dma_coherent, " dma-coherent"},
};

std::string range_text(VirtAddr start, std::uint64_t size) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "0x%016" PRIx64 "-0x%016" PRIx64 " %7" PRIu64, start.value(),
                  (start + size).value(), size);
    return text.data();
}

std::string nodes_text(const Vmalloc& vmalloc, const VmArea& area) {
    if (area.flags.any(vm_flag::uninitialized)) return {};
    std::vector<std::uint64_t> counts(vmalloc.page_source().node_count());
    const std::size_t step = std::size_t{1} << area.page_order;
    for (std::size_t i = 0; i < area.pages.size(); i += step)
        counts[index_of(vmalloc.page_source().node_of(area.pages[i]))] += step;
    std::string text;
    for (std::size_t node = 0; node < counts.size(); ++node)
        if (counts[node] != 0) text += " N" + std::to_string(node) + "=" + std::to_string(counts[node]);
    return text;
}

std::string area_text(const Vmalloc& vmalloc, const VmArea& area) {
    std::string text = range_text(area.address, area.size);
    if (!area.caller.empty()) text.append(" ").append(area.caller);
    if (!area.pages.empty()) text += " pages=" + std::to_string(area.pages.size());
    if (area.physical != PhysAddr{}) {
        std::array<char, 32> physical{};
        std::snprintf(physical.data(), physical.size(), " phys=0x%016" PRIx64, area.physical.value());
        text += physical.data();
    }
    for (const FlagName& flag : flag_names)
        if (area.flags.any(flag.flag)) text += flag.name;
    if (area.page_array >= vmalloc_layout::start && area.page_array <= vmalloc_layout::limit)
        text += " vpages";
    return text + nodes_text(vmalloc, area);
}

} // namespace

std::string vmallocinfo_text(const Vmalloc& vmalloc) {
    std::string text;
    const VmapArea* last = nullptr;
    for (const VmapArea* at = vmalloc.space().busy_areas().first(); at != nullptr; at = at->list_next) {
        text += at->vm == nullptr ? range_text(at->start, at->size()) + " vm_map_ram"
                                  : area_text(vmalloc, *at->vm);
        text += "\n";
        last = at;
    }
    if (last == nullptr) return text;
    for (const VmapArea* at = vmalloc.space().lazy_areas().first(); at != nullptr; at = at->list_next)
        text += range_text(at->start, at->size()) + " unpurged vm_area\n";
    return text;
}

} // namespace pagewalk::os
