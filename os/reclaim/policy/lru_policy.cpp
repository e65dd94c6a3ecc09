#include "os/reclaim/policy/lru_policy.h"

namespace pagewalk::os {
namespace {

std::uint64_t square_root(std::uint64_t value) {
    std::uint64_t root = 0;
    while ((root + 1) * (root + 1) <= value) ++root;
    return root;
}

} // namespace

ReclaimPolicy::Verdict LruPolicy::judge(Pfn, const PageUse& use) {
    if (use.entries != 0) {
        const bool often = use.referenced || use.entries > 1 || (use.executable && use.file);
        return {often ? Fate::Activate : Fate::Keep, true};
    }
    return {use.referenced && use.file ? Fate::ReclaimClean : Fate::Reclaim, false};
}

// Up to 1 GiB half of the pages are inactive, beyond that a smaller part.
bool LruPolicy::inactive_is_low(std::uint64_t inactive, std::uint64_t active) const {
    const std::uint64_t gib = (inactive + active) >> (30 - page_shift);
    const std::uint64_t ratio = gib != 0 ? square_root(10 * gib) : 1;
    return inactive * ratio < active;
}

} // namespace pagewalk::os
