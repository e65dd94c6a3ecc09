#include "os/replay/walk_comparison.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace pagewalk::os {
namespace {

/// Flags that the simulated kernel knows. Source: include/linux/mm.h of Linux 6.1
constexpr std::uint64_t known_flags = vm::access | vm::shared | vm::grows_down | vm::locked | vm::sequential |
                                      vm::random | vm::dont_copy | vm::dont_expand | vm::account |
                                      vm::lock_on_fault | vm::no_reserve | vm::wipe_on_fork | vm::huge_page |
                                      vm::no_huge_page;
constexpr std::uint64_t dont_dump = vm::dont_dump;

std::string hex(std::uint64_t value) {
    std::array<char, 20> text{};
    std::snprintf(text.data(), text.size(), "%llx", static_cast<unsigned long long>(value));
    return text.data();
}

/// Vdso and the like, whose pages are the kernel's.
bool is_kernels(const WalkedArea& area) { return (area.flags & vm::dont_expand) != 0; }

std::string text_of(std::uint64_t start, std::uint64_t end, std::uint64_t flags, std::uint64_t offset) {
    return hex(start) + "-" + hex(end) + " flags " + hex(flags & known_flags) + " offset " + hex(offset);
}

} // namespace

SpaceImage image_of(const WalkedProcess& process, const std::vector<Pfn>& onto_lru,
                    const std::string& file_prefix) {
    SpaceImage image{.root = process.root};
    for (const WalkedArea& area : process.areas) {
        SpaceImage::Area& copy = image.areas.emplace_back();
        copy = {.start = area.start,
                .end = area.end,
                .flags = static_cast<std::uint32_t>(area.flags &
                                                    (known_flags | (is_kernels(area) ? 0 : dont_dump))),
                .page_offset = area.page_offset,
                .has_anon_vma = area.anon_vma != PhysAddr{}};
        if (area.shows_file()) copy.file = file_prefix + area.name;
    }
    for (const WalkedTable& table : process.tables)
        image.tables.push_back({table.level, table.at, table.frame});
    std::ranges::stable_sort(image.tables, std::greater{}, &SpaceImage::Table::level);
    for (const WalkedRun& run : process.runs) {
        if (run.has('k')) continue;
        using PageKind = SpaceImage::Page::Kind;
        const PageKind kind = run.has('z')   ? PageKind::Zero
                              : run.has('n') ? PageKind::Anonymous
                                             : PageKind::File;
        for (std::uint64_t i = 0; i < run.pages; ++i) {
            const Pfn frame = kind == PageKind::Zero ? run.frame : run.frame + i;
            image.pages.push_back({.at = run.at + i * page_size,
                                   .frame = frame,
                                   .kind = kind,
                                   .writable = run.has('w'),
                                   .dirty = run.has('d'),
                                   .accessible = !run.has('p'),
                                   .in_lru_batch = std::ranges::find(onto_lru, frame) != onto_lru.end()});
        }
    }
    return image;
}

void WalkComparison::differ(const std::string& field, const std::string& real, const std::string& ours) {
    m_report.differ({m_marker, m_who + " " + field, real, ours});
}

AddressSpace* WalkComparison::space_of(const WalkedProcess& process) {
    for (const std::string& thread : process.threads) {
        std::size_t number = 0;
        std::from_chars(thread.data() + 1, thread.data() + thread.size(), number);
        const Task* const task = m_kernel.find_task(static_cast<TaskId>(m_first + number));
        if (task != nullptr && task->space != nullptr && !task->exited) return task->space.get();
    }
    return nullptr;
}

void WalkComparison::compare(const ProcessWalk& walk) {
    m_marker = walk.step;
    ++m_report.markers;
    for (const WalkedProcess& process : walk.processes) {
        m_who = process.threads.front();
        if (AddressSpace* const space = space_of(process)) {
            compare_process(process, *space);
            continue;
        }
        differ("process", "runs", "is not there");
        miss_process(process);
    }
}

void WalkComparison::miss(const ProcessWalk& walk) {
    for (const WalkedProcess& process : walk.processes) miss_process(process);
}

void WalkComparison::miss_process(const WalkedProcess& real) {
    m_report.areas.total += real.areas.size();
    m_report.tables.total += real.tables.size() + 1; // and the root
    for (const WalkedRun& run : real.runs)
        if (!run.has('k')) m_report.pages.total += run.pages;
}

void WalkComparison::compare_process(const WalkedProcess& real, AddressSpace& ours) {
    compare_areas(real, ours);
    compare_tables(real, ours);
    compare_pages(real, ours);
}

void WalkComparison::compare_areas(const WalkedProcess& real, const AddressSpace& ours) {
    std::map<std::string, bool> left;
    for (const Vma& area : ours.areas)
        left[text_of(area.start.value(), area.end.value(), area.flags,
                     area.has(vm::dont_expand) ? 0 : area.page_offset)] = true;
    for (const WalkedArea& area : real.areas) {
        const std::string text = text_of(area.start.value(), area.end.value(), area.flags,
                                         is_kernels(area) ? 0 : area.page_offset);
        const bool same = left.erase(text) != 0;
        m_report.areas.count(same);
        if (!same) differ("area", text, "none");
    }
    for (const auto& [text, known] : left) {
        m_report.areas.count(false);
        differ("area", "none", text);
    }
}

/// One for each huge page's entry; a walk does not see them.
std::uint64_t WalkComparison::deposited_tables(AddressSpace& space) {
    std::uint64_t tables = 0;
    for (const Vma& area : space.areas)
        m_kernel.memory().tables().for_each(
            space, area.start, area.end, [](VirtAddr, PteSlot) {}, [&](VirtAddr, PteSlot) { ++tables; });
    return tables;
}

void WalkComparison::compare_tables(const WalkedProcess& real, AddressSpace& ours) {
    m_report.tables.count(ours.root == real.root);
    if (ours.root != real.root) differ("root table", hex(real.root.value()), hex(ours.root.value()));
    std::uint64_t there = 0;
    for (const WalkedTable& table : real.tables) {
        const Pfn frame = m_kernel.memory().tables().table_at(ours, table.at, table.level);
        m_report.tables.count(frame == table.frame);
        there += frame != no_pfn ? 1 : 0;
        if (frame != table.frame)
            differ("table of level " + std::to_string(table.level) + " of " + hex(table.at.value()),
                   hex(table.frame.value()), frame != no_pfn ? hex(frame.value()) : "none");
    }
    const std::uint64_t in_use = ours.table_pages - deposited_tables(ours);
    for (std::uint64_t i = there; i < in_use; ++i) {
        m_report.tables.count(false);
        differ("tables", std::to_string(real.tables.size()), std::to_string(in_use));
    }
}

void WalkComparison::compare_pages(const WalkedProcess& real, AddressSpace& ours) {
    std::uint64_t there = 0;
    for (const WalkedRun& run : real.runs) {
        if (run.has('k')) continue;
        const bool zero = run.has('z');
        for (std::uint64_t i = 0; i < run.pages; ++i) {
            const VirtAddr at = run.at + i * page_size;
            const PteSlot slot = m_kernel.memory().tables().find_leaf(ours, at);
            const bool mapped = slot && !slot.entry->empty();
            there += mapped ? 1 : 0;
            const bool right = mapped && (zero ? m_kernel.memory().is_zero_page(slot.entry->frame())
                                               : slot.frame_of(at) == run.frame + i);
            const bool same = right && slot.huge() == run.huge;
            m_report.pages.count(same);
            if (!same)
                differ(std::string(run.huge ? "huge page of " : "page of ") + hex(at.value()),
                       zero ? "zero page" : hex((run.frame + i).value()),
                       mapped ? hex(slot.frame_of(at).value()) : "none");
        }
    }
    std::uint64_t mapped = 0;
    for (const Vma& area : ours.areas)
        if (!area.has(vm::dont_expand))
            m_kernel.memory().tables().for_each(
                ours, area.start, area.end, [&](VirtAddr, PteSlot) { ++mapped; },
                [&](VirtAddr, PteSlot) { mapped += HugePages::frames; });
    for (std::uint64_t i = there; i < mapped; ++i) {
        m_report.pages.count(false);
        differ("mapped pages", std::to_string(there), std::to_string(mapped));
    }
}

} // namespace pagewalk::os
