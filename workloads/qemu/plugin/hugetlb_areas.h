#pragma once

#include "workloads/qemu/plugin/lazy_pages.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pagewalk::workloads {

/// Memory that the program has mapped with MAP_HUGETLB, where the simulated kernel's pools have had it: the
/// host gives it small pages, whose start is aligned as huge ones are. Of the calling process, whose
/// addresses are the program's.
class HugetlbAreas {
public:
    using Arguments = std::array<std::uint64_t, 6>;

    /// The result of an mmap that the simulator has answered: where the memory is, or its error. `host`:
    /// what the host's kernel has said, which has pools of its own. `pages`: how many there are for a mapping
    /// without a reservation.
    [[nodiscard]] std::int64_t map(const Arguments& arguments, std::int64_t answer, std::int64_t host,
                                   std::int64_t pages = 0) {
        const std::uint64_t page = page_bytes(arguments[3]);
        const std::uint64_t bytes = (arguments[1] + page - 1) & ~(page - 1);
        // Without a reservation the host maps what its own pools need not have.
        if (host >= 0) (void)::syscall(SYS_munmap, host, bytes);
        if (answer < 0) return answer;
        const std::int64_t start = map_small(arguments, bytes, page, pages);
        if (start >= 0) {
            const auto from = static_cast<std::uint64_t>(start);
            subtract(from, from + bytes);
            m_areas.push_back({from, from + bytes, page});
        }
        return start;
    }

    /// Before a call is made: what Linux will not unmap, since it is a part of a huge page, is put aside.
    void begin(std::uint64_t number, const Arguments& arguments) {
        m_aside = 0;
        if (number != SYS_munmap || m_areas.empty()) return;
        m_start = arguments[0];
        m_bytes = (arguments[1] + small_page - 1) & ~(small_page - 1);
        if (!cuts(m_start, m_start + m_bytes)) return;
        const long aside =
            ::syscall(SYS_mmap, 0, m_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (aside >= 0) m_aside = static_cast<std::uint64_t>(aside);
        if (m_aside != 0) move(m_start, m_aside);
    }
    /// After it. Returns what Linux tells.
    [[nodiscard]] std::int64_t end(std::uint64_t number, const Arguments& arguments, std::int64_t result) {
        if (m_aside != 0) {
            move(m_aside, m_start);
            m_aside = 0;
            return -EINVAL;
        }
        if (number == SYS_munmap && result == 0) {
            subtract(arguments[0], arguments[0] + arguments[1]);
            m_lazy.unmap(arguments[0], arguments[0] + arguments[1]);
        }
        return result;
    }

private:
    static constexpr std::uint64_t small_page = 4096;
    static constexpr unsigned size_shift = 26; // MAP_HUGE_SHIFT

    struct Area {
        std::uint64_t start, end, page;
    };

    static std::uint64_t page_bytes(std::uint64_t flags) {
        constexpr std::uint64_t usual = 21;
        const std::uint64_t log2 = flags >> size_shift & 0x3f;
        return 1ULL << (log2 == 0 ? usual : log2);
    }
    /// 0, or a negative errno, or where it is.
    std::int64_t map_small(const Arguments& arguments, std::uint64_t bytes, std::uint64_t page,
                           std::int64_t pages) {
        constexpr std::uint64_t own = MAP_HUGETLB | 0x3fULL << size_shift | MAP_FIXED | MAP_FIXED_NOREPLACE;
        const bool fixed = (arguments[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
        std::uint64_t start = arguments[0];
        if (!fixed) {
            const long room = ::syscall(SYS_mmap, 0, bytes + page, PROT_NONE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            if (room < 0) return -errno;
            const auto from = static_cast<std::uint64_t>(room);
            start = (from + page - 1) & ~(page - 1);
            if (start != from) (void)::syscall(SYS_munmap, from, start - from);
            if (start != from + page) (void)::syscall(SYS_munmap, start + bytes, from + page - start);
        }
        const std::uint64_t place =
            (arguments[3] & MAP_FIXED_NOREPLACE) != 0 ? MAP_FIXED_NOREPLACE : std::uint64_t{MAP_FIXED};
        const bool is_lazy = (arguments[3] & (MAP_NORESERVE | MAP_SHARED)) == MAP_NORESERVE;
        if (is_lazy && place == MAP_FIXED)
            return m_lazy.map(start, bytes, page, static_cast<int>(arguments[2]), pages);
        const long result = ::syscall(SYS_mmap, start, bytes, arguments[2],
                                      (arguments[3] & ~own) | place | MAP_NORESERVE, -1, 0);
        return result < 0 ? -errno : result;
    }
    void move(std::uint64_t from, std::uint64_t to) const {
        (void)::syscall(SYS_mremap, from, m_bytes, m_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    }
    [[nodiscard]] bool cuts(std::uint64_t start, std::uint64_t end) const {
        return std::any_of(m_areas.begin(), m_areas.end(), [&](const Area& area) {
            const auto cut = [&](std::uint64_t at) {
                return area.start < at && at < area.end && at % area.page != 0;
            };
            return cut(start) || cut(end);
        });
    }
    void subtract(std::uint64_t start, std::uint64_t end) {
        std::vector<Area> left;
        for (const Area& area : m_areas) {
            if (area.start < start) left.push_back({area.start, std::min(area.end, start), area.page});
            if (area.end > end) left.push_back({std::max(area.start, end), area.end, area.page});
        }
        m_areas = std::move(left);
    }

    std::vector<Area> m_areas;
    LazyPages m_lazy;
    std::uint64_t m_start = 0, m_bytes = 0;
    std::uint64_t m_aside = 0; ///< 0: nothing is
};

} // namespace pagewalk::workloads
