#include "os/reclaim/rotate_reclaimable.h"

namespace pagewalk::os {

void rotate_reclaimable(FrameAllocator& frames, KernelCounters& counters, Pfn frame) {
    constexpr std::uint16_t stays = frame_flags::locked | frame_flags::dirty | frame_flags::unevictable;
    PageDescriptor& page = frames.pages().at(frame);
    if ((page.owner_flags & frame_flags::reclaim) == 0) return;
    page.owner_flags &= static_cast<std::uint16_t>(~frame_flags::reclaim);
    if (!page.is(PageState::Lru) || (page.owner_flags & stays) != 0) return;
    frames.lru().rotate(frame);
    ++counters.reclaim.pgrotated;
}

} // namespace pagewalk::os
