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
    explicit PathCost(std::size_t cpus = 1) : machine(512ULL << 20, cpus) {}
    void SetUp() override {
        machine.boot();
        machine.pick();
    }

    std::uint64_t unmap(std::uint64_t pages) {
        return machine.call(11, {base, pages * page_size}, 0).instructions;
    }
    /// What `operation` costs on an area of touched pages at `base`.
    template <class Operation>
    std::uint64_t touched(std::uint64_t pages, Operation operation) {
        machine.map_anonymous(base, pages * page_size);
        for (std::uint64_t i = 0; i < pages; ++i) machine.touch(base + i * page_size);
        return operation();
    }
};

/// The child runs on the second CPU.
struct ForkCost : PathCost {
    ForkCost() : PathCost(2) {}

    struct Fork {
        std::uint64_t fork = 0, exit = 0; ///< instructions of the parent's fork and of the child's exit
    };
    /// Of a process with this many areas of touched pages, which it then gives back.
    Fork fork_and_exit(std::uint64_t areas, std::uint64_t pages) {
        const std::uint64_t step = 2 * pages * page_size; // a gap, so that they do not merge
        for (std::uint64_t i = 0; i < areas; ++i) {
            machine.map_anonymous(base + i * step, pages * page_size);
            for (std::uint64_t j = 0; j < pages; ++j) machine.touch(base + i * step + j * page_size);
        }
        machine.workload.add_child(m_next_child);
        Fork cost;
        cost.fork = machine.call(57, {}, m_next_child++).instructions;
        machine.pick(CpuId{1});
        cost.exit = machine.call(231, {}, 0, CpuId{1}).instructions;
        machine.call(11, {base, areas * step}, 0);
        return cost;
    }

private:
    std::int64_t m_next_child = 100;
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

TEST_F(PathCost, OfAFaultThatMapsSixteenPagesOfAFile) {
    machine.call(SyscallRecord{.number = 257, .result = 3, .path = "/file"});
    machine.call(9, {0, 64 * 16 * page_size, 1, 1, 3, 0}, static_cast<std::int64_t>(base));
    Typical typical;
    for (std::uint64_t i = 0; i < 60; ++i)
        typical.add(machine.touch(base + 16 * i * page_size, FaultAccess::Read).instructions);
    EXPECT_EQ(machine.kernel->counters().faults[static_cast<std::size_t>(FaultKind::FileMap)], 60U);
    expect_within(9234, typical.value(), 5); // costs2.csv: file read mapping up to 16 pages around, ext4
}

TEST_F(PathCost, OfAReadOfAnUntouchedPage) {
    machine.map_anonymous(base, 64 * page_size);
    Typical typical;
    for (std::uint64_t i = 0; i < 64; ++i)
        typical.add(machine.touch(base + i * page_size, FaultAccess::Read).instructions);
    expect_within(1287, typical.value(), 3); // zero_read:asm_exc_page_fault
}

TEST_F(PathCost, OfASystemCallThatDoesNothing) { EXPECT_EQ(machine.call(110, {}, 1).instructions, entry); }

// Per page and per area: slopes of tests/data/kcost/slopes_6.1.csv.

TEST_F(PathCost, OfAPageInMunmapAndMadvise) {
    const auto munmap = [&](std::uint64_t pages) { return touched(pages, [&] { return unmap(pages); }); };
    const auto discard = [&](std::uint64_t pages) {
        const std::uint64_t cost = touched(pages, [&] {
            return machine.call(28, {base, pages * page_size, 4}, 0).instructions;
        });
        unmap(pages);
        return cost;
    };
    expect_within(1000, (munmap(448) - munmap(64)) / 384); // medians of 64 and of 4096 pages
    expect_within(1000, (discard(448) - discard(64)) / 384);
}

TEST_F(PathCost, OfAPageInMprotect) {
    const auto cost = [&](std::uint64_t pages) {
        const std::uint64_t instructions = touched(pages, [&] {
            return machine.call(10, {base, pages * page_size, 1}, 0).instructions;
        });
        unmap(pages);
        return instructions;
    };
    expect_within(132, (cost(512) - cost(64)) / 448, 5);
}

TEST_F(ForkCost, OfAPage) {
    const Fork few = fork_and_exit(1, 16), many = fork_and_exit(1, 512 + 16);
    expect_within(118, (many.fork - few.fork) / 512, 5);
    expect_within(268, (many.exit - few.exit) / 512, 5);
}

TEST_F(ForkCost, OfAnArea) {
    const Fork few = fork_and_exit(16, 1), many = fork_and_exit(16 + 128, 1);
    expect_within(3686, (many.fork - few.fork) / 128);
    expect_within(2366, (many.exit - few.exit) / 128);
}

/// 1 GiB of small pages, each touched.
struct GibibyteCost : ForkCost {
    static constexpr std::uint64_t pages = (1ULL << 30) / page_size;

    void SetUp() override {
        machine.config.memory = pc_memory_map({4ULL << 30}, 2);
        machine.config.vm.thp.enabled = ThpEnabled::Never;
        machine.config.memory.transparent_hugepages = false;
        PathCost::SetUp();
    }
};

TEST_F(GibibyteCost, OfForkAndOfTheChildsExit) {
    const Fork cost = fork_and_exit(1, pages);
    expect_within(31'120'000, cost.fork, 5); // kernel_clone (fork_pages): 214,081 and 117.9 a page
    expect_within(70'512'000, cost.exit, 5); // exit_mmap (fork_pages): 258,035 and 268.0 a page
}

TEST_F(GibibyteCost, OfMunmap) {
    const std::uint64_t cost = touched(pages, [&] { return unmap(pages); });
    // 39,472,170 for 32,768 pages, and 1,233.5 for each more: the slope between the two largest measured
    expect_within(322'407'000, cost, 5);
}

TEST(HugePathCost, OfADemandZeroHugePage) {
    Machine machine(2ULL << 30);
    machine.boot();
    machine.pick();
    machine.map_anonymous(base, 64 * HugePages::bytes);
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < 60; ++i) sum += machine.touch(base + i * HugePages::bytes).instructions;
    EXPECT_EQ(machine.kernel->counters().thp_fault_alloc, 60U);
    // costs2.csv: huge anonymous write. Two blocks are checked at every second fault here.
    expect_within(24'795, sum / 60, 5);
}

TEST_F(ForkCost, OfAThread) {
    constexpr std::uint64_t flags = 0x10f00; // CLONE_VM, _FS, _FILES, _SIGHAND, _THREAD
    Typical typical;
    for (std::int64_t id = 100; id < 140; ++id) {
        machine.workload.add_child(id);
        typical.add(machine.call(56, {flags}, id).instructions);
    }
    // The measured call takes its stack from the cache of dead threads' stacks.
    expect_within(entry + 7564 + 438, typical.value()); // path_costs.txt: alloc_pages
}

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
