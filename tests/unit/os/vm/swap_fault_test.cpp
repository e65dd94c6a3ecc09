#include "tests/unit/os/vm/reclaim_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;
using test::page;
using test::ReclaimRig;

struct SwapFaults : testing::Test {
    ReclaimRig rig;
    AddressSpace& space = *rig.space;
};

TEST_F(SwapFaults, MapAPageForWritingWhereNobodyElseHasIt) {
    const Pfn frame = rig.written(0);
    rig.swap_out(0);
    EXPECT_FALSE(rig.frames.pages().peek(frame).is(PageState::Allocated));
    EXPECT_EQ(rig.read_back(0).kind, FaultKind::SwapMajor);
    EXPECT_FALSE(rig.entry(space, page(0)).has(PageTableEntry::Writable));
    EXPECT_EQ(rig.touch(space, page(0)).kind, FaultKind::Reuse);
    EXPECT_TRUE(rig.entry(space, page(0)).has(PageTableEntry::Writable));
    EXPECT_EQ(rig.counters.pgmajfault, 1U);
}

TEST_F(SwapFaults, GiveTheSlotBackOnAWrite) {
    (void)rig.written(0);
    rig.page_out(0);
    rig.complete_all();
    EXPECT_EQ(rig.touch(space, page(0), FaultAccess::Write).kind, FaultKind::SwapCache);
    EXPECT_TRUE(rig.entry(space, page(0)).has(PageTableEntry::Writable));
    EXPECT_TRUE(rig.entry(space, page(0)).has(PageTableEntry::Dirty));
    EXPECT_EQ(rig.swap.area().used(), 0U);
    EXPECT_FALSE(rig.swap.caches(rig.entry(space, page(0)).frame()));
}

TEST_F(SwapFaults, CopyAPageThatAnotherProcessWantsFromSwapToo) {
    (void)rig.written(0);
    rig.swap_out(0);
    const auto child = rig.fork();
    EXPECT_TRUE(is_swap(rig.entry(*child, page(0))));
    EXPECT_EQ(child->swap_pages, 1U);
    (void)rig.read_back(0);
    const Pfn shared = rig.entry(space, page(0)).frame();
    EXPECT_EQ(rig.touch(space, page(0)).kind, FaultKind::CopyOnWrite);
    EXPECT_NE(rig.entry(space, page(0)).frame(), shared);
    EXPECT_EQ(rig.touch(*child, page(0), FaultAccess::Read).kind, FaultKind::SwapCache);
    EXPECT_EQ(rig.entry(*child, page(0)).frame(), shared);
    EXPECT_EQ(child->swap_pages, 0U);
}

TEST_F(SwapFaults, ShareAPageThatBothProcessesReadAndReclaimFindsBoth) {
    (void)rig.written(0);
    rig.swap_out(0);
    const auto child = rig.fork();
    (void)rig.read_back(0);
    rig.touch(*child, page(0), FaultAccess::Read);
    const Pfn frame = rig.entry(space, page(0)).frame();
    EXPECT_EQ(rig.frames.pages().peek(frame).mapcount, 2U);
    EXPECT_TRUE(rig.at_once([&](Operation& op) { return rig.vm.unmap(op, frame); }));
    EXPECT_TRUE(is_swap(rig.entry(*child, page(0))));
    EXPECT_TRUE(is_swap(rig.entry(space, page(0))));
}

TEST_F(SwapFaults, OfTwoThreadsReadThePageOnce) {
    (void)rig.written(0);
    rig.swap_out(0);
    const std::size_t before = rig.disk.submitted.size();
    VirtualMemory::FaultResult first = ReclaimRig::not_yet, second = ReclaimRig::not_yet;
    rig.run(cpu0, rig.fault(space, page(0), first, FaultAccess::Read));
    rig.run(cpu1, rig.fault(space, page(0), second, FaultAccess::Read));
    EXPECT_EQ(rig.disk.submitted.size(), before + 1);
    rig.complete_all();
    rig.pick(cpu0);
    rig.pick(cpu1);
    EXPECT_EQ(first.kind, FaultKind::SwapMajor);
    EXPECT_EQ(second.kind, FaultKind::SwapMajor); // it had to wait as well
    EXPECT_EQ(rig.counters.pgmajfault, 1U);
    EXPECT_EQ(space.anon_pages, 1U);
    EXPECT_EQ(space.swap_pages, 0U);
}

TEST_F(SwapFaults, NeedMemory) {
    (void)rig.written(0);
    rig.swap_out(0);
    rig.use_up_memory();
    VirtualMemory::FaultResult result = ReclaimRig::not_yet;
    rig.run(cpu0, rig.fault(space, page(0), result, FaultAccess::Read));
    EXPECT_EQ(result.status, VirtualMemory::FaultStatus::Retry); // waits for memory
    rig.give_back_memory(200);
    rig.pick(cpu0);
    rig.complete_all();
    rig.pick(cpu0);
    EXPECT_EQ(result.kind, FaultKind::SwapMajor);
}

} // namespace
} // namespace pagewalk::os
