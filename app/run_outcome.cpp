#include "app/run_outcome.h"

#include "results/summary_keys.h"

#include <cstring>

namespace pagewalk::app {

namespace {

using results::RunStatus;

void tell_own_end(RunOutcome& outcome, const ProcessEnd& end) {
    if (end.kind == ProcessEnd::Kind::Exited) {
        outcome.exit_status = end.value;
        if (end.value != 0) outcome.text += "; it exited with status " + std::to_string(end.value);
    } else if (end.kind == ProcessEnd::Kind::Killed) {
        const bool own = end.sender == ProcessEnd::Sender::Program;
        outcome.status = RunStatus::ProgramDied;
        outcome.died_of = signal_name(end.value);
        outcome.killed_by = own ? "program" : "signal";
        outcome.text = "the program died of " + outcome.died_of +
                       (own ? "" : ", which came from outside or which nobody saw sent");
    }
}

void tell_kills(RunOutcome& outcome, std::span<const os::KillRecord> kills) {
    if (kills.empty()) return;
    outcome.status = RunStatus::ProgramDied;
    outcome.exit_status.reset();
    const KernelKill first = kernel_kill(kills.front().reason);
    outcome.died_of = first.died_of;
    outcome.killed_by = first.killed_by;
    for (const os::KillRecord& kill : kills) outcome.text += "; the simulated kernel: " + os::to_string(kill);
}

void tell_region(RunOutcome& outcome, Simulation::Region region) {
    switch (region) {
    case Simulation::Region::None:
        break;
    case Simulation::Region::Complete:
        outcome.region = "complete";
        break;
    case Simulation::Region::NeverBegan:
        outcome.region = "never_began";
        outcome.text += "; what was to be measured never began: the figures are of all of it";
        break;
    case Simulation::Region::NeverEnded:
        outcome.region = "never_ended";
        outcome.text += "; run.end_at was never reached";
        break;
    }
}

} // namespace

KernelKill kernel_kill(os::KillReason reason) {
    if (reason == os::KillReason::BadAddress) return {"SIGSEGV", "simulated kernel: SIGSEGV"};
    if (reason == os::KillReason::BusError) return {"SIGBUS", "simulated kernel: SIGBUS"};
    return {"SIGKILL", "simulated kernel: OOM"};
}

std::string signal_name(int signal) {
    const char* const name = sigabbrev_np(signal);
    return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal);
}

int RunOutcome::exit_code() const {
    return status == RunStatus::Complete || status == RunStatus::InstructionLimit ||
                   status == RunStatus::RegionEnd
               ? 0
               : 1;
}

std::vector<results::SummaryValue> RunOutcome::summary() const {
    std::vector<results::SummaryValue> values;
    if (exit_status)
        values.push_back(results::summary_value("exit_status", static_cast<std::uint64_t>(*exit_status)));
    if (!died_of.empty()) {
        values.push_back(results::summary_value("died_of", died_of));
        values.push_back(results::summary_value("killed_by", killed_by));
    }
    if (!region.empty()) values.push_back(results::summary_value("region", region));
    return values;
}

RunOutcome outcome_of(const RunEnd& end) {
    RunOutcome outcome;
    switch (end.simulation) {
    case Simulation::End::Interrupted:
        outcome.status = RunStatus::Interrupted;
        outcome.text = "stopped by the user";
        break;
    case Simulation::End::InstructionLimit:
        outcome.status = RunStatus::InstructionLimit;
        outcome.text = "ran its number of instructions";
        break;
    case Simulation::End::RegionEnd:
        outcome.status = RunStatus::RegionEnd;
        outcome.text = "reached the end of its region";
        break;
    default:
        outcome.text = "ran to the program's end";
        if (!end.processes.empty()) tell_own_end(outcome, end.processes.front().end);
        break;
    }
    const bool to_the_end = end.simulation == Simulation::End::Finished;
    if (to_the_end && !end.missing.empty()) {
        outcome.status = RunStatus::Incomplete;
        outcome.text = end.missing;
    }
    if (outcome.status != RunStatus::Interrupted) tell_kills(outcome, end.kills);
    tell_region(outcome, end.region);
    if (!end.is_measuring && outcome.region != "never_began")
        outcome.text += "; still in its warm-up, which the figures are of";
    return outcome;
}

RunOutcome outcome_of(const RunEnd& end, std::span<const ProgramOutcome> programs) {
    RunOutcome all = outcome_of(end);
    for (const auto& [number, outcome] : programs) {
        const bool ended_badly = outcome.exit_code() != 0 && outcome.status != RunStatus::Interrupted;
        if (!ended_badly && outcome.exit_status.value_or(0) == 0) continue;
        all.text += "; program " + std::to_string(number) + ": " + outcome.text;
        if (!ended_badly || all.exit_code() != 0) continue;
        all.status = outcome.status;
        all.died_of = outcome.died_of;
        all.killed_by = outcome.killed_by;
    }
    return all;
}

} // namespace pagewalk::app
