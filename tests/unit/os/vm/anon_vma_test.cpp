#include "os/vm/anon_vma.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;
using test::page;
using test::VmRig;

struct AnonymousAreas : testing::Test {
    VmRig rig;
    std::shared_ptr<AddressSpace> space = rig.new_space();

    [[nodiscard]] std::uint64_t anon_vmas() const { return rig.objects.objects(ObjectKind::AnonVma); }
    [[nodiscard]] std::uint64_t links() const { return rig.objects.objects(ObjectKind::AnonVmaChain); }
};

TEST_F(AnonymousAreas, GetAnAnonVmaWithTheirFirstPage) {
    rig.map_anonymous(*space, page(0), 4);
    EXPECT_EQ(space->areas[0].anon, no_anon_vma);
    rig.touch(*space, page(0));
    rig.touch(*space, page(1));
    EXPECT_NE(space->areas[0].anon, no_anon_vma);
    EXPECT_EQ(anon_vmas(), 1U);
    EXPECT_EQ(links(), 1U);
}

TEST_F(AnonymousAreas, ShareTheirNeighboursWhereTheyMayMergeLater) {
    rig.map_anonymous(*space, page(0), 4);
    rig.map_anonymous(*space, page(4), 4);
    rig.at_once([&](Operation& op) { rig.vm.protect(op, *space, page(4), 4 * page_size, vm::access); });
    rig.touch(*space, page(0));
    rig.touch(*space, page(4));
    ASSERT_EQ(space->areas.size(), 2U);
    EXPECT_EQ(space->areas[0].anon, space->areas[1].anon);
    EXPECT_EQ(anon_vmas(), 1U);
    EXPECT_EQ(links(), 2U);
}

TEST_F(AnonymousAreas, OfAChildAreLinkedToTheParentsAnonVmaAndHaveOneOfTheirOwn) {
    rig.map_anonymous(*space, page(0), 4);
    rig.touch(*space, page(0));
    const auto child = rig.at_once([&](Operation& op) { return rig.vm.fork(op, *space); });
    const Vma& area = child->areas[0];
    ASSERT_EQ(area.chain.size(), 2U);
    EXPECT_EQ(area.chain[0].anon, space->areas[0].anon);
    EXPECT_EQ(area.chain[1].anon, area.anon);
    EXPECT_NE(area.anon, space->areas[0].anon);
}

TEST_F(AnonymousAreas, GiveEverythingBackWhenTheLastOfTheFamilyGoes) {
    rig.map_anonymous(*space, page(0), 4);
    rig.touch(*space, page(0));
    const auto child = rig.at_once([&](Operation& op) { return rig.vm.fork(op, *space); });
    rig.at_once([&](Operation& op) { rig.vm.munmap(op, *space, page(0), 4 * page_size); });
    EXPECT_EQ(anon_vmas(), 2U); // the child's pages may still be found by way of the parent's
    rig.at_once([&](Operation& op) { rig.vm.munmap(op, *child, page(0), 4 * page_size); });
    EXPECT_EQ(anon_vmas(), 0U);
    EXPECT_EQ(links(), 0U);
}

TEST_F(AnonymousAreas, AreGivenOneAnonVmaByTwoFaultsAtATime) {
    rig.map_anonymous(*space, page(0), 4);
    rig.map_anonymous(*space, page(100), 1);
    rig.touch(*space, page(100)); // page tables and slabs are there
    rig.use_up_memory();
    VirtualMemory::FaultResult first = VmRig::not_yet, second = VmRig::not_yet;
    rig.run(cpu0, rig.fault(*space, page(1), first));
    rig.run(cpu1, rig.fault(*space, page(2), second));
    ASSERT_EQ(rig.reclaimer.waiters.size(), 2U);
    rig.give_back_memory(1000);
    rig.pick(cpu0);
    rig.pick(cpu1);
    EXPECT_EQ(first.kind, FaultKind::AnonymousWrite);
    EXPECT_EQ(second.kind, FaultKind::AnonymousWrite);
    EXPECT_EQ(space->areas[0].chain.size(), 1U);
    EXPECT_EQ(anon_vmas(), 2U);
    EXPECT_EQ(links(), 2U);
    EXPECT_EQ(rig.frames.mapping(rig.entry(*space, page(1)).frame()).owner,
              rig.frames.mapping(rig.entry(*space, page(2)).frame()).owner);
}

} // namespace
} // namespace pagewalk::os
