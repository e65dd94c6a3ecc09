#pragma once

#include "base/rng.h"

#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// CONFIG_SLAB_FREELIST_RANDOM.
enum class FreelistOrder : bool { Ascending, Random };

/// A cache's random order of object numbers, drawn once when it is created (Fisher-Yates). A new slab's
/// freelist follows it from a random place, round.
[[nodiscard]] std::vector<std::uint16_t> random_sequence(Rng& rng, std::uint32_t objects);

} // namespace pagewalk::os
