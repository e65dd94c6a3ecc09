#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::base;
using test::page;
using test::VmRig;

struct NumaHints : testing::Test {
    VmConfig config = [] {
        VmConfig small;
        small.thp.enabled = ThpEnabled::Never;
        return small;
    }();
    VmRig rig{FileCache::Cold, config, PageTableKind::Radix, {64ULL << 20, 64ULL << 20}};
    std::shared_ptr<AddressSpace> space = rig.new_space();

    std::uint64_t mark(std::uint64_t first, std::uint64_t end) {
        return rig.at_once([&](Operation& op) {
            return rig.vm.mark_for_numa(op, *space, space->areas[0], page(first), page(end));
        });
    }
    void SetUp() override {
        rig.map_anonymous(*space, page(0), 8);
        for (std::uint64_t i = 0; i < 4; ++i) rig.touch(*space, page(i));
        rig.at_once([&](Operation& op) { rig.vm.drain_lru_batches(op); });
        space->users = 2; // of threads that may run elsewhere
    }
    void TearDown() override { space->users = 1; }
};

TEST_F(NumaHints, MakeMappedPagesFaultAndLeaveThemAsTheyWere) {
    const PageTableEntry before = rig.entry(*space, page(1));
    EXPECT_EQ(mark(0, 8), 4U);
    const PageTableEntry marked = rig.entry(*space, page(1));
    EXPECT_FALSE(marked.present());
    EXPECT_TRUE(is_mapped(marked));
    EXPECT_EQ(marked.frame(), before.frame());
    EXPECT_EQ(mark(0, 8), 0U); // once is enough
    EXPECT_EQ(rig.touch(*space, page(1)).kind, FaultKind::NumaHint);
    EXPECT_EQ(rig.entry(*space, page(1)), before);
    EXPECT_EQ(rig.counters.numa_pte_updates, 4U);
}

TEST_F(NumaHints, AreNotOfPagesThatTheOnlyTaskHasNearby) {
    space->users = 1;
    EXPECT_EQ(mark(0, 8), 0U);
}

TEST_F(NumaHints, AreNotOfTheZeroPageNorOfPagesSharedByAFork) {
    rig.touch(*space, page(5), FaultAccess::Read);
    EXPECT_EQ(mark(4, 8), 0U);
    const auto child = rig.at_once([&](Operation& op) { return rig.vm.fork(op, *space); });
    EXPECT_EQ(mark(0, 4), 0U);
    rig.at_once([&](Operation& op) {
        rig.vm.drop_user(op, *child);
        rig.vm.destroy(op, *child);
    });
    EXPECT_EQ(mark(0, 4), 4U);
}

TEST_F(NumaHints, GoWithMunmapAndMprotect) {
    EXPECT_EQ(mark(0, 8), 4U);
    rig.at_once([&](Operation& op) { rig.vm.protect(op, *space, page(0), page_size, vm::read); });
    EXPECT_EQ(rig.touch(*space, page(0), FaultAccess::Read).kind, FaultKind::Spurious);
    rig.at_once([&](Operation& op) { rig.vm.munmap(op, *space, page(0), 8 * page_size); });
    EXPECT_EQ(space->anon_pages, 0U);
}

} // namespace
} // namespace pagewalk::os
