#include "os/proc/memory_stat.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;
using testing::HasSubstr;

constexpr std::uint64_t base = 0x7f0000000000;

TEST(MemoryCgroupsText, IsEmptyWithoutLimits) {
    Machine machine;
    machine.boot();
    EXPECT_EQ(memory_cgroups_text(*machine.kernel), "");
}

TEST(MemoryCgroupsText, TellsLimitsInBytesAndWhatTheProgramHas) {
    Machine machine;
    machine.placement.limits = {.max = 2048, .low = 16};
    machine.boot();
    (void)machine.pick();
    machine.map_anonymous(base, 16 * page_size);
    for (std::uint64_t i = 0; i < 16; ++i) machine.touch(base + i * page_size);
    machine.kernel->drain_lru_batches();
    const std::string text = memory_cgroups_text(*machine.kernel);
    EXPECT_THAT(text, HasSubstr("program.0/memory.max 8388608\n"));
    EXPECT_THAT(text, HasSubstr("program.0/memory.high max\n"));
    EXPECT_THAT(text, HasSubstr("program.0/memory.low 65536\n"));
    EXPECT_THAT(text, HasSubstr("program.0/memory.swap.current 0\n"));
    EXPECT_THAT(text, HasSubstr("program.0/memory.events oom_kill 0\n"));
    EXPECT_THAT(text, HasSubstr("program.0/memory.stat inactive_anon 65536\n"));
    const MemoryCgroup& group = machine.kernel->frames().cgroups().all().front();
    EXPECT_THAT(text,
                HasSubstr("program.0/memory.current " + std::to_string(group.usage * page_size) + '\n'));
    EXPECT_GT(group.usage, 16U); // page tables
}

} // namespace
} // namespace pagewalk::os
