#pragma once

#include "os/reclaim/policy/reclaim_policy.h"

namespace pagewalk::os {

/// Linux 6.1 without multi-generational LRU (folio_check_references, shrink_active_list): a page that is used
/// twice becomes active, and inactive again in its turn whether it is used or not, so that it can show once
/// more that it is; program text stays active while it is used.
class LruPolicy final : public ReclaimPolicy {
public:
    [[nodiscard]] Verdict judge(Pfn frame, const PageUse& use) override;
    [[nodiscard]] bool stays_active(Pfn, const PageUse& use) override {
        return use.entries != 0 && use.executable && use.file;
    }
    [[nodiscard]] bool inactive_is_low(std::uint64_t inactive, std::uint64_t active) const override;
};

} // namespace pagewalk::os
