#include "models/mmu/design/victima.h"
#include "tests/unit/models/mmu/paging_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using rig::l2_cycles;
using rig::PagingRig;

constexpr VirtAddr user{0x7f0000000000};
constexpr Pfn frame{0x80000};
constexpr std::uint64_t later = 100'000;

struct VictimaTest : testing::Test {
    explicit VictimaTest(std::uint64_t costly_walk = 0) : rig(config(costly_walk)) {
        for (std::uint64_t i = 0; i < 32; ++i) rig.space.map(user + i * page_size, frame + 2 * i);
    }
    static MmuConfig config(std::uint64_t costly_walk) {
        MmuConfig config;
        config.l1d_4k = {1, 1};
        config.l2.entries = 0;
        config.design.kind = TranslationDesignKind::Victima;
        config.design.victima.costly_walk = Cycles(costly_walk);
        return config;
    }
    Translation load(std::uint64_t page) {
        now += later;
        return rig.mmu.translate_load(user + page * page_size, Cycles(now));
    }
    [[nodiscard]] std::uint64_t walks() const { return rig.mmu.walker().stats().walks; }
    PagingRig rig;
    std::uint64_t now = 0;
};

TEST_F(VictimaTest, LineOfL2ServesEightPages) {
    (void)load(8);
    for (std::uint64_t i = 15; i > 7; --i) {
        const Translation got = load(i);
        EXPECT_EQ(got.address, address_of(frame + 2 * i));
        EXPECT_EQ(got.ready.value(), now + 7 + l2_cycles) << i;
    }
    EXPECT_EQ(walks(), 1U);
    (void)load(16);
    EXPECT_EQ(walks(), 2U);
}

TEST_F(VictimaTest, LinesOfTheCacheThatDataNeedsAreLost) {
    (void)load(0);
    const std::uint64_t lines = rig.caches.l2_lines();
    for (std::uint64_t i = 0; i < 2 * lines; ++i)
        (void)rig.caches.load(PhysAddr(0x100000000 + i * line_size), Cycles(now + i * 100), VirtAddr());
    now += 200 * lines;
    (void)load(1);
    EXPECT_EQ(walks(), 2U);
}

TEST_F(VictimaTest, InvalidationDropsTheBlock) {
    (void)load(0);
    rig.space.map(user, frame + 100);
    rig.mmu.invalidate({TlbInvalidation::Scope::Range, 1, user, user + page_size, {}});
    (void)load(1);
    EXPECT_EQ(walks(), 2U);
    EXPECT_EQ(load(0).address, address_of(frame + 100));
}

struct CostlyWalks : VictimaTest {
    CostlyWalks() : VictimaTest(50) {}
};

TEST_F(CostlyWalks, CheapOnesAreNotKept) {
    (void)load(0); // from memory
    EXPECT_EQ(walks(), 1U);
    rig.mmu.invalidate({.scope = TlbInvalidation::Scope::AddressSpace, .pcid = 1});
    (void)load(0); // its entries are in L1 now
    (void)load(1);
    EXPECT_EQ(walks(), 3U) << "a walk that L1 serves was kept";
}

} // namespace
} // namespace pagewalk::models
