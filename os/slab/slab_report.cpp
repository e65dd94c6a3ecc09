#include "os/slab/slab_report.h"

#include "base/enum_table.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <utility>

namespace pagewalk::os {

std::string_view name_of(SlabFault fault) {
    constexpr EnumNames<SlabFault> names{
        {SlabFault::DoubleFree, "double free"},        {SlabFault::WrongCache, "wrong cache"},
        {SlabFault::NotSlab, "not a slab object"},     {SlabFault::InvalidPointer, "invalid pointer"},
        {SlabFault::RedZoneDamage, "red zone damage"}, {SlabFault::PoisonDamage, "poison damage"},
        {SlabFault::ObjectsRemain, "objects remain"},  {SlabFault::CreateFailed, "create failed"},
        {SlabFault::PanicOnCreate, "panic on create"}, {SlabFault::RequestTooLarge, "request too large"},
        {SlabFault::OutOfMemory, "out of memory"},
    };
    return names[fault];
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
