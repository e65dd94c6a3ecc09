#include "app/run_outcome.h"

#include <csignal>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using results::RunStatus;
using testing::HasSubstr;

ProcessRecord ended(ProcessEnd end) { return {.pid = 10, .parent = 1, .command = "x", .end = end}; }

RunOutcome outcome_with(Simulation::End simulation, ProcessEnd end, std::string missing = {}) {
    const std::vector<ProcessRecord> processes{ended(end)};
    return outcome_of({.simulation = simulation,
                       .kills = {},
                       .processes = processes,
                       .missing = std::move(missing),
                       .is_measuring = true});
}

constexpr ProcessEnd exited_with_3{.kind = ProcessEnd::Kind::Exited, .value = 3};
constexpr ProcessEnd own_fault{.kind = ProcessEnd::Kind::Killed, .value = SIGSEGV};

TEST(RunOutcome, IsCompleteWhateverTheProgramsExitStatus) {
    const RunOutcome outcome = outcome_with(Simulation::End::Finished, exited_with_3);
    EXPECT_EQ(outcome.status, RunStatus::Complete);
    EXPECT_EQ(outcome.exit_code(), 0);
    EXPECT_EQ(outcome.exit_status, 3);
    EXPECT_THAT(outcome.text, HasSubstr("status 3"));
    ASSERT_EQ(outcome.summary().size(), 1);
    EXPECT_EQ(outcome.summary()[0].name, "exit_status");
}

TEST(RunOutcome, IsTheProgramsDeathBySignal) {
    const RunOutcome outcome = outcome_with(Simulation::End::Finished, own_fault);
    EXPECT_EQ(outcome.status, RunStatus::ProgramDied);
    EXPECT_EQ(outcome.exit_code(), 1);
    EXPECT_EQ(outcome.exit_status, std::nullopt);
    EXPECT_EQ(outcome.died_of, "SIGSEGV");
    EXPECT_EQ(outcome.killed_by, "program");

    ProcessEnd from_outside{
        .kind = ProcessEnd::Kind::Killed, .sender = ProcessEnd::Sender::Outside, .value = SIGKILL};
    EXPECT_EQ(outcome_with(Simulation::End::Finished, from_outside).killed_by, "signal");
}

TEST(RunOutcome, NamesTheSimulatedKernelWhereItKilled) {
    const std::vector<ProcessRecord> processes{ended(exited_with_3)};
    for (const auto& [reason, signal, by] :
         {std::tuple{os::KillReason::OutOfMemory, "SIGKILL", "simulated kernel: OOM"},
          std::tuple{os::KillReason::BusError, "SIGBUS", "simulated kernel: SIGBUS"},
          std::tuple{os::KillReason::BadAddress, "SIGSEGV", "simulated kernel: SIGSEGV"}}) {
        const std::vector<os::KillRecord> kills{{.task = 2, .reason = reason}};
        const RunOutcome outcome = outcome_of({.simulation = Simulation::End::Finished,
                                               .kills = kills,
                                               .processes = processes,
                                               .missing = {},
                                               .is_measuring = true});
        EXPECT_EQ(outcome.status, RunStatus::ProgramDied);
        EXPECT_EQ(outcome.died_of, signal);
        EXPECT_EQ(outcome.killed_by, by);
        EXPECT_EQ(outcome.exit_status, std::nullopt);
        EXPECT_EQ(outcome.exit_code(), 1);
    }
}

TEST(RunOutcome, IsIncompleteWhereTheStreamsLackSomething) {
    const RunOutcome outcome = outcome_with(Simulation::End::Finished, exited_with_3, "it was cut off");
    EXPECT_EQ(outcome.status, RunStatus::Incomplete);
    EXPECT_EQ(outcome.text, "it was cut off");
    EXPECT_EQ(outcome.exit_code(), 1);
    // A run that does not get there is what it was to be.
    EXPECT_EQ(outcome_with(Simulation::End::InstructionLimit, {}, "it was cut off").status,
              RunStatus::InstructionLimit);
}

TEST(RunOutcome, TellsLimitAndInterruptApart) {
    const RunOutcome limit = outcome_with(Simulation::End::InstructionLimit, {});
    EXPECT_EQ(limit.status, RunStatus::InstructionLimit);
    EXPECT_EQ(limit.exit_code(), 0);
    const RunOutcome interrupt = outcome_with(Simulation::End::Interrupted, own_fault);
    EXPECT_EQ(interrupt.status, RunStatus::Interrupted);
    EXPECT_EQ(interrupt.exit_code(), 1);
    EXPECT_EQ(interrupt.died_of, ""); // the same signal may have reached the program
}

TEST(RunOutcome, SaysWhatBecameOfTheRegion) {
    const auto outcome_in = [](Simulation::End end, Simulation::Region region, bool is_measuring) {
        return outcome_of({.simulation = end, .is_measuring = is_measuring, .region = region});
    };
    using End = Simulation::End;
    using Region = Simulation::Region;
    const RunOutcome complete = outcome_in(End::RegionEnd, Region::Complete, true);
    EXPECT_EQ(complete.status, RunStatus::RegionEnd);
    EXPECT_EQ(complete.exit_code(), 0);
    EXPECT_EQ(complete.region, "complete");
    const RunOutcome never_began = outcome_in(End::Finished, Region::NeverBegan, false);
    EXPECT_EQ(never_began.region, "never_began");
    EXPECT_THAT(never_began.text, HasSubstr("never began"));
    const RunOutcome never_ended = outcome_in(End::Finished, Region::NeverEnded, true);
    EXPECT_EQ(never_ended.region, "never_ended");
    EXPECT_THAT(never_ended.text, HasSubstr("run.end_at was never reached"));
    EXPECT_EQ(never_ended.summary().back().name, "region");
    EXPECT_EQ(outcome_in(End::Finished, Region::None, true).region, "");
}

TEST(RunOutcome, NamesSignals) {
    EXPECT_EQ(signal_name(SIGTERM), "SIGTERM");
    EXPECT_EQ(signal_name(40), "signal 40");
}

TEST(RunOutcome, OfSeveralIsThatOfTheFirstThatDied) {
    const RunEnd end{.simulation = Simulation::End::Finished};
    const std::vector<ProgramOutcome> programs{
        {1, outcome_with(Simulation::End::Finished, {.kind = ProcessEnd::Kind::Exited, .value = 0})},
        {2, outcome_with(Simulation::End::Finished, exited_with_3)},
        {5, outcome_with(Simulation::End::Finished, own_fault)},
        {6, outcome_with(Simulation::End::Finished, exited_with_3, "cut short")}};
    const RunOutcome all = outcome_of(end, programs);
    EXPECT_EQ(all.status, RunStatus::ProgramDied);
    EXPECT_EQ(all.died_of, "SIGSEGV");
    EXPECT_EQ(all.exit_status, std::nullopt);
    EXPECT_THAT(all.text,
                testing::AllOf(HasSubstr("program 2: "), HasSubstr("status 3"), HasSubstr("program 5: "),
                               HasSubstr("program 6: cut short"), testing::Not(HasSubstr("program 1"))));
    const RunOutcome first_two = outcome_of(end, std::span(programs).first(2));
    EXPECT_EQ(first_two.status, RunStatus::Complete);
    EXPECT_EQ(first_two.exit_code(), 0);
    EXPECT_EQ(outcome_of(end, std::span(programs).last(1)).status, RunStatus::Incomplete);
}

} // namespace
} // namespace pagewalk::app
