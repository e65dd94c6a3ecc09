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
    std::uint64_t resident = 0, referenced = 0, anonymous = 0, lazy_free = 0, anonymous_huge = 0;
    std::uint64_t share = 0, dirty_share = 0, locked_share = 0;
    std::uint64_t shared_clean = 0, shared_dirty = 0, private_clean = 0, private_dirty = 0;
};
constexpr unsigned share_shift = 12;

/// Adds up what the entries of one area map (smaps_account).
class AreaMeasure {
public:
    AreaMeasure(Kernel& kernel, const Vma& area) : m_kernel(kernel), m_locked(area.has(vm::locked)) {}

    void add_small(PteSlot slot) {
        if (m_kernel.memory().is_zero_page(slot.entry->frame())) return;
        add_frame(slot.entry->frame(), *slot.entry);
    }
    void add_huge(PteSlot slot) {
        if (m_kernel.memory().is_zero_page(slot.entry->frame())) return;
        m_sizes.anonymous_huge += HugePages::bytes;
        for (std::uint64_t i = 0; i < HugePages::frames; ++i) add_frame(slot.entry->frame() + i, *slot.entry);
    }
    [[nodiscard]] const AreaSizes& sizes() const { return m_sizes; }

private:
    void add_frame(Pfn frame, PageTableEntry entry) {
        const HugePages& huge = m_kernel.memory().huge_pages();
        const std::uint16_t states = m_kernel.frames().pages().peek(huge.head_of(frame)).owner_flags;
        const bool anonymous = (states & frame_flags::anonymous) != 0;
        const bool dirty = entry.has(PageTableEntry::Dirty) || (states & frame_flags::dirty) != 0;
        m_sizes.resident += page_size;
        if (anonymous) m_sizes.anonymous += page_size;
        if (anonymous && !dirty && (states & frame_flags::swapbacked) == 0) m_sizes.lazy_free += page_size;
        if (entry.has(PageTableEntry::Accessed) || (states & frame_flags::referenced) != 0)
            m_sizes.referenced += page_size;
        add_share(huge.mapcount(frame), dirty);
    }
    void add_share(std::uint32_t mapcount, bool dirty) {
        const bool shared = mapcount >= 2;
        const std::uint64_t share = (page_size << share_shift) / (shared ? mapcount : 1);
        m_sizes.share += share;
        if (dirty) m_sizes.dirty_share += share;
        if (m_locked) m_sizes.locked_share += share;
        if (shared)
            (dirty ? m_sizes.shared_dirty : m_sizes.shared_clean) += page_size;
        else
            (dirty ? m_sizes.private_dirty : m_sizes.private_clean) += page_size;
    }

    Kernel& m_kernel;
    bool m_locked;
    AreaSizes m_sizes;
};

AreaSizes measure(Kernel& kernel, AddressSpace& space, const Vma& area) {
    AreaMeasure sum(kernel, area);
    kernel.memory().tables().for_each(
        space, area.start, area.end, [&](VirtAddr, PteSlot slot) { sum.add_small(slot); },
        [&](VirtAddr, PteSlot slot) { sum.add_huge(slot); });
    return sum.sizes();
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
        std::pair{"AnonHugePages", sizes.anonymous_huge},
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
