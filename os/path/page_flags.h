#pragma once

#include <cstdint>

/// What a frame's owner notes in PageDescriptor::owner_flags: what the frame is, and the states that
/// Linux 6.1 keeps in page->flags, named as there. A page in memory only (shmem) is a file's and swapbacked.
namespace pagewalk::os::frame_flags {

// what it is
inline constexpr std::uint16_t anonymous = 1U << 0;
inline constexpr std::uint16_t file = 1U << 1;   ///< in a page cache
inline constexpr std::uint16_t kernel = 1U << 2; ///< a page table's, a kernel stack's, an object allocator's
inline constexpr std::uint16_t in_lru_batch = 1U << 3; ///< on its way to an LRU list, in some CPU's batch

/// Behind the first frame of a huge page, whose states are the first one's.
inline constexpr std::uint16_t huge_tail = anonymous | kernel;
/// The first frame of a page of hugetlbfs, in use or in its pool.
inline constexpr std::uint16_t hugetlb = file | kernel;

// states
inline constexpr std::uint16_t locked = 1U
                                        << 4; ///< being read, written back or moved: see os/task/page_locks.h
inline constexpr std::uint16_t uptodate = 1U << 5; ///< holds what it stands for
inline constexpr std::uint16_t dirty = 1U << 6;
inline constexpr std::uint16_t writeback = 1U << 7;
inline constexpr std::uint16_t referenced = 1U << 8;
inline constexpr std::uint16_t active = 1U << 9;
inline constexpr std::uint16_t workingset = 1U << 10;
inline constexpr std::uint16_t swapbacked = 1U << 11;
inline constexpr std::uint16_t swapcache = 1U << 12;
inline constexpr std::uint16_t mlocked = 1U << 13;
inline constexpr std::uint16_t reclaim = 1U << 14; ///< to be freed as soon as it is written
inline constexpr std::uint16_t unevictable = 1U << 15;
/// Whoever meets it reads the next window; of a page that is not written back, where the bit means `reclaim`.
inline constexpr std::uint16_t readahead = reclaim;

[[nodiscard]] constexpr bool is_shmem(std::uint16_t flags) {
    return (flags & (file | swapbacked)) == (file | swapbacked);
}
[[nodiscard]] constexpr bool is_hugetlb(std::uint16_t flags) { return (flags & hugetlb) == hugetlb; }
[[nodiscard]] constexpr bool is_huge_tail(std::uint16_t flags) { return (flags & huge_tail) == huge_tail; }

} // namespace pagewalk::os::frame_flags
