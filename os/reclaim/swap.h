#pragma once

#include "os/block/block_layer.h"
#include "os/path/frame_allocator.h"
#include "os/reclaim/lru_batch.h"
#include "os/reclaim/swap_area.h"
#include "os/reclaim/workingset.h"
#include "os/reclaim/zram.h"
#include "os/task/page_locks.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace pagewalk::os {

/// The swap area with the swap cache: anonymous pages that have a slot, on their way out or back in. A page
/// in the cache keeps its slot while it is clean, so that it need not be written again. One reference of a
/// page is the cache's.
class Swap final : public WrittenPages {
public:
    struct Parts {
        FrameAllocator& frames;
        KernelCounters& counters;
        BlockLayer& block;
        PageLocks& locks;
        LruBatches& lru;
        Workingset& workingset;
    };
    /// `bytes` of a swap area, 0: none. `zram_percent`: it is a zram device that compresses pages by this
    /// ratio, in hundredths; 0: it lies on the block device.
    Swap(const Parts& parts, std::uint64_t bytes, std::uint32_t zram_percent = 0);

    [[nodiscard]] const SwapArea& area() const { return m_area; }
    /// vm_swap_full: pages that are used again give their slots back.
    [[nodiscard]] bool full() const { return m_area.free() * 2 < m_area.total(); }
    /// SWP_SYNCHRONOUS_IO: pages are there, or gone, at once.
    [[nodiscard]] bool is_synchronous() const { return m_zram != nullptr; }
    /// The slot of a page in the cache.
    [[nodiscard]] SwapSlot slot_of(Pfn frame) { return SwapSlot{word(frame)}; }
    [[nodiscard]] bool caches(Pfn frame) const { return (flags(frame) & frame_flags::swapcache) != 0; }

    /// add_to_swap: a dirty page of a process gets a slot and enters the cache. False where no slot is free,
    /// or its memory cgroup may not have more.
    [[nodiscard]] bool add(Operation& op, Pfn frame);
    /// swap_writepage: the page, clean from now on, goes to its slot with the next submit(), or is there at
    /// once: then the result is true. A page that there is no memory for stays dirty.
    bool write(Operation& op, Pfn frame);
    /// Hands what write() has collected to the device, neighbours in one request.
    void submit(Operation& op);

    /// The page of a slot in the cache, or no_pfn; a use of it counts as a readahead's hit.
    [[nodiscard]] Pfn find(Operation& op, SwapSlot slot);
    /// swap_cluster_readahead: starts to read the slot's page and those around it that are in use. The page
    /// is locked until it is there; no_pfn where there is no memory or the slot has become free meanwhile.
    [[nodiscard]] Pfn read_ahead(Operation& op, SwapSlot slot);

    /// swap_duplicate: one more page-table entry refers to the slot.
    void duplicate(SwapSlot slot) { m_area.duplicate(slot); }
    /// free_swap_and_cache: an entry that referred to the slot is gone; with the last one goes a page in the
    /// cache that nobody uses.
    void drop(Operation& op, SwapSlot slot);
    /// swap_free after a fault: the page takes the entry's place.
    void drop_reference(Operation& op, SwapSlot slot);
    /// folio_free_swap: takes the page out of the cache, so that the slot is free; nothing where entries
    /// refer to it or it is being written. Returns whether it is out.
    bool try_to_free(Operation& op, Pfn frame);
    /// __remove_mapping of a page that reclaim frees for `target`, or for the machine: a shadow takes its
    /// place.
    void evict(Operation& op, Pfn frame, const MemoryCgroup* target);
    /// The page has moved to another frame.
    void replace(Pfn from, Pfn to);

    void complete(Operation& op) override { op.path.call(KernelFunction::EndSwapWrite); }
    /// folio_end_writeback, when the interrupt's path gets there.
    void written(std::uint64_t frame, const Moment& moment) override;
    /// Is told of each page that has been written.
    void on_written(std::function<void(Pfn, const Moment&)> told) { m_on_written = std::move(told); }
    /// Is told of each page whose contents go to its slot, or come from it, as the request is made: for
    /// tests.
    struct Transfer {
        enum class Way : std::uint8_t { Out, In };
        Way way = Way::Out;
        Pfn frame = no_pfn;
        SwapSlot slot{};
    };
    void on_transfer(std::function<void(const Transfer&)> told) { m_on_transfer = std::move(told); }

private:
    static constexpr unsigned page_cluster = 3; // vm.page-cluster

    /// What the cache has for a slot.
    struct Entry {
        Pfn frame = no_pfn;
        Shadow shadow = 0;
        bool read_ahead = false;
    };
    struct Read {
        Pfn frame = no_pfn;
        bool started = false;
    };
    using Words = std::array<std::uint32_t, 1024>;

    [[nodiscard]] Entry& entry(SwapSlot slot) { return m_entries[static_cast<std::size_t>(slot)]; }
    [[nodiscard]] std::uint16_t flags(Pfn frame) const {
        return m_parts.frames.pages().peek(frame).owner_flags;
    }
    [[nodiscard]] std::uint32_t& word(Pfn frame);
    [[nodiscard]] Read read(Operation& op, SwapSlot slot);
    [[nodiscard]] std::uint64_t window(SwapSlot slot);
    void insert(Operation& op, Pfn frame, SwapSlot slot);
    void remove(Operation& op, Pfn frame, Shadow shadow);
    void transfer(Operation& op, BlockRequest::Kind kind);
    void note_room();
    void note_release(Operation& op, SwapSlot slot);
    bool compress(Operation& op, Pfn frame);
    void decompress_pending(Operation& op);

    Parts m_parts;
    SwapArea m_area;
    std::unique_ptr<Zram> m_zram;                // null: on the block device
    std::vector<Entry> m_entries;                // by slot
    std::vector<std::uint16_t> m_charged;        // by slot: number of its memory cgroup; 0: none
    std::vector<std::unique_ptr<Words>> m_slots; // by frame: the slot of a page in the cache
    std::vector<Pfn> m_pending;                  // pages of the requests that are being put together
    std::vector<Pfn> m_run;
    std::function<void(Pfn, const Moment&)> m_on_written;
    std::function<void(const Transfer&)> m_on_transfer;
    // readahead, over all processes as in Linux
    std::uint64_t m_hits = 4;
    std::uint64_t m_last_slot = 0;
    std::uint64_t m_last_window = 0;
};

} // namespace pagewalk::os
