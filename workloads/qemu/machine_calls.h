#pragma once

#include "contract/kernel_path.h"
#include "workloads/qemu/memory_policies.h"
#include "workloads/qemu/seen_machine.h"
#include "workloads/qemu/tracee.h"

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace pagewalk::workloads {

/// What system calls tell of the machine: its CPUs, where a thread may run and where its memory comes
/// from, and the files of /proc and /sys that describe them. Answers for the simulated machine what the host
/// would answer for itself.
class MachineCalls {
public:
    explicit MachineCalls(SeenMachine machine);

    /// A thread begins with its creator's affinity.
    void on_birth(pid_t creator, pid_t thread);
    void on_end(pid_t thread) {
        m_threads.erase(thread);
        m_policies.on_end(thread);
    }

    /// The file that the program means where it names `path`; empty: the host's of that name.
    /// Of the calling process, `pid`, the file is there once the simulator has written it.
    [[nodiscard]] std::string stand_in(std::string_view path, pid_t pid) const;

    /// Is it one that answer() serves?
    [[nodiscard]] static bool answers(std::uint64_t number);
    /// Performs the stopped call of `thread`. Gives its result, or a negative errno.
    [[nodiscard]] std::int64_t answer(const Tracee& tracee, pid_t thread, const user_regs_struct& call);

    /// sched_setaffinity with `mask` for `thread`: 0, or -EINVAL where the machine has none of these CPUs.
    [[nodiscard]] std::int64_t set_affinity(pid_t thread, const CpuMask& mask);
    [[nodiscard]] CpuMask affinity(pid_t thread) const;
    /// Threads take the CPUs that they may use in turn. Where the thread is in simulated time is not known
    /// when the program asks: it runs ahead.
    [[nodiscard]] std::uint32_t cpu_of(pid_t thread) const;

private:
    struct Thread {
        CpuMask affinity;
        std::size_t number = 0; ///< in the order of their births
    };

    [[nodiscard]] std::int64_t get_affinity(const Tracee& tracee, pid_t thread, std::uint64_t bytes,
                                            std::uint64_t target) const;
    [[nodiscard]] std::int64_t set_affinity(const Tracee& tracee, pid_t thread, std::uint64_t bytes,
                                            std::uint64_t source);
    [[nodiscard]] std::int64_t get_cpu(const Tracee& tracee, pid_t thread,
                                       const user_regs_struct& call) const;
    [[nodiscard]] std::int64_t system_information(const Tracee& tracee, std::uint64_t target) const;

    SeenMachine m_machine;
    CpuMask m_cpus;
    std::map<pid_t, Thread> m_threads; ///< those that have a creator
    std::size_t m_births = 0;
    MemoryPolicies m_policies;
};

/// The register, by its place among the arguments, in which the call has a file name that may be redirected;
/// -1: none.
[[nodiscard]] int redirected_argument(std::uint64_t number);

} // namespace pagewalk::workloads
