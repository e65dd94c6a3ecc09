#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace pagewalk::models::replacement {

/// Tree pseudo-LRU: a binary tree over the ways (rounded up to a power of two), a bit a node that points to
/// the half not used last. Kept in the first four bytes of the set's state; the root is bit 1.
struct TreePlru {
    static void reset(std::uint8_t* state) { write(state, 0); }

    static void touch(std::uint8_t* state, unsigned ways, unsigned way) {
        std::uint32_t tree = read(state);
        const unsigned levels = static_cast<unsigned>(std::bit_width(ways - 1));
        unsigned node = 1;
        for (unsigned level = levels; level-- > 0;) {
            const unsigned side = way >> level & 1;
            tree = side == 0 ? tree | 1U << node : tree & ~(1U << node);
            node = node * 2 + side;
        }
        write(state, tree);
    }

    [[nodiscard]] static unsigned victim(const std::uint8_t* state, unsigned ways) {
        const std::uint32_t tree = read(state);
        const unsigned levels = static_cast<unsigned>(std::bit_width(ways - 1));
        unsigned node = 1;
        unsigned way = 0;
        for (unsigned level = levels; level-- > 0;) {
            unsigned side = tree >> node & 1;
            // A half without ways (their number is no power of two) is never chosen.
            if (side == 1 && ((way * 2 + 1) << level) >= ways) side = 0;
            way = way * 2 + side;
            node = node * 2 + side;
        }
        return way;
    }

private:
    static std::uint32_t read(const std::uint8_t* state) {
        std::uint32_t tree;
        std::memcpy(&tree, state, sizeof tree);
        return tree;
    }
    static void write(std::uint8_t* state, std::uint32_t tree) { std::memcpy(state, &tree, sizeof tree); }
};

} // namespace pagewalk::models::replacement
