#include "os/proc/smaps.h"

#include "os/proc/maps.h"
#include "os/vm/swap_entry.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr unsigned share_shift = 12;

/// What entries show: bytes, proportional shares in units of 1/4096 byte.
struct Sizes {
    std::uint64_t resident = 0, referenced = 0, anonymous = 0, lazy_free = 0, anonymous_huge = 0;
    std::uint64_t share = 0, dirty_share = 0, locked_share = 0;
    std::uint64_t anonymous_share = 0, shmem_share = 0;
    std::uint64_t shared_clean = 0, shared_dirty = 0, private_clean = 0, private_dirty = 0;
    std::uint64_t swap = 0, swap_share = 0;
    std::uint64_t shared_hugetlb = 0, private_hugetlb = 0;
};

/// Adds up what the entries of areas map (smaps_account).
class Measure {
public:
    explicit Measure(Kernel& kernel) : m_kernel(kernel) {}

    void add(AddressSpace& space, const Vma& area) {
        m_locked = area.has(vm::locked);
        if (area.has(vm::hugetlb)) {
            const HugetlbUse use = m_kernel.memory().hugetlb_use(space, area);
            m_sizes.shared_hugetlb += use.shared;
            m_sizes.private_hugetlb += use.own;
            return;
        }
        m_kernel.memory().tables().for_each_entry(
            space, area.start, area.end,
            [&](VirtAddr, PteSlot slot) { is_swap(*slot.entry) ? add_swapped(slot) : add_small(slot); },
            [&](VirtAddr, PteSlot slot) { add_huge(slot); });
    }
    [[nodiscard]] const Sizes& sizes() const { return m_sizes; }

private:
    void add_swapped(PteSlot slot) {
        const unsigned references = m_kernel.swap().area().references(slot_of(*slot.entry));
        m_sizes.swap += page_size;
        m_sizes.swap_share += (page_size << share_shift) / (references >= 2 ? references : 1);
    }
    void add_small(PteSlot slot) {
        if (m_kernel.memory().is_zero_page(slot.entry->frame())) return;
        add_frame(slot.entry->frame(), *slot.entry);
    }
    void add_huge(PteSlot slot) {
        if (m_kernel.memory().is_zero_page(slot.entry->frame())) return;
        m_sizes.anonymous_huge += HugePages::bytes;
        for (std::uint64_t i = 0; i < HugePages::frames; ++i) add_frame(slot.entry->frame() + i, *slot.entry);
    }
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
        const std::uint64_t share = add_share(huge.mapcount(frame), dirty);
        if (anonymous)
            m_sizes.anonymous_share += share;
        else if (frame_flags::is_shmem(states))
            m_sizes.shmem_share += share;
    }
    std::uint64_t add_share(std::uint32_t mapcount, bool dirty) {
        const bool shared = mapcount >= 2;
        const std::uint64_t share = (page_size << share_shift) / (shared ? mapcount : 1);
        m_sizes.share += share;
        if (dirty) m_sizes.dirty_share += share;
        if (m_locked) m_sizes.locked_share += share;
        if (shared)
            (dirty ? m_sizes.shared_dirty : m_sizes.shared_clean) += page_size;
        else
            (dirty ? m_sizes.private_dirty : m_sizes.private_clean) += page_size;
        return share;
    }

    Kernel& m_kernel;
    bool m_locked = false; ///< the area that is being added
    Sizes m_sizes;
};

void add_row(std::string& text, std::string_view name, std::uint64_t bytes) {
    std::array<char, 64> line{};
    const int length =
        std::snprintf(line.data(), line.size(), "%-16s%8llu kB\n", (std::string(name) + ":").c_str(),
                      static_cast<unsigned long long>(bytes >> 10));
    text.append(line.data(), static_cast<std::size_t>(length));
}

/// __show_smap. `is_rollup`: the sum of all areas has its shares by kind too.
void add_sizes(std::string& text, const Sizes& sizes, bool is_rollup) {
    add_row(text, "Rss", sizes.resident);
    add_row(text, "Pss", sizes.share >> share_shift);
    add_row(text, "Pss_Dirty", sizes.dirty_share >> share_shift);
    if (is_rollup) {
        add_row(text, "Pss_Anon", sizes.anonymous_share >> share_shift);
        add_row(text, "Pss_File", (sizes.share - sizes.anonymous_share - sizes.shmem_share) >> share_shift);
        add_row(text, "Pss_Shmem", sizes.shmem_share >> share_shift);
    }
    const std::array rows{
        std::pair{"Shared_Clean", sizes.shared_clean},
        std::pair{"Shared_Dirty", sizes.shared_dirty},
        std::pair{"Private_Clean", sizes.private_clean},
        std::pair{"Private_Dirty", sizes.private_dirty},
        std::pair{"Referenced", sizes.referenced},
        std::pair{"Anonymous", sizes.anonymous},
        std::pair{"LazyFree", sizes.lazy_free},
        std::pair{"AnonHugePages", sizes.anonymous_huge},
        std::pair{"ShmemPmdMapped", std::uint64_t{0}}, // huge pages are anonymous memory's alone
        std::pair{"FilePmdMapped", std::uint64_t{0}},
        std::pair{"Shared_Hugetlb", sizes.shared_hugetlb},
        std::pair{"Private_Hugetlb", sizes.private_hugetlb},
        std::pair{"Swap", sizes.swap},
        std::pair{"SwapPss", sizes.swap_share >> share_shift},
        std::pair{"Locked", sizes.locked_share >> share_shift},
    };
    for (const auto& [name, bytes] : rows) add_row(text, name, bytes);
}

/// show_smap_vma_flags: the names of the flags that are modelled, lowest bit first.
std::string flag_names(const Vma& area) {
    constexpr std::array names = std::to_array<std::pair<std::uint32_t, std::string_view>>({
        {vm::read, "rd"},
        {vm::write, "wr"},
        {vm::exec, "ex"},
        {vm::shared, "sh"},
        {vm::grows_down, "gd"},
        {vm::locked, "lo"},
        {vm::sequential, "sr"},
        {vm::random, "rr"},
        {vm::dont_copy, "dc"},
        {vm::dont_expand, "de"},
        {vm::lock_on_fault, "lf"},
        {vm::account, "ac"},
        {vm::no_reserve, "nr"},
        {vm::hugetlb, "ht"},
        {vm::wipe_on_fork, "wf"},
        {vm::dont_dump, "dd"},
        {vm::huge_page, "hg"},
        {vm::no_huge_page, "nh"},
    });
    std::string text;
    for (const auto& [flag, name] : names)
        if (area.has(flag)) (text += name) += ' ';
    return text;
}

bool may_have_huge_pages(const Kernel& kernel, const Vma& area) {
    return area.end - area.start >= HugePages::bytes &&
           kernel.memory().may_be_huge(area, VirtAddr(area.end.value() - HugePages::bytes));
}

} // namespace

std::string smaps_text(Kernel& kernel, TaskId task) {
    const Task* const found = kernel.find_task(task);
    if (found == nullptr || found->space == nullptr) return {};
    std::string text;
    for (const Vma& area : found->space->areas) {
        Measure sum(kernel);
        sum.add(*found->space, area);
        text += area_line(kernel, *found->space, area);
        add_row(text, "Size", area.end - area.start);
        const std::uint64_t page_bytes = kernel.memory().page_bytes(area);
        add_row(text, "KernelPageSize", page_bytes);
        add_row(text, "MMUPageSize", page_bytes);
        add_sizes(text, sum.sizes(), false);
        text += std::string("THPeligible:    ") + (may_have_huge_pages(kernel, area) ? '1' : '0');
        text += "\nVmFlags: " + flag_names(area) + '\n';
    }
    return text;
}

std::string smaps_rollup_text(Kernel& kernel, TaskId task) {
    const Task* const found = kernel.find_task(task);
    if (found == nullptr || found->space == nullptr || found->space->areas.empty()) return {};
    const VmaList& areas = found->space->areas;
    Measure sum(kernel);
    for (const Vma& area : areas) sum.add(*found->space, area);
    std::array<char, 96> head{};
    const int length = std::snprintf(
        head.data(), head.size(), "%08llx-%08llx ---p 00000000 00:00 0                          [rollup]\n",
        static_cast<unsigned long long>(areas[0].start.value()),
        static_cast<unsigned long long>(areas[areas.size() - 1].end.value()));
    std::string text(head.data(), static_cast<std::size_t>(length));
    add_sizes(text, sum.sizes(), true);
    return text;
}

} // namespace pagewalk::os
