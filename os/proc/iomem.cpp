#include "os/proc/iomem.h"

#include <algorithm>
#include <cstdio>

namespace pagewalk::os {
namespace {

/// At least 8 digits, as the kernel pads them.
std::string address_text(std::uint64_t address) {
    char digits[17];
    const int length =
        std::snprintf(digits, sizeof digits, "%08llx", static_cast<unsigned long long>(address));
    return {digits, static_cast<std::size_t>(length)};
}

} // namespace

std::string iomem_text(const MemoryMap& map) {
    std::vector<PhysicalResource> resources = map.resources;
    // A range comes before those inside it.
    std::ranges::stable_sort(resources, [](const PhysicalResource& a, const PhysicalResource& b) {
        return a.range.begin != b.range.begin ? a.range.begin < b.range.begin : a.range.end > b.range.end;
    });
    std::string text;
    std::vector<PhysAddr> enclosing; // ends of the ranges around the next line
    for (const PhysicalResource& resource : resources) {
        while (!enclosing.empty() && enclosing.back() <= resource.range.begin) enclosing.pop_back();
        text += std::string(2 * enclosing.size(), ' ') + address_text(resource.range.begin.value()) + "-" +
                address_text(resource.range.end.value() - 1) + " : " + resource.name + "\n";
        enclosing.push_back(resource.range.end);
    }
    return text;
}

} // namespace pagewalk::os
