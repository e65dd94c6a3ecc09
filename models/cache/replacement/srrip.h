#pragma once

#include "models/cache/replacement/way_bytes.h"

#include <cstdint>

namespace pagewalk::models::replacement {

/// Static re-reference interval prediction, hit priority, 2 bits (Jaleel et al., ISCA 2010): a line comes in
/// with a long interval (2), a hit makes it near (0), the victim is the first way with a distant one (3).
struct Srrip {
    static constexpr std::uint8_t near = 0;
    static constexpr std::uint8_t inserted = 2;
    static constexpr std::uint8_t distant = 3;

    static void reset(std::uint8_t* intervals, unsigned bytes, unsigned ways) {
        for (unsigned i = 0; i < bytes; ++i) intervals[i] = i < ways ? distant : no_way;
    }
    static void touch(std::uint8_t* intervals, unsigned way) { intervals[way] = near; }
    static void insert(std::uint8_t* intervals, unsigned way) { intervals[way] = inserted; }
    static void demote(std::uint8_t* intervals, unsigned way) { intervals[way] = distant; }

    [[nodiscard]] static unsigned victim(std::uint8_t* intervals, unsigned ways) {
        for (;;) {
            for (unsigned way = 0; way < ways; ++way)
                if (intervals[way] == distant) return way;
            for (unsigned way = 0; way < ways; ++way) ++intervals[way];
        }
    }
};

} // namespace pagewalk::models::replacement
