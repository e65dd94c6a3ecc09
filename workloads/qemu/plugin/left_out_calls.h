#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <sys/syscall.h>
#include <unistd.h>

namespace pagewalk::workloads {

/// System calls that QEMU 7.2 leaves out or ends early and that the plugin makes in its place: to the
/// supervisor, or to the host's kernel where there is none. The result goes into the program's RAX.
class LeftOutCalls {
public:
    /// Has QEMU made nothing of the call, given the result that it has? It says so with ENOSYS of policies,
    /// but not of madvise: advice that it does not know is good advice. mremap of old length 0, which maps
    /// shared memory a second time, is ENOMEM. A buffer of which a part is not mapped is EFAULT before
    /// anything is done, where Linux moves what the rest holds.
    [[nodiscard]] static bool contains(std::uint64_t number, const std::array<std::uint64_t, 6>& arguments,
                                       std::int64_t result) {
        if (number == SYS_madvise) return result == 0 && !is_needless(arguments[2]);
        if (number == SYS_mremap) return arguments[1] == 0 && result == -ENOMEM;
        if (result == -ENOSYS)
            return number == SYS_set_mempolicy || number == SYS_get_mempolicy || number == SYS_mbind ||
                   number == SYS_migrate_pages || number == SYS_move_pages;
        return result == -EFAULT &&
               (number == SYS_read || number == SYS_write || number == SYS_pread64 || number == SYS_pwrite64);
    }
    [[nodiscard]] static std::int64_t make(std::uint64_t number, std::array<std::uint64_t, 6> a) {
        if (number == SYS_madvise && a[2] == page_out)
            a[2] = cold; // answered alike, and the host keeps its pages
        const long result = ::syscall(static_cast<long>(number), a[0], a[1], a[2], a[3], a[4], a[5]);
        return result < 0 ? -errno : result;
    }

private:
    static constexpr std::uint64_t cold = 20, page_out = 21; // linux/mman.h

    /// Advice whose answer nothing depends on, or that QEMU passes on with its answer. All other tells
    /// whether memory can be accessed, shapes areas, or fails where areas are locked or missing; of what QEMU
    /// has done already (MADV_DONTNEED of its whole ranges) nothing is left to be done.
    [[nodiscard]] static bool is_needless(std::uint64_t advice) {
        constexpr std::array<std::uint64_t, 7> advices{12, 13, 18, 19, 25, 100, 101}; // linux/mman.h
        return std::find(advices.begin(), advices.end(), advice) != advices.end();
    }
};

/// A thread's RAX after a system call. QEMU's plugin interface of 7.2 has no registers, but code that it
/// makes for x86-64 hosts keeps CPUX86State in rbp, and RAX comes first in that: whether it does is looked at
/// whenever a call has returned a number that nothing else is likely to be.
class ReturnRegister {
public:
    /// The program will be told `result`; `instead`, where it is not what QEMU will tell.
    void expect(std::int64_t result, std::optional<std::int64_t> instead) {
        m_result = result;
        m_instead = instead;
    }
    /// The block after a system call begins. Returns whether `rax` is known to be RAX.
    bool arrive(std::uint64_t& rax) {
        const bool same = rax == static_cast<std::uint64_t>(m_result);
        if (same && m_instead) rax = static_cast<std::uint64_t>(*m_instead);
        const bool telling = same && (m_result > 4096 || m_result < -1); // an address, or an error
        m_instead.reset();
        m_result = 0;
        return telling;
    }

private:
    std::int64_t m_result = 0;
    std::optional<std::int64_t> m_instead;
};

} // namespace pagewalk::workloads
