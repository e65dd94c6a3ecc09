#pragma once

#include "tests/unit/os/kernel/kernel_harness.h"

#include <gtest/gtest.h>

namespace pagewalk::os::test {

inline constexpr CpuId cpu0{0};
inline constexpr CpuId cpu1{1};

/// A machine of 256 MiB and two CPUs with a program on CPU 0 that has mapped twice as much.
struct SmallMachine : testing::Test {
    static constexpr std::uint64_t base = 0x7f0000000000; ///< of the mapping
    Machine machine{256ULL << 20, 2};
    std::uint64_t touched = 0; ///< pages of it, from the first

    TaskId program{};

    void SetUp() override {
        machine.boot();
        program = machine.pick(cpu0).task;
        machine.map_anonymous(base, 512ULL << 20);
    }
    Zone& zone() { return *machine.kernel->allocator().find_zone(NodeId{0}, ZoneType::Dma32); }
    const KernelCounters& counters() { return machine.kernel->counters(); }
    void touch_next() { machine.touch_and_wait(program, base + touched++ * page_size); }
    void touch_down_to(Watermark mark) {
        while (zone().free_pages > static_cast<std::int64_t>(zone().watermark(mark))) touch_next();
    }
    /// Lets CPU 1 run what it has to: no programs. Returns how often it was given something.
    int run_cpu1() {
        int rounds = 0;
        for (ScheduledTask next = machine.pick(cpu1); next.task != TaskId{}; next = machine.pick(cpu1)) {
            EXPECT_EQ(next.stream, nullptr);
            ++rounds;
        }
        return rounds;
    }
};

} // namespace pagewalk::os::test
