#include "app/run_outcome.h"

#include "results/summary_keys.h"

#include <algorithm>
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
    const bool memory = kills.front().reason == os::KillReason::OutOfMemory;
    outcome.status = RunStatus::ProgramDied;
    outcome.exit_status.reset();
    outcome.died_of = memory ? "SIGKILL" : "SIGSEGV";
    outcome.killed_by = memory ? "simulated kernel: OOM" : "simulated kernel: SIGSEGV";
    for (const os::KillRecord& kill : kills) outcome.text += "; the simulated kernel: " + os::to_string(kill);
}

} // namespace

std::string signal_name(int signal) {
    const char* const name = sigabbrev_np(signal);
    return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal);
}

int RunOutcome::exit_code() const {
    return status == RunStatus::Complete || status == RunStatus::InstructionLimit ? 0 : 1;
}

std::vector<results::SummaryValue> RunOutcome::summary() const {
    std::vector<results::SummaryValue> values;
    if (exit_status)
        values.push_back(results::summary_value("exit_status", static_cast<std::uint64_t>(*exit_status)));
    if (!died_of.empty()) {
        values.push_back(results::summary_value("died_of", died_of));
        values.push_back(results::summary_value("killed_by", killed_by));
    }
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
    if (!end.is_measuring) outcome.text += "; still in its warm-up, which the figures are of";
    return outcome;
}

std::string process_table_text(std::span<const ProcessRecord> processes) {
    std::string text = "process\tparent\texit_status\tsignal\tcommand\n";
    for (std::size_t i = 0; i < processes.size(); ++i) {
        const ProcessRecord& process = processes[i];
        std::size_t parent = i; // a pid may come again: the last one before is meant
        while (parent > 0 && processes[parent - 1].pid != process.parent) --parent;
        const bool exited = process.end.kind == ProcessEnd::Kind::Exited;
        const bool killed = process.end.kind == ProcessEnd::Kind::Killed;
        std::string command = process.command;
        std::ranges::replace_if(
            command, [](char c) { return c == '\t' || c == '\n'; }, ' ');
        text += std::to_string(i + 1) + "\t" + std::to_string(parent) + "\t" +
                (exited ? std::to_string(process.end.value) : "") + "\t" +
                (killed ? signal_name(process.end.value) : "") + "\t" + command + "\n";
    }
    return text;
}

} // namespace pagewalk::app
