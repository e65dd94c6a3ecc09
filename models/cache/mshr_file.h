#pragma once

#include "models/cache/four_times.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace pagewalk::models {

/// Miss-status holding registers: how many misses a cache can have under way. Times are in whatever unit the
/// cache uses, below 2^63. A register is taken from when the miss is known until its line arrives.
///
/// Approximation: each register remembers its last use only. A miss whose time lies before that use began
/// finds the register free.
class MshrFile {
public:
    explicit MshrFile(std::size_t count)
        : m_count(count), m_starts((count + block - 1) / block * block), m_releases(m_starts.size(), never) {
        std::fill_n(m_releases.begin(), count, 0);
    }

    struct Grant {
        std::size_t index = 0;
        std::uint64_t start = 0; ///< when the miss gets its register; not before the time asked for
    };

    /// A register for a miss known at `time`. The caller must call hold() with the same grant.
    [[nodiscard]] Grant acquire(std::uint64_t time) {
        // Registers are handed out in turn, so the next one was taken longest ago: it is the likeliest to be
        // free.
        const std::size_t next = m_next;
        if (m_releases[next] <= static_cast<std::int64_t>(time)) {
            m_next = next + 1 == m_count ? 0 : next + 1;
            return {next, time};
        }
        const std::size_t index = first_free(time);
        return index != none ? Grant{index, time} : first_release();
    }

    [[nodiscard]] bool has_free(std::uint64_t time) const { return first_free(time) != none; }
    /// As acquire(), but nothing when all are taken: a prefetch does not wait.
    [[nodiscard]] std::optional<Grant> try_acquire(std::uint64_t time) {
        if (!has_free(time)) return std::nullopt;
        return acquire(time);
    }

    void hold(const Grant& grant, std::uint64_t release) {
        m_starts[grant.index] = static_cast<std::int64_t>(grant.start);
        m_releases[grant.index] = static_cast<std::int64_t>(release);
    }

private:
    static constexpr std::size_t block = 16; ///< registers looked at before anything is decided
    static constexpr std::size_t none = ~std::size_t{0};
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

    /// The first register that is free at `time`.
    [[nodiscard]] std::size_t first_free(std::uint64_t time) const {
        const auto now = static_cast<std::int64_t>(time);
        const auto taken = [&](std::size_t i) {
            return lanes_of((load_four(&m_releases[i]) > now) & (load_four(&m_starts[i]) <= now));
        };
        for (std::size_t i = 0; i < m_releases.size(); i += block) {
            const unsigned all = taken(i) | taken(i + 4) << 4 | taken(i + 8) << 8 | taken(i + 12) << 12;
            if (all != (1U << block) - 1) return i + static_cast<unsigned>(std::countr_one(all));
        }
        return none;
    }
    /// The register that comes free first, of several the one with the lowest index.
    [[nodiscard]] Grant first_release() const {
        const IndexedTime first = earliest_of(m_releases.data(), m_releases.size());
        return {first.index, static_cast<std::uint64_t>(first.time)};
    }

    std::size_t m_count;
    std::size_t m_next = 0;
    // By register, filled up to whole vectors with some that are never free.
    std::vector<std::int64_t> m_starts;
    std::vector<std::int64_t> m_releases;
};

} // namespace pagewalk::models
