#include "models/mmu/design/translation_designs.h"

#include "models/mmu/design/asap.h"
#include "models/mmu/design/coalesced_tlb.h"
#include "models/mmu/design/pom_tlb.h"
#include "models/mmu/design/prefetch/distance.h"
#include "models/mmu/design/prefetch/free.h"
#include "models/mmu/design/prefetch/sequential.h"
#include "models/mmu/design/prefetch/stride.h"
#include "models/mmu/design/range_tlb.h"
#include "models/mmu/design/spot.h"
#include "models/mmu/design/tlb_prefetch.h"
#include "models/mmu/design/victim_tlb.h"
#include "models/mmu/design/victima.h"

#include <string>
#include <string_view>

namespace pagewalk::models {
namespace {

using Kind = TranslationDesignKind;
using Design = std::unique_ptr<TranslationDesign>;

template <class Made>
Design make(const DesignParts& parts) {
    return std::make_unique<Made>(parts);
}
template <class Prefetcher>
Design make_prefetch(const DesignParts& parts) {
    return std::make_unique<TlbPrefetch>(parts, std::make_unique<Prefetcher>(parts.config.design.prefetch));
}

/// A design: its name, and what makes it.
struct Row {
    std::string_view name;
    Design (*make)(const DesignParts&) = nullptr;
};

constexpr EnumTable<Kind, Row> designs{
    {Kind::None, {"none", nullptr}},
    {Kind::VictimTlb, {"victim_tlb", make<VictimTlb>}},
    {Kind::SequentialPrefetch, {"sequential_prefetch", make_prefetch<SequentialTlbPrefetcher>}},
    {Kind::StridePrefetch, {"stride_prefetch", make_prefetch<StrideTlbPrefetcher>}},
    {Kind::DistancePrefetch, {"distance_prefetch", make_prefetch<DistanceTlbPrefetcher>}},
    {Kind::FreePrefetch, {"free_prefetch", make_prefetch<FreeTlbPrefetcher>}},
    {Kind::CoalescedTlb, {"coalesced_tlb", make<CoalescedTlb>}},
    {Kind::PomTlb, {"pom_tlb", make<PomTlb>}},
    {Kind::Victima, {"victima", make<Victima>}},
    {Kind::RangeTlb, {"range_tlb", make<RangeTlb>}},
    {Kind::Spot, {"spot", make<Spot>}},
    {Kind::Asap, {"asap", make<Asap>}},
};

consteval EnumNames<Kind> names() {
    return {{Kind::None, designs[Kind::None].name},
            {Kind::VictimTlb, designs[Kind::VictimTlb].name},
            {Kind::SequentialPrefetch, designs[Kind::SequentialPrefetch].name},
            {Kind::StridePrefetch, designs[Kind::StridePrefetch].name},
            {Kind::DistancePrefetch, designs[Kind::DistancePrefetch].name},
            {Kind::FreePrefetch, designs[Kind::FreePrefetch].name},
            {Kind::CoalescedTlb, designs[Kind::CoalescedTlb].name},
            {Kind::PomTlb, designs[Kind::PomTlb].name},
            {Kind::Victima, designs[Kind::Victima].name},
            {Kind::RangeTlb, designs[Kind::RangeTlb].name},
            {Kind::Spot, designs[Kind::Spot].name},
            {Kind::Asap, designs[Kind::Asap].name}};
}

} // namespace

void DesignConfig::declare(OptionGroup mmu) {
    mmu.choice("design", kind, names(),
               {Unit::None,
                "what a miss of the second-level TLB is looked up in, or what brings translations ahead "
                "(docs/translation_designs.md)",
                "user"});
    victim_tlb.declare(mmu.group("victim_tlb"));
    prefetch.declare(mmu.group("tlb_prefetch"));
    coalesced_tlb.declare(mmu.group("coalesced_tlb"));
    pom_tlb.declare(mmu.group("pom_tlb"));
    victima.declare(mmu.group("victima"));
    range_tlb.declare(mmu.group("range_tlb"));
    spot.declare(mmu.group("spot"));
    asap.declare(mmu.group("asap"));
}

void DesignConfig::validate(const OptionSet& options) const {
    if (kind == Kind::CoalescedTlb && coalesced_tlb.tlb.entries == 0)
        throw ConfigError(options.where("mmu.coalesced_tlb.entries"), "mmu.coalesced_tlb.entries", "0",
                          "leaves mmu.design = coalesced_tlb no TLB; set mmu.design = none");
    victim_tlb.tlb.validate(options, "mmu.victim_tlb");
    prefetch.buffer.validate(options, "mmu.tlb_prefetch.buffer");
    coalesced_tlb.tlb.validate(options, "mmu.coalesced_tlb");
}

std::unique_ptr<TranslationDesign> make_translation_design(const DesignParts& parts) {
    const auto make = designs[parts.config.design.kind].make;
    return make == nullptr ? nullptr : make(parts);
}

} // namespace pagewalk::models
