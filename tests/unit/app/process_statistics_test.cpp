#include "app/process_statistics.h"
#include "contract/instruction_stream.h"
#include "os/task/program.h"

#include <csignal>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

/// A program whose processes are known, and nothing to execute.
struct RecordedProgram final : Workload {
    std::vector<ProcessRecord> records;

    std::string description() const override { return "recorded"; }
    std::vector<InitialMapping> initial_mappings() const override { return {}; }
    InstructionStream& thread(ThreadIndex) override { throw std::logic_error("no threads"); }
    InstructionStream* child(ThreadIndex, std::int64_t) override { return nullptr; }
    ThreadIndex index_of_child(ThreadIndex, std::int64_t) override { return {}; }
    std::vector<ProcessRecord> processes() const override { return records; }
};

constexpr ProcessEnd exited_with_3{.kind = ProcessEnd::Kind::Exited, .value = 3};
constexpr ProcessEnd own_fault{.kind = ProcessEnd::Kind::Killed, .value = SIGSEGV};

class ProcessStatisticsTest : public testing::Test {
protected:
    ProcessStatisticsTest() {
        m_workload.records = {{.pid = 40, .parent = 7, .command = "sh -c\tx", .end = exited_with_3},
                              {.pid = 41, .parent = 40, .command = "true", .end = own_fault},
                              {.pid = 42, .parent = 41, .command = "cat", .end = {}}};
        m_accounts.resize(1);
    }
    os::ProcessAccount& add(std::uint32_t id, std::uint32_t parent, std::int64_t known_as,
                            std::uint64_t instructions) {
        os::ProcessAccount& account = m_accounts.emplace_back();
        account.id = TaskId{id};
        account.parent = TaskId{parent};
        account.known_as = known_as;
        account.program = &m_program;
        account.has_run = true;
        account.work.user_instructions = instructions;
        return account;
    }
    [[nodiscard]] static std::uint64_t instructions(const results::ProcessStatistics& processes,
                                                    const StatSnapshot& values, const char* path) {
        return processes.registry.sum(values, path, "instructions");
    }

    RecordedProgram m_workload;
    os::Program m_program{&m_workload};
    std::deque<os::ProcessAccount> m_accounts;
};

TEST_F(ProcessStatisticsTest, NumbersProcessesInTheOrderInWhichTheyBegan) {
    const auto processes = process_statistics(m_accounts, {}, ProcessEnds::Unknown);
    EXPECT_EQ(processes.facts.size(), 1U); // the kernel
    add(5, 0, 0, 100);
    add(7, 6, 42, 10); // the simulated kernel saw its fork before the other's
    add(6, 5, 41, 20);
    const auto known = process_statistics(m_accounts, {}, ProcessEnds::Known);
    EXPECT_EQ(process_table_text(known.facts), "process\tparent\texit_status\tsignal\tcommand\n"
                                               "1\t0\t3\t\tsh -c x\n"
                                               "2\t1\t\tSIGSEGV\ttrue\n"
                                               "3\t2\t\t\tcat\n");
    EXPECT_EQ(instructions(known, known.total, "process/1"), 100U);
    EXPECT_EQ(instructions(known, known.total, "process/2"), 20U);
    EXPECT_EQ(instructions(known, known.total, "process/3"), 10U);
    EXPECT_EQ(known.facts[2].pid, 6U);
    EXPECT_EQ(known.facts[2].killed_by, "program");
}

TEST_F(ProcessStatisticsTest, GiveAPidThatCameAgainToItsProcessesInOrder) {
    m_workload.records = {{.pid = 40, .parent = 7, .command = "sh", .end = {}},
                          {.pid = 41, .parent = 40, .command = "first", .end = {}},
                          {.pid = 41, .parent = 40, .command = "second", .end = {}}};
    add(5, 0, 0, 1);
    add(6, 5, 41, 2);
    add(7, 5, 41, 3);
    const auto known = process_statistics(m_accounts, {}, ProcessEnds::Known);
    EXPECT_EQ(known.facts[2].command, "first");
    EXPECT_EQ(instructions(known, known.total, "process/2"), 2U);
    EXPECT_EQ(instructions(known, known.total, "process/3"), 3U);
}

TEST_F(ProcessStatisticsTest, HaveWhatBeganAfterTheStartAndChangesOfTheRest) {
    add(5, 0, 0, 100);
    const std::deque<os::ProcessAccount> start = m_accounts;
    m_accounts[1].work.user_instructions = 130;
    m_accounts[1].peak_rss = 4096;
    add(6, 5, 41, 20);
    const auto processes = process_statistics(m_accounts, start, ProcessEnds::Unknown);
    EXPECT_EQ(instructions(processes, processes.measured, "process/1"), 30U);
    EXPECT_EQ(instructions(processes, processes.measured, "process/2"), 20U);
    EXPECT_EQ(processes.registry.sum(processes.measured, "process/1", "peak_rss"), 4096U);
    EXPECT_EQ(processes.facts[2].parent, 1U);
}

TEST_F(ProcessStatisticsTest, SayWhatTheSimulatedKernelKilled) {
    add(5, 0, 0, 1).killed = os::KillReason::OutOfMemory;
    const auto known = process_statistics(m_accounts, {}, ProcessEnds::Known);
    EXPECT_EQ(known.facts[1].died_of, "SIGKILL");
    EXPECT_EQ(known.facts[1].killed_by, "simulated kernel: OOM");
    EXPECT_FALSE(known.facts[1].exit_status);
}

TEST_F(ProcessStatisticsTest, KnowOfACutRunOnlyWhatItsSimulationCameTo) {
    add(5, 0, 0, 100).threads = 1; // still runs; the second has ended, the third not begun
    os::ProcessAccount& ended = add(6, 5, 41, 20);
    ended.threads = ended.exited = 2;
    add(7, 6, 42, 0).has_run = false;
    const auto cut = process_statistics(m_accounts, {}, ProcessEnds::Known);
    ASSERT_EQ(cut.facts.size(), 3U);
    EXPECT_FALSE(cut.facts[1].exit_status);
    EXPECT_EQ(cut.facts[1].died_of, "");
    EXPECT_EQ(cut.facts[2].command, "true");
    EXPECT_EQ(cut.facts[2].died_of, "SIGSEGV");
}

TEST_F(ProcessStatisticsTest, LeaveOutWhatWasNeverTraced) {
    add(5, 0, 0, 1);
    add(6, 5, 99, 0).has_run = false;
    EXPECT_EQ(process_statistics(m_accounts, {}, ProcessEnds::Unknown).facts.size(), 2U);
}

TEST_F(ProcessStatisticsTest, NameTheProgramWhereSeveralRun) {
    add(2, 0, 0, 5);
    EXPECT_EQ(process_statistics(m_accounts, {}, ProcessEnds::Known).facts[1].program, std::nullopt);
    m_program.number = os::ProgramNumber{4};
    m_workload.records.clear();
    const auto several = process_statistics(m_accounts, {}, ProcessEnds::Known);
    EXPECT_EQ(several.facts[1].program, 4U);
    EXPECT_EQ(several.facts[1].command, "recorded"); // a trace that names no process
    EXPECT_EQ(several.facts[0].program, std::nullopt);
}

} // namespace
} // namespace pagewalk::app
