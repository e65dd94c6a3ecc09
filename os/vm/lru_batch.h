#pragma once

#include "base/ids.h"
#include "os/path/frame_allocator.h"
#include "os/path/operation.h"

#include <array>
#include <cstdint>

namespace pagewalk::os {

/// Pages on their way to the LRU lists: each CPU collects 15 (PAGEVEC_SIZE) with a reference on each, then
/// puts them on the lists together.
class LruBatches {
public:
    LruBatches(FrameAllocator& frames, KernelCounters& counters, std::size_t cpus)
        : m_frames(frames), m_counters(counters), m_batches(cpus) {}

    /// folio_add_lru: takes a reference until the batch is emptied.
    void add(Operation& op, Pfn frame);
    /// lru_add_drain: empties the batch of the operation's CPU.
    void drain(Operation& op);
    /// Empties another CPU's batch.
    void drain(Operation& op, CpuId owner);

    [[nodiscard]] std::size_t cpus() const { return m_batches.size(); }

private:
    static constexpr std::size_t batch_size = 15;
    struct Batch {
        std::array<Pfn, batch_size> frames{};
        std::size_t count = 0;
    };
    void move_to_lists(Operation& op, Batch& batch);

    FrameAllocator& m_frames;
    KernelCounters& m_counters;
    IndexedVec<CpuId, Batch> m_batches;
};

} // namespace pagewalk::os
