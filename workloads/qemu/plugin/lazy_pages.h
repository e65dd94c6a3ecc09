#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <sys/mman.h>
#include <unistd.h>

namespace pagewalk::workloads {

/// Huge pages that a program has mapped without a reservation: the first access to each takes a page while
/// the simulated kernel's pool has some, and meets SIGBUS afterwards. On the host they are of a file without
/// contents, whose accesses raise SIGBUS; the handler puts memory in their place. How many there are is told
/// when they are mapped: what others take or give back since is not known.
class LazyPages {
public:
    /// Maps [start, start + bytes), which the caller may use. Returns start, or a negative errno.
    [[nodiscard]] std::int64_t map(std::uint64_t start, std::uint64_t bytes, std::uint64_t page,
                                   int protection, std::int64_t pages) {
        const auto place =
            std::find_if(m_ranges.begin(), m_ranges.end(), [](const Range& range) { return range.end == 0; });
        const int file = place != m_ranges.end() ? memfd_create("hugetlb", MFD_CLOEXEC) : -1;
        if (file < 0) return -ENOMEM;
        void* const mapped =
            mmap(reinterpret_cast<void*>(start), bytes, protection, MAP_PRIVATE | MAP_FIXED, file, 0);
        const int error = errno;
        close(file);
        if (mapped == MAP_FAILED) return -error;
        *place = {start, start + bytes, page, protection, pages};
        catch_faults();
        return static_cast<std::int64_t>(start);
    }
    void unmap(std::uint64_t start, std::uint64_t end) {
        for (Range& range : m_ranges)
            if (start <= range.start && range.end <= end) range = {};
    }

private:
    struct Range {
        std::uint64_t start = 0, end = 0; ///< end 0: unused
        std::uint64_t page = 0;           ///< bytes
        int protection = 0;
        std::int64_t left = 0; ///< pages to be had
    };

    void catch_faults() {
        if (instance != nullptr) return;
        instance = this;
        struct sigaction action {};
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO;
        sigfillset(&action.sa_mask); // as the emulator has it
        sigaction(SIGBUS, &action, &m_emulators);
    }
    static void on_fault(int signal, siginfo_t* info, void* context) {
        if (!instance->fill(reinterpret_cast<std::uint64_t>(info->si_addr)))
            instance->m_emulators.sa_sigaction(signal, info, context);
    }
    /// Is there memory at the address from now on? Async-signal-safe.
    bool fill(std::uint64_t address) {
        while (m_busy.test_and_set(std::memory_order_acquire)) {
        }
        const bool filled = fill_alone(address);
        m_busy.clear(std::memory_order_release);
        return filled;
    }
    bool fill_alone(std::uint64_t address) {
        const auto range = std::find_if(m_ranges.begin(), m_ranges.end(), [&](const Range& each) {
            return each.start <= address && address < each.end;
        });
        if (range == m_ranges.end()) return false;
        const std::uint64_t start = address & ~(range->page - 1);
        const auto end = m_filled.begin() + static_cast<std::ptrdiff_t>(m_count);
        if (std::find(m_filled.begin(), end, start) != end) return true; // by another thread
        if (range->left <= 0 || m_count == m_filled.size()) return false;
        void* const got = mmap(reinterpret_cast<void*>(start), range->page, range->protection,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
        if (got == MAP_FAILED) return false;
        --range->left;
        m_filled[m_count++] = start;
        return true;
    }

    static inline LazyPages* instance = nullptr; ///< of the process
    static constexpr std::size_t most_ranges = 64, most_pages = 4096;
    std::array<Range, most_ranges> m_ranges{};
    std::array<std::uint64_t, most_pages> m_filled{};
    std::size_t m_count = 0;
    std::atomic_flag m_busy;
    struct sigaction m_emulators {};
};

} // namespace pagewalk::workloads
