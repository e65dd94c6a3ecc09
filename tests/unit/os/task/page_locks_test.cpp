#include "os/task/page_locks.h"
#include "tests/unit/os/task/task_rig.h"

#include <string>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;

struct LockedPages : testing::Test {
    test::TaskRig rig;
    PageLocks locks{rig.frames, rig.runner};
    Pfn frame = *rig.allocator->allocate({.mask = gfp::kernel});
    std::string order;

    void SetUp() override { page().refcount = 1; }
    PageDescriptor& page() { return rig.frames.pages().at(frame); }
    auto waits(char name) {
        return [this, name](Operation& op) {
            locks.wait_until_unlocked(op, frame);
            order += name;
        };
    }
};

TEST_F(LockedPages, LetEveryWaiterGoOnWhenTheyAreThere) {
    locks.lock_new(frame);
    rig.run(cpu0, waits('a'));
    rig.run(cpu1, waits('b'));
    EXPECT_EQ(order, "");
    EXPECT_EQ(locks.waited_for(), 1U);
    EXPECT_EQ(page().refcount, 3);
    locks.end_read(frame.value(), {cpu0, rig.now});
    EXPECT_FALSE(locks.is_locked(frame));
    EXPECT_NE(page().owner_flags & frame_flags::uptodate, 0);
    rig.pick(cpu0);
    rig.pick(cpu1);
    EXPECT_EQ(order, "ab");
    EXPECT_EQ(page().refcount, 1);
    EXPECT_EQ(locks.waited_for(), 0U);
}

TEST_F(LockedPages, MayBeWaitedForUntilTheyAreWritten) {
    page().owner_flags |= frame_flags::writeback;
    EXPECT_TRUE(locks.is_busy(frame));
    rig.run(cpu0, waits('a')); // it is not locked
    rig.run(cpu0, [&](Operation& op) {
        locks.wait_until_written(op, frame);
        order += 'b';
    });
    rig.run(cpu1, [&](Operation& op) {
        locks.wait_until_idle(op, frame);
        order += 'c';
    });
    EXPECT_EQ(order, "a");
    locks.end_write(frame.value(), {cpu0, rig.now});
    rig.pick(cpu0);
    rig.pick(cpu1);
    EXPECT_EQ(order, "abc");
    EXPECT_FALSE(locks.is_busy(frame));
}

TEST_F(LockedPages, AreNotWaitedForOnceUnlocked) {
    rig.run(cpu0, waits('a'));
    EXPECT_EQ(order, "a");
}

TEST_F(LockedPages, GoWithTheirLastWaiter) {
    locks.lock_new(frame);
    rig.run(cpu0, waits('a'));
    --page().refcount; // truncated meanwhile
    locks.unlock(frame.value(), {cpu0, rig.now});
    rig.pick(cpu0);
    EXPECT_EQ(order, "a");
    EXPECT_FALSE(page().is(PageState::Allocated));
}

TEST(PageFlags, AreSixteenBitsOfTheirOwn) {
    using namespace frame_flags;
    std::uint32_t sum = 0;
    for (const std::uint16_t flag :
         {anonymous, file, kernel, in_lru_batch, locked, uptodate, dirty, writeback, referenced, active,
          workingset, swapbacked, swapcache, mlocked, reclaim, unevictable})
        sum += flag;
    EXPECT_EQ(sum, 0xffffU);
    EXPECT_TRUE(is_shmem(file | swapbacked | dirty));
    EXPECT_FALSE(is_shmem(anonymous | swapbacked));
    EXPECT_FALSE(is_shmem(file | dirty));
}

} // namespace
} // namespace pagewalk::os
