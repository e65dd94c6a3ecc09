#include "base/rng.h"
#include "models/mmu/design/translation_designs.h"
#include "tests/unit/models/mmu/paging_rig.h"

#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using rig::PageTables;
using rig::PagingRig;
using Kind = TranslationDesignKind;

constexpr VirtAddr user{0x7f0000000000};

/// TLBs so small that most accesses get to the design.
MmuConfig small_tlbs(Kind kind) {
    MmuConfig config;
    config.l1d_4k = {4, 2};
    config.l1d_2m = {2, 2};
    config.l2 = {16, 4};
    config.design.kind = kind;
    config.design.coalesced_tlb.tlb = {16, 4};
    config.design.pom_tlb = {1ULL << 16, 0x40000000};
    config.design.victima.costly_walk = Cycles(0);
    config.design.prefetch.degree = 2;
    return config;
}

struct EveryDesign : testing::TestWithParam<Kind> {
    void compare_with_a_plain_map(HostPages host = HostPages::None);
    std::uint64_t hits = 0; ///< misses that the design has served
};

/// Two address spaces against a plain map: random mappings, large and small, contiguous or not, writable or
/// not; loads and stores; unmapping with its invalidation.
void EveryDesign::compare_with_a_plain_map(HostPages host) {
    struct Page {
        Pfn frame;
        bool writable = false;
    };
    MmuConfig config = small_tlbs(GetParam());
    config.nested.pages = host;
    config.nested.base = 8ULL << 30;
    config.nested.bytes = 64ULL << 20;
    PagingRig rig(config);
    std::optional<HostTables> tables;
    if (config.nested.enabled()) rig.mmu.use_host(tables.emplace(config.nested));
    PageTables other(rig.tables, Pfn(0x9000), 4);
    PageTables* const spaces[] = {&rig.space, &other};
    std::map<std::uint64_t, Page> models[2];
    Rng rng(1, "designs");
    std::uint64_t cycle = 0;
    for (int step = 0; step < 40'000; ++step) {
        const std::size_t space = rng.below(2);
        const auto pcid = static_cast<std::uint16_t>(space + 1);
        std::map<std::uint64_t, Page>& pages = models[space];
        // 64 small pages in two places, and 8 large ones.
        const bool large = rng.below(4) == 0;
        const PageSize size = large ? PageSize::Page2M : PageSize::Page4K;
        const VirtAddr address = large ? user + (1ULL << 30) + rng.below(8) * level_span(2)
                                       : user + rng.below(2) * level_span(2) + rng.below(32) * page_size;
        const auto held = pages.find(address.value());
        cycle += rng.below(200);
        switch (rng.below(8)) {
        case 0:
            if (held == pages.end()) {
                const std::uint64_t index = (address.value() >> page_shift) & 0xff;
                const Pfn frame(large               ? 0x100000 + rng.below(64) * 512
                                : rng.below(2) == 0 ? 0x80000 + index
                                                    : 0x80000 + rng.below(0x1000));
                const bool writable = rng.below(4) != 0;
                std::uint64_t flags = PageTables::table_flags;
                if (!writable) flags &= ~std::uint64_t{PageTableEntry::Writable};
                if (writable && rng.below(2) == 0) flags |= PageTableEntry::Dirty;
                spaces[space]->map(address, frame, size, flags);
                pages[address.value()] = {frame, writable};
            }
            break;
        case 1:
            if (held != pages.end()) {
                spaces[space]->entry(address, large ? 2 : 1) = PageTableEntry();
                rig.mmu.invalidate({rng.below(16) == 0 ? TlbInvalidation::Scope::AddressSpace
                                                       : TlbInvalidation::Scope::Range,
                                    pcid,
                                    address,
                                    address + (large ? level_span(2) : page_size),
                                    {}});
                pages.erase(held);
            }
            break;
        default: {
            rig.mmu.set_context({spaces[space]->root(), pcid});
            const bool store = rng.below(3) == 0;
            const VirtAddr at = address + rng.below(large ? level_span(2) : page_size);
            const Translation got = store ? rig.mmu.translate_store(at, Cycles(cycle), user + rng.below(16))
                                          : rig.mmu.translate_load(at, Cycles(cycle), user + rng.below(16));
            const bool allowed = held != pages.end() && (!store || held->second.writable);
            ASSERT_EQ(got.faulted(), !allowed) << "step " << step;
            ASSERT_GE(got.ready.value(), cycle);
            if (!allowed) break;
            ASSERT_EQ(got.address, address_of(held->second.frame) + (at - address)) << "step " << step;
            if (store) {
                ASSERT_TRUE(spaces[space]->entry(address, large ? 2 : 1).has(PageTableEntry::Dirty));
            }
        }
        }
    }
    hits = rig.mmu.design_stats().hits;
}

TEST_P(EveryDesign, TranslatesAsThePageTablesSay) {
    compare_with_a_plain_map();
    EXPECT_GT(hits, 0U) << "the design was not tried";
}

TEST_P(EveryDesign, TranslatesAsTheyDoInAGuestOfSmallPages) {
    compare_with_a_plain_map(HostPages::Small);
    EXPECT_GT(hits, 0U);
}

TEST_P(EveryDesign, TranslatesAsTheyDoInAGuestOfLargePages) { compare_with_a_plain_map(HostPages::Large); }

INSTANTIATE_TEST_SUITE_P(TranslationDesigns, EveryDesign,
                         testing::Values(Kind::VictimTlb, Kind::SequentialPrefetch, Kind::StridePrefetch,
                                         Kind::DistancePrefetch, Kind::FreePrefetch, Kind::CoalescedTlb,
                                         Kind::PomTlb, Kind::Victima, Kind::RangeTlb));

/// Those that guess or fetch ahead leave all to the walker, and translate as it does.
struct EveryWalkingDesign : EveryDesign {};

TEST_P(EveryWalkingDesign, TranslatesAsThePageTablesSay) { compare_with_a_plain_map(); }

INSTANTIATE_TEST_SUITE_P(TranslationDesigns, EveryWalkingDesign, testing::Values(Kind::Spot, Kind::Asap));

struct DesignConfigTest : testing::Test {
    DesignConfigTest() { config.declare(options.group("mmu")); }
    [[nodiscard]] std::string refusal() {
        try {
            config.validate(options);
        } catch (const ConfigError& error) {
            return error.what();
        }
        return "";
    }
    MmuConfig config;
    OptionSet options;
};

TEST_F(DesignConfigTest, NoneIsTheDefault) {
    EXPECT_EQ(config.design.kind, Kind::None);
    EXPECT_EQ(refusal(), "");
}

TEST_F(DesignConfigTest, RefusesTlbsWhoseSetsDoNotFit) {
    options.set("mmu.design", "coalesced_tlb", "--set");
    options.set("mmu.coalesced_tlb.entries", "24", "--set");
    EXPECT_NE(refusal().find("power of two sets"), std::string::npos);
}

TEST_F(DesignConfigTest, RefusesACoalescedTlbOfNoEntries) {
    options.set("mmu.coalesced_tlb.entries", "0", "--set");
    EXPECT_EQ(refusal(), "") << "it is not chosen";
    options.set("mmu.design", "coalesced_tlb", "--set");
    EXPECT_NE(refusal().find("mmu.coalesced_tlb.entries = 0"), std::string::npos);
}

TEST_F(DesignConfigTest, RefusesADesignWhereNothingIsTranslated) {
    options.set("mmu.design", "pom_tlb", "--set");
    options.set("mmu.perfect", "on", "--set");
    EXPECT_NE(refusal().find("mmu.perfect"), std::string::npos);
}

} // namespace
} // namespace pagewalk::models
