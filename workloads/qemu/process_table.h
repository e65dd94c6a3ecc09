#pragma once

#include "contract/process_record.h"

#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace pagewalk::workloads {

/// The processes and threads of a program as its supervisor sees them come and go.
class ProcessTable {
public:
    struct Process {
        std::size_t record = 0;
        std::string program;          ///< what /proc/self/exe means to it
        std::map<int, pid_t> senders; ///< of the last signal of each number that a process sent
    };

    /// A process begins, with its first thread. It runs its parent's program until it executes another.
    void add_process(pid_t pid, pid_t parent);
    void add_thread(pid_t tid, pid_t pid);
    /// A thread that nobody announced is added by what /proc says of it.
    [[nodiscard]] pid_t process_of(pid_t tid);
    [[nodiscard]] bool knows_thread(pid_t tid) const { return m_threads.contains(tid); }
    /// Precondition: alive.
    [[nodiscard]] Process& at(pid_t pid) { return m_processes.at(pid); }
    [[nodiscard]] const std::map<pid_t, Process>& alive() const { return m_processes; }

    void set_command(pid_t pid, std::string command);
    /// A process is about to send SIGKILL, for which its target does not stop; `target` as kill() takes it.
    void note_kill(pid_t sender, pid_t target);
    /// `pid` has executed: its other threads are gone.
    void drop_other_threads(pid_t pid);
    /// A thread has ended, with its process where it is the first; `status` is waitpid's.
    void end_thread(pid_t tid, int status);

    /// All there ever were, in the order in which they began.
    [[nodiscard]] const std::vector<ProcessRecord>& records() const { return m_records; }

private:
    [[nodiscard]] ProcessEnd end_of(const Process& process, int status) const;
    [[nodiscard]] bool was_ours(pid_t pid) const;

    std::map<pid_t, pid_t> m_threads; ///< alive: their process
    std::map<pid_t, Process> m_processes;
    std::vector<ProcessRecord> m_records;
};

} // namespace pagewalk::workloads
