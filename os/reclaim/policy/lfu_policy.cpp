#include "os/reclaim/policy/lfu_policy.h"

#include <algorithm>

namespace pagewalk::os {

LfuPolicy::Count& LfuPolicy::count_of(Pfn frame) {
    if (frame.value() >= m_counts.size()) m_counts.resize(static_cast<std::size_t>(frame.value()) + 1024);
    Count& count = m_counts[static_cast<std::size_t>(frame.value())];
    const FrameMapping page = m_frames.mapping(frame);
    if (count.owner != page.owner || count.index != page.index)
        count = {.index = page.index, .owner = page.owner};
    return count;
}

ReclaimPolicy::Verdict LfuPolicy::judge(Pfn frame, const PageUse& use) {
    Count& count = count_of(frame);
    if (use.used()) {
        count.uses = static_cast<std::uint8_t>(std::min(count.uses + 1U, most));
        return {Fate::Keep, false};
    }
    count.uses /= 2;
    return {count.uses == 0 ? Fate::Reclaim : Fate::Keep, false};
}

} // namespace pagewalk::os
