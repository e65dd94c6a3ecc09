#pragma once

#include "os/reclaim/policy/reclaim_policy.h"

namespace pagewalk::os {

/// Second chance: one list of each kind, round which a page goes again when it has been used since it was
/// last looked at. Source: Corbato, A Paging Experiment with the Multics System, 1968.
class ClockPolicy final : public ReclaimPolicy {
public:
    [[nodiscard]] Verdict judge(Pfn, const PageUse& use) override {
        return {use.used() ? Fate::Keep : Fate::Reclaim, false};
    }
    // What others activate comes back at once.
    [[nodiscard]] bool stays_active(Pfn, const PageUse&) override { return false; }
    [[nodiscard]] bool inactive_is_low(std::uint64_t, std::uint64_t active) const override {
        return active != 0;
    }
};

} // namespace pagewalk::os
