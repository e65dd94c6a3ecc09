#pragma once

#include "base/ids.h"
#include "os/path/frame_allocator.h"
#include "os/path/operation.h"

#include <array>
#include <cstdint>

namespace pagewalk::os {

/// Pages on their way to the LRU lists, or between them: each CPU collects 15 (PAGEVEC_SIZE) with a reference
/// on each, then moves them together. A huge page does not wait for others.
class LruBatches {
public:
    LruBatches(FrameAllocator& frames, KernelCounters& counters, std::size_t cpus)
        : m_frames(frames), m_counters(counters), m_batches(cpus) {}

    /// folio_add_lru: takes a reference until the batch is emptied.
    void add(Operation& op, Pfn frame);
    /// mlock_new_page: the same for a new page of a locked area, which goes to the unevictable ones.
    void add_locked(Operation& op, Pfn frame);
    /// folio_deactivate: from the active list to the inactive one.
    void deactivate(Operation& op, Pfn frame);
    /// mark_page_lazyfree: the page is given up by its process.
    void give_up(Operation& op, Pfn frame);
    /// folio_activate: to the active list.
    void activate(Operation& op, Pfn frame);
    /// lru_add_drain: empties the batches of the operation's CPU.
    void drain(Operation& op);
    /// Empties another CPU's batches.
    void drain(Operation& op, CpuId owner);

    [[nodiscard]] std::size_t cpus() const { return m_batches.size(); }

private:
    static constexpr std::size_t batch_size = 15;
    struct Batch {
        std::array<Pfn, batch_size> frames{};
        std::size_t count = 0;
    };
    struct Cpu {
        Batch add, lock, deactivate, give_up, activate;
    };
    using Move = void (LruBatches::*)(Pfn frame);
    void collect(Operation& op, Batch& batch, Pfn frame, Move move);
    void empty(Operation& op, Batch& batch, Move move);
    [[nodiscard]] bool may_become_inactive(const PageDescriptor& page) const;
    void move_to_list(Pfn frame);
    void move_to_unevictable(Pfn frame);
    void move_to_inactive(Pfn frame);
    void move_to_given_up(Pfn frame);
    void move_to_active(Pfn frame);

    FrameAllocator& m_frames;
    KernelCounters& m_counters;
    IndexedVec<CpuId, Cpu> m_batches;
};

} // namespace pagewalk::os
