#pragma once

#include "base/time.h"

#include <chrono>
#include <cstdint>

namespace pagewalk::app {

/// One line on a terminal that tells how far a run is; nothing in a pipe.
class Progress {
public:
    /// `expected`: instructions of the whole run, 0 where unknown.
    explicit Progress(std::uint64_t expected);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Draws at most ten times a second.
    void update(std::uint64_t instructions, Tick simulated);
    void clear();

private:
    using Clock = std::chrono::steady_clock;
    std::uint64_t m_expected;
    bool m_terminal;
    bool m_drawn = false;
    Clock::time_point m_start = Clock::now();
    Clock::time_point m_next = m_start;
};

} // namespace pagewalk::app
