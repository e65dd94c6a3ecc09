#include "models/mmu/tlb_hierarchy.h"

namespace pagewalk::models {

TlbHierarchy::TlbHierarchy(const MmuConfig& config)
    : l1i_4k(config.l1i_4k), l1i_2m(config.l1i_2m), l1d_4k(config.l1d_4k), l1d_2m(config.l1d_2m),
      l1d_own_1g(config.l1d_1g), l2(config.l2, config.l2_replacement), l2_1g(config.l2_1g) {}

std::uint64_t TlbHierarchy::invalidate(const TlbInvalidation& invalidation) {
    std::uint64_t dropped = 0;
    for (Tlb* tlb : {&l1i_4k, &l1i_2m, &l1d_4k, &l1d_2m, &l1d_own_1g, &l2, &l2_1g})
        dropped += tlb->invalidate(invalidation);
    return dropped;
}

void TlbHierarchy::declare(StatGroup group) const {
    l1i_4k.stats().declare(group.group("l1i_4k"));
    l1i_2m.stats().declare(group.group("l1i_2m"));
    l1d_4k.stats().declare(group.group("l1d_4k"));
    l1d_2m.stats().declare(group.group("l1d_2m"));
    l1d_own_1g.stats().declare(group.group("l1d_1g"));
    l2.stats().declare(group.group("l2_tlb"));
    l2_1g.stats().declare(group.group("l2_tlb_1g"));
}

} // namespace pagewalk::models
