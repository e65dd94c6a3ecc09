#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace pagewalk::app {

/// How far a sweep is.
struct SweepCount {
    std::size_t points = 0;   ///< of the sweep
    std::size_t finished = 0; ///< earlier ones included
    std::size_t failed = 0;   ///< of this time
    std::size_t running = 0;
    std::size_t ended_now = 0; ///< of this time, whatever came of them
    double seconds = 0;        ///< host time of this time so far
};

/// "  12 of 40 points  3 running  1 failed  5 min left", in one line without its end. The time left follows
/// from the rate at which points ended; none is told before the first one.
[[nodiscard]] std::string progress_line(const SweepCount& count);

/// "45 s", "12 min", "3 h 20 min".
[[nodiscard]] std::string duration_text(double seconds);

/// One line on a terminal that tells how far a sweep is; nothing in a pipe.
class SweepProgress {
public:
    SweepProgress();
    ~SweepProgress() { clear(); }
    SweepProgress(const SweepProgress&) = delete;
    SweepProgress& operator=(const SweepProgress&) = delete;

    void update(SweepCount count);
    void clear();

private:
    bool m_terminal;
    bool m_drawn = false;
    std::chrono::steady_clock::time_point m_start = std::chrono::steady_clock::now();
};

} // namespace pagewalk::app
