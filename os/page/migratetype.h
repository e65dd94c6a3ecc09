#pragma once

#include "base/enum_table.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pagewalk::os {

/// Mobility class of a pageblock or a free list. Debian's x86 kernel has no CMA, so that its numbering ends
/// with Isolate = 4; Cma is ours to add behind it.
enum class Migratetype : std::uint8_t { Unmovable, Movable, Reclaimable, HighAtomic, Isolate, Cma };

inline constexpr std::size_t migratetype_count = enum_count<Migratetype>;
/// Only the first three have lists of their own on the per-CPU lists.
inline constexpr std::size_t pcp_migratetype_count = 3;

/// Blocks of these types may merge with each other: they fall back to one another.
[[nodiscard]] constexpr bool is_mergeable(Migratetype type) {
    return static_cast<std::size_t>(type) < pcp_migratetype_count;
}

/// As /proc/pagetypeinfo spells it.
[[nodiscard]] constexpr std::string_view name_of(Migratetype type) {
    constexpr EnumNames<Migratetype> names{
        {Migratetype::Unmovable, "Unmovable"},     {Migratetype::Movable, "Movable"},
        {Migratetype::Reclaimable, "Reclaimable"}, {Migratetype::HighAtomic, "HighAtomic"},
        {Migratetype::Isolate, "Isolate"},         {Migratetype::Cma, "CMA"},
    };
    return names[type];
}

} // namespace pagewalk::os
