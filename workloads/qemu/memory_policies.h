#pragma once

#include "workloads/qemu/tracee.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <sys/types.h>

namespace pagewalk::workloads {

/// The NUMA policies that threads of a live program have set: set_mempolicy and get_mempolicy as Linux 6.1
/// answers them on the simulated machine. Source: Documentation/admin-guide/mm/numa_memory_policy.rst.
class MemoryPolicies {
public:
    explicit MemoryPolicies(std::size_t nodes) : m_nodes(nodes) {}

    /// A thread begins with its creator's policy.
    void on_birth(pid_t creator, pid_t thread);
    void on_end(pid_t thread) { m_threads.erase(thread); }

    /// set_mempolicy(mode, mask, bits). The result, or a negative errno.
    [[nodiscard]] std::int64_t set(const Tracee& tracee, pid_t thread, const user_regs_struct& call);
    /// get_mempolicy(mode, mask, bits, address, flags). Of a page it tells the node where the thread's policy
    /// puts it; `own` is the node of the thread's CPU.
    [[nodiscard]] std::int64_t get(const Tracee& tracee, pid_t thread, const user_regs_struct& call,
                                   std::uint32_t own) const;

    struct Policy {
        int mode = 0;
        std::uint64_t nodes = 0; ///< a bit each
    };
    [[nodiscard]] Policy of(pid_t thread) const;

private:
    [[nodiscard]] std::uint64_t all() const { return m_nodes < 64 ? (1ULL << m_nodes) - 1 : ~0ULL; }
    [[nodiscard]] std::uint32_t node_of(const Policy& policy, std::uint64_t address, std::uint32_t own) const;

    std::size_t m_nodes;
    std::map<pid_t, Policy> m_threads; ///< those that have one
};

} // namespace pagewalk::workloads
