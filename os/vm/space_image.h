#pragma once

#include "base/address.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pagewalk::os {

/// An address space as it was captured.
struct SpaceImage {
    struct Area {
        VirtAddr start{}, end{};
        std::uint32_t flags = 0; ///< vm::*
        std::uint64_t page_offset = 0;
        std::string file; ///< empty: none
        bool has_anon_vma = false;
    };
    struct Table {
        unsigned level = 1;
        VirtAddr at{}; ///< what it maps begins there
        Pfn frame = no_pfn;
    };
    struct Page {
        enum class Kind : std::uint8_t { Anonymous, File, Zero };
        VirtAddr at{};
        Pfn frame = no_pfn;
        Kind kind = Kind::Anonymous;
        bool writable = false, dirty = false, accessible = true;
        bool in_lru_batch = false; ///< on its way to an LRU list
    };
    /// A page of a file that is in the page cache.
    struct CachedPage {
        std::string file;
        std::uint64_t index = 0;
        Pfn frame = no_pfn;
    };
    Pfn root = no_pfn;
    std::vector<Area> areas;   ///< by address
    std::vector<Table> tables; ///< those above come before those below
    std::vector<Page> pages;
    std::vector<CachedPage> cached;
};

} // namespace pagewalk::os
