#include "models/mmu/nested/host_walker.h"
#include "tests/unit/models/mmu/paging_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using rig::PagingRig;

constexpr VirtAddr user{0x7f0000000000};
constexpr Pfn frame{0x80000};
constexpr std::uint64_t later = 100'000'000;

MmuConfig guest(HostPages pages) {
    MmuConfig config;
    config.nested.pages = pages;
    config.nested.base = 8ULL << 30;
    config.nested.bytes = 64ULL << 20;
    return config;
}

MmuConfig without_caches(HostPages pages) {
    MmuConfig config = guest(pages);
    config.nested.tlb.entries = 0;
    config.walk_cache.entries = {};
    return config;
}

struct Guest {
    explicit Guest(const MmuConfig& config) : rig(config), host(config.nested) { rig.mmu.use_host(host); }
    Translation load(VirtAddr address) {
        now += later;
        return rig.mmu.translate_load(address, Cycles(now));
    }
    [[nodiscard]] const WalkerStats& stats() const { return rig.mmu.walker().stats(); }
    PagingRig rig;
    HostTables host;
    std::uint64_t now = 0;
};

TEST(NestedWalk, HasTwentyFourReferencesWithoutCaches) {
    Guest machine(without_caches(HostPages::Small));
    machine.rig.space.map(user, frame);
    EXPECT_EQ(machine.load(user + 9).address, address_of(frame) + 9);
    EXPECT_EQ(machine.stats().walk_references, 24U);
}

TEST(NestedWalk, LargePagesOnEachSideSaveLevels) {
    Guest large(without_caches(HostPages::Large));
    large.rig.space.map(user, frame);
    (void)large.load(user);
    EXPECT_EQ(large.stats().walk_references, 4U * (3 + 1) + 3);
    Guest both(without_caches(HostPages::Large));
    both.rig.space.map(user, frame, PageSize::Page2M);
    (void)both.load(user);
    EXPECT_EQ(both.stats().walk_references, 3U * (3 + 1) + 3);
}

TEST(NestedWalk, CachesOfBothDimensionsLeaveTwoReferences) {
    Guest machine(guest(HostPages::Small));
    for (std::uint64_t i = 0; i < 16; ++i) machine.rig.space.map(user + i * page_size, frame + i);
    (void)machine.load(user);
    const std::uint64_t before = machine.stats().walk_references;
    (void)machine.load(user + 8 * page_size);
    // The guest's entry, whose table the nested TLB has; the host's entry of the page.
    EXPECT_EQ(machine.stats().walk_references - before, 2U);
}

TEST(NestedWalk, WaitsForTheHypervisorAtFirstAccess) {
    MmuConfig config = guest(HostPages::Small);
    Guest machine(config);
    machine.rig.space.map(user, frame);
    machine.rig.space.map(user + page_size, frame + 1);
    (void)machine.load(user);
    // The page's host page alone is missing now.
    const Translation second = machine.load(user + page_size);
    const std::uint64_t wait = second.ready.value() - machine.now;
    EXPECT_GE(wait, config.nested.violation.value());
    EXPECT_LT(wait, config.nested.violation.value() + 100);
    machine.rig.mmu.invalidate({TlbInvalidation::Scope::All, 0, {}, {}, {}});
    EXPECT_LT(machine.load(user + page_size).ready.value() - machine.now, 1000U);
}

TEST(NestedWalk, TlbPageIsNoLargerThanTheHosts) {
    Guest machine(guest(HostPages::Small));
    machine.rig.space.map(user, Pfn(0x100000), PageSize::Page2M);
    EXPECT_EQ(machine.load(user + 3 * page_size).address, address_of(Pfn(0x100003)));
    EXPECT_EQ(machine.load(user + 4 * page_size).address, address_of(Pfn(0x100004)));
    EXPECT_EQ(machine.stats().walks, 2U);
    Guest large(guest(HostPages::Large));
    large.rig.space.map(user, Pfn(0x100000), PageSize::Page2M);
    (void)large.load(user + 3 * page_size);
    (void)large.load(user + 4 * page_size);
    EXPECT_EQ(large.stats().walks, 1U);
}

} // namespace
} // namespace pagewalk::models
