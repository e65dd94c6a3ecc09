#pragma once

#include "models/cache/replacement/way_bytes.h"

#include <bit>
#include <cstdint>

namespace pagewalk::models::replacement {

/// Exact least-recently-used: each way's byte is its rank, 0 the most recent.
struct Lru {
    static void reset(std::uint8_t* ranks, unsigned bytes, unsigned ways) {
        for (unsigned i = 0; i < bytes; ++i) ranks[i] = i < ways ? static_cast<std::uint8_t>(i) : no_way;
    }
    template <class Ways>
    static void touch(std::uint8_t* bytes, unsigned way) {
        const auto rank = static_cast<std::int8_t>(bytes[way]);
        if (rank == 0) return;
        const Ways ranks = load<Ways>(bytes);
        store<Ways>(bytes, aged(ranks, rank) & ~one_hot<Ways>(way));
    }
    /// The least recent way, whose rank is `oldest`, made the most recent.
    template <class Ways>
    [[nodiscard]] static unsigned replace(std::uint8_t* bytes, std::uint8_t oldest) {
        const Ways ranks = load<Ways>(bytes);
        const Ways is_oldest = static_cast<Ways>(ranks == static_cast<std::int8_t>(oldest));
        store<Ways>(bytes, aged(ranks, static_cast<std::int8_t>(oldest)) & ~is_oldest);
        return static_cast<unsigned>(std::countr_zero(mask_of(is_oldest)));
    }
    /// Makes `way` the next victim.
    static void demote(std::uint8_t* ranks, unsigned way, unsigned ways) {
        const std::uint8_t rank = ranks[way];
        for (unsigned i = 0; i < ways; ++i)
            if (ranks[i] > rank) --ranks[i];
        ranks[way] = static_cast<std::uint8_t>(ways - 1);
    }

private:
    /// Every way more recent than `limit` a step older: a comparison's true is -1.
    template <class Ways>
    [[nodiscard]] static Ways aged(Ways ranks, std::int8_t limit) {
        return ranks - static_cast<Ways>(ranks < limit);
    }
};

} // namespace pagewalk::models::replacement
