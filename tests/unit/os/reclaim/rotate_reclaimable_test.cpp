#include "os/reclaim/rotate_reclaimable.h"
#include "tests/unit/os/task/task_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::uint16_t wanted_active = frame_flags::file | frame_flags::active | frame_flags::reclaim;

struct WrittenPage : testing::Test {
    test::TaskRig rig;
    Pfn oldest = added(frame_flags::file);

    Pfn added(std::uint16_t flags) {
        const Pfn frame = *rig.allocator->allocate({.mask = gfp::highuser_movable});
        rig.allocator->pages().at(frame).owner_flags = flags;
        rig.frames.lru().add(frame);
        return frame;
    }
    [[nodiscard]] bool is_next_to_go(Pfn frame) {
        return rig.frames.lru().oldest(NodeId{0}, LruList::InactiveFile) == frame.value();
    }
};

TEST_F(WrittenPage, ThatReclaimHasGivenUpIsTheNextToGo) {
    const Pfn frame = added(wanted_active);
    rotate_reclaimable(rig.frames, rig.counters, frame);
    EXPECT_TRUE(is_next_to_go(frame));
    EXPECT_EQ(rig.frames.pages().peek(frame).owner_flags, frame_flags::file);
    EXPECT_EQ(rig.counters.reclaim.pgrotated, 1U);
}

TEST_F(WrittenPage, ThatReclaimHasNotMetStaysWhereItIs) {
    const Pfn frame = added(frame_flags::file | frame_flags::active);
    rotate_reclaimable(rig.frames, rig.counters, frame);
    EXPECT_TRUE(is_next_to_go(oldest));
    EXPECT_EQ(rig.counters.reclaim.pgrotated, 0U);
}

TEST_F(WrittenPage, ThatIsDirtyAgainStaysButIsNotGivenUpAnyLonger) {
    const Pfn frame = added(wanted_active | frame_flags::dirty);
    rotate_reclaimable(rig.frames, rig.counters, frame);
    EXPECT_TRUE(is_next_to_go(oldest));
    EXPECT_EQ(rig.frames.pages().peek(frame).owner_flags & frame_flags::reclaim, 0);
    EXPECT_NE(rig.frames.pages().peek(frame).owner_flags & frame_flags::active, 0);
    EXPECT_EQ(rig.counters.reclaim.pgrotated, 0U);
}

TEST_F(WrittenPage, ThatIsOnNoListOnlyLosesTheMark) {
    const Pfn frame = added(wanted_active);
    rig.frames.lru().remove(frame);
    rotate_reclaimable(rig.frames, rig.counters, frame);
    EXPECT_EQ(rig.frames.pages().peek(frame).owner_flags & frame_flags::reclaim, 0);
    EXPECT_EQ(rig.counters.reclaim.pgrotated, 0U);
}

} // namespace
} // namespace pagewalk::os
