#include "os/proc/swaps.h"

namespace pagewalk::os {

std::string swaps_text(const Kernel& kernel) {
    constexpr std::uint64_t kib_per_page = page_size / 1024;
    std::string text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
    const SwapArea& area = kernel.swap().area();
    if (area.total() == 0) return text;
    const std::string size = std::to_string(area.total() * kib_per_page);
    const std::string used = std::to_string(area.used() * kib_per_page);
    const auto column = [](const std::string& value) { return value + (value.size() < 8 ? "\t\t" : "\t"); };
    const std::string name = kernel.swap().is_synchronous() ? "/dev/zram0" : "/dev/vda2";
    text += name + std::string(40 - name.size(), ' ') + "partition\t" + column(size) + column(used) + "-2\n";
    return text;
}

} // namespace pagewalk::os
