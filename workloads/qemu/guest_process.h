#pragma once

#include "contract/process_record.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace pagewalk::workloads {

/// Of the host's CPUs, those that a process and what it starts may use. One: they take turns, each until it
/// waits, as far as the host allows it.
enum class HostCpus : std::uint8_t { All, One };

/// How to start a process. Files are opened in its working directory; an empty name inherits ours.
struct ProcessSetup {
    std::string path;
    std::vector<std::string> argv;
    std::optional<std::vector<std::string>> environment; ///< "NAME=value"; absent: ours
    std::string working_directory;
    std::string stdin_file, stdout_file, stderr_file;
    int stderr_descriptor = -1; ///< instead of stderr_file
    std::vector<int> inherited; ///< descriptors that survive into the program
    HostCpus cpus = HostCpus::All;
};

class Supervisor;

/// A child process, killed by the kernel when we die and by the destructor when we are done with it. A thread
/// of its own starts and awaits it: the kernel ties a child's life to the thread that forked it.
class GuestProcess {
public:
    /// With a supervisor, which must outlive it, all that descends from the process is killed with it;
    /// without one, the process alone. Errors: InputError for a file or directory that cannot be opened,
    /// RunError otherwise.
    explicit GuestProcess(const ProcessSetup& setup, Supervisor* supervisor = nullptr);
    ~GuestProcess();
    GuestProcess(const GuestProcess&) = delete;
    GuestProcess& operator=(const GuestProcess&) = delete;

    [[nodiscard]] pid_t pid() const;
    /// The exit status as a shell gives it (128 + signal number), once the process has ended.
    [[nodiscard]] std::optional<int> status() const;
    /// How it ended; the signal's sender is not known.
    [[nodiscard]] ProcessEnd end() const;
    int wait() const;

private:
    struct Shared;
    std::unique_ptr<Shared> m_shared;
};

} // namespace pagewalk::workloads
