#include "os/reclaim/memory_daemons.h"
#include "tests/unit/os/kernel/small_machine.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;
using test::Machine;

struct Daemons : test::SmallMachine {
    /// Touches until a page came from below the low marks of every zone. No pageblock's stealing wakes kswapd
    /// before.
    void run_out_of_the_low_mark() {
        machine.kernel->allocator().buddy().set_watermark_boost_factor(0);
        while (counters().allocations[static_cast<std::size_t>(AllocationSource::MinWatermark)] == 0) {
            ASSERT_EQ(machine.kernel->live_tasks(), 1U);
            touch_next();
        }
    }
};

TEST_F(Daemons, AreNoProgramsAndSleepUntilTheyAreNeeded) {
    EXPECT_EQ(machine.kernel->live_tasks(), 1U);
    EXPECT_EQ(run_cpu1(), 0);
    EXPECT_EQ(machine.kernel->next_wakeup(cpu1), Kcompactd::check_interval);
}

TEST_F(Daemons, KswapdIsWokenBelowTheLowMarkAndFindsNothing) {
    run_out_of_the_low_mark();
    EXPECT_EQ(counters().pageoutrun, 0U);
    EXPECT_GT(run_cpu1(), 12); // a round for each priority
    // Sixteen rounds in vain, and the node is left to direct reclaim.
    EXPECT_EQ(counters().pageoutrun, 16U);
    EXPECT_EQ(counters().kswapd_high_wmark_hit_quickly, 15U);
    EXPECT_FALSE(zone().reclaim_active);
    const Tick wakeup = machine.kernel->next_wakeup(cpu1);
    ASSERT_NE(wakeup, no_time); // a tenth of a second first, then for good
    machine.now = wakeup;
    EXPECT_EQ(run_cpu1(), 1);
    EXPECT_EQ(machine.kernel->next_wakeup(cpu1), Kcompactd::check_interval);
    // Hopeless: nobody wakes it any more.
    for (int i = 0; i < 20; ++i) touch_next();
    EXPECT_EQ(run_cpu1(), 0);
}

TEST_F(Daemons, KswapdSleepsAgainWhenMemoryComesBack) {
    run_out_of_the_low_mark();
    machine.call(11, {base, 64ULL << 20}, 0);
    run_cpu1();
    EXPECT_EQ(counters().pageoutrun, 1U);
    EXPECT_EQ(counters().kswapd_high_wmark_hit_quickly, 0U);
}

TEST_F(Daemons, KswapdDropsABoostAfterARoundInVain) {
    zone().boost = 600;
    zone().boosted = true;
    touch_next(); // a per-CPU list's frame
    for (int i = 0; i < 200; ++i) touch_next();
    EXPECT_GT(run_cpu1(), 0);
    EXPECT_EQ(zone().boost, 0U);
}

TEST(DaemonsOfNodes, RunOnTheirNodesCpus) {
    Machine machine;
    machine.config.memory = pc_memory_map({256ULL << 20, 256ULL << 20}, 2);
    machine.boot();
    machine.pick(cpu0);
    Zone* far = nullptr;
    for (const auto& zone : machine.kernel->allocator().zones())
        if (zone->node == NodeId{1} && zone->populated()) far = zone.get();
    ASSERT_NE(far, nullptr);
    far->boost = 100;
    far->boosted = true;
    KernelPath path;
    PathLog log;
    Operation op{
        .path = {path, machine.config.costs, KernelTiming::On}, .log = log, .cpu = cpu1, .runs = false};
    ASSERT_TRUE(machine.kernel->frames().allocate(op, {.mask = gfp::highuser}).has_value());
    EXPECT_NE(machine.pick(cpu0).stream, nullptr); // the program, still
    const ScheduledTask daemon = machine.pick(cpu1);
    EXPECT_NE(daemon.task, TaskId{});
    EXPECT_EQ(daemon.stream, nullptr);
}

} // namespace
} // namespace pagewalk::os
