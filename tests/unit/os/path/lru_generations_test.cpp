#include "os/path/lru_generations.h"
#include "os/path/lru_lists.h"
#include "tests/unit/os/task/task_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr LruVec vec{NodeId{0}};

struct Generations : testing::Test {
    test::TaskRig rig;
    LruLists lists{*rig.allocator, rig.counters};
    LruGenerations& generations = use();

    LruGenerations& use() {
        lists.use_generations();
        return *lists.generations();
    }
    Pfn page(std::uint16_t flags) {
        const Pfn frame = *rig.allocator->allocate({.mask = gfp::highuser_movable});
        rig.allocator->pages().at(frame).owner_flags = flags;
        return frame;
    }
    Pfn added(std::uint16_t flags) {
        const Pfn frame = page(flags);
        lists.add(frame);
        return frame;
    }
    [[nodiscard]] bool has(Pfn frame, std::uint16_t flag) const {
        return (rig.allocator->pages().peek(frame).owner_flags & flag) != 0;
    }
    [[nodiscard]] std::uint32_t oldest(Pfn of, LruKind kind, std::uint64_t number) const {
        return generations.oldest(*rig.allocator->zone_of(of), 0, kind, number);
    }
};

TEST_F(Generations, TakeAPageInByHowSoonItMayGo) {
    EXPECT_EQ(generations.generation(added(frame_flags::file)), 0U);
    EXPECT_EQ(generations.generation(added(frame_flags::file | frame_flags::active)), 3U);
    EXPECT_EQ(generations.generation(added(frame_flags::swapbacked)), 1U); // has no slot yet
    EXPECT_EQ(generations.generation(added(frame_flags::swapbacked | frame_flags::swapcache)), 0U);
    const std::uint16_t leaving = frame_flags::file | frame_flags::reclaim | frame_flags::writeback;
    EXPECT_EQ(generations.generation(added(leaving)), 1U);
    EXPECT_EQ(generations.size(vec, LruKind::File, 0), 1U);
    EXPECT_EQ(generations.size(vec, LruKind::Anon, 1), 1U);
}

TEST_F(Generations, CountTheTwoYoungestAsActive) {
    const Pfn frame = added(frame_flags::file | frame_flags::active);
    EXPECT_FALSE(has(frame, frame_flags::active)); // only while it is on no list
    EXPECT_EQ(lists.size(NodeId{0}, LruList::ActiveFile), 1U);
    EXPECT_EQ(rig.counters.nr_active_file, 1U);
    lists.remove(frame);
    EXPECT_TRUE(has(frame, frame_flags::active));
    EXPECT_EQ(rig.counters.nr_active_file, 0U);
    lists.add(frame);
    lists.remove(frame, LruGenerations::Purpose::Reclaim);
    EXPECT_FALSE(has(frame, frame_flags::active));
}

TEST_F(Generations, PromoteAPageThatStaysOnItsListUntilItIsSorted) {
    const Pfn frame = added(frame_flags::file | frame_flags::referenced);
    generations.note_access(frame);
    generations.promote(vec, frame);
    EXPECT_EQ(generations.generation(frame), 3U);
    EXPECT_EQ(generations.uses(frame), 0U);
    EXPECT_EQ(oldest(frame, LruKind::File, 0), frame.value());
    EXPECT_EQ(lists.size(NodeId{0}, LruList::ActiveFile), 1U);
    generations.sort(vec, frame, LruGenerations::End::Young);
    EXPECT_EQ(oldest(frame, LruKind::File, 0), FrameList::none);
    EXPECT_EQ(oldest(frame, LruKind::File, 3), frame.value());
    generations.pass_on(vec, frame); // not of the oldest
    EXPECT_EQ(generations.generation(frame), 3U);
}

TEST_F(Generations, MarkAPageOnNoListWhereItIsPromoted) {
    const Pfn frame = page(frame_flags::file);
    generations.promote(vec, frame);
    EXPECT_TRUE(has(frame, frame_flags::referenced));
    EXPECT_EQ(generations.generation(frame), LruGenerations::none);
}

TEST_F(Generations, CountUsesBeyondTheFirstUpToFour) {
    const Pfn frame = added(frame_flags::file);
    for (const unsigned uses : {0U, 1U, 2U, 3U, 4U, 4U}) {
        generations.note_access(frame);
        EXPECT_EQ(generations.uses(frame), uses);
    }
}

TEST_F(Generations, BeginYoungerAndEndOlderOnes) {
    const Pfn young = added(frame_flags::file | frame_flags::active), old = added(frame_flags::file);
    generations.end_oldest(vec, LruKind::File);
    EXPECT_EQ(generations.ages(vec).oldest_of(LruKind::File), 1U);
    EXPECT_EQ(generations.generation(old), 1U);
    EXPECT_EQ(oldest(old, LruKind::File, 1), old.value());
    generations.set_oldest(vec, LruKind::Anon, 1);
    generations.begin_generation(vec);
    EXPECT_EQ(generations.ages(vec).youngest, 4U);
    EXPECT_EQ(lists.size(NodeId{0}, LruList::ActiveFile), 1U); // still one of the two youngest
    generations.end_oldest(vec, LruKind::File);
    generations.set_oldest(vec, LruKind::Anon, 2);
    generations.begin_generation(vec);
    EXPECT_EQ(lists.size(NodeId{0}, LruList::ActiveFile), 0U);
    EXPECT_EQ(rig.counters.nr_active_file, 0U);
    EXPECT_EQ(rig.counters.nr_lru_file, 2U);
    EXPECT_FALSE(generations.is_empty(vec, LruKind::File, 3));
    lists.remove(young);
    EXPECT_TRUE(generations.is_empty(vec, LruKind::File, 3));
}

TEST_F(Generations, RotateAPageToTheOldEndOfTheOldest) {
    const Pfn young = added(frame_flags::file | frame_flags::active), old = added(frame_flags::file);
    lists.rotate(young);
    EXPECT_EQ(generations.generation(young), 0U);
    EXPECT_EQ(oldest(old, LruKind::File, 0), young.value());
}

TEST_F(Generations, KeepThePartsOfASplitPageTogether) {
    const Pfn head = *rig.allocator->allocate({.mask = gfp::highuser_movable, .order = 2});
    rig.allocator->pages().at(head).owner_flags = frame_flags::swapbacked;
    lists.add(head);
    lists.split(head, 4);
    for (std::uint32_t i = 1; i < 4; ++i)
        EXPECT_EQ(generations.generation(head + i), generations.generation(head));
    EXPECT_EQ(oldest(head, LruKind::Anon, 1), head.value());
    lists.remove(head);
    EXPECT_EQ(oldest(head, LruKind::Anon, 1), head.value() + 1);
}

} // namespace
} // namespace pagewalk::os
