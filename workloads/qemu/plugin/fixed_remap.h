#pragma once

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace pagewalk::workloads {

/// mremap to a given place as Linux 6.1 does it, where the host's kernel is newer: 6.1 moves no range of
/// several areas, and finds that out after it has unmapped the target and what the range shrinks by. Of the
/// calling process, whose addresses are the program's.
class FixedRemap {
public:
    using Arguments = std::array<std::uint64_t, 6>;

    /// Before the call is made.
    void begin(std::uint64_t number, const Arguments& arguments) {
        m_area_end = 0;
        if (number != SYS_mremap || (arguments[3] & MREMAP_FIXED) == 0) return;
        m_arguments = arguments;
        m_area_end = area_end(arguments[0]);
    }

    /// After it: does what the host has not done, takes back what 6.1 does not do. Returns 6.1's result.
    [[nodiscard]] std::int64_t end(std::int64_t result) {
        if (m_area_end == 0) return result;
        const std::uint64_t from = m_arguments[0], to = m_arguments[4];
        const std::uint64_t bytes = whole_pages(m_arguments[1]), new_bytes = whole_pages(m_arguments[2]);
        const bool one_area = from + (bytes < new_bytes ? bytes : new_bytes) <= m_area_end;
        if (result >= 0 && !one_area) {
            (void)::syscall(SYS_mremap, to, new_bytes, new_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, from);
            return -EFAULT;
        }
        if (result != -EFAULT) return result;
        (void)::syscall(SYS_munmap, to, new_bytes);
        if (bytes > new_bytes) (void)::syscall(SYS_munmap, from + new_bytes, bytes - new_bytes);
        return result;
    }

private:
    static std::uint64_t whole_pages(std::uint64_t bytes) { return (bytes + 4095) & ~std::uint64_t{4095}; }

    /// Where the area around the address ends; 0: there is none.
    static std::uint64_t area_end(std::uint64_t address) {
        std::FILE* const maps = std::fopen("/proc/self/maps", "re");
        if (maps == nullptr) return 0;
        std::uint64_t found = 0;
        unsigned long first = 0, last = 0;
        while (found == 0 && std::fscanf(maps, "%lx-%lx%*[^\n]", &first, &last) == 2)
            if (first <= address && address < last) found = last;
        std::fclose(maps);
        return found;
    }

    Arguments m_arguments{};
    std::uint64_t m_area_end = 0; ///< 0: nothing to put right
};

} // namespace pagewalk::workloads
