#pragma once

#include "base/ids.h"
#include "os/path/page_flags.h"
#include "os/path/reclaim_counters.h"

#include <cstddef>
#include <cstdint>

namespace pagewalk::os {

/// The LRU lists of a node, in the kernel's order.
enum class LruList : std::uint8_t { InactiveAnon, ActiveAnon, InactiveFile, ActiveFile, Unevictable };
inline constexpr std::size_t lru_list_count = 5;

/// folio_is_file_lru.
[[nodiscard]] constexpr LruKind lru_kind_of(std::uint16_t flags) {
    return (flags & frame_flags::swapbacked) != 0 ? LruKind::Anon : LruKind::File;
}

/// The list that a page with these flags (page_flags.h) belongs to.
[[nodiscard]] constexpr LruList lru_list_of(std::uint16_t flags) {
    if ((flags & frame_flags::unevictable) != 0) return LruList::Unevictable;
    const bool active = (flags & frame_flags::active) != 0;
    if ((flags & frame_flags::swapbacked) != 0) return active ? LruList::ActiveAnon : LruList::InactiveAnon;
    return active ? LruList::ActiveFile : LruList::InactiveFile;
}

/// Whose lists: the pages of a node that are charged to a memory cgroup (struct lruvec). Where a total is
/// asked for, group 0 stands for all of the node's pages, otherwise for those that are charged to none.
struct LruVec {
    NodeId node{};
    std::uint16_t group = 0; ///< MemoryCgroup::number
};

} // namespace pagewalk::os
