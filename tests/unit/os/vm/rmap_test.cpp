#include "tests/unit/os/vm/reclaim_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::ReclaimRig;

struct ReverseMaps : testing::Test {
    ReclaimRig rig;
    AddressSpace& space = *rig.space;

    PageReferences references(Pfn frame) {
        return rig.at_once([&](Operation& op) { return rig.vm.take_references(op, frame, nullptr); });
    }
    bool unmap(Pfn frame) {
        return rig.at_once([&](Operation& op) {
            const bool done = rig.swap.add(op, frame) && rig.vm.unmap(op, frame);
            rig.vm.flush_unmapped(op);
            return done;
        });
    }
};

TEST_F(ReverseMaps, CollectAccessesOfAllProcessesAndForgetThem) {
    const Pfn frame = rig.written(0);
    const auto child = rig.fork();
    PageTableEntry& of_child = *rig.tables.find(*child, page(0)).entry;
    of_child = of_child.with(PageTableEntry::Accessed);
    EXPECT_EQ(references(frame).entries, 2U);
    EXPECT_EQ(references(frame).entries, 0U);
}

TEST_F(ReverseMaps, LeaveAccessesOfSequentialAreasOut) {
    const Pfn frame = rig.written(0);
    rig.at_once([&](Operation& op) { rig.vm.advise(op, space, page(0), page(64), vm::sequential, 0); });
    EXPECT_EQ(references(frame).entries, 0U);
    EXPECT_FALSE(rig.entry(space, page(0)).has(PageTableEntry::Accessed));
}

TEST_F(ReverseMaps, SayWhichPagesAreLockedOrProgramText) {
    const Pfn frame = rig.written(0);
    EXPECT_FALSE(references(frame).locked);
    rig.at_once([&](Operation& op) { rig.vm.advise(op, space, page(0), page(64), vm::locked, 0); });
    EXPECT_TRUE(references(frame).locked);
    EXPECT_FALSE(unmap(frame));
    EXPECT_EQ(rig.entry(space, page(0)).frame(), frame);

    const InodeId file = rig.at_once([&](Operation& op) { return rig.files.open(op, "/bin/x"); });
    rig.map(space, {.start = page(200), .bytes = page_size, .flags = vm::read | vm::exec, .inode = file});
    rig.run(test::cpu0, [&](Operation& op) {
        (void)rig.vm.fault(op, space, page(200), FaultAccess::Execute, StrayAccess::Kills);
    });
    rig.complete_all();
    rig.pick(test::cpu0);
    EXPECT_TRUE(references(rig.entry(space, page(200)).frame()).executable);
}

TEST_F(ReverseMaps, TakeAPageOutOfEveryProcess) {
    const Pfn frame = rig.written(0);
    const auto child = rig.fork();
    ASSERT_TRUE(unmap(frame));
    for (AddressSpace* each : {&space, child.get()}) {
        EXPECT_TRUE(is_swap(rig.entry(*each, page(0))));
        EXPECT_EQ(each->anon_pages, 0U);
        EXPECT_EQ(each->swap_pages, 1U);
    }
    EXPECT_EQ(rig.swap.area().references(rig.swap.slot_of(frame)), 2U);
    EXPECT_EQ(rig.frames.pages().peek(frame).mapcount, 0U);
    EXPECT_EQ(rig.frames.pages().peek(frame).refcount, 1U); // the swap cache's
    EXPECT_NE(rig.flags(frame) & frame_flags::dirty, 0);
}

TEST_F(ReverseMaps, FindAPageWhoseAreaHasMoved) {
    const Pfn frame = rig.written(3);
    rig.at_once(
        [&](Operation& op) { rig.vm.remap(op, space, page(0), 64 * page_size, 64 * page_size, page(4096)); });
    ASSERT_TRUE(unmap(frame));
    EXPECT_TRUE(is_swap(rig.entry(space, page(4096 + 3))));
}

TEST_F(ReverseMaps, IsolateHugePagesForPageoutAsSmallOnes) {
    rig.map_anonymous(space, page(512), HugePages::frames);
    rig.touch(space, page(512));
    ASSERT_TRUE(rig.tables.find_huge(space, page(512)));
    rig.swap_out(512, HugePages::frames);
    EXPECT_EQ(space.swap_pages, HugePages::frames);
    EXPECT_EQ(space.anon_pages, 0U);
    EXPECT_EQ(rig.counters.reclaim.pswpout, HugePages::frames);
}

TEST_F(ReverseMaps, MoveSwapEntriesWithTheirArea) {
    (void)rig.written(3);
    rig.swap_out(3);
    rig.at_once([&](Operation& op) {
        rig.vm.remap(op, space, page(0), 64 * page_size, 64 * page_size, page(4096 + 7));
    });
    EXPECT_TRUE(rig.entry(space, page(3)).empty());
    EXPECT_TRUE(is_swap(rig.entry(space, page(4096 + 10))));
    EXPECT_EQ(space.swap_pages, 1U);
}

TEST_F(ReverseMaps, IsolateForPageoutWhatNobodyElseMaps) {
    const Pfn own = rig.written(0), shared = rig.written(1);
    const auto child = rig.fork();
    rig.touch(space, page(0)); // a copy of its own
    rig.at_once([&](Operation& op) { rig.lru.drain(op); });
    const Pfn copy = rig.entry(space, page(0)).frame();
    ASSERT_NE(copy, own);
    const auto pages = rig.at_once(
        [&](Operation& op) { return rig.vm.isolate_for_pageout(op, space, page(0), 2 * page_size); });
    EXPECT_EQ(pages, std::vector{copy});
    EXPECT_TRUE(rig.frames.pages().peek(shared).is(PageState::Lru));
}

} // namespace
} // namespace pagewalk::os
