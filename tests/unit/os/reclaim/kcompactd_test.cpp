#include "os/reclaim/kcompactd.h"
#include "tests/unit/os/kernel/small_machine.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;

struct KcompactdOfANode : test::SmallMachine {
    /// Touches memory down to the high mark and gives back every second page.
    void fragment() {
        touch_down_to(Watermark::High);
        for (std::uint64_t page = 0; page < touched; page += 2)
            machine.call(28, {base + page * page_size, page_size, 4}, 0);
        machine.kernel->drain_lru_batches();
        machine.kernel->allocator().drain_all(cpu0);
    }
};

TEST_F(KcompactdOfANode, MakesBlocksInTheBackground) {
    fragment();
    const auto huge = [&] { return zone().areas[9].count + zone().areas[10].count; };
    while (machine.kernel->allocator().allocate({.mask = gfp::transhuge_light, .order = 9})) {
    }
    const std::uint64_t before = huge();
    // kswapd's daemon would ask for it like this.
    machine.kernel->compaction().wake_kcompactd(zone(), 9, ZoneType::Normal);
    const Tick began = machine.now;
    EXPECT_GT(run_cpu1(), 4); // others could run in between
    EXPECT_GT(machine.now, began);
    EXPECT_GT(huge(), before);
    EXPECT_EQ(machine.kernel->compaction().counters().daemon_wakes, 1U);
    EXPECT_GT(machine.kernel->compaction().counters().daemon_migrate_scanned, 100U);
    EXPECT_GT(counters().pgmigrate_success, 0U);
    EXPECT_EQ(run_cpu1(), 0);
}

TEST_F(KcompactdOfANode, LooksAtFragmentedMemoryUnasked) {
    fragment();
    EXPECT_EQ(run_cpu1(), 0);
    ASSERT_TRUE(machine.kernel->compaction().proactive_wanted(NodeId{0}));
    machine.now = Kcompactd::check_interval;
    EXPECT_GT(run_cpu1(), 10);
    EXPECT_EQ(machine.kernel->compaction().counters().daemon_wakes, 0U);
    EXPECT_FALSE(machine.kernel->compaction().proactive_wanted(NodeId{0}));
}

} // namespace
} // namespace pagewalk::os
