#include "app/program_regions.h"
#include "tests/unit/os/task/process_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

/// Programs 1 and 2, whose work a test counts by hand; both are generators, which can begin again.
class ProgramRegionsTest : public testing::Test {
protected:
    ProgramRegionsTest() {
        for (const char* section : {"program.1.synthetic", "program.2.synthetic"})
            m_config.options.set(section, "gups", "test");
        m_config.options.set("program.2.start", "50ns", "test");
        m_config.validate();
        m_programs.emplace(m_config, ProgramSurroundings{});
        for (os::Program* program : {&m_first, &m_second}) m_rig.processes.start(*program);
    }
    [[nodiscard]] ProgramRegions regions(std::uint64_t warmup, std::uint64_t instructions) {
        m_config.run.warmup = warmup;
        m_config.run.instructions = instructions;
        return {m_config.run, *m_programs, m_rig.processes};
    }
    /// The program has executed so many instructions more.
    void work(const os::Program& program, std::uint64_t instructions) {
        for (const auto& task : m_rig.processes.tasks())
            if (task != nullptr && task->program == &program)
                m_rig.processes.account(task.get(),
                                        {.user_instructions = instructions, .user_cycles = 2 * instructions});
    }
    /// All its tasks are gone.
    void end(const os::Program& program) {
        for (const auto& task : m_rig.processes.tasks()) {
            if (task == nullptr || task->program != &program) continue;
            m_rig.scheduler.remove(*task);
            m_rig.scheduler.set_running(CpuId{1}, task.get());
            m_rig.does(*task, [&](os::Operation& op) { m_rig.processes.exit(op, *task); });
            m_rig.scheduler.set_running(CpuId{1}, nullptr);
            task->state = os::TaskState::Dead;
            return m_rig.processes.free_task(*task, {});
        }
    }
    void update(ProgramRegions& regions, std::uint64_t now_ns) {
        regions.update(Tick(now_ns * 1000), [&](std::size_t index) {
            m_restarted.push_back(index);
            m_rig.processes.start(index == 0 ? m_first : m_second);
        });
    }
    [[nodiscard]] static std::uint64_t measured(const ProgramRegions& regions, const char* path,
                                                const char* name, std::uint64_t now_ns = 1000) {
        const results::ProcessStatistics statistics = regions.statistics(Tick(now_ns * 1000));
        return statistics.measured.counters[statistics.registry.find(path, name)];
    }

    SystemConfig m_config;
    std::optional<Programs> m_programs;
    os::test::ProcessRig m_rig;
    os::test::FakeProgram m_workload;
    os::CallOrder m_order{m_rig.runner, m_rig.counters};
    os::Program m_first{&m_workload, os::StrayAccess::Maps, &m_order, os::ProgramNumber{1}};
    os::Program m_second{&m_workload, os::StrayAccess::Maps, &m_order, os::ProgramNumber{2}};
    std::vector<std::size_t> m_restarted;
};

TEST_F(ProgramRegionsTest, AreWarmWhenTheLastProgramIs) {
    ProgramRegions regions = this->regions(100, 0);
    EXPECT_EQ(regions.instructions_left(), 100U);
    work(m_first, 300);
    EXPECT_FALSE(regions.is_warm());
    work(m_second, 60);
    EXPECT_EQ(regions.instructions_left(), 40U);
    work(m_second, 40);
    EXPECT_TRUE(regions.is_warm());
    regions.begin_warmup(); // counts anew
    EXPECT_FALSE(regions.is_warm());
}

TEST_F(ProgramRegionsTest, MeasureEachOverItsOwnInstructions) {
    ProgramRegions regions = this->regions(0, 100);
    work(m_first, 7);
    regions.begin_measurement(Tick(10'000));
    work(m_first, 100);
    update(regions, 20);
    work(m_first, 1000); // in company of the second, and not measured
    work(m_second, 99);
    update(regions, 30);
    EXPECT_FALSE(regions.all_measured());
    EXPECT_EQ(regions.instructions_left(), 1U);
    work(m_second, 1);
    update(regions, 80);
    EXPECT_TRUE(regions.all_measured());
    EXPECT_EQ(measured(regions, "program/1", "instructions"), 100U);
    EXPECT_EQ(measured(regions, "program/1", "user_cycles"), 200U);
    EXPECT_EQ(measured(regions, "program/1", "time"), 10'000U);
    EXPECT_EQ(measured(regions, "program/2", "instructions"), 100U);
    EXPECT_EQ(measured(regions, "program/2", "time"), 30'000U); // from its start at 50 ns on
}

TEST_F(ProgramRegionsTest, BeginATraceAgainUntilAllAreMeasured) {
    ProgramRegions regions = this->regions(0, 100);
    regions.begin_measurement(Tick(0));
    work(m_first, 60);
    end(m_first);
    update(regions, 10);
    EXPECT_EQ(m_restarted, std::vector<std::size_t>{0});
    work(m_first, 40);
    work(m_second, 100);
    update(regions, 60);
    EXPECT_TRUE(regions.all_measured());
    EXPECT_EQ(measured(regions, "program/1", "instructions"), 100U);
    EXPECT_EQ(measured(regions, "program/1", "restarts"), 1U);
    end(m_first);
    update(regions, 70);
    EXPECT_EQ(m_restarted.size(), 1U);
}

TEST_F(ProgramRegionsTest, WithoutALimitEndWithTheTraceAndKeepItForCompany) {
    ProgramRegions regions = this->regions(0, 0);
    regions.begin_measurement(Tick(0));
    EXPECT_EQ(regions.instructions_left(), ~0ULL);
    work(m_first, 60);
    end(m_first);
    update(regions, 10);
    EXPECT_EQ(m_restarted, std::vector<std::size_t>{0});
    work(m_first, 5);
    work(m_second, 30);
    end(m_second);
    update(regions, 70);
    EXPECT_TRUE(regions.all_measured());
    EXPECT_FALSE(regions.all_ended());
    EXPECT_EQ(m_restarted.size(), 1U);
    EXPECT_EQ(measured(regions, "program/1", "instructions"), 60U);
    EXPECT_EQ(measured(regions, "program/1", "restarts"), 0U);
    EXPECT_EQ(measured(regions, "program/2", "time"), 20'000U);
}

} // namespace
} // namespace pagewalk::app
