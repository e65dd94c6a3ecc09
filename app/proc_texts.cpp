#include "app/proc_texts.h"

#include "os/proc/meminfo.h"
#include "os/proc/memory_stat.h"
#include "os/proc/page_blocks.h"
#include "os/proc/page_files.h"
#include "os/proc/swaps.h"
#include "os/proc/vmallocinfo.h"
#include "os/proc/vmstat.h"
#include "os/slab/slabinfo.h"

#include <string>
#include <utility>

namespace pagewalk::app {

std::vector<results::ProcText> proc_texts(const os::Kernel& kernel) {
    const os::PageAllocator& allocator = kernel.allocator();
    std::vector<results::ProcText> texts{{"vmstat", os::vmstat_text(kernel)},
                                         {"meminfo", os::meminfo_text(kernel)},
                                         {"swaps", os::swaps_text(kernel)},
                                         {"zoneinfo", os::zoneinfo_text(allocator, os::StatisticsSource())},
                                         {"buddyinfo", os::buddyinfo_text(allocator)},
                                         {"pagetypeinfo", os::pagetypeinfo_text(allocator)},
                                         {"page_blocks", os::page_blocks_text(allocator)},
                                         {"vmallocinfo", os::vmallocinfo_text(kernel.vmalloc())}};
    if (std::string text = os::slabinfo_text(kernel.objects().allocator()); !text.empty())
        texts.push_back({"slabinfo", std::move(text)});
    if (std::string text = os::memory_cgroups_text(kernel); !text.empty())
        texts.push_back({"memory_cgroups", std::move(text)});
    for (std::size_t node = 0; node < allocator.node_count(); ++node)
        texts.push_back({"node" + std::to_string(node) + "/numastat",
                         os::numastat_text(allocator, static_cast<NodeId>(node))});
    return texts;
}

} // namespace pagewalk::app
