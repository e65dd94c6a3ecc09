#pragma once

#include "base/ids.h"
#include "os/slab/linked_list.h"
#include "os/vmalloc/vmalloc_space.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace pagewalk::os {

/// A block of address space that one CPU hands out in pieces (struct vmap_block). A piece is used once:
/// freed pieces are dirty until the whole block goes.
struct VmapBlock {
    static constexpr std::uint64_t object_bytes = 96; ///< sizeof(struct vmap_block)

    VmapArea* area = nullptr;
    VirtAddr object{};
    CpuId cpu{};             ///< whose queue it was made for
    std::uint64_t free = 0;  ///< pages not yet handed out: the upper end of the block
    std::uint64_t dirty = 0; ///< pages that were freed
    std::uint64_t dirty_min = 0;
    std::uint64_t dirty_max = 0; ///< the dirty pages lie in [dirty_min, dirty_max)
    bool queued = false;         ///< on its CPU's queue
    VmapBlock* list_prev = nullptr;
    VmapBlock* list_next = nullptr;
};

/// Small short-lived mappings (vm_map_ram) from per-CPU blocks, so that they neither search the address
/// space nor flush TLBs one by one.
class VmapBlocks final : public AddressHoarder {
public:
    /// Pages of the largest piece (VMAP_MAX_ALLOC).
    static constexpr std::uint64_t most_pages = 64;

    /// `configured_cpus` is CONFIG_NR_CPUS, which sizes the blocks.
    VmapBlocks(VmapSpace& space, VmallocObjects& objects, std::size_t cpus, std::size_t configured_cpus,
               VmallocTrace& trace);

    /// Address of 2^order >= `pages` pages. Contract: 0 < pages <= most_pages.
    [[nodiscard]] std::optional<VirtAddr> allocate(std::uint64_t pages, const SlabRequest& request);
    /// The piece at `address`, already unmapped, becomes dirty. Says whether a purge is due.
    [[nodiscard]] VmapSpace::DrainDue free(VirtAddr address, std::uint64_t pages, CpuId cpu);
    /// Is `address` in a block?
    [[nodiscard]] bool contains(VirtAddr address) const;

    /// purge_fragmented_blocks: blocks of which nothing is in use but some is dirty are freed as they are.
    void purge_fragmented(CpuId cpu) override;
    /// Widens [start, end) to the dirty parts of all queued blocks. False where there are none.
    bool add_dirty_range(VirtAddr& start, VirtAddr& end);

    /// VMAP_BBMAP_BITS.
    [[nodiscard]] std::uint64_t block_pages() const { return m_block_pages; }
    [[nodiscard]] std::size_t count() const { return m_blocks.size(); }
    [[nodiscard]] const VmapBlock* find(VirtAddr address) const;

private:
    [[nodiscard]] std::optional<VirtAddr> open(std::uint64_t pages, const SlabRequest& request);
    [[nodiscard]] VmapSpace::DrainDue close(VmapBlock& block, CpuId cpu);
    void dequeue(VmapBlock& block);
    [[nodiscard]] VirtAddr base_of(VirtAddr address) const {
        return VirtAddr(address.value() & ~(m_block_pages * page_size - 1));
    }

    VmapSpace& m_space;
    VmallocObjects& m_objects;
    VmallocTrace& m_trace;
    std::uint64_t m_block_pages;
    std::map<VirtAddr, std::unique_ptr<VmapBlock>> m_blocks;
    IndexedVec<CpuId, LinkedList<VmapBlock>> m_queues;
};

} // namespace pagewalk::os
