#include "os/vm/compaction_driver.h"

namespace pagewalk::os {

CompactionDriver::CompactionDriver(FrameAllocator& frames, VirtualMemory& memory, LruBatches& lru,
                                   KernelCounters& counters)
    : m_frames(frames), m_memory(memory), m_lru(lru), m_counters(counters),
      m_compaction(frames.allocator(), *this) {
    m_compaction.set_events(this);
    frames.allocator().set_compactor(&m_compaction);
}

bool CompactionDriver::isolate(Pfn frame, CompactMode, GfpMask mask) {
    return m_memory.isolate_page(m_frames.slow_path_operation(), frame, mask);
}

void CompactionDriver::put_back(Pfn frame) { m_memory.put_back_page(m_frames.slow_path_operation(), frame); }

bool CompactionDriver::migrate(Pfn from, Pfn to, CompactMode) {
    const bool moved = m_memory.migrate_page(m_frames.slow_path_operation(), from, to);
    ++(moved ? m_counters.pgmigrate_success : m_counters.pgmigrate_fail);
    return moved;
}

void CompactionDriver::drain_batches(CpuId cpu) { m_lru.drain(m_frames.slow_path_operation(), cpu); }

void CompactionDriver::begin(const Zone& zone) {
    KernelPathBuilder& path = m_frames.slow_path_operation().path;
    path.call(KernelFunction::DirectCompact);
    path.load(m_frames.addresses().zone(zone));
}

void CompactionDriver::load_descriptors(KernelPathBuilder& path, std::uint64_t begin, std::uint64_t end,
                                        std::uint64_t stride) const {
    if (path.path().steps().size() > most_steps) return;
    for (std::uint64_t frame = begin; frame < end; frame += stride)
        path.load(kernel_layout::struct_page(Pfn(frame)));
}

void CompactionDriver::scanned_for_use(const Zone& zone, std::uint64_t begin, std::uint64_t end,
                                       std::uint64_t taken) {
    KernelPathBuilder& path = m_frames.slow_path_operation().path;
    if (!path.timed()) return;
    const KernelAddresses& addresses = m_frames.addresses();
    path.call(KernelFunction::CompactZone);
    path.load(addresses.pageblock_bits(zone, begin));
    if (taken != 0) path.acquire(addresses.lruvec(zone.node));
    load_descriptors(path, begin, end, 1);
    path.call(KernelFunction::ScanUsedFrame, static_cast<std::uint32_t>(end - begin));
    if (taken != 0) path.release(addresses.lruvec(zone.node));
}

void CompactionDriver::scanned_for_free(const Zone& zone, std::uint64_t begin, std::uint64_t end,
                                        std::uint64_t stride, std::uint64_t taken) {
    KernelPathBuilder& path = m_frames.slow_path_operation().path;
    if (!path.timed()) return;
    const KernelAddresses& addresses = m_frames.addresses();
    path.load(addresses.pageblock_bits(zone, begin));
    if (taken != 0) path.acquire(addresses.zone_lock(zone));
    load_descriptors(path, begin, end, stride);
    path.call(KernelFunction::ScanFreeFrame, static_cast<std::uint32_t>((end - begin) / stride));
    if (taken != 0) path.release(addresses.zone_lock(zone));
}

void CompactionDriver::searched_lists(const Zone& zone, std::uint64_t entries) {
    KernelPathBuilder& path = m_frames.slow_path_operation().path;
    path.acquire(m_frames.addresses().zone_lock(zone));
    path.call(KernelFunction::ScanFreeFrame, static_cast<std::uint32_t>(entries));
    path.release(m_frames.addresses().zone_lock(zone));
}

void CompactionDriver::took_free(const Zone& zone, std::uint32_t frame, unsigned order) {
    KernelPathBuilder& path = m_frames.slow_path_operation().path;
    path.call(KernelFunction::IsolateFreePage);
    path.store(zone.free_list(order, Migratetype::Movable));
    path.store_page(Pfn(frame));
}

void CompactionDriver::freed(std::uint32_t frame, const AllocTrace& trace) {
    ++m_counters.pgfree;
    Operation& op = m_frames.slow_path_operation();
    op.path.call(KernelFunction::FreeUnrefPage);
    op.path.store_page(Pfn(frame));
    m_frames.describe_free(op, trace);
}

void CompactionDriver::drained(const Zone&, const AllocTrace& trace) {
    m_frames.describe_free(m_frames.slow_path_operation(), trace);
}

void CompactionDriver::daemon_wanted(NodeId node) {
    if (m_wake) m_wake(node);
}

} // namespace pagewalk::os
