#include "app/progress.h"

#include <cstdio>
#include <unistd.h>

namespace pagewalk::app {

Progress::Progress(std::uint64_t expected) : m_expected(expected), m_terminal(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() { clear(); }

void Progress::update(std::uint64_t instructions, Tick simulated) {
    if (!m_terminal) return;
    const auto now = Clock::now();
    if (now < m_next) return;
    m_next = now + std::chrono::milliseconds(100);
    const double seconds = std::chrono::duration<double>(now - m_start).count();
    const double done = static_cast<double>(instructions);
    const double rate = seconds > 0 ? done / seconds : 0;
    std::fprintf(stderr, "\r\x1b[K  %.1f M instructions  %.3f ms simulated  %.1f MIPS  %.0f s", done / 1e6,
                 static_cast<double>(simulated.value()) / 1e9, rate / 1e6, seconds);
    if (m_expected != 0 && rate > 0)
        std::fprintf(stderr, "  %.0f %%, %.0f s left", 100.0 * done / static_cast<double>(m_expected),
                     (static_cast<double>(m_expected) - done) / rate);
    std::fflush(stderr);
    m_drawn = true;
}

void Progress::clear() {
    if (m_drawn) std::fputs("\r\x1b[K", stderr);
    m_drawn = false;
}

} // namespace pagewalk::app
