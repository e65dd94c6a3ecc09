#include "workloads/qemu/memory_policies.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <linux/mempolicy.h>
#include <span>
#include <vector>

namespace pagewalk::workloads {

namespace {

constexpr std::size_t word_bits = 64;
constexpr std::uint64_t most_bits = 4096 * 8; // Linux: a page

/// The nodes of a mask in the program's memory, or a negative errno. Linux's maxnode counts one bit too many.
std::int64_t read_nodes(const Tracee& tracee, std::uint64_t address, std::uint64_t bits,
                        std::uint64_t& nodes) {
    nodes = 0;
    if (address == 0 || bits <= 1) return 0;
    --bits;
    if (bits > most_bits) return -EINVAL;
    std::vector<std::uint64_t> words((bits + word_bits - 1) / word_bits);
    if (!tracee.get_bytes(address, std::as_writable_bytes(std::span(words)))) return -EFAULT;
    if (bits % word_bits != 0) words.back() &= (1ULL << bits % word_bits) - 1;
    if (std::any_of(words.begin() + 1, words.end(), [](std::uint64_t word) { return word != 0; }))
        return -EINVAL;
    nodes = words.front();
    return 0;
}

bool write_nodes(const Tracee& tracee, std::uint64_t address, std::uint64_t bits, std::uint64_t nodes) {
    std::vector<std::uint64_t> words((bits - 1 + word_bits - 1) / word_bits);
    if (words.empty()) return true;
    words.front() = nodes;
    return tracee.write(address,
                        {reinterpret_cast<const char*>(words.data()), words.size() * sizeof words[0]});
}

} // namespace

void MemoryPolicies::on_birth(pid_t creator, pid_t thread) {
    if (const auto known = m_threads.find(creator); known != m_threads.end())
        m_threads[thread] = known->second;
}

MemoryPolicies::Policy MemoryPolicies::of(pid_t thread) const {
    const auto known = m_threads.find(thread);
    return known == m_threads.end() ? Policy{} : known->second;
}

std::int64_t MemoryPolicies::set(const Tracee& tracee, pid_t thread, const user_regs_struct& call) {
    std::uint64_t nodes = 0;
    if (const std::int64_t error = read_nodes(tracee, call.rsi, call.rdx, nodes); error != 0) return error;
    const auto mode = static_cast<int>(call.rdi) & ~MPOL_F_STATIC_NODES;
    switch (mode) {
    case MPOL_DEFAULT:
    case MPOL_LOCAL:
        if (nodes != 0) return -EINVAL;
        break;
    case MPOL_PREFERRED:
    case MPOL_PREFERRED_MANY:
    case MPOL_BIND:
    case MPOL_INTERLEAVE: {
        const bool empty_is_local = mode == MPOL_PREFERRED && nodes == 0;
        if ((nodes & all()) == 0 && !empty_is_local) return -EINVAL;
        break;
    }
    default: // MPOL_F_RELATIVE_NODES too
        return -EINVAL;
    }
    m_threads[thread] = {mode, nodes & all()};
    return 0;
}

std::uint32_t MemoryPolicies::node_of(const Policy& policy, std::uint64_t address, std::uint32_t own) const {
    if (policy.nodes == 0 || (policy.mode != MPOL_INTERLEAVE && (policy.nodes >> own & 1) != 0)) return own;
    std::uint64_t left = policy.nodes;
    if (policy.mode == MPOL_INTERLEAVE)
        for (auto turn = (address >> 12) % static_cast<unsigned>(std::popcount(left)); turn != 0; --turn)
            left &= left - 1;
    return static_cast<std::uint32_t>(std::countr_zero(left));
}

std::int64_t MemoryPolicies::get(const Tracee& tracee, pid_t thread, const user_regs_struct& call,
                                 std::uint32_t own) const {
    const std::uint64_t flags = call.r8;
    if ((flags & ~std::uint64_t{MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED}) != 0) return -EINVAL;
    if (call.rsi != 0 && call.rdx < m_nodes) return -EINVAL;
    Policy told = of(thread);
    auto value = static_cast<std::uint32_t>(told.mode);
    if ((flags & MPOL_F_MEMS_ALLOWED) != 0) {
        if ((flags & (MPOL_F_NODE | MPOL_F_ADDR)) != 0) return -EINVAL;
        value = 0;
        told.nodes = all();
    } else if ((flags & MPOL_F_ADDR) == 0 && call.r10 != 0) {
        return -EINVAL;
    } else if ((flags & MPOL_F_NODE) != 0) {
        if ((flags & MPOL_F_ADDR) == 0 && told.mode != MPOL_INTERLEAVE) return -EINVAL;
        value = node_of(told, call.r10, own);
    }
    if (call.rdi != 0 && !tracee.write(call.rdi, {reinterpret_cast<const char*>(&value), sizeof value}))
        return -EFAULT;
    if (call.rsi != 0 && !write_nodes(tracee, call.rsi, call.rdx, told.nodes)) return -EFAULT;
    return 0;
}

} // namespace pagewalk::workloads
