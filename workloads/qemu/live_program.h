#pragma once

#include "contract/instruction_stream.h"
#include "workloads/qemu/guest_process.h"
#include "workloads/qemu/seen_machine.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pagewalk::workloads {

struct LiveOptions {
    std::vector<std::string> argv;         ///< the program, found by PATH like a shell's, and its arguments
    std::string qemu = "qemu-x86_64";      ///< QEMU 7.2 user mode with plugins; found by PATH
    std::string plugin;                    ///< empty: the one built with Pagewalk
    std::uint64_t ring_bytes = 2ULL << 20; ///< each thread's buffer: a power of two from 1 MiB to 1 GiB
    std::string working_directory;         ///< empty: ours
    std::optional<std::vector<std::string>> environment; ///< "NAME=value"; absent: ours
    std::string stdin_file, stdout_file, stderr_file;    ///< empty: ours
    HostCpus cpus = HostCpus::All;                       ///< that QEMU runs on
    std::optional<SeenMachine> machine;                  ///< absent, or where nobody is supervised: the host
    /// How long nothing may happen in the host's time, although no simulated thread can go on, before the run
    /// fails.
    std::chrono::milliseconds stall_limit{30'000};
};

/// An unmodified x86-64 Linux program, running in QEMU while its stream is read. It runs at most a buffer a
/// thread ahead of the reader. One thread of ours at a time may use it and its streams.
///
/// Order of system calls: enter_order and exit_order are drawn from one counter of the whole program,
/// children of fork included, so together they are 1, 2, 3, ... without a gap (exit and
/// exit_group draw no exit order). A number is drawn just before the emulator makes the call and just
/// after it returned; so a call whose effect another thread saw has an enter_order below that thread's
/// exit_order, and of two calls that did not overlap the earlier has the lower numbers. A layer that performs
/// calls in the order of their exit_order (enter_order where there is none) repeats a possible history.
/// Ordered are calls through which threads meet or which change an address space (plugin/ordered_calls.h);
/// all others have 0.
///
/// A call that may block (blocking_calls.h) is also delivered when it begins (StreamStatus::Entered). Changes
/// of an address space that threads share keep their place among the threads' accesses (space_order.h).
/// NotYet says nothing of simulated time: ready() tells when there is more. A system call that a signal
/// stopped before it did anything appears with the result -EINTR and then again. A thread's stream goes on in
/// what it executes: its execve returns 0, blocks of the new image follow, and image() is what that one found
/// in memory; the process's other threads end. Where the host does not let execve be followed, the stream
/// ends with it, and missing() says so. The fault or signal that cuts a block short shows as a smaller
/// instruction_count where missing memory accesses tell; instructions after the last access that was seen are
/// then not counted.
class LiveProgram final : public Workload {
public:
    /// Starts the program. Errors: InputError when it is not there or cannot be run, or QEMU or the plugin is
    /// missing; RunError when QEMU breaks.
    explicit LiveProgram(const LiveOptions& options);
    /// Kills the program and its traced children if they still run.
    ~LiveProgram() override;

    [[nodiscard]] std::string description() const override;
    /// The stack is whole, at its limit; the heap is an empty mapping at the break.
    [[nodiscard]] std::vector<InitialMapping> initial_mappings() const override;
    [[nodiscard]] bool has_run() const override { return true; }
    [[nodiscard]] InstructionStream& thread(ThreadIndex index) override;
    [[nodiscard]] InstructionStream* child(ThreadIndex parent, std::int64_t child) override;
    /// Precondition: child() is not null.
    [[nodiscard]] ThreadIndex index_of_child(ThreadIndex parent, std::int64_t child) override;
    /// As a shell gives it. Waits for the end when the first thread's stream has ended; 0 while it has not.
    [[nodiscard]] int exit_status() const override;
    /// Errors: RunError when nothing has happened for LiveOptions::stall_limit and no thread sleeps for a
    /// time or waits for input; the message names the threads and what they wait for.
    bool wait_for_news(std::uint64_t limit_us) override;
    /// Where nobody is supervised (LiveProgram::unsupervised), the program's first process only.
    [[nodiscard]] std::vector<ProcessRecord> processes() const override;
    [[nodiscard]] bool is_live() const override { return true; }
    [[nodiscard]] std::string missing() const override;
    [[nodiscard]] std::vector<InitialMapping> image(ThreadIndex index) const override;
    /// Why what execve starts is not followed on this host (it allows no ptrace or no seccomp); empty where
    /// it is.
    [[nodiscard]] const std::string& unsupervised() const;
    /// Threads seen so far, those of fork children included.
    [[nodiscard]] std::size_t thread_count();

private:
    struct State;
    std::unique_ptr<State> m_state;
};

} // namespace pagewalk::workloads
