#pragma once

#include "models/memory/dram_controller.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

namespace pagewalk::models {

/// Traffic to one channel, the same as the reference simulators were given.
struct DramTraffic {
    unsigned streams = 0;      ///< sequential, by turns; 0: random lines
    std::uint64_t spacing = 0; ///< lines from one stream's begin to the next one's; 0: random begins
    unsigned writes_of_12 = 0;
    unsigned window = 64;  ///< reads under way, where `gap` is 0
    std::uint64_t gap = 0; ///< mean clocks between arrivals; 0: as soon as the window has room
    std::uint64_t seed = 1;
    std::uint64_t accesses = 120'000; ///< the first fifth is not measured
};

struct DramTrafficResult {
    double gb_per_s = 0;
    double read_latency = 0; ///< mean, ns
};

/// Lines of an 8 GiB channel and whether each is written (splitmix64, Steele et al., OOPSLA 2014).
class DramTrafficLines {
public:
    DramTrafficLines(const DramTraffic& traffic)
        : m_state(traffic.seed), m_at(traffic.streams), m_writes_of_12(traffic.writes_of_12) {
        for (std::size_t i = 0; i < m_at.size(); ++i)
            m_at[i] = traffic.spacing != 0 ? i * traffic.spacing : random() % line_count;
    }
    struct Access {
        PhysAddr line;
        bool write;
    };
    Access next() {
        std::uint64_t line = 0;
        if (m_at.empty()) {
            line = random() % line_count;
        } else {
            line = m_at[m_turn]++ % line_count;
            m_turn = (m_turn + 1) % m_at.size();
        }
        return {PhysAddr(line * line_size), random() % 12 < m_writes_of_12};
    }
    std::uint64_t random() {
        std::uint64_t z = m_state += 0x9e3779b97f4a7c15ULL;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }

private:
    static constexpr std::uint64_t line_count = 1ULL << 27;
    std::uint64_t m_state;
    std::vector<std::uint64_t> m_at; ///< where each stream is
    std::size_t m_turn = 0;
    unsigned m_writes_of_12;
};

inline DramTrafficResult run_traffic(DramController& dram, const DramTraffic& traffic) {
    DramTrafficLines lines(traffic);
    DramTrafficLines gaps({.seed = traffic.seed + 1000});
    std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> under_way;
    const std::uint64_t clock = dram.timing().clock.to_ticks(Cycles(16)).value();
    std::uint64_t now = 0, begun = 0, end = 0, reads = 0, latency = 0, due = 0;
    const std::uint64_t warm = traffic.accesses / 5;
    for (std::uint64_t i = 0; i < traffic.accesses; ++i) {
        if (i == warm) {
            begun = now;
            reads = latency = 0;
        }
        const auto [line, write] = lines.next();
        if (traffic.gap != 0) {
            due += gaps.random() % (2 * traffic.gap - 1) + 1;
            now = due * clock / 16;
        } else if (under_way.size() == traffic.window) {
            now = std::max(now, under_way.top());
            under_way.pop();
        }
        const Tick served =
            dram.access({line, CpuId{0}, write ? AccessKind::WriteBack : AccessKind::Load, Tick(now)});
        end = std::max(end, served.value());
        if (write) {
            if (traffic.gap == 0) now = std::max(now, served.value());
            continue;
        }
        ++reads;
        latency += served.value() - now;
        if (traffic.gap == 0) under_way.push(served.value());
    }
    return {.gb_per_s = static_cast<double>((traffic.accesses - warm) * line_size) * 1000 /
                        static_cast<double>(now - begun),
            .read_latency = static_cast<double>(latency) / static_cast<double>(reads) / 1000};
}

} // namespace pagewalk::models
