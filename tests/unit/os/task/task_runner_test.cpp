#include "os/task/task_runner.h"
#include "tests/unit/os/task/task_rig.h"

#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;

/// A kernel thread that counts its rounds.
struct Counting final : KernelThread {
    using KernelThread::KernelThread;
    int rounds = 0;
    int wakes = 0;
    void run(Operation& op) override {
        for (;;) {
            sleep(op);
            ++wakes;
            for (int i = 0; i < 3; ++i) {
                ++rounds;
                op.path.call(KernelFunction::Schedule);
                op.host->end_round(op);
            }
        }
    }
};

TEST(TaskRunner, AnOperationThatNeverWaitsIsOverWithItsPath) {
    test::TaskRig rig;
    Task& task = rig.begin(cpu0, [](Operation& op) { op.path.call(KernelFunction::Schedule); });
    EXPECT_EQ(task.path.steps().size(), 1U);
    EXPECT_FALSE(TaskRunner::in_operation(task));
    rig.run_path(task);
    EXPECT_FALSE(task.operation.has_value());
}

TEST(TaskRunner, GivesWayToOthersOnTheSameCpu) {
    test::TaskRig rig(1);
    std::string order;
    for (const char name : {'a', 'b'})
        rig.run(cpu0, [&order, name](Operation& op) {
            for (int i = 0; i < 2; ++i) {
                order += name;
                op.host->give_way(op);
            }
        });
    while (rig.pick(cpu0) != nullptr) {
    }
    EXPECT_EQ(order, "abab");
}

TEST(TaskRunner, MarksKeepTheirTimeOverASleep) {
    test::TaskRig rig;
    WaitQueue queue(rig.runner);
    std::uint32_t before = 0, after = 0;
    Task& task = rig.run(cpu0, [&](Operation& op) {
        before = op.path.mark();
        queue.wait(op);
        after = op.path.mark();
    });
    rig.now += Tick(5'000'000);
    queue.wake(1, {cpu1, rig.now});
    rig.pick(cpu0);
    EXPECT_GE(task.path.marked(after) - task.path.marked(before), Tick(5'000'000));
}

TEST(TaskRunner, AKernelThreadIsALoopThatOthersMayRunBetween) {
    test::TaskRig rig(1);
    Counting thread(rig.runner);
    rig.run(cpu0, [&](Operation& op) { thread.run(op); });
    EXPECT_TRUE(thread.asleep());
    for (int i = 1; i <= 5; ++i) {
        rig.run(cpu0, [&](Operation& op) {
            thread.wake(op);
            thread.wake(op); // once is enough
        });
        EXPECT_FALSE(thread.asleep());
        while (rig.pick(cpu0) != nullptr) {
        }
        EXPECT_TRUE(thread.asleep());
        EXPECT_EQ(thread.wakes, i);
        EXPECT_EQ(thread.rounds, 3 * i);
    }
    EXPECT_LT(rig.tasks.front().path.steps().size(), 20U); // rounds that are over take no memory
}

TEST(TaskRunner, TellsAnIdleCpuOfItsNewTask) {
    struct Interrupts final : InterruptController {
        std::vector<std::pair<CpuId, Tick>> raised;
        void raise(CpuId cpu, const Interrupt& interrupt, Tick at) override {
            EXPECT_EQ(interrupt.kind, InterruptKind::Reschedule);
            raised.emplace_back(cpu, at);
        }
    } interrupts;
    test::TaskRig rig;
    rig.runner.connect(interrupts);
    WaitQueue queue(rig.runner);
    rig.run(cpu1, [&](Operation& op) { queue.wait(op); });
    rig.now += Tick(77);
    rig.run(cpu0, [&](Operation& op) { op.effect<&WaitQueue::wake_effect>(queue, 1); });
    ASSERT_EQ(interrupts.raised.size(), 1U);
    EXPECT_EQ(interrupts.raised[0].first, cpu1);
    EXPECT_GE(interrupts.raised[0].second, Tick(77));
}

TEST(TaskRunner, KeepsAnAllocationToTheOperationThatIsInIt) {
    test::TaskRig rig;
    WaitQueue queue(rig.runner);
    Operation* inner = nullptr;
    rig.run(cpu0, [&](Operation& op) {
        const FrameAllocator::Scope scope(rig.frames, op);
        queue.wait(op);
        inner = &rig.frames.slow_path_operation();
        EXPECT_EQ(inner, &op);
    });
    rig.run(cpu1, [&](Operation& op) {
        EXPECT_NE(&rig.frames.slow_path_operation(), &op); // nobody's
        const FrameAllocator::Scope scope(rig.frames, op);
        EXPECT_EQ(&rig.frames.slow_path_operation(), &op);
    });
    EXPECT_EQ(rig.frames.served_cpu(cpu1), cpu1);
    queue.wake(1, {cpu1, rig.now});
    rig.pick(cpu1); // idle, and takes it over in the middle of its allocation
    ASSERT_NE(inner, nullptr);
    EXPECT_EQ(inner->cpu, cpu1);
}

TEST(TaskRunner, TenThousandSleepersFitInTwoHundredMebibytes) {
    const auto resident = [] {
        std::ifstream status("/proc/self/statm");
        std::uint64_t total = 0, pages = 0;
        status >> total >> pages;
        return pages * 4096;
    };
    test::TaskRig rig;
    WaitQueue queue(rig.runner);
    const std::uint64_t before = resident();
    for (int i = 0; i < 10'000; ++i) rig.run(cpu0, [&](Operation& op) { queue.wait(op); });
    EXPECT_EQ(queue.size(), 10'000U);
#ifndef __SANITIZE_ADDRESS__
    EXPECT_LT(resident() - before, 200ULL << 20);
#endif
    queue.wake_all({cpu0, rig.now});
    int woken = 0;
    while (rig.pick(cpu0) != nullptr) ++woken;
    EXPECT_EQ(woken, 10'000);
}

} // namespace
} // namespace pagewalk::os
