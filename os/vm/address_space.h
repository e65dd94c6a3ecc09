#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "base/time.h"
#include "contract/kernel_path.h"
#include "contract/page_table.h"
#include "os/task/rw_semaphore.h"
#include "os/vm/vma_list.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// How far NUMA balancing has come with an address space.
struct NumaScan {
    Tick next{};              ///< not before; 0: it has never been asked
    VirtAddr at{};            ///< where the next scan goes on
    std::uint64_t rounds = 0; ///< times that it has seen everything
};

/// An address space (mm_struct): its areas, its page tables and who uses it.
struct AddressSpace {
    explicit AddressSpace(TaskRunner& runner) : mmap_lock(runner) {}

    RwSemaphore mmap_lock;
    VmaList areas;
    Pfn root = no_pfn;
    std::uint16_t pcid = 0;
    CpuMask cpus; ///< CPUs whose TLBs must be told of changes
    /// Changes so far, and how many of them each CPU's TLB has seen: a CPU that was elsewhere flushes when it
    /// returns.
    std::uint64_t tlb_generation = 0;
    IndexedVec<CpuId, std::uint64_t> tlb_seen;
    VirtAddr object{};                ///< struct mm_struct
    std::vector<VirtAddr> tree_nodes; ///< of the tree that holds the areas: maple_node
    std::uint32_t users = 0;          ///< tasks

    /// Nodes for which no walk over its tables has looked for accessed pages since it last ran
    /// (lru_gen.bitmap).
    std::uint64_t unwalked = ~0ULL;

    NumaScan numa;

    std::uint32_t default_flags = 0; ///< of new areas beside what they ask for: locked, after mlockall
    bool populates_locked = true;    ///< locked areas are faulted in when they are made

    VirtAddr brk_start{};
    VirtAddr brk{};

    std::uint64_t anon_pages = 0;    ///< resident
    std::uint64_t file_pages = 0;    ///< resident
    std::uint64_t swap_pages = 0;    ///< swapped out: entries that refer to swap slots
    std::uint64_t peak_pages = 0;    ///< most that were resident at a time
    std::uint64_t table_pages = 0;   ///< page tables, without the top level
    std::uint64_t hugetlb_pages = 0; ///< mapped of hugetlbfs, in pages of 4 KiB; not resident ones

    enum class Resident : std::uint8_t { Anonymous, File };
    void add_resident(Resident kind, std::uint64_t pages = 1) {
        (kind == Resident::Anonymous ? anon_pages : file_pages) += pages;
        peak_pages = std::max(peak_pages, anon_pages + file_pages);
    }

    /// The level-1 table of the last fault.
    VirtAddr cached_block{~0ULL};
    Pfn cached_table = no_pfn;

    /// Where mmap_lock lies, in a line of its own (assumed).
    [[nodiscard]] VirtAddr lock_line() const { return object + 128; }
};

} // namespace pagewalk::os
