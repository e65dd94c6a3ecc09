#pragma once

#include "contract/instruction_stream.h"
#include "workloads/qemu/exec_call.h"
#include "workloads/qemu/guest_executable.h"
#include "workloads/qemu/machine_calls.h"
#include "workloads/qemu/memory_file.h"
#include "workloads/qemu/process_table.h"
#include "workloads/qemu/shared_segment.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

struct sock_filter;

namespace pagewalk::workloads {

struct SupervisorSetup {
    std::string emulator;               ///< QEMU, as an absolute path
    std::string plugin;                 ///< its path as QEMU's option parser wants it
    SegmentView segment;                ///< must outlive the supervisor
    int segment_descriptor = -1;        ///< ours; new images open it by name
    std::string program, command;       ///< the first image: its file, and its words
    std::optional<SeenMachine> machine; ///< absent: the host
};

/// Stands between QEMU and the host: what a process of the program executes is replaced by QEMU with the
/// plugin in front of it, and every process is known from its birth to its end. Only execve stops (a seccomp
/// filter, with ptrace behind it), and, where the program sees the simulated machine, calls that look up a
/// file or tell of the machine; the program's other calls cost nothing.
///
/// An image is started twice. The first QEMU loads it, leaves its page log and host map and executes itself
/// again, in the same process, with the same environment and descriptors: so the map is that of the second,
/// and the second, which runs, keeps no log. The second's plugin goes on with the ring of the thread that
/// made the call, so the thread's stream is whole: the execve returns 0 and blocks of the new image follow.
///
/// A thread of its own must attach() and run(): the kernel ties those who are traced to the thread that
/// traces them, and kills them when it ends (PTRACE_O_EXITKILL), however Pagewalk ends. The other functions
/// may be called from any thread.
class Supervisor {
public:
    /// Errors: RunError.
    explicit Supervisor(SupervisorSetup setup);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    /// Why this host lets nobody be supervised (ptrace or seccomp forbidden, as in some containers); empty
    /// where it does. Tries with a child of its own.
    [[nodiscard]] static std::string refusal();

    [[nodiscard]] const std::vector<sock_filter>& filter() const { return m_filter; }

    struct Events {
        std::function<void()> executed;        ///< the first process has become QEMU
        std::function<void(int status)> ended; ///< it is about to be reaped; `status` is waitpid's
    };
    /// Takes over a child that this thread has forked and that waits to install the filter. False, with
    /// errno, when the kernel refuses.
    [[nodiscard]] bool attach(pid_t child);
    /// Serves the child and all that descend from it until none is left.
    void run(const Events& events);

    /// Kills everything that is left; run() returns soon after.
    void kill_all();

    /// Ends that kill_all() brought about are left out.
    [[nodiscard]] std::vector<ProcessRecord> processes() const;
    /// What execve set up when this thread executed for the `number`-th time, counted from 0. Empty when QEMU
    /// could not load it.
    [[nodiscard]] std::vector<InitialMapping> image(std::uint64_t thread, std::size_t number) const;

private:
    /// An image on its way into a process.
    struct Image {
        explicit Image(OpenedBy who) : log("pagewalk-log", who), maps("pagewalk-maps", who) {}
        MemoryFile log, maps;     ///< written by the process that executes it
        std::uint64_t thread = 0; ///< that executes it
        std::string program, command;
        std::uint64_t arguments[3] = {}; ///< registers of the call, for its failure
        bool loading = false;            ///< the execve has taken place
    };

    void on_stop(pid_t tid, int status, const Events& events);
    void on_event(pid_t tid, int event, int signal, const Events& events);
    void on_birth(pid_t tid);
    void on_executed(pid_t tid, const Events& events);
    void on_filtered_call(pid_t tid);
    void on_machine_call(pid_t tid, const Tracee& tracee, const user_regs_struct& call);
    void on_end_of_call(pid_t tid);
    static void stretch_timer(const Tracee& tracee, std::uint64_t setting);
    void on_exec_call(pid_t tid, const Tracee& tracee);
    void on_failed_exec(pid_t tid);
    void on_signal(pid_t tid, int signal);
    [[nodiscard]] int replace(pid_t tid, const Tracee& tracee, const ExecCall& call);
    [[nodiscard]] int start_image(pid_t tid, const Tracee& tracee, const ExecCall& call,
                                  const GuestExecutable& program);
    void finish_loading(pid_t pid);
    /// Where the thread writes.
    [[nodiscard]] std::optional<std::uint32_t> ring_of(pid_t tid) const;

    SupervisorSetup m_setup;
    std::vector<sock_filter> m_filter;
    mutable std::mutex m_mutex; ///< guards all below
    bool m_closing = false;
    pid_t m_first = 0;
    bool m_started = false; ///< the first process runs QEMU
    ProcessTable m_table;
    std::optional<MachineCalls> m_machine;
    struct Redirection {
        unsigned long long user_regs_struct::*name = nullptr; ///< the register that has the file name
        std::uint64_t address = 0;                            ///< the program's own name
    };
    std::map<pid_t, Redirection> m_redirected; ///< threads in a call with another name than the program's
    std::map<pid_t, std::unique_ptr<Image>> m_coming;                           ///< by process
    std::map<std::uint64_t, std::vector<std::vector<InitialMapping>>> m_images; ///< by thread
};

} // namespace pagewalk::workloads
