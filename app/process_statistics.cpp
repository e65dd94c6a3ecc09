#include "app/process_statistics.h"

#include "app/run_outcome.h"
#include "contract/instruction_stream.h"
#include "os/task/program.h"

#include <algorithm>
#include <vector>

namespace pagewalk::app {

namespace {

using Accounts = std::deque<os::ProcessAccount>;

/// A process as the simulated kernel and as the program's own world know it; one of them may not.
struct Process {
    const os::ProcessAccount* account = nullptr;
    const ProcessRecord* record = nullptr;
    std::uint64_t parent = 0;
    const os::Program* program = nullptr; ///< where several run
};

/// The processes of one program, to be numbered from `first` on.
std::vector<Process> processes_of(const os::Program& program, const Accounts& accounts,
                                  std::span<const ProcessRecord> records, std::uint64_t first) {
    std::vector<const os::ProcessAccount*> left;
    for (const os::ProcessAccount& account : accounts)
        if (account.program == &program) left.push_back(&account);
    // A run that is cut leaves the program's own world further than its simulation came.
    const bool over = std::ranges::all_of(
        left, [](const auto* account) { return !account->has_run || account->has_ended(); });
    std::vector<Process> processes;
    for (const ProcessRecord& record : records) {
        // A pid may come again: the accounts are in the order of the records.
        const auto account =
            processes.empty()
                ? left.begin()
                : std::ranges::find(left, record.pid, [](const auto* known) { return known->known_as; });
        if (!over && (account == left.end() || !(*account)->has_run)) continue;
        Process& process = processes.emplace_back(nullptr, &record);
        if (account != left.end()) {
            process.account = *account;
            left.erase(account);
        }
        std::size_t parent = processes.size() - 1;
        while (parent > 0 && processes[parent - 1].record->pid != record.parent) --parent;
        process.parent = parent == 0 ? 0 : first + parent - 1;
    }
    for (const os::ProcessAccount* account : left) {
        if (!account->has_run) continue;
        const auto parent = std::ranges::find_if(processes, [&](const Process& process) {
            return process.account != nullptr && process.account->id == account->parent;
        });
        const auto place = static_cast<std::uint64_t>(parent - processes.begin());
        processes.push_back({account, nullptr, parent == processes.end() ? 0 : first + place});
    }
    return processes;
}

results::ProcessFacts facts_of(const Process& process, std::uint64_t number) {
    results::ProcessFacts facts{.number = number, .parent = process.parent};
    if (process.program != nullptr) {
        facts.program = index_of(process.program->number);
        facts.command = process.program->workload->description(); // of a trace that names no process
    }
    if (process.account != nullptr) facts.pid = static_cast<std::uint64_t>(process.account->id);
    if (process.record != nullptr) {
        const bool ended = process.account == nullptr || process.account->has_ended();
        const ProcessEnd end = ended ? process.record->end : ProcessEnd{};
        facts.command = process.record->command;
        if (end.kind == ProcessEnd::Kind::Exited) facts.exit_status = static_cast<std::uint64_t>(end.value);
        if (end.kind == ProcessEnd::Kind::Killed) {
            facts.died_of = signal_name(end.value);
            facts.killed_by = end.sender == ProcessEnd::Sender::Program ? "program" : "signal";
        }
    }
    if (process.account != nullptr && process.account->killed) {
        const KernelKill kill = kernel_kill(*process.account->killed);
        facts.exit_status.reset();
        facts.died_of = kill.died_of;
        facts.killed_by = kill.killed_by;
    }
    return facts;
}

class Builder {
public:
    Builder(const Accounts& accounts, const Accounts& start) : m_accounts(accounts), m_start(start) {
        add({&accounts.front(), nullptr});
        m_statistics.facts.back().command = "kernel";
    }

    void add(const Process& process) {
        const auto number = static_cast<std::uint64_t>(m_statistics.facts.size());
        m_statistics.facts.push_back(facts_of(process, number));
        const std::string path = "process/" + std::to_string(number);
        const auto place = process.account == nullptr
                               ? m_accounts.end()
                               : std::ranges::find_if(m_accounts, [&](const os::ProcessAccount& account) {
                                     return &account == process.account;
                                 });
        const auto index = static_cast<std::size_t>(place - m_accounts.begin());
        (index < m_accounts.size() ? m_accounts[index] : m_none).declare(m_statistics.registry.group(path));
        (index < m_start.size() ? m_start[index] : m_none).declare(m_at_start.group(path));
    }

    [[nodiscard]] std::uint64_t next_number() const {
        return static_cast<std::uint64_t>(m_statistics.facts.size());
    }

    results::ProcessStatistics take() {
        m_statistics.total = m_statistics.registry.snapshot();
        m_statistics.measured = m_statistics.registry.region(m_at_start.snapshot(), m_statistics.total);
        return std::move(m_statistics);
    }

private:
    const Accounts& m_accounts;
    const Accounts& m_start;
    const os::ProcessAccount m_none;
    StatRegistry m_at_start;
    results::ProcessStatistics m_statistics;
};

} // namespace

results::ProcessStatistics process_statistics(const Accounts& accounts, const Accounts& start,
                                              ProcessEnds ends) {
    Builder builder(accounts, start);
    std::vector<const os::Program*> programs{nullptr}; // done; the kernel is none
    for (const os::ProcessAccount& account : accounts) {
        if (std::ranges::find(programs, account.program) != programs.end()) continue;
        programs.push_back(account.program);
        std::vector<ProcessRecord> records;
        if (ends == ProcessEnds::Known) records = account.program->workload->processes();
        for (Process& process : processes_of(*account.program, accounts, records, builder.next_number())) {
            if (account.program->number != os::ProgramNumber{}) process.program = account.program;
            builder.add(process);
        }
    }
    return builder.take();
}

std::string process_table_text(std::span<const results::ProcessFacts> processes) {
    std::string text = "process\tparent\texit_status\tsignal\tcommand\n";
    for (const results::ProcessFacts& process : processes) {
        if (process.number == 0) continue;
        std::string command = process.command;
        std::ranges::replace_if(
            command, [](char c) { return c == '\t' || c == '\n'; }, ' ');
        text += std::to_string(process.number) + "\t" + std::to_string(process.parent) + "\t" +
                (process.exit_status ? std::to_string(*process.exit_status) : "") + "\t" + process.died_of +
                "\t" + command + "\n";
    }
    return text;
}

} // namespace pagewalk::app
