#include "os/kernel/kernel.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <map>

#include <gtest/gtest.h>

/// End-to-end instruction counts of the main operations against the same operations measured on
/// Linux 6.1.192: tests/data/kcost (medians) and path_costs.txt. Every operation must be within 10 %.
namespace pagewalk::os {
namespace {

using test::Machine;
using test::PathTotals;

constexpr std::uint64_t base = 0x7f0000000000;
constexpr std::uint64_t entry = 341; // of a system call: path_costs.txt, getppid

void expect_within(std::uint64_t measured, std::uint64_t ours, unsigned percent = 10) {
    EXPECT_GE(ours * 100, measured * (100 - percent)) << "measured " << measured;
    EXPECT_LE(ours * 100, measured * (100 + percent)) << "measured " << measured;
}

/// The most frequent value: what the median of many equal operations is.
class Typical {
public:
    void add(std::uint64_t value) { ++m_seen[value]; }
    [[nodiscard]] std::uint64_t value() const {
        std::uint64_t best = 0, times = 0;
        for (const auto& [value, count] : m_seen)
            if (count > times) best = value, times = count;
        return best;
    }

private:
    std::map<std::uint64_t, std::uint64_t> m_seen;
};

struct PathCost : testing::Test {
    Machine machine;
    void SetUp() override {
        machine.boot();
        machine.pick();
    }
};

TEST_F(PathCost, OfADemandZeroFault) {
    machine.map_anonymous(base, 1024 * page_size);
    Typical typical;
    for (std::uint64_t i = 0; i < 1000; ++i) typical.add(machine.touch(base + i * page_size).instructions);
    expect_within(2252, typical.value(), 1); // fault:asm_exc_page_fault
}

TEST_F(PathCost, OfADemandZeroFaultOnAverage) {
    machine.map_anonymous(base, 600 * page_size);
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < 600; ++i) sum += machine.touch(base + i * page_size).instructions;
    // path_costs.txt: mean 6808.3 with the cleared page counting 4096
    expect_within(6808 - 4096, sum / 600);
}

TEST_F(PathCost, OfAnMmap) {
    machine.map_anonymous(base, page_size);
    expect_within(entry + 4424, machine.map_anonymous(base + 16 * page_size, page_size).instructions);
}

TEST_F(PathCost, OfAnMprotectThatSplits) {
    machine.map_anonymous(base, 2 * page_size);
    machine.touch(base);
    expect_within(entry + 5480, machine.call(10, {base, page_size, 1}, 0).instructions);
}

TEST_F(PathCost, OfAnMunmapOfTwoAreasAndAPage) {
    machine.map_anonymous(base + 64 * page_size, page_size); // keeps the page tables
    machine.touch(base + 64 * page_size);
    machine.map_anonymous(base, 2 * page_size);
    machine.touch(base);
    machine.call(10, {base, page_size, 1}, 0);
    expect_within(entry + 10192, machine.call(11, {base, 2 * page_size}, 0).instructions);
}

TEST_F(PathCost, OfAnMunmapOf600Pages) {
    machine.map_anonymous(base, 600 * page_size);
    for (std::uint64_t i = 0; i < 600; ++i) machine.touch(base + i * page_size);
    expect_within(611'579, machine.call(11, {base, 600 * page_size}, 0).instructions);
}

TEST_F(PathCost, OfABreak) {
    machine.call(12, {0}, 0x10000000);
    machine.call(12, {0x10001000}, 0x10001000);
    expect_within(entry + 2520, machine.call(12, {0x10002000}, 0x10002000).instructions);
}

TEST_F(PathCost, OfACopyOnWrite) {
    machine.map_anonymous(base, 64 * page_size);
    for (std::uint64_t i = 0; i < 64; ++i) machine.touch(base + i * page_size);
    machine.workload.add_child(5);
    machine.call(57, {}, 5);
    Typical typical;
    for (std::uint64_t i = 0; i < 60; ++i) typical.add(machine.touch(base + i * page_size).instructions);
    expect_within(2938, typical.value(), 3); // cow:asm_exc_page_fault
}

TEST_F(PathCost, OfAReadOfAnUntouchedPage) {
    machine.map_anonymous(base, 64 * page_size);
    Typical typical;
    for (std::uint64_t i = 0; i < 64; ++i)
        typical.add(machine.touch(base + i * page_size, FaultAccess::Read).instructions);
    expect_within(1287, typical.value(), 3); // zero_read:asm_exc_page_fault
}

TEST_F(PathCost, OfASystemCallThatDoesNothing) { EXPECT_EQ(machine.call(110, {}, 1).instructions, entry); }

TEST_F(PathCost, IsNothingWithoutTiming) {
    Machine off;
    off.config.timing = KernelTiming::Off;
    off.boot();
    off.pick();
    off.map_anonymous(base, page_size);
    const PathTotals fault = off.touch(base);
    EXPECT_EQ(fault.instructions, 0U);
    EXPECT_EQ(fault.cleared, 0U);
    EXPECT_EQ(
        off.kernel->counters().fault_latency[static_cast<std::size_t>(FaultKind::AnonymousWrite)].count(),
        1U);
}

} // namespace
} // namespace pagewalk::os
