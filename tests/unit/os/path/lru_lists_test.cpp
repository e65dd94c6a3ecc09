#include "os/path/lru_lists.h"
#include "tests/unit/os/task/task_rig.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr NodeId node{0};

struct Lists : testing::Test {
    test::TaskRig rig;
    LruLists lists{*rig.allocator, rig.counters};

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
};

TEST_F(Lists, AreChosenByAPagesFlags) {
    EXPECT_EQ(lru_list_of(frame_flags::anonymous | frame_flags::swapbacked), LruList::InactiveAnon);
    EXPECT_EQ(lru_list_of(frame_flags::swapbacked | frame_flags::active), LruList::ActiveAnon);
    EXPECT_EQ(lru_list_of(frame_flags::anonymous), LruList::InactiveFile); // given up by MADV_FREE
    EXPECT_EQ(lru_list_of(frame_flags::file | frame_flags::active), LruList::ActiveFile);
    EXPECT_EQ(lru_list_of(frame_flags::file | frame_flags::unevictable), LruList::Unevictable);
}

TEST_F(Lists, HaveTheYoungestPageFirst) {
    const Pfn first = added(frame_flags::file), second = added(frame_flags::file);
    EXPECT_EQ(lists.pages(node, LruList::InactiveFile), (std::vector{second, first}));
    EXPECT_EQ(lists.oldest(node, LruList::InactiveFile), first.value());
    lists.rotate(second);
    EXPECT_EQ(lists.oldest(node, LruList::InactiveFile), second.value());
    const Pfn third = page(frame_flags::file);
    lists.add_oldest(third);
    EXPECT_EQ(lists.pages(node, LruList::InactiveFile), (std::vector{first, second, third}));
}

TEST_F(Lists, TakeARotatedActivePageAsTheOldestInactiveOne) {
    const Pfn inactive = added(frame_flags::swapbacked);
    const Pfn active = added(frame_flags::swapbacked | frame_flags::active);
    lists.rotate(active);
    EXPECT_EQ(lists.pages(node, LruList::InactiveAnon), (std::vector{inactive, active}));
    EXPECT_EQ(lists.size(node, LruList::ActiveAnon), 0U);
    EXPECT_EQ(rig.counters.nr_active_anon, 0U);
}

TEST_F(Lists, CountPagesOfZonesNodesAndTheMachine) {
    const Pfn frame = added(frame_flags::swapbacked);
    const Zone& zone = *rig.allocator->zone_of(frame);
    EXPECT_EQ(lists.size(zone, LruList::InactiveAnon), 1U);
    EXPECT_EQ(lists.size(node, LruList::InactiveAnon), 1U);
    EXPECT_EQ(rig.counters.nr_lru_anon, 1U);
    lists.change_flags(frame, frame_flags::active, 0);
    EXPECT_EQ(lists.size(node, LruList::InactiveAnon), 0U);
    EXPECT_EQ(lists.size(zone, LruList::ActiveAnon), 1U);
    EXPECT_EQ(rig.counters.nr_active_anon, 1U);
    lists.remove(frame);
    EXPECT_EQ(lists.size(node, LruList::ActiveAnon), 0U);
    EXPECT_EQ(rig.counters.nr_lru_anon, 0U);
    EXPECT_FALSE(rig.allocator->pages().peek(frame).is(PageState::Lru));
}

TEST_F(Lists, LinkAHugePageByItsFirstFrameUntilItIsSplit) {
    constexpr unsigned order = 2;
    const Pfn older = added(frame_flags::swapbacked);
    const Pfn head = *rig.allocator->allocate({.mask = gfp::transhuge, .order = order});
    const auto flags = [&](Pfn frame) -> std::uint16_t& {
        return rig.allocator->pages().at(frame).owner_flags;
    };
    flags(head) = frame_flags::swapbacked;
    lists.add(head);
    const Pfn younger = added(frame_flags::swapbacked);
    EXPECT_EQ(lists.size(node, LruList::InactiveAnon), 6U);
    EXPECT_EQ(lists.pages(node, LruList::InactiveAnon), (std::vector{younger, head, older}));
    rig.allocator->pages().at(head).compound = 0;
    for (std::uint64_t i = 1; i < 4; ++i) flags(head + i) = frame_flags::swapbacked;
    lists.split(head, 4);
    EXPECT_EQ(lists.pages(node, LruList::InactiveAnon),
              (std::vector{younger, head + 3, head + 2, head + 1, head, older}));
    EXPECT_EQ(lists.size(node, LruList::InactiveAnon), 6U);
    EXPECT_EQ(rig.counters.nr_lru_anon, 6U);
    lists.remove(head + 2);
    EXPECT_EQ(lists.size(node, LruList::InactiveAnon), 5U);
}

TEST_F(Lists, CountUnevictablePagesWithoutLinkingThem) {
    const Pfn frame = added(frame_flags::swapbacked | frame_flags::unevictable);
    EXPECT_EQ(lists.size(node, LruList::Unevictable), 1U);
    EXPECT_EQ(lists.oldest(node, LruList::Unevictable), FrameList::none);
    lists.change_flags(frame, 0, frame_flags::unevictable);
    EXPECT_EQ(lists.oldest(node, LruList::InactiveAnon), frame.value());
    EXPECT_EQ(rig.counters.nr_unevictable, 0U);
}

TEST_F(Lists, LeavePagesAloneThatASnapshotHasMarked) {
    const Pfn listed = added(frame_flags::file);
    const Pfn marked = page(frame_flags::file);
    rig.allocator->pages().at(marked).set(PageState::Lru);
    lists.remove(marked);
    EXPECT_EQ(lists.pages(node, LruList::InactiveFile), std::vector{listed});
    EXPECT_EQ(rig.counters.nr_lru_file, 1U);
}

TEST_F(Lists, AreOthersForEachMemoryCgroup) {
    MemoryCgroups groups;
    LruLists apart(*rig.allocator, rig.counters, &groups);
    KernelPath path;
    PathLog log;
    CostTable costs;
    Operation op{.path = {path, costs, KernelTiming::Off}, .log = log, .runs = false};
    op.cgroup = &groups.add({});
    const Pfn charged = page(frame_flags::file), free = page(frame_flags::file);
    ASSERT_TRUE(groups.charge(op, charged, 0, gfp::highuser_movable));
    apart.add(charged);
    apart.add(free);
    const LruVec own{node, op.cgroup->number};
    EXPECT_EQ(apart.pages(own, LruList::InactiveFile), std::vector{charged});
    EXPECT_EQ(apart.pages(node, LruList::InactiveFile), std::vector{free});
    EXPECT_EQ(apart.size(own, LruList::InactiveFile), 1U);
    EXPECT_EQ(apart.size(node, LruList::InactiveFile), 2U); // a node's total
    const Zone& zone = *rig.allocator->zone_of(free);
    EXPECT_EQ(apart.own_size(zone, 0, LruList::InactiveFile), 1U);
    apart.remove(charged);
    EXPECT_EQ(apart.size(own, LruList::InactiveFile), 0U);
    EXPECT_EQ(apart.oldest(own, LruList::InactiveFile), FrameList::none);
    EXPECT_EQ(apart.size(node, LruList::InactiveFile), 1U);
}

} // namespace
} // namespace pagewalk::os
