#pragma once

#include <cstdint>

namespace pagewalk::os {

/// Where a frame is, from the allocator's point of view. Only the first frame of a block carries a state; the
/// frames behind it have none of the state bits.
enum class PageState : std::uint8_t {
    Buddy = 1,          ///< first frame of a free block on a free list
    OnPcp = 2,          ///< first frame of a block on a per-CPU list
    Allocated = 4,      ///< first frame of a block in use
    Reserved = 8,       ///< in use since boot, outside `managed`
    Absent = 16,        ///< no memory here
    Lru = 32,           ///< on an LRU list: could be migrated
    Migratable = 64,    ///< not on an LRU list, but its owner can migrate it
    OrderUnknown = 128, ///< in use since before a snapshot: the size of its block is not known
};

/// The model's `struct page`: 16 bytes a frame. A block's order and type are in its first frame.
struct PageDescriptor {
    static constexpr std::uint32_t no_link = 0xffffffff;

    /// List links as frame numbers while the frame is on a free, per-CPU or LRU list; owners that keep no
    /// list may use the pair as they like (see owner()).
    std::uint32_t next = no_link;
    std::uint32_t prev = no_link;
    std::uint8_t state = 0; ///< PageState bits
    std::uint8_t order : 4 = 0;
    std::uint8_t type : 3 = 0; ///< Migratetype of the list it is on, or was last taken from or freed to
    std::uint8_t compound : 1 = 0;
    std::uint16_t owner_flags = 0; ///< free for the frame's owner; zero whenever the frame is free
    std::uint16_t refcount = 0;
    std::uint16_t mapcount = 0;

    [[nodiscard]] bool is(PageState bit) const { return (state & static_cast<std::uint8_t>(bit)) != 0; }
    void set(PageState bit) { state = static_cast<std::uint8_t>(state | static_cast<std::uint8_t>(bit)); }
    void clear(PageState bit) { state = static_cast<std::uint8_t>(state & ~static_cast<std::uint8_t>(bit)); }
    /// That the descriptor stands for: all of a compound page's, where it is the first one's.
    [[nodiscard]] std::uint64_t frames() const { return compound != 0 ? 1ULL << order : 1; }

    /// 64 bits for the owner of an allocated frame that is on no list.
    [[nodiscard]] std::uint64_t owner() const { return static_cast<std::uint64_t>(prev) << 32 | next; }
    void set_owner(std::uint64_t value) {
        next = static_cast<std::uint32_t>(value);
        prev = static_cast<std::uint32_t>(value >> 32);
    }
};
static_assert(sizeof(PageDescriptor) == 16);

} // namespace pagewalk::os
