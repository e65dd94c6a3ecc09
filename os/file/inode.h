#pragma once

#include "base/address.h"
#include "base/time.h"
#include "contract/block_request.h"
#include "os/file/page_cache.h"
#include "os/file/page_ranges.h"
#include "os/file/readahead.h"

#include <cstdint>
#include <string>

namespace pagewalk::os {

enum class InodeId : std::uint32_t {};
inline constexpr InodeId no_inode{0xffffffff};

enum class InodeKind : std::uint8_t {
    Regular,
    Shmem,     ///< lives in memory only: of tmpfs, or nameless
    Hugetlb,   ///< of hugetlbfs: os/vm has its pages
    Initramfs, ///< of the root file system in memory: always there; faults map single pages of it
};

struct Inode {
    static constexpr std::uint64_t unknown_size = ~0ULL;

    InodeId id = no_inode;
    std::string path;
    InodeKind kind = InodeKind::Regular;
    bool in_use = false;
    bool maps_around = true;           ///< a read fault maps its neighbours too
    bool warm = false;                 ///< its pages come into the cache when they are asked for, in no time
    std::uint32_t users = 0;           ///< open files and areas that map it
    std::uint32_t links = 0;           ///< names; without one and without users it is gone
    std::uint64_t size = unknown_size; ///< bytes; of an unknown size, any page exists
    PageRanges stored;                 ///< pages whose data the device has; the others read as zeroes
    VirtAddr object{};                 ///< struct inode within its file system's
    VirtAddr security{};               ///< of the security modules
    VirtAddr dentry{};
    PageCache pages;
    std::uint64_t dirty_pages = 0;
    Tick dirtied_at{};            ///< when the first of them became dirty
    std::uint64_t written_to = 0; ///< page index where the flusher goes on
    ReadaheadState readahead;     ///< of readers and mappings whose open file is not known

    /// Where a page lies on the device. Not modelled: each file has 8 GiB of its own (assumed).
    [[nodiscard]] std::uint64_t sector_of(std::uint64_t index) const {
        constexpr unsigned file_shift = 33;
        return ((static_cast<std::uint64_t>(id) << file_shift) + (index << page_shift)) / sector_size;
    }
    /// Pages that there are; PageCache::none where the size is not known.
    [[nodiscard]] std::uint64_t page_count() const {
        return size == unknown_size ? PageCache::none : (size + page_size - 1) >> page_shift;
    }
};

} // namespace pagewalk::os
