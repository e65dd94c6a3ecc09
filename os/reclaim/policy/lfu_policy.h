#pragma once

#include "os/path/frame_allocator.h"
#include "os/reclaim/policy/reclaim_policy.h"

#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// Least frequently used, with aging: a page counts in how many of its rounds it has been used, up to 15;
/// each further round halves the count, and at 0 the page goes. One list of each kind.
class LfuPolicy final : public ReclaimPolicy {
public:
    explicit LfuPolicy(FrameAllocator& frames) : m_frames(frames) {}

    [[nodiscard]] Verdict judge(Pfn frame, const PageUse& use) override;
    [[nodiscard]] bool stays_active(Pfn, const PageUse&) override { return false; }
    [[nodiscard]] bool inactive_is_low(std::uint64_t, std::uint64_t active) const override {
        return active != 0;
    }

private:
    static constexpr unsigned most = 15;
    /// A frame's count holds for the page that was in it when it was made.
    struct Count {
        std::uint64_t index = 0;
        std::uint32_t owner = 0;
        std::uint8_t uses = 0;
    };
    [[nodiscard]] Count& count_of(Pfn frame);

    FrameAllocator& m_frames;
    std::vector<Count> m_counts; // by frame
};

} // namespace pagewalk::os
