#include "os/kernel/kernel.h"
#include "os/vm/numa_balancing.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;

constexpr std::uint64_t base = 0x7f0000000000;
constexpr CpuId near{0}, far{1}; ///< of node 0 and of node 1
constexpr NodeId node0{0}, node1{1};

/// A program of one task on two nodes, whose time a test makes pass.
struct NumaBalancingTest : testing::Test {
    Machine machine;
    TaskId task{};

    void SetUp() override {
        machine.config.memory = pc_memory_map({256ULL << 20, 256ULL << 20}, 2);
        machine.config.vm.thp.enabled = ThpEnabled::Never;
        configure(machine.config.vm.numa_balancing);
        machine.boot();
        task = machine.pick().task;
        machine.map_anonymous(base, 64 * page_size);
    }
    virtual void configure(NumaBalancingConfig& config) {
        config.scan_delay = Tick(ticks_per_second / 100);
        config.scan_period_min = Tick(ticks_per_second / 100);
        config.scan_period_max = Tick(ticks_per_second / 10);
    }
    [[nodiscard]] const KernelCounters& counters() { return machine.kernel->counters(); }
    [[nodiscard]] NodeId node_of(std::uint64_t page) {
        auto& space = const_cast<AddressSpace&>(*machine.kernel->address_space(task));
        const PteSlot slot =
            machine.kernel->memory().tables().find_leaf(space, VirtAddr(base + page * page_size));
        return machine.kernel->allocator().zone_of(slot.entry->frame())->node;
    }
    void touch(std::uint64_t page, CpuId cpu) {
        machine.touch(base + page * page_size, FaultAccess::Write, cpu);
    }
    /// The task runs on `cpu` for this long.
    void run_on(CpuId cpu, Tick time) {
        for (int i = 0; i < 2; ++i) {
            machine.pick(cpu);
            machine.now += time;
        }
        machine.pick(cpu);
    }
    /// sched_setaffinity to one CPU.
    void move_to(CpuId cpu) {
        SyscallRecord record{.number = 203, .arguments = {0, 8, 0x1000, 0, 0, 0}, .result = 0};
        record.segments.push_back({VirtAddr(0x1000), 1ULL << pagewalk::index_of(cpu)});
        machine.call(record);
        machine.pick(near);
        machine.pick(cpu);
    }
};

TEST_F(NumaBalancingTest, LeavesPagesAloneThatAreWhereTheirOnlyTaskRuns) {
    for (std::uint64_t page = 0; page < 64; ++page) touch(page, near);
    run_on(near, Tick(ticks_per_second / 20));
    EXPECT_EQ(counters().numa_pte_updates, 0U);
}

TEST_F(NumaBalancingTest, MovesPagesToTheNodeThatUsesThem) {
    for (std::uint64_t page = 0; page < 64; ++page) touch(page, near);
    EXPECT_EQ(node_of(5), node0);
    machine.kernel->drain_lru_batches();
    move_to(far);
    run_on(far, Tick(ticks_per_second / 20));
    EXPECT_GE(counters().numa_pte_updates, 64U); // with those of the program's image
    for (std::uint64_t page = 0; page < 64; ++page) touch(page, far);
    EXPECT_EQ(counters().numa_hint_faults, 64U);
    EXPECT_EQ(counters().numa_hint_faults_local, 0U);
    EXPECT_EQ(counters().numa_pages_migrated, 64U); // a task alone needs no second fault
    EXPECT_EQ(counters().pgmigrate_success, 64U);
    EXPECT_EQ(node_of(5), node1);
    const auto kind = static_cast<std::size_t>(FaultKind::NumaMigrate);
    EXPECT_EQ(counters().faults[kind], 64U);
}

TEST_F(NumaBalancingTest, MarksNothingBeforeTheDelayIsOver) {
    for (std::uint64_t page = 0; page < 64; ++page) touch(page, near);
    machine.kernel->drain_lru_batches();
    move_to(far);
    run_on(far, Tick(ticks_per_second / 300));
    EXPECT_EQ(counters().numa_pte_updates, 0U);
}

struct NumaBalancingOff : NumaBalancingTest {
    void configure(NumaBalancingConfig& config) override {
        NumaBalancingTest::configure(config);
        config.enabled = false;
    }
};

TEST_F(NumaBalancingOff, LeavesEverythingWhereItIs) {
    touch(0, near);
    machine.kernel->drain_lru_batches();
    move_to(far);
    run_on(far, Tick(ticks_per_second / 20));
    touch(0, far);
    EXPECT_EQ(counters().numa_pte_updates, 0U);
    EXPECT_EQ(node_of(0), node0);
}

} // namespace
} // namespace pagewalk::os
