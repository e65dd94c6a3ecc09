#pragma once

#include "os/file/page_cache.h"

#include <cstdint>

namespace pagewalk::os {

/// What a file's device allows, in pages.
struct ReadaheadLimits {
    std::uint64_t window = 32;   ///< largest window: read_ahead_kb
    std::uint64_t request = 320; ///< largest request of the device. Source: BLK_DEF_MAX_SECTORS, 1280 KiB
};

/// How an open file was read so far (file_ra_state). All that share the open file share it, mappings too.
struct ReadaheadState {
    static constexpr std::uint64_t nowhere = ~0ULL;

    std::uint64_t start = 0, size = 0; ///< current window, in pages
    std::uint64_t async_size = 0;      ///< when as many pages of it are left, the next one is read
    std::uint64_t previous = nowhere;  ///< position behind the last byte that was read
    std::uint64_t mapped_misses = 0;   ///< faults that found no page, less pages that were there
    unsigned window_factor = 1;        ///< windows may be so many times as large: POSIX_FADV_SEQUENTIAL
    bool random = false;               ///< POSIX_FADV_RANDOM: what is asked for, no more
};

/// Pages to be brought in, those that are not cached yet. The page `lookahead` before the end gets the mark
/// that starts the next window; 0: none does.
struct ReadaheadWindow {
    std::uint64_t start = 0, pages = 0, lookahead = 0;
};

/// Chooses what is read of a file beside what is asked for, as Linux 6.1 does. All indices are of pages.
class Readahead {
public:
    Readahead(ReadaheadState& state, const PageCache& cached, const ReadaheadLimits& limits)
        : m_state(state), m_cached(cached), m_limits(limits) {}

    /// read() found nothing at `index`, from where on it wants `asked` pages.
    [[nodiscard]] ReadaheadWindow on_miss(std::uint64_t index, std::uint64_t asked);
    /// `index` has the mark: what is to be read before it is asked for. Nothing where no window follows.
    [[nodiscard]] ReadaheadWindow on_mark(std::uint64_t index, std::uint64_t asked);

    /// How a mapping is used, as madvise was told.
    enum class MappedUse : std::uint8_t { Normal, Random, Sequential };
    /// A fault found nothing at `index`: usually pages around it.
    [[nodiscard]] ReadaheadWindow on_fault_miss(std::uint64_t index, MappedUse use);
    /// A fault met the mark.
    [[nodiscard]] ReadaheadWindow on_fault_mark(std::uint64_t index) {
        return on_mark(index, window_limit());
    }

    /// The largest window of this open file.
    [[nodiscard]] std::uint64_t window_limit() const { return m_limits.window * m_state.window_factor; }

private:
    [[nodiscard]] std::uint64_t limit_for(std::uint64_t asked) const;
    [[nodiscard]] bool continues_window(std::uint64_t index) const;
    [[nodiscard]] ReadaheadWindow first_window(std::uint64_t index, std::uint64_t asked);
    [[nodiscard]] ReadaheadWindow next_window(std::uint64_t limit);
    [[nodiscard]] ReadaheadWindow missed_window(std::uint64_t limit);
    [[nodiscard]] ReadaheadWindow current() const {
        return {m_state.start, m_state.size, m_state.async_size};
    }
    [[nodiscard]] std::uint64_t cached_before(std::uint64_t index, std::uint64_t most) const;
    [[nodiscard]] std::uint64_t next_miss(std::uint64_t index, std::uint64_t most) const;

    ReadaheadState& m_state;
    const PageCache& m_cached;
    ReadaheadLimits m_limits;
};

} // namespace pagewalk::os
