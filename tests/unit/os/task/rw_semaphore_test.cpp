#include "base/rng.h"
#include "os/task/rw_semaphore.h"
#include "tests/unit/os/task/task_rig.h"

#include <string>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using Access = RwSemaphore::Access;
using test::cpu0;
using test::cpu1;

struct Semaphore : testing::Test {
    test::TaskRig rig{4};
    RwSemaphore lock{rig.runner};
    WaitQueue hold{rig.runner};
    std::string order;

    /// Takes the lock, sleeps with it, lets go.
    auto holds(char name, Access access) {
        return [this, name, access](Operation& op) {
            lock.lock(op, access);
            order += name;
            hold.wait(op);
            lock.unlock(op, access);
        };
    }
    CpuId cpu(unsigned i) { return static_cast<CpuId>(i); }
    void let_all_go() {
        for (int i = 0; i < 20; ++i) {
            hold.wake_all({cpu0, rig.now});
            for (unsigned c = 0; c < 4; ++c) rig.pick(cpu(c));
        }
    }
};

TEST_F(Semaphore, AdmitsReadersTogether) {
    rig.run(cpu(0), holds('a', Access::Read));
    rig.run(cpu(1), holds('b', Access::Read));
    EXPECT_EQ(order, "ab");
    EXPECT_EQ(lock.readers(), 2U);
    let_all_go();
    EXPECT_EQ(lock.readers(), 0U);
}

TEST_F(Semaphore, KeepsAWriterAlone) {
    rig.run(cpu(0), holds('W', Access::Write));
    rig.run(cpu(1), holds('r', Access::Read));
    rig.run(cpu(2), holds('V', Access::Write));
    EXPECT_EQ(order, "W");
    EXPECT_EQ(lock.waiting(), 2U);
    let_all_go();
    EXPECT_EQ(order, "WrV");
    EXPECT_FALSE(lock.write_locked());
}

TEST_F(Semaphore, LetsNoReaderPassAWriterThatWaits) {
    rig.run(cpu(0), holds('a', Access::Read));
    rig.run(cpu(1), holds('W', Access::Write));
    rig.run(cpu(2), holds('b', Access::Read));
    EXPECT_EQ(order, "a");
    let_all_go();
    EXPECT_EQ(order, "aWb");
}

TEST_F(Semaphore, IsHeldUntilThePathReachesTheUnlock) {
    Task& writer = rig.begin(cpu(0), [&](Operation& op) {
        lock.lock(op, Access::Write);
        lock.unlock(op, Access::Write);
    });
    EXPECT_TRUE(lock.write_locked());
    Task& reader = rig.run(cpu(1), holds('r', Access::Read));
    EXPECT_EQ(order, "");
    rig.run_path(writer);
    EXPECT_EQ(reader.state, TaskState::Runnable);
    rig.pick(cpu(1));
    EXPECT_EQ(order, "r");
}

TEST_F(Semaphore, MayBeTakenAgainByTheOperationThatIsLeaving) {
    Task& task = rig.begin(cpu(0), [&](Operation& op) {
        for (const Access access : {Access::Write, Access::Read, Access::Write, Access::Write}) {
            lock.lock(op, access);
            lock.unlock(op, access);
        }
        order += 'd';
    });
    EXPECT_EQ(order, "d"); // without a sleep
    rig.run_path(task);
    EXPECT_FALSE(lock.write_locked());
    EXPECT_EQ(lock.readers(), 0U);
}

TEST_F(Semaphore, NeverHasAWriterBesideAnother) {
    Rng rng(7, "rw_semaphore");
    int writers = 0, readers = 0, done = 0;
    constexpr int tasks = 300;
    for (int i = 0; i < tasks; ++i) {
        const Access access = rng.below(3) == 0 ? Access::Write : Access::Read;
        const bool naps = rng.below(2) == 0;
        rig.run(cpu(i % 4), [&, access, naps](Operation& op) {
            lock.lock(op, access);
            ++(access == Access::Write ? writers : readers);
            EXPECT_LE(writers, 1);
            EXPECT_TRUE(writers == 0 || readers == 0);
            if (naps) hold.wait(op, Waiting::Uninterruptible, op.now + Tick(1'000'000));
            --(access == Access::Write ? writers : readers);
            lock.unlock(op, access);
            ++done;
        });
        if (rng.below(2) == 0) rig.pick(cpu(rng.below(4)));
        rig.now += Tick(rng.below(2'000'000));
    }
    for (int i = 0; i < 10 * tasks && done < tasks; ++i) {
        rig.now += Tick(1'000'000);
        rig.pick(cpu(i % 4));
    }
    EXPECT_EQ(done, tasks);
}

} // namespace
} // namespace pagewalk::os
