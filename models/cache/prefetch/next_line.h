#pragma once

#include "base/address.h"

#include <cstdint>

namespace pagewalk::models::prefetch {

/// The `degree` lines that begin `distance` lines after the access, within its page.
template <class Fetch>
void next_line(PhysAddr address, std::uint32_t distance, std::uint32_t degree, Fetch&& fetch) {
    PhysAddr line = address.line() + distance * line_size;
    for (std::uint32_t i = 0; i < degree && line.page() == address.page(); ++i, line += line_size)
        fetch(line);
}

} // namespace pagewalk::models::prefetch
