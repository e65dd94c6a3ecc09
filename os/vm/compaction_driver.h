#pragma once

#include "os/page/compaction.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_counters.h"
#include "os/vm/virtual_memory.h"

#include <cstdint>
#include <functional>

namespace pagewalk::os {

/// Memory compaction in the simulated kernel: moves the pages of its programs and files, and puts what
/// compaction reads and writes on the path of whoever compacts (FrameAllocator::Scope).
class CompactionDriver final : public PageMigrator, public CompactionEvents {
public:
    CompactionDriver(FrameAllocator& frames, VirtualMemory& memory, LruBatches& lru,
                     KernelCounters& counters);

    [[nodiscard]] Compaction& compaction() { return m_compaction; }
    [[nodiscard]] const Compaction& compaction() const { return m_compaction; }
    /// Called when kcompactd of a node has something to do.
    void on_daemon_wanted(std::function<void(NodeId)> wake) { m_wake = std::move(wake); }

    // PageMigrator
    [[nodiscard]] bool isolate(Pfn frame, CompactMode mode, GfpMask mask) override;
    void put_back(Pfn frame) override;
    [[nodiscard]] bool migrate(Pfn from, Pfn to, CompactMode mode) override;
    void drain_batches(CpuId cpu) override;

    // CompactionEvents
    void begin(const Zone& zone) override;
    void scanned_for_use(const Zone& zone, std::uint64_t begin, std::uint64_t end,
                         std::uint64_t taken) override;
    void scanned_for_free(const Zone& zone, std::uint64_t begin, std::uint64_t end, std::uint64_t stride,
                          std::uint64_t taken) override;
    void searched_lists(const Zone& zone, std::uint64_t entries) override;
    void took_free(const Zone& zone, std::uint32_t frame, unsigned order) override;
    void freed(std::uint32_t frame, const AllocTrace& trace) override;
    void drained(const Zone& zone, const AllocTrace& trace) override;
    void daemon_wanted(NodeId node) override;

private:
    /// Descriptors of one operation that are loaded one by one. A direct compaction of a large zone reads
    /// millions: beyond this only their instructions are executed.
    static constexpr std::size_t most_steps = 1U << 20;

    void load_descriptors(KernelPathBuilder& path, std::uint64_t begin, std::uint64_t end,
                          std::uint64_t stride) const;

    FrameAllocator& m_frames;
    VirtualMemory& m_memory;
    LruBatches& m_lru;
    KernelCounters& m_counters;
    Compaction m_compaction;
    std::function<void(NodeId)> m_wake;
};

} // namespace pagewalk::os
