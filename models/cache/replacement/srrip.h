#pragma once

#include "models/cache/replacement/lru.h"

namespace pagewalk::models::replacement {

/// Static re-reference interval prediction, hit priority, 2 bits (Jaleel et al., ISCA 2010): a line comes in
/// with a long interval (2), a hit makes it near (0), the victim is the first way with a distant one (3).
struct Srrip {
    static constexpr std::uint8_t near = 0;
    static constexpr std::uint8_t inserted = 2;
    static constexpr std::uint8_t distant = 3;

    static void reset(WayBytes* blocks, unsigned block_count, unsigned ways) {
        for (unsigned i = 0; i < block_count * 16; ++i)
            blocks[i / 16].bytes[i % 16] = i < ways ? distant : no_way;
    }
    static void touch(WayBytes* blocks, unsigned way) { blocks[way / 16].bytes[way % 16] = near; }
    static void insert(WayBytes* blocks, unsigned way) { blocks[way / 16].bytes[way % 16] = inserted; }
    static void demote(WayBytes* blocks, unsigned way) { blocks[way / 16].bytes[way % 16] = distant; }

    [[nodiscard]] static unsigned victim(WayBytes* blocks, unsigned block_count, unsigned ways) {
        for (;;) {
            if (const std::uint32_t found = ways_equal(blocks, block_count, distant); found != 0)
                return static_cast<unsigned>(std::countr_zero(found));
            for (unsigned i = 0; i < ways; ++i) ++blocks[i / 16].bytes[i % 16];
        }
    }
};

} // namespace pagewalk::models::replacement
