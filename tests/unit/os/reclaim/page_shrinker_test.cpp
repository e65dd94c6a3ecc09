#include "os/reclaim/page_shrinker.h"
#include "tests/unit/os/vm/reclaim_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::ReclaimRig;

struct Shrinking : testing::Test {
    ReclaimRig rig;
    std::unique_ptr<ReclaimPolicy> policy = make_reclaim_policy(ReclaimPolicyKind::Lru, rig.frames);
    PageShrinker shrinker{{rig.frames, rig.counters, rig.vm, rig.swap, rig.workingset, *policy}};
    ScanControl control;
    AddressSpace& space = *rig.space;

    /// Takes the page off its list and has it decided about. Returns whether it was freed.
    bool shrink(Pfn frame) {
        return rig.at_once([&](Operation& op) {
            rig.frames.lru().remove(frame);
            return shrinker.shrink(op, NodeId{}, std::span(&frame, 1), control) == 1;
        });
    }
    void forget_accesses(std::uint64_t number) {
        PageTableEntry& entry = *rig.tables.find(space, page(number)).entry;
        entry = entry.without(PageTableEntry::Accessed);
    }
    void access(std::uint64_t number) {
        PageTableEntry& entry = *rig.tables.find(space, page(number)).entry;
        entry = entry.with(PageTableEntry::Accessed);
    }
    [[nodiscard]] bool is(Pfn frame, std::uint16_t flag) { return (rig.flags(frame) & flag) != 0; }

    /// A page of a file in the page cache, not mapped.
    Pfn file_page(std::uint64_t index) {
        return rig.at_once([&](Operation& op) {
            const InodeId file = rig.files.open(op, "/data");
            const Pfn frame = rig.files.get_page_for_write(op, file, index).frame;
            rig.frames.pages().at(frame).owner_flags &= static_cast<std::uint16_t>(~frame_flags::dirty);
            rig.lru.drain(op);
            return frame;
        });
    }
};

TEST_F(Shrinking, KeepsAPageThatWasUsedOnceAndActivatesItTheSecondTime) {
    const Pfn frame = rig.written(0);
    EXPECT_FALSE(shrink(frame));
    EXPECT_FALSE(is(frame, frame_flags::active));
    EXPECT_TRUE(is(frame, frame_flags::referenced));
    EXPECT_FALSE(rig.entry(space, page(0)).has(PageTableEntry::Accessed));
    access(0);
    EXPECT_FALSE(shrink(frame));
    EXPECT_TRUE(is(frame, frame_flags::active));
    EXPECT_EQ(rig.counters.pgactivate, 1U);
    EXPECT_TRUE(rig.frames.pages().peek(frame).is(PageState::Lru));
}

TEST_F(Shrinking, WritesADirtyAnonymousPageAndFreesItWhenItComesRoundAgain) {
    const Pfn frame = rig.written(0);
    forget_accesses(0);
    EXPECT_FALSE(shrink(frame));
    EXPECT_TRUE(is(frame, frame_flags::writeback));
    EXPECT_EQ(rig.counters.reclaim.nr_vmscan_write, 1U);
    rig.complete_all();
    EXPECT_TRUE(shrink(frame));
    EXPECT_FALSE(rig.frames.pages().peek(frame).is(PageState::Allocated));
}

TEST_F(Shrinking, ActivatesAPageThatIsStillBeingWritten) {
    const Pfn frame = rig.written(0);
    forget_accesses(0);
    (void)shrink(frame);
    EXPECT_FALSE(shrink(frame));
    EXPECT_TRUE(is(frame, frame_flags::active));
    EXPECT_EQ(control.pass.writeback, 1U);
    EXPECT_EQ(control.pass.immediate, 0U);
    rig.workingset.node(NodeId{}).many_writeback = true;
    control.by_kswapd = true;
    rig.frames.lru().change_flags(frame, 0, frame_flags::active);
    EXPECT_FALSE(shrink(frame));
    EXPECT_EQ(control.pass.immediate, 1U); // kswapd is faster than the disk
}

TEST_F(Shrinking, MayNotWriteWhereTheRequestForbidsIt) {
    const Pfn frame = rig.written(0);
    forget_accesses(0);
    control.may_io = false;
    EXPECT_FALSE(shrink(frame));
    EXPECT_FALSE(is(frame, frame_flags::swapcache));
    EXPECT_EQ(rig.entry(space, page(0)).frame(), frame);
}

TEST_F(Shrinking, FreesACleanFilePageAndRemembersWhen) {
    const Pfn frame = file_page(3);
    const FrameMapping mapping = rig.frames.mapping(frame);
    EXPECT_TRUE(shrink(frame));
    EXPECT_EQ(rig.workingset.node(NodeId{}).nonresident_age, 1U);
    EXPECT_EQ(rig.files.at(InodeId{mapping.owner}).pages.find(3), no_pfn);
    EXPECT_EQ(rig.counters.nr_file_pages, 0U);
}

TEST_F(Shrinking, LeavesDirtyFilePagesToTheFlusher) {
    const Pfn frame = file_page(3);
    rig.frames.pages().at(frame).owner_flags |= frame_flags::dirty;
    EXPECT_FALSE(shrink(frame));
    EXPECT_TRUE(is(frame, frame_flags::reclaim));
    EXPECT_EQ(control.pass.unqueued_dirty, 1U);
    EXPECT_EQ(rig.counters.reclaim.nr_vmscan_immediate_reclaim, 1U);
}

TEST_F(Shrinking, LeavesLockedPagesAndThoseWithOtherUsers) {
    const Pfn locked = file_page(1), pinned = file_page(2);
    rig.frames.pages().at(locked).owner_flags |= frame_flags::locked;
    EXPECT_FALSE(shrink(locked));
    ++rig.frames.pages().at(pinned).refcount;
    EXPECT_FALSE(shrink(pinned));
    EXPECT_NE(rig.files.at(InodeId{rig.frames.mapping(pinned).owner}).pages.find(2), no_pfn);
}

TEST_F(Shrinking, FreesPagesThatWereGivenUpUnlessTheyWereWrittenSince) {
    const Pfn given_up = rig.written(0), written = rig.written(1);
    rig.at_once([&](Operation& op) {
        rig.vm.mark_free(op, space, page(0), 2 * page_size);
        rig.lru.drain(op);
    });
    rig.write(1);
    forget_accesses(1);
    EXPECT_TRUE(shrink(given_up));
    EXPECT_TRUE(rig.entry(space, page(0)).empty());
    EXPECT_EQ(rig.counters.reclaim.pglazyfreed, 1U);
    EXPECT_EQ(rig.counters.reclaim.pswpout, 0U);
    EXPECT_FALSE(shrink(written));
    EXPECT_EQ(rig.entry(space, page(1)).frame(), written);
    EXPECT_TRUE(is(written, frame_flags::swapbacked));
    EXPECT_TRUE(is(written, frame_flags::active));
}

TEST_F(Shrinking, SplitsAHugePageOnceNobodyUsesIt) {
    rig.map_anonymous(space, page(512), HugePages::frames);
    rig.touch(space, page(512));
    const PteSlot slot = rig.tables.find_huge(space, page(512));
    ASSERT_TRUE(slot);
    const Pfn head = slot.entry->frame();
    EXPECT_EQ(rig.frames.lru().size(NodeId{}, LruList::InactiveAnon), HugePages::frames);
    EXPECT_FALSE(shrink(head));
    EXPECT_TRUE(rig.tables.find_huge(space, page(512)));
    EXPECT_TRUE(is(head, frame_flags::referenced));
    EXPECT_FALSE(shrink(head));
    EXPECT_FALSE(rig.tables.find_huge(space, page(512)));
    EXPECT_EQ(rig.counters.thp_split_page, 1U);
    EXPECT_EQ(rig.frames.lru().size(NodeId{}, LruList::InactiveAnon), HugePages::frames);
    EXPECT_EQ(rig.frames.lru().oldest(NodeId{}, LruList::InactiveAnon), head.value());
    EXPECT_FALSE(shrink(head + 1));
    EXPECT_TRUE(is(head + 1, frame_flags::writeback));
}

TEST_F(Shrinking, KeepsAHugePageThatSomethingElseUses) {
    rig.map_anonymous(space, page(512), HugePages::frames);
    rig.touch(space, page(512));
    const Pfn head = rig.tables.find_huge(space, page(512)).entry->frame();
    ++rig.frames.pages().at(head).refcount;
    control.ignores_references = true;
    EXPECT_FALSE(shrink(head));
    EXPECT_EQ(rig.counters.thp_split_page_failed, 1U);
    EXPECT_EQ(rig.frames.lru().size(NodeId{}, LruList::ActiveAnon), HugePages::frames);
    EXPECT_EQ(rig.counters.pgactivate, HugePages::frames);
    --rig.frames.pages().at(head).refcount;
}

TEST_F(Shrinking, TellsTheTlbsBeforeItWrites) {
    const Pfn frame = rig.written(0);
    forget_accesses(0);
    const std::uint64_t flushes = rig.counters.tlb_flushes;
    (void)shrink(frame);
    EXPECT_EQ(rig.counters.tlb_flushes, flushes + 1);
}

} // namespace
} // namespace pagewalk::os
