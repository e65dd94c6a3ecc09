#include "os/proc/process_memory_text.h"

#include <array>
#include <cstdio>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t kib_per_page = page_size / 1024;

/// Pages of address space, by what they are for (vm_stat_account).
struct AreaPages {
    std::uint64_t total = 0, locked = 0, data = 0, stack = 0, executable = 0;
    std::uint64_t text = 0; ///< of the program itself
};

AreaPages count_areas(const AddressSpace& space) {
    AreaPages pages;
    for (const Vma& area : space.areas) {
        const bool written = area.has(vm::write), stack = area.has(vm::grows_down);
        pages.total += area.pages();
        if (area.has(vm::locked)) pages.locked += area.pages();
        if (stack) pages.stack += area.pages();
        if (written && !stack && area.is_private()) pages.data += area.pages();
        if (!area.has(vm::exec) || written || stack) continue;
        pages.executable += area.pages();
        if (pages.text == 0 && !area.anonymous()) pages.text = area.pages();
    }
    return pages;
}

AddressSpace* space_of(const Kernel& kernel, TaskId task) {
    const Task* const found = kernel.find_task(task);
    return found == nullptr ? nullptr : found->space.get();
}

void add_row(std::string& text, const char* name, std::uint64_t pages) {
    std::array<char, 64> line{};
    const int length = std::snprintf(line.data(), line.size(), "%s:\t%8llu kB\n", name,
                                     static_cast<unsigned long long>(pages * kib_per_page));
    text.append(line.data(), static_cast<std::size_t>(length));
}

} // namespace

std::string status_memory_text(Kernel& kernel, TaskId task) {
    AddressSpace* const space = space_of(kernel, task);
    if (space == nullptr) return {};
    const AreaPages areas = count_areas(*space);
    const MemoryUse use = kernel.memory().use(*space);
    std::string text;
    add_row(text, "VmPeak", areas.total);
    add_row(text, "VmSize", areas.total);
    add_row(text, "VmLck", areas.locked);
    add_row(text, "VmPin", 0);
    add_row(text, "VmHWM", space->peak_pages);
    add_row(text, "VmRSS", use.anonymous + use.file + use.shmem);
    add_row(text, "RssAnon", use.anonymous);
    add_row(text, "RssFile", use.file);
    add_row(text, "RssShmem", use.shmem);
    add_row(text, "VmData", areas.data);
    add_row(text, "VmStk", areas.stack);
    add_row(text, "VmExe", areas.text);
    add_row(text, "VmLib", areas.executable - areas.text);
    add_row(text, "VmPTE", space->table_pages);
    add_row(text, "VmSwap", space->swap_pages);
    add_row(text, "HugetlbPages", space->hugetlb_pages);
    return text;
}

std::string statm_text(Kernel& kernel, TaskId task) {
    AddressSpace* const space = space_of(kernel, task);
    if (space == nullptr) return {};
    const AreaPages areas = count_areas(*space);
    const MemoryUse use = kernel.memory().use(*space);
    std::string text;
    for (const std::uint64_t pages : {areas.total, use.anonymous + use.file + use.shmem, use.file + use.shmem,
                                      areas.text, std::uint64_t{0}, areas.data + areas.stack})
        text += (text.empty() ? "" : " ") + std::to_string(pages);
    return text + " 0\n";
}

} // namespace pagewalk::os
