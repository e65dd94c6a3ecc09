#include "app/sweep_progress.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <unistd.h>

namespace pagewalk::app {

std::string duration_text(double seconds) {
    std::array<char, 64> text{};
    const auto whole = static_cast<unsigned long long>(std::ceil(seconds));
    if (whole < 100) {
        std::snprintf(text.data(), text.size(), "%llu s", whole);
    } else if (whole < 6000) {
        std::snprintf(text.data(), text.size(), "%llu min", (whole + 59) / 60);
    } else {
        std::snprintf(text.data(), text.size(), "%llu h %llu min", whole / 3600, whole % 3600 / 60);
    }
    return text.data();
}

std::string progress_line(const SweepCount& count) {
    std::string line =
        "  " + std::to_string(count.finished) + " of " + std::to_string(count.points) + " points";
    if (count.running != 0) line += "  " + std::to_string(count.running) + " running";
    if (count.failed != 0) line += "  " + std::to_string(count.failed) + " failed";
    const std::size_t done = count.finished + count.failed;
    if (count.ended_now != 0 && done < count.points)
        line += "  " +
                duration_text(count.seconds / static_cast<double>(count.ended_now) *
                              static_cast<double>(count.points - done)) +
                " left";
    return line;
}

SweepProgress::SweepProgress() : m_terminal(isatty(STDERR_FILENO) != 0) {}

void SweepProgress::update(SweepCount count) {
    if (!m_terminal) return;
    count.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - m_start).count();
    std::fprintf(stderr, "\r\x1b[K%s", progress_line(count).c_str());
    std::fflush(stderr);
    m_drawn = true;
}

void SweepProgress::clear() {
    if (m_drawn) std::fputs("\r\x1b[K", stderr);
    m_drawn = false;
}

} // namespace pagewalk::app
