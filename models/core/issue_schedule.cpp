#include "models/core/issue_schedule.h"

namespace pagewalk::models {

// A word holds four cycles; of the first, those up to m_swept may stand for cycles a window ahead.

void IssueSchedule::sweep(std::uint64_t now) {
    const auto sweep_word = [this](std::uint64_t word, std::uint64_t cycles) {
        const std::uint64_t four = four_from(word);
        const std::uint64_t left = four & ~cycles;
        std::memcpy(&m_taken[word & (window - 1)], &left, sizeof left);
        return static_cast<std::uint32_t>(std::popcount(four & cycles));
    };
    const auto up_to_now = [now](std::uint64_t word) {
        return now - word >= 3 ? ~0ULL : (1ULL << (16 * (now - word + 1))) - 1;
    };
    const auto sweep_whole_word = [&](std::uint64_t word) { return sweep_word(word, ~0ULL); };
    const auto any_in_16_from = [&](std::uint64_t word) {
        return (four_from(word) | four_from(word + 4) | four_from(word + 8) | four_from(word + 12)) != 0;
    };
    std::uint64_t word = (m_swept + 1) & ~3ULL;
    if (m_waiting != 0) m_waiting -= sweep_word(word, first_unswept() & up_to_now(word));
    for (word += 4; word % 16 != 0 && word + 3 <= now; word += 4) m_waiting -= sweep_whole_word(word);
    // Nobody can tell in which of 16 cycles something issues: no look at each before it is swept.
    for (; word + 15 <= now && m_waiting != 0; word += 16)
        if (any_in_16_from(word))
            m_waiting -= sweep_whole_word(word) + sweep_whole_word(word + 4) + sweep_whole_word(word + 8) +
                         sweep_whole_word(word + 12);
    for (; word + 3 <= now && m_waiting != 0; word += 4) m_waiting -= sweep_whole_word(word);
    if (word <= now && m_waiting != 0) m_waiting -= sweep_word(word, up_to_now(word));
    m_swept = now;
}

std::uint64_t IssueSchedule::next() const {
    std::uint64_t from = first_unswept();
    for (std::uint64_t word = (m_swept + 1) & ~3ULL;; word += 4) {
        if (const std::uint64_t four = four_from(word) & from; four != 0)
            return word + static_cast<std::uint64_t>(std::countr_zero(four)) / 16;
        from = ~0ULL;
    }
}

std::uint64_t IssueSchedule::issue_later(UopClass cls, std::uint64_t ready, std::uint64_t now) {
    const std::uint16_t ports = m_ports[static_cast<std::size_t>(cls)];
    Full& full = m_full[static_cast<std::size_t>(cls)];
    std::uint64_t cycle = ready;
    if (full.begin <= ready && ready < full.end)
        cycle = full.end;
    else
        full.begin = ready;
    for (;; ++cycle) {
        if (cycle - m_swept >= window) {
            if (cycle - now >= window) {
                full = {};
                return ready;
            }
            sweep(now);
        }
        if (take(ports, cycle)) break;
    }
    full.end = cycle;
    return cycle;
}

} // namespace pagewalk::models
