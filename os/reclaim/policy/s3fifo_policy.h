#pragma once

#include "os/reclaim/policy/reclaim_policy.h"

namespace pagewalk::os {

/// S3-FIFO: new pages enter a small queue (the inactive list, a tenth of the pages), from whose end those
/// that were used go to the main queue (the active list) and the others out; the main queue's end goes round
/// again while it is used. Shadows of reclaimed pages are the ghost queue: a page that comes back soon enters
/// the main queue. An access that a bit records once counts once. Source: Yang et al., FIFO queues are all
/// you need for cache eviction, SOSP 2023.
class S3FifoPolicy final : public ReclaimPolicy {
public:
    [[nodiscard]] Verdict judge(Pfn, const PageUse& use) override {
        // The access that has brought a page in does not count.
        if (use.entries == 0) return {Fate::Reclaim, false};
        return use.referenced ? Verdict{Fate::Activate, false} : Verdict{Fate::Keep, true};
    }
    [[nodiscard]] bool stays_active(Pfn, const PageUse& use) override { return use.used(); }
    [[nodiscard]] bool inactive_is_low(std::uint64_t inactive, std::uint64_t active) const override {
        return 9 * inactive < active;
    }
};

} // namespace pagewalk::os
