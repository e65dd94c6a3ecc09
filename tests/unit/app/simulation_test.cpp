#include "app/simulation.h"
#include "app/workload_source.h"
#include "base/config_file.h"
#include "results/run_reader.h"
#include "tests/unit/results/sample_run.h"

#include <gmock/gmock.h>#include <set>
#include <gtest/gtest.h>
#include <systemc>

namespace pagewalk::app {
namespace {

/// SystemC elaborates once a process, so that one machine runs for all tests: two sockets, a generator of 100
/// 000 instructions after 20 000 of warm-up.
class SimulationTest : public testing::Test {
protected:
    static constexpr std::uint64_t warmup = 20'000;
    static constexpr std::uint64_t measured = 100'000;

    static void SetUpTestSuite() {
        s_run = std::make_unique<Run>();
        const std::vector<std::string> settings{
            "machine.cpus=2",          "machine.sockets=2",         "machine.memory=256MiB",
            "workload.kind=synthetic", "workload.synthetic=gups",   "synthetic.gups.table=4MiB",
            "synthetic.threads=2",     "synthetic.instructions=1M", "synthetic.first_touch=off",
            "run.warmup=20k",          "run.instructions=100k",     "run.interval=10k",
            "events.tlb_misses=1"};
        apply_settings(settings, s_run->config.options);
        s_run->config.validate();
        s_run->machine = std::make_unique<Machine>(s_run->config);
        s_run->programs = std::make_unique<Programs>(s_run->config, open_workload(s_run->config, {}, ""));
        s_run->programs->start(s_run->machine->kernel());
        s_run->file = std::make_unique<results::RunFile>(s_run->folder / "run.h5", results::RunMeta{});
        s_run->progress = std::make_unique<Progress>(0);
        s_run->simulation = std::make_unique<Simulation>(s_run->config, *s_run->machine, *s_run->programs,
                                                         *s_run->file, *s_run->progress);
        s_run->end = s_run->simulation->run();
        s_run->file->finish(results::RunStatus::Complete, "", s_run->simulation->state());
    }
    static void TearDownTestSuite() { s_run.reset(); }

    struct Run {
        ScratchFolder folder;
        SystemConfig config;
        std::unique_ptr<Programs> programs;
        std::unique_ptr<Machine> machine;
        std::unique_ptr<results::RunFile> file;
        std::unique_ptr<Progress> progress;
        std::unique_ptr<Simulation> simulation;
        Simulation::End end = Simulation::End::None;
    };
    static inline std::unique_ptr<Run> s_run;

    [[nodiscard]] static std::uint64_t sum(const StatSnapshot& values, const char* glob, const char* name) {
        return s_run->machine->stats().sum(values, glob, name);
    }
};

TEST_F(SimulationTest, StopsAtTheInstructionLimit) {
    EXPECT_EQ(s_run->end, Simulation::End::InstructionLimit);
    EXPECT_GE(s_run->machine->user_instructions(), warmup + measured);
    EXPECT_LT(s_run->machine->user_instructions(), warmup + measured + 20'000);
}

TEST_F(SimulationTest, MeasuresAfterTheWarmUp) {
    const results::RunState state = s_run->simulation->state();
    const std::uint64_t total = sum(*state.total, "cpu*", "user_instructions");
    const std::uint64_t region = sum(state.measured, "cpu*", "user_instructions");
    EXPECT_EQ(total, s_run->machine->user_instructions());
    EXPECT_GE(region, measured);
    EXPECT_GE(total - region, warmup);
}

TEST_F(SimulationTest, EveryCpuAndEveryNodeWorks) {
    for (const char* cpu : {"cpu0", "cpu1"}) {
        const StatSnapshot total = s_run->machine->stats().snapshot();
        EXPECT_GT(sum(total, cpu, "user_instructions"), 1'000U) << cpu;
        EXPECT_GT(sum(total, cpu, "kernel_instructions"), 1'000U) << cpu;
    }
    EXPECT_GT(sum(s_run->machine->stats().snapshot(), "dram0", "read_bytes"), 0U);
    EXPECT_GT(s_run->machine->now(), Tick{});
}

TEST_F(SimulationTest, CyclesAreUserKernelAndIdleCycles) {
    const StatSnapshot total = s_run->machine->stats().snapshot();
    EXPECT_EQ(sum(total, "cpu*", "cycles"), sum(total, "cpu*", "user_cycles") +
                                                sum(total, "cpu*", "kernel_cycles") +
                                                sum(total, "cpu*", "idle_cycles"));
}

TEST_F(SimulationTest, FileHoldsTimeSeriesEventsAndProcTexts) {
    const results::RunReader reader(s_run->file->path());
    const auto names = reader.event_names();
    EXPECT_THAT(names,
                testing::UnorderedElementsAre("allocations", "block_requests", "file_reads", "kills", "kmem",
                                              "packets", "page_faults", "reclaim", "tlb_misses"));
    const std::set<std::string> rare{"block_requests", "file_reads", "kills", "packets", "reclaim"};
    for (const std::string& name : names) {
        EXPECT_EQ(reader.events(name, 1).total > 0, !rare.contains(name)) << name;
    }
    EXPECT_THAT(reader.proc("buddyinfo"), testing::HasSubstr("Node 1"));
    for (const char* name :
         {"zoneinfo", "meminfo", "vmstat", "pagetypeinfo", "page_blocks", "node0/numastat", "node1/numastat"})
        EXPECT_FALSE(reader.proc(name).empty()) << name;
    EXPECT_THAT(reader.proc("slabinfo"), testing::HasSubstr("vm_area_struct"));
    EXPECT_FALSE(reader.summary().empty());
}

} // namespace
} // namespace pagewalk::app

// libsystemc wants this name; it runs before elaboration, so that a test may elaborate.
int sc_main(int, char**) { return RUN_ALL_TESTS(); }

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    return sc_core::sc_elab_and_sim(argc, argv);
}
