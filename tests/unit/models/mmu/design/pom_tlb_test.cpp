#include "models/mmu/design/pom_tlb.h"
#include "tests/unit/models/mmu/paging_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using rig::cold_cycles;
using rig::l1_cycles;
using rig::PagingRig;

constexpr VirtAddr user{0x7f0000000000};
constexpr Pfn frame{0x80000};
constexpr std::uint64_t later = 100'000;

/// Without a second level, so that each access beyond the one entry of the first gets to the table in memory.
struct PomTlbTest : testing::Test {
    PomTlbTest() : rig(config()) {
        for (std::uint64_t i = 0; i < 8; ++i) rig.space.map(user + i * page_size, frame + i);
        rig.space.map(user + level_span(3), frame, PageSize::Page2M);
    }
    static MmuConfig config() {
        MmuConfig config;
        config.l1d_4k = {1, 1};
        config.l1d_2m.entries = 0;
        config.l2.entries = 0;
        config.design.kind = TranslationDesignKind::PomTlb;
        config.design.pom_tlb = {1ULL << 16, 0x40000000};
        return config;
    }
    Translation load(VirtAddr address) {
        now += later;
        return rig.mmu.translate_load(address, Cycles(now));
    }
    PagingRig rig;
    std::uint64_t now = 0;
};

TEST_F(PomTlbTest, FirstAccessReadsBothHalvesThenTheTables) {
    const Translation first = load(user);
    EXPECT_EQ(first.ready.value(), now + 7 + 2 * cold_cycles + 1 + 4 * cold_cycles);
}

TEST_F(PomTlbTest, WhatAWalkHasFoundTakesOneCachedLine) {
    (void)load(user);
    (void)load(user + page_size);
    const Translation again = load(user);
    EXPECT_EQ(again.address, address_of(frame));
    EXPECT_EQ(again.ready.value(), now + 7 + l1_cycles); // the walk's end wrote the line
    EXPECT_EQ(rig.mmu.walker().stats().walks, 2U);
    EXPECT_EQ(rig.mmu.design_stats().hits, 1U);
}

TEST_F(PomTlbTest, PredictsThePageSize) {
    StatRegistry registry;
    rig.mmu.declare(registry.group("mmu"));
    const std::uint64_t& second = *registry.counters()[registry.find("mmu/pom_tlb", "second_look_ups")].value;
    (void)load(user + level_span(3));
    EXPECT_EQ(second, 1U);
    const Translation again = load(user + level_span(3) + 5);
    EXPECT_EQ(again.ready.value(), now + 7 + l1_cycles);
    EXPECT_EQ(second, 1U) << "the large half is read first";
    EXPECT_EQ(rig.mmu.walker().stats().walks, 1U);
}

TEST_F(PomTlbTest, InvalidationReachesMemory) {
    (void)load(user);
    (void)load(user + page_size);
    rig.space.map(user, frame + 50);
    rig.mmu.invalidate({TlbInvalidation::Scope::Range, 1, user, user + page_size, {}});
    EXPECT_EQ(load(user).address, address_of(frame + 50));
    rig.mmu.invalidate({TlbInvalidation::Scope::AddressSpace, 1, {}, {}, {}});
    const std::uint64_t walks = rig.mmu.walker().stats().walks;
    (void)load(user + page_size);
    EXPECT_EQ(rig.mmu.walker().stats().walks, walks + 1);
}

TEST_F(PomTlbTest, SetOfFourDropsOne) {
    // Half of 64 KiB has 512 lines: pages 512 apart share one.
    constexpr std::uint64_t apart = 512 * page_size;
    for (std::uint64_t i = 0; i < 5; ++i) rig.space.map(user + i * apart, frame + i);
    for (std::uint64_t i = 0; i < 5; ++i) (void)load(user + i * apart); // 4 takes 0's place
    for (std::uint64_t i = 1; i < 5; ++i) (void)load(user + i * apart);
    EXPECT_EQ(rig.mmu.walker().stats().walks, 5U);
    EXPECT_EQ(rig.mmu.design_stats().hits, 4U);
    (void)load(user);
    EXPECT_EQ(rig.mmu.walker().stats().walks, 6U);
}

} // namespace
} // namespace pagewalk::models
