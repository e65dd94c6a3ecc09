#include "models/core/lock_table.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr VirtAddr lock{0xffff888000001000};
constexpr VirtAddr other{0xffff888000001040};

/// Takes the lock at `from`, which must be free, and gives it back at `to`.
void hold(LockTable& locks, std::uint64_t from, std::uint64_t to) {
    ASSERT_EQ(locks.acquire(lock, Tick(from)), Tick(from));
    locks.release(lock, Tick(to));
}

TEST(LockTable, FreeLockIsTakenAtOnce) {
    LockTable locks;
    EXPECT_EQ(locks.acquire(lock, Tick(100)), Tick(100));
    EXPECT_EQ(locks.stats().acquisitions, 1U);
    EXPECT_EQ(locks.stats().contended, 0U);
    EXPECT_EQ(locks.stats().wait_ticks, 0U);
}

TEST(LockTable, HeldLockIsTakenWhenItIsReleased) {
    struct Case {
        std::uint64_t asked, taken;
    };
    for (const Case c : {Case{99, 99}, Case{100, 200}, Case{199, 200}, Case{200, 200}, Case{201, 201}}) {
        LockTable locks;
        hold(locks, 100, 200);
        EXPECT_EQ(locks.acquire(lock, Tick(c.asked)), Tick(c.taken)) << c.asked;
        EXPECT_EQ(locks.stats().contended, c.asked == c.taken ? 0U : 1U) << c.asked;
        EXPECT_EQ(locks.stats().wait_ticks, c.taken - c.asked) << c.asked;
    }
}

TEST(LockTable, WaitsThroughHoldersThatFollowEachOther) {
    LockTable locks;
    hold(locks, 200, 300);
    hold(locks, 100, 200);
    hold(locks, 300, 350);
    EXPECT_EQ(locks.acquire(lock, Tick(150)), Tick(350));
}

TEST(LockTable, EarlierRequestGetsTheGapBetweenTwoHolders) {
    LockTable locks;
    hold(locks, 100, 200);
    hold(locks, 500, 600);
    EXPECT_EQ(locks.acquire(lock, Tick(150)), Tick(200));
}

TEST(LockTable, LocksAreIndependent) {
    LockTable locks;
    hold(locks, 100, 200);
    EXPECT_EQ(locks.acquire(other, Tick(150)), Tick(150));
}

TEST(LockTable, HolderThatWaitedHoldsFromWhenItGotTheLock) {
    LockTable locks;
    hold(locks, 100, 200);
    ASSERT_EQ(locks.acquire(lock, Tick(150)), Tick(200));
    locks.release(lock, Tick(260));
    EXPECT_EQ(locks.acquire(lock, Tick(210)), Tick(260));
    EXPECT_EQ(locks.stats().wait_ticks, 50U + 50U);
    EXPECT_EQ(locks.stats().contended, 2U);
    EXPECT_EQ(locks.stats().acquisitions, 3U);
}

TEST(LockTable, RemembersTheEightLatestHolders) {
    for (const std::uint64_t holders : {8, 9}) {
        LockTable locks;
        for (std::uint64_t i = 0; i < holders; ++i) hold(locks, 100 + 100 * i, 150 + 100 * i);
        // The first holder had it until 150.
        EXPECT_EQ(locks.acquire(lock, Tick(120)), Tick(holders == 8 ? 150 : 120)) << holders;
    }
}

} // namespace
} // namespace pagewalk::models
