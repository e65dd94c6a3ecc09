#include "os/slab/freelist_random.h"

#include <numeric>
#include <utility>

namespace pagewalk::os {

std::vector<std::uint16_t> random_sequence(Rng& rng, std::uint32_t objects) {
    std::vector<std::uint16_t> sequence(objects);
    std::iota(sequence.begin(), sequence.end(), std::uint16_t{0});
    for (std::size_t i = sequence.size(); i > 1; --i)
        std::swap(sequence[i - 1], sequence[static_cast<std::size_t>(rng.below(i))]);
    return sequence;
}

} // namespace pagewalk::os
