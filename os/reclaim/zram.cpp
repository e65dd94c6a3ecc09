#include "os/reclaim/zram.h"

#include "base/error.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace pagewalk::os {
namespace {

// In reclaim, which may use what is kept for it (PF_MEMALLOC).
constexpr GfpMask pool_gfp = gfp::kswapd_reclaim | gfp::nowarn | gfp::highmem | gfp::movable | gfp::memalloc;

} // namespace

Zram::Zram(FrameAllocator& frames, KernelCounters& counters, std::uint32_t ratio_percent, std::uint64_t slots)
    : m_frames(frames), m_counters(counters),
      m_bytes(static_cast<std::uint32_t>(page_size * 100 / ratio_percent)),
      m_each(static_cast<std::uint32_t>(frames_each * page_size / m_bytes)), m_places(slots, nowhere) {
    PAGEWALK_INVARIANT(ratio_percent >= least_percent && ratio_percent <= most_percent);
}

PhysAddr Zram::address(std::uint32_t place, std::uint32_t byte) const {
    const std::uint64_t at = std::uint64_t{place % m_each} * m_bytes + byte;
    return address_of(m_zspages[place / m_each].frames[static_cast<std::size_t>(at >> page_shift)]) +
           at % page_size;
}

bool Zram::grow(Operation& op) {
    Zspage zspage;
    std::size_t got = 0;
    for (; got < frames_each; ++got) {
        const auto frame =
            m_frames.allocate(op, {.mask = pool_gfp, .purpose = AllocationPurpose::CompressedSwap});
        if (!frame) break;
        zspage.frames[got] = *frame;
    }
    const bool enough = got == frames_each;
    while (!enough && got-- > 0) m_frames.free(op, zspage.frames[got], 0);
    if (!enough) return false;
    if (m_unused.empty()) {
        m_unused.push_back(static_cast<std::uint32_t>(m_zspages.size()));
        m_zspages.emplace_back();
    }
    m_zspages[m_unused.back()] = zspage;
    m_with_room.push_back(m_unused.back());
    m_unused.pop_back();
    m_frames_used += frames_each;
    m_counters.reclaim.zram_pool = m_frames_used;
    return true;
}

void Zram::shrink(Operation& op, std::uint32_t zspage) {
    for (const Pfn frame : m_zspages[zspage].frames) m_frames.free(op, frame, 0);
    m_zspages[zspage] = {};
    std::erase(m_with_room, zspage);
    m_unused.push_back(zspage);
    m_frames_used -= frames_each;
    m_counters.reclaim.zram_pool = m_frames_used;
}

bool Zram::store(Operation& op, SwapSlot slot, Pfn frame) {
    PAGEWALK_INVARIANT(place_of(slot) == nowhere);
    if (m_with_room.empty() && !grow(op)) return false;
    const std::uint32_t zspage = m_with_room.back();
    const auto at = static_cast<std::uint32_t>(std::countr_one(m_zspages[zspage].used));
    m_zspages[zspage].used |= std::uint64_t{1} << at;
    if (std::popcount(m_zspages[zspage].used) == static_cast<int>(m_each)) m_with_room.pop_back();
    const std::uint32_t place = place_of(slot) = zspage * m_each + at;
    op.path.call(KernelFunction::ZramStore);
    for (std::uint64_t byte = 0; byte < page_size; byte += line_size) op.path.load(address_of(frame) + byte);
    for (std::uint32_t byte = 0; byte < m_bytes; byte += line_size) op.path.store(address(place, byte));
    ++m_counters.reclaim.zram_stored;
    return true;
}

void Zram::load(Operation& op, SwapSlot slot, Pfn frame) {
    const std::uint32_t place = place_of(slot);
    PAGEWALK_INVARIANT(place != nowhere);
    op.path.call(KernelFunction::ZramLoad);
    for (std::uint32_t byte = 0; byte < m_bytes; byte += line_size) op.path.load(address(place, byte));
    for (std::uint64_t byte = 0; byte < page_size; byte += line_size) op.path.store(address_of(frame) + byte);
}

void Zram::discard(Operation& op, SwapSlot slot) {
    const std::uint32_t place = std::exchange(place_of(slot), nowhere);
    if (place == nowhere) return;
    op.path.call(KernelFunction::ZramFree);
    const std::uint32_t number = place / m_each;
    Zspage& zspage = m_zspages[number];
    if (std::popcount(zspage.used) == static_cast<int>(m_each)) m_with_room.push_back(number);
    zspage.used &= ~(std::uint64_t{1} << place % m_each);
    --m_counters.reclaim.zram_stored;
    if (zspage.used == 0) shrink(op, number);
}

} // namespace pagewalk::os
