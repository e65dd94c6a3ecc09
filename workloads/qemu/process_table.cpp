#include "workloads/qemu/process_table.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

namespace pagewalk::workloads {

namespace {

/// A number of /proc/<tid>/status; 0 when there is no such thread or line.
pid_t status_number(pid_t tid, const std::string& name) {
    std::ifstream status("/proc/" + std::to_string(tid) + "/status");
    for (std::string word; status >> word;) {
        pid_t number = 0;
        if (word == name + ":" && status >> number) return number;
        status.ignore(4096, '\n');
    }
    return 0;
}

} // namespace

void ProcessTable::add_process(pid_t pid, pid_t parent) {
    if (m_processes.contains(pid)) return;
    ProcessRecord record{.pid = pid, .parent = parent, .command = {}, .end = {}};
    Process process{.record = m_records.size(), .program = {}, .senders = {}};
    if (const auto made_by = m_processes.find(parent); made_by != m_processes.end()) {
        process.program = made_by->second.program;
        record.command = m_records[made_by->second.record].command;
    }
    m_processes.emplace(pid, std::move(process));
    m_records.push_back(std::move(record));
    m_threads[pid] = pid;
}

void ProcessTable::add_thread(pid_t tid, pid_t pid) { m_threads[tid] = pid; }

pid_t ProcessTable::process_of(pid_t tid) {
    if (const auto known = m_threads.find(tid); known != m_threads.end()) return known->second;
    const pid_t pid = status_number(tid, "Tgid");
    if (pid == 0 || pid == tid) {
        add_process(tid, status_number(tid, "PPid"));
        return tid;
    }
    add_thread(tid, pid);
    return pid;
}

void ProcessTable::set_command(pid_t pid, std::string command) {
    m_records[at(pid).record].command = std::move(command);
}

void ProcessTable::note_kill(pid_t sender, pid_t target) {
    const auto thread = m_threads.find(target);
    const pid_t group = target == 0 ? getpgid(sender) : -target;
    for (auto& [pid, process] : m_processes) {
        const bool meant = target > 0     ? thread != m_threads.end() && thread->second == pid
                           : target == -1 ? pid != sender
                                          : getpgid(pid) == group;
        if (meant) process.senders[SIGKILL] = sender;
    }
}

void ProcessTable::drop_other_threads(pid_t pid) {
    std::erase_if(m_threads, [&](const auto& thread) { return thread.second == pid && thread.first != pid; });
    m_threads[pid] = pid;
}

void ProcessTable::end_thread(pid_t tid, int status) {
    const pid_t pid = process_of(tid);
    m_threads.erase(tid);
    if (pid != tid) return;
    const Process& process = at(pid);
    m_records[process.record].end = end_of(process, status);
    drop_other_threads(pid);
    m_threads.erase(pid);
    m_processes.erase(pid);
}

ProcessEnd ProcessTable::end_of(const Process& process, int status) const {
    if (!WIFSIGNALED(status)) return {.kind = ProcessEnd::Kind::Exited, .value = WEXITSTATUS(status)};
    const int signal = WTERMSIG(status);
    // QEMU sends itself the signal of a fault.
    const auto sender = process.senders.find(signal);
    const bool own = sender != process.senders.end() && was_ours(sender->second);
    return {.kind = ProcessEnd::Kind::Killed,
            .sender = own ? ProcessEnd::Sender::Program : ProcessEnd::Sender::Outside,
            .value = signal};
}

bool ProcessTable::was_ours(pid_t pid) const {
    return std::ranges::any_of(m_records, [&](const ProcessRecord& record) { return record.pid == pid; });
}

} // namespace pagewalk::workloads
