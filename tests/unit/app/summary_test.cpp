#include "app/summary.h"
#include "results/summary_keys.h"

#include <algorithm>
#include <set>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

constexpr std::uint64_t one_gigahertz = 1'000'000'000;

/// Two CPUs, an LLC, two memory controllers and a kernel, with counters to set.
class SummaryTest : public testing::Test {
protected:
    struct Cpu {
        std::uint64_t user_instructions = 0, user_cycles = 0, kernel_cycles = 0, branch_misses = 0;
        std::uint64_t l1i_misses = 0, l1d_misses = 0, l2_misses = 0;
        std::uint64_t dtlb_misses = 0, l2_tlb_misses = 0, walks = 0, walk_cycles = 0, walk_references = 0;
    };
    struct Dram {
        std::uint64_t read_bytes = 0, write_bytes = 0, row_hits = 0, row_misses = 0, row_conflicts = 0;
    };

    SummaryTest() {
        for (std::size_t i = 0; i < 2; ++i) {
            const StatGroup cpu = registry.group("cpu" + std::to_string(i));
            counter(cpu, "user_instructions", cpus[i].user_instructions);
            counter(cpu, "user_cycles", cpus[i].user_cycles);
            counter(cpu, "kernel_cycles", cpus[i].kernel_cycles);
            counter(cpu, "branch_misses", cpus[i].branch_misses);
            counter(cpu.group("l1i"), "misses", cpus[i].l1i_misses);
            counter(cpu.group("l1d"), "misses", cpus[i].l1d_misses);
            counter(cpu.group("l2"), "misses", cpus[i].l2_misses);
            // A deeper component of the same name, which no sum may include.
            counter(cpu.group("mmu").group("l2"), "misses", deeper);
            const StatGroup mmu = cpu.group("mmu");
            counter(mmu, "dtlb_misses", cpus[i].dtlb_misses);
            counter(mmu, "l2_tlb_misses", cpus[i].l2_tlb_misses);
            counter(mmu, "walks", cpus[i].walks);
            counter(mmu, "walk_cycles", cpus[i].walk_cycles);
            counter(mmu, "walk_references", cpus[i].walk_references);
            const StatGroup dram = registry.group("dram" + std::to_string(i));
            counter(dram, "read_bytes", drams[i].read_bytes);
            counter(dram, "write_bytes", drams[i].write_bytes);
            counter(dram, "row_hits", drams[i].row_hits);
            counter(dram, "row_misses", drams[i].row_misses);
            counter(dram, "row_conflicts", drams[i].row_conflicts);
        }
        counter(registry.group("llc0"), "misses", llc_misses);
        registry.group("kernel").histogram("fault_latency", faults, "ps", "");
        registry.group("kernel").histogram("allocation_latency", allocations, "ps", "");
    }

    static void counter(StatGroup group, const char* name, const std::uint64_t& value) {
        group.counter(name, value, "count", "");
    }

    [[nodiscard]] std::vector<results::SummaryValue> all() const {
        return summarise(registry, registry.snapshot(), one_gigahertz);
    }
    [[nodiscard]] double number(const char* key) const {
        const auto values = all();
        const auto found = std::ranges::find(values, key, &results::SummaryValue::name);
        if (found == values.end()) return -1;
        if (const auto* count = std::get_if<std::uint64_t>(&found->value)) return static_cast<double>(*count);
        return std::get<double>(found->value);
    }

    std::uint64_t deeper = 1'000'000;
    std::uint64_t llc_misses = 0;
    Cpu cpus[2];
    Dram drams[2];
    Histogram faults, allocations;
    StatRegistry registry;
};

TEST_F(SummaryTest, HasEveryFixedKeyThatTheHostAndTheRunsEndDoNotAdd) {
    const auto values = all();
    const std::set<std::string_view> added{"host_seconds", "host_mips", "status", "exit_status",
                                           "died_of",      "killed_by", "region"};
    for (const results::SummaryKey& key : results::summary_keys()) {
        if (added.contains(key.name)) continue;
        EXPECT_NE(std::ranges::find(values, key.name, &results::SummaryValue::name), values.end())
            << key.name;
    }
}

TEST_F(SummaryTest, ARunOfNothingDividesByNothing) {
    for (const results::SummaryValue& value : all()) {
        const auto* real = std::get_if<double>(&value.value);
        EXPECT_TRUE(real == nullptr || *real == 0.0) << value.name;
    }
}

TEST_F(SummaryTest, IpcIsProgramInstructionsByAllCyclesOfAllCpus) {
    cpus[0].user_instructions = 300;
    cpus[0].user_cycles = 100;
    cpus[0].kernel_cycles = 50;
    cpus[1].user_instructions = 100;
    cpus[1].user_cycles = 50;
    EXPECT_EQ(number("instructions"), 400);
    EXPECT_EQ(number("cycles"), 200);
    EXPECT_EQ(number("ipc"), 2.0);
}

TEST_F(SummaryTest, MissesArePerThousandInstructionsOfAllCpus) {
    cpus[0].user_instructions = cpus[1].user_instructions = 1000;
    cpus[0].l1i_misses = 2;
    cpus[1].l1d_misses = 4;
    cpus[0].l2_misses = cpus[1].l2_misses = 3;
    llc_misses = 10;
    cpus[0].dtlb_misses = 12;
    cpus[1].l2_tlb_misses = 14;
    cpus[1].branch_misses = 16;
    EXPECT_EQ(number("l1i_mpki"), 1.0);
    EXPECT_EQ(number("l1d_mpki"), 2.0);
    EXPECT_EQ(number("l2_mpki"), 3.0);
    EXPECT_EQ(number("llc_mpki"), 5.0);
    EXPECT_EQ(number("dtlb_mpki"), 6.0);
    EXPECT_EQ(number("stlb_mpki"), 7.0);
    EXPECT_EQ(number("branch_mpki"), 8.0);
}

TEST_F(SummaryTest, WalksHaveMeansOverAllCpus) {
    cpus[0].walks = 3;
    cpus[0].walk_cycles = 100;
    cpus[0].walk_references = 3;
    cpus[1].walks = 1;
    cpus[1].walk_cycles = 20;
    cpus[1].walk_references = 4;
    EXPECT_EQ(number("walks"), 4);
    EXPECT_EQ(number("walk_cycles_mean"), 30.0);
    EXPECT_EQ(number("walk_refs_mean"), 1.75);
}

TEST_F(SummaryTest, LatenciesAreTurnedFromPicosecondsIntoCycles) {
    for (int i = 0; i < 98; ++i) faults.add(8'000);
    for (int i = 0; i < 2; ++i) faults.add(16'000'000);
    allocations.add(4'000);
    EXPECT_EQ(number("page_faults"), 100);
    EXPECT_NEAR(number("fault_cycles_p50"), 8.0, 0.5);
    EXPECT_NEAR(number("fault_cycles_p99"), 16'000.0, 1'000.0);
    EXPECT_EQ(number("allocations"), 1);
    EXPECT_NEAR(number("alloc_cycles_p50"), 4.0, 0.25);
}

TEST_F(SummaryTest, MemorySumsControllers) {
    drams[0] = {.read_bytes = 64, .write_bytes = 128, .row_hits = 3, .row_misses = 0, .row_conflicts = 1};
    drams[1] = {.read_bytes = 64, .write_bytes = 0, .row_hits = 0, .row_misses = 2, .row_conflicts = 0};
    EXPECT_EQ(number("dram_read_bytes"), 128);
    EXPECT_EQ(number("dram_write_bytes"), 128);
    EXPECT_EQ(number("dram_row_hit_rate"), 0.5);
}

} // namespace
} // namespace pagewalk::app
