#include "os/slab/object_layout.h"

namespace pagewalk::os {
namespace {

constexpr std::uint32_t track_bytes = 32;

} // namespace

std::vector<GuardArea> guard_areas(const SlubGeometry& geometry, SlabFlags flags, Constructor constructor,
                                   ObjectState state) {
    using namespace slab_flag;
    std::vector<GuardArea> areas;
    const std::uint8_t red = state == ObjectState::Active ? poison::red_active : poison::red_inactive;
    const std::uint64_t size = geometry.object_size;
    if (flags.any(red_zone)) {
        areas.push_back({"Left Redzone", -static_cast<std::int64_t>(geometry.red_left_pad),
                         geometry.red_left_pad, red, true});
        areas.push_back({"Right Redzone", static_cast<std::int64_t>(size), geometry.inuse - size, red, true});
    } else if (flags.any(slab_flag::poison) && size < geometry.inuse) {
        areas.push_back({"Alignment padding", static_cast<std::int64_t>(size), geometry.inuse - size,
                         poison::in_use, false});
    }
    if (!flags.any(slab_flag::poison)) return areas;
    // Objects that readers may still look at, or that stay constructed while free, are not overwritten.
    const bool object_poisoned = !flags.any(typesafe_by_rcu) && constructor == Constructor::No;
    if (state == ObjectState::Free && object_poisoned) {
        areas.push_back({"Poison", 0, size - 1, poison::free, false});
        areas.push_back({"End Poison", static_cast<std::int64_t>(size) - 1, 1, poison::end, false});
    }
    std::uint64_t info_end = geometry.offset >= geometry.inuse ? geometry.inuse + word_bytes : geometry.inuse;
    if (flags.any(store_user)) info_end += 2 * track_bytes + (flags.any(kmalloc) ? sizeof(std::uint32_t) : 0);
    const std::uint64_t end = geometry.size - geometry.red_left_pad;
    if (info_end < end)
        areas.push_back(
            {"Object padding", static_cast<std::int64_t>(info_end), end - info_end, poison::in_use, false});
    return areas;
}

void ObjectDamage::write(std::uint64_t offset, std::uint64_t bytes, std::uint8_t value) {
    for (std::uint64_t i = 0; i < bytes; ++i) m_bytes[offset + i] = value;
}

void ObjectDamage::forget(std::uint64_t offset, std::uint64_t bytes) {
    m_bytes.erase(m_bytes.lower_bound(offset), m_bytes.lower_bound(offset + bytes));
}

std::optional<ObjectDamage::Finding> ObjectDamage::find(std::uint64_t offset, std::uint64_t bytes,
                                                        std::uint8_t expected) const {
    std::optional<Finding> finding;
    for (auto at = m_bytes.lower_bound(offset); at != m_bytes.end() && at->first < offset + bytes; ++at) {
        if (at->second == expected) continue;
        if (!finding) finding = Finding{at->first, at->first, at->second};
        finding->last = at->first;
    }
    return finding;
}

std::uint8_t ObjectDamage::at(std::uint64_t offset, std::uint8_t expected) const {
    const auto found = m_bytes.find(offset);
    return found == m_bytes.end() ? expected : found->second;
}

} // namespace pagewalk::os
