#include "os/proc/smaps.h"

#include "os/proc/maps.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>

namespace pagewalk::os {
namespace {

/// What an area's entries show: bytes, the proportional shares in units of 1/4096 byte.
struct AreaSizes {
    std::uint64_t resident = 0, referenced = 0, anonymous = 0, lazy_free = 0;
    std::uint64_t share = 0, dirty_share = 0, locked_share = 0;
    std::uint64_t shared_clean = 0, shared_dirty = 0, private_clean = 0, private_dirty = 0;
};
constexpr unsigned share_shift = 12;

void add_page(AreaSizes& sizes, const PageDescriptor& page, PageTableEntry entry, bool locked) {
    const bool anonymous = (page.owner_flags & frame_flags::anonymous) != 0;
    const bool dirty = entry.has(PageTableEntry::Dirty) || (page.owner_flags & frame_flags::dirty) != 0;
    sizes.resident += page_size;
    if (anonymous) sizes.anonymous += page_size;
    if (anonymous && !dirty && (page.owner_flags & frame_flags::swapbacked) == 0)
        sizes.lazy_free += page_size;
    if (entry.has(PageTableEntry::Accessed) || (page.owner_flags & frame_flags::referenced) != 0)
        sizes.referenced += page_size;
    const bool shared = page.mapcount >= 2;
    const std::uint64_t share = (page_size << share_shift) / (shared ? page.mapcount : 1);
    sizes.share += share;
    if (dirty) sizes.dirty_share += share;
    if (locked) sizes.locked_share += share;
    if (shared)
        (dirty ? sizes.shared_dirty : sizes.shared_clean) += page_size;
    else
        (dirty ? sizes.private_dirty : sizes.private_clean) += page_size;
}

AreaSizes measure(Kernel& kernel, AddressSpace& space, const Vma& area) {
    AreaSizes sizes;
    const Pfn zero_page = kernel.boot_layout().addresses.zero_page;
    kernel.memory().tables().for_each(space, area.start, area.end, [&](VirtAddr, PteSlot slot) {
        if (slot.entry->frame() == zero_page) return;
        add_page(sizes, kernel.frames().pages().peek(slot.entry->frame()), *slot.entry, area.has(vm::locked));
    });
    return sizes;
}

void add_sizes(std::string& text, const AreaSizes& sizes, std::uint64_t bytes) {
    const std::array rows{
        std::pair{"Size", bytes},
        std::pair{"KernelPageSize", page_size},
        std::pair{"MMUPageSize", page_size},
        std::pair{"Rss", sizes.resident},
        std::pair{"Pss", sizes.share >> share_shift},
        std::pair{"Pss_Dirty", sizes.dirty_share >> share_shift},
        std::pair{"Shared_Clean", sizes.shared_clean},
        std::pair{"Shared_Dirty", sizes.shared_dirty},
        std::pair{"Private_Clean", sizes.private_clean},
        std::pair{"Private_Dirty", sizes.private_dirty},
        std::pair{"Referenced", sizes.referenced},
        std::pair{"Anonymous", sizes.anonymous},
        std::pair{"LazyFree", sizes.lazy_free},
        std::pair{"Locked", sizes.locked_share >> share_shift},
    };
    for (const auto& [name, value] : rows) {
        std::array<char, 64> line{};
        const int length =
            std::snprintf(line.data(), line.size(), "%-16s%8llu kB\n", (std::string(name) + ":").c_str(),
                          static_cast<unsigned long long>(value >> 10));
        text.append(line.data(), static_cast<std::size_t>(length));
    }
}

} // namespace

std::string smaps_text(Kernel& kernel, TaskId task) {
    const Task* const found = kernel.find_task(task);
    if (found == nullptr || found->space == nullptr) return {};
    std::string text;
    for (const Vma& area : found->space->areas) {
        text += area_line(kernel, *found->space, area);
        add_sizes(text, measure(kernel, *found->space, area), area.end - area.start);
    }
    return text;
}

} // namespace pagewalk::os
