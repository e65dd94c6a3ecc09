#include "os/proc/maps.h"

#include <array>
#include <cstdio>
#include <string_view>

namespace pagewalk::os {
namespace {

constexpr std::size_t name_column = 73;

std::string_view name_of(const Kernel& kernel, const AddressSpace& space, const Vma& area) {
    if (!area.anonymous()) return kernel.files().at(area.inode).path;
    if (area.start <= space.brk && area.end >= space.brk_start && space.brk != VirtAddr{}) return "[heap]";
    return area.has(vm::grows_down) ? "[stack]" : "";
}

} // namespace

std::string area_line(const Kernel& kernel, const AddressSpace& space, const Vma& area) {
    const bool regular = !area.anonymous() && kernel.files().at(area.inode).kind == InodeKind::Regular;
    const char* device = area.anonymous() ? "00:00" : regular ? "08:01" : "00:01";
    const unsigned long inode = area.anonymous() ? 0 : static_cast<unsigned long>(area.inode) + 1;
    const unsigned long long offset = area.anonymous() ? 0 : area.page_offset << page_shift;
    std::array<char, 160> line{};
    const int length =
        std::snprintf(line.data(), line.size(), "%08llx-%08llx %c%c%c%c %08llx %s %lu ",
                      static_cast<unsigned long long>(area.start.value()),
                      static_cast<unsigned long long>(area.end.value()), area.has(vm::read) ? 'r' : '-',
                      area.has(vm::write) ? 'w' : '-', area.has(vm::exec) ? 'x' : '-',
                      area.has(vm::shared) ? 's' : 'p', offset, device, inode);
    std::string row(line.data(), static_cast<std::size_t>(length));
    if (const std::string_view name = name_of(kernel, space, area); !name.empty()) {
        if (row.size() < name_column) row.resize(name_column, ' ');
        row += name;
    }
    return row + '\n';
}

std::string maps_text(const Kernel& kernel, TaskId task) {
    const AddressSpace* space = kernel.address_space(task);
    if (space == nullptr) return {};
    std::string text;
    for (const Vma& area : space->areas) text += area_line(kernel, *space, area);
    // The gate area that every process sees.
    text += "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";
    return text;
}

} // namespace pagewalk::os
