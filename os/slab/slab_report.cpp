#include "os/slab/slab_report.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <utility>

namespace pagewalk::os {

std::string_view name_of(SlabFault fault) {
    constexpr std::array<std::string_view, 11> names{
        "double free",     "wrong cache",       "not a slab object", "invalid pointer",
        "red zone damage", "poison damage",     "objects remain",    "create failed",
        "panic on create", "request too large", "out of memory"};
    return names[static_cast<std::size_t>(fault)];
}

void SlabReports::add(SlabReport report) {
    ++m_count;
    if (m_listener) m_listener(report);
    if (m_kept.size() < capacity) m_kept.push_back(std::move(report));
}

std::vector<SlabReport> SlabReports::take() { return std::exchange(m_kept, {}); }

std::string pointer_text(VirtAddr address) {
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "0x%016" PRIx64, address.value());
    return text.data();
}

} // namespace pagewalk::os
