#include "os/dma/iommu_domain.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::os {

namespace {

constexpr unsigned range_bits = 40; // of a page's number in an effect's value; its count is above
constexpr std::uint64_t entries_per_line = line_size / sizeof(std::uint64_t);

PhysAddr entry_address(Pfn table, std::size_t index) {
    return address_of(table) + index * sizeof(std::uint64_t);
}
std::size_t index_in(BusPage page, unsigned level) {
    return table_index(VirtAddr(address_of(page).value()), level);
}

} // namespace

void IommuDomainStats::declare(StatGroup group) const {
    group.counter("mappings", mappings, "count", "ranges that were mapped for devices");
    group.gauge("table_pages", table_pages, "count", "pages of the IOMMU's page tables");
    group.counter("iova_from_tree", iova_from_tree, "count",
                  "ranges of I/O virtual addresses that no cache of freed ones had");
    group.counter("invalidations", invalidations, "count",
                  "invalidations of the IOTLB that a CPU waited for");
    group.counter("queue_full", queue_full, "count",
                  "iommu.mode = lazy: flush queues that were full (256 ranges)");
    group.counter("queue_timeouts", queue_timeouts, "count",
                  "iommu.mode = lazy: flushes of all queues after 10 ms");
}

IommuDomain::IommuDomain(const Parts& parts, const DmaDevice& device, IommuMode mode, std::size_t cpus)
    : m_parts(parts), m_device(device), m_mode(mode), m_addresses(cpus), m_queues(cpus) {}

void IommuDomain::attach(Operation& op) {
    const auto root = make_table(op);
    if (!root) throw ConfigError("no memory for the page tables of the IOMMU; give the machine more memory");
    m_root = *root;
    m_parts.iommu.attach(m_device.id, m_root);
}

/// Not in a frame that was a process's table until just now: a CPU's walk may still read it there.
std::optional<Pfn> IommuDomain::make_table(Operation& op) {
    const auto allocate = [&] {
        return m_parts.frames.allocate(
            op, {.mask = gfp::atomic | gfp::zero, .purpose = AllocationPurpose::PageTable});
    };
    std::vector<Pfn> still_read;
    auto frame = allocate();
    for (; frame && m_parts.tables.find(*frame) != nullptr; frame = allocate()) still_read.push_back(*frame);
    for (const Pfn other : still_read) m_parts.frames.free(op, other, 0);
    if (!frame) return std::nullopt;
    m_parts.tables.add(*frame);
    ++m_stats.table_pages;
    return *frame;
}

std::optional<BusPage> IommuDomain::map(Operation& op, std::span<const Pfn> frames) {
    look_after_age(op);
    const auto first = allocate_range(op, frames.size());
    if (!first) return std::nullopt;
    op.path.call(KernelFunction::IommuMap);
    if (frames.size() > 1)
        op.path.call(KernelFunction::IommuMapPage, static_cast<std::uint32_t>(frames.size() - 1));
    PageTableMemory::Table* entries = nullptr;
    Pfn table{};
    for (std::uint64_t i = 0; i < frames.size(); ++i) {
        const BusPage page = *first + i;
        const std::size_t index = index_in(page, 1);
        if (entries == nullptr || index == 0) entries = leaf_table(op, page, table);
        if (entries == nullptr) {
            clear_entries(op, *first, i);
            free_range(op, *first, frames.size());
            return std::nullopt;
        }
        (*entries)[index] = PageTableEntry(frames[i], PageTableEntry::Present | PageTableEntry::Writable);
        if (i == 0 || index % entries_per_line == 0) op.path.store(entry_address(table, index));
    }
    ++m_stats.mappings;
    return first;
}

PageTableMemory::Table* IommuDomain::leaf_table(Operation& op, BusPage page, Pfn& table) {
    table = m_root;
    for (unsigned level = levels; level > 1; --level) {
        const std::size_t index = index_in(page, level);
        op.path.load(entry_address(table, index));
        if (!m_parts.tables.table(table)[index].present()) {
            const auto lower = make_table(op);
            if (!lower) return nullptr;
            m_parts.tables.table(table)[index] =
                PageTableEntry(*lower, PageTableEntry::Present | PageTableEntry::Writable);
            op.path.store(entry_address(table, index));
        }
        table = m_parts.tables.table(table)[index].frame();
    }
    return &m_parts.tables.table(table);
}

/// iommu_dma_alloc_iova asks for 32-bit addresses first, which nearly any device can reach.
std::optional<IovaAllocator::Range> IommuDomain::find_range(CpuId cpu, std::uint64_t pages) {
    const std::uint64_t below_4_gib = 1ULL << (32 - page_shift);
    const std::uint64_t most = std::min<std::uint64_t>(m_device.end(), 1ULL << 48) >> page_shift;
    const auto range = m_addresses.allocate(cpu, pages, BusPage(std::min(below_4_gib, most)));
    if (range || most <= below_4_gib) return range;
    return m_addresses.allocate(cpu, pages, BusPage(most));
}

std::optional<BusPage> IommuDomain::allocate_range(Operation& op, std::uint64_t pages) {
    auto range = find_range(op.cpu, pages);
    if (!range) { // few addresses, and freed ones wait for a flush or lie in caches of another size
        if (m_mode == IommuMode::Lazy) flush_all_queues(op);
        m_addresses.drain_caches();
        range = find_range(op.cpu, pages);
    }
    if (!range) return std::nullopt;
    op.path.store(m_parts.frames.addresses().iova_magazine(op.cpu));
    if (range->from == IovaAllocator::Place::Magazine) {
        op.path.call(KernelFunction::AllocIova);
    } else {
        const VirtAddr lock = m_parts.frames.addresses().iova_lock();
        op.path.acquire(lock);
        op.path.call(KernelFunction::AllocIovaTree);
        op.path.release(lock);
        if (range->from == IovaAllocator::Place::Tree) ++m_stats.iova_from_tree;
    }
    return range->first;
}

void IommuDomain::free_range(Operation& op, BusPage first, std::uint64_t pages) {
    op.path.store(m_parts.frames.addresses().iova_magazine(op.cpu));
    if (m_addresses.free(op.cpu, first, pages) == IovaAllocator::Place::Magazine)
        return op.path.call(KernelFunction::FreeIova);
    const VirtAddr lock = m_parts.frames.addresses().iova_lock();
    op.path.acquire(lock);
    op.path.call(KernelFunction::FreeIovaTree);
    op.path.release(lock);
}

void IommuDomain::unmap(Operation& op, BusPage first, std::uint64_t pages) {
    look_after_age(op);
    op.path.call(KernelFunction::IommuUnmap);
    if (pages > 1) op.path.call(KernelFunction::IommuUnmapPage, static_cast<std::uint32_t>(pages - 1));
    clear_entries(op, first, pages);
    if (m_mode == IommuMode::Lazy) return queue(op, first, pages);
    invalidate(op, first, pages);
    free_range(op, first, pages);
}

void IommuDomain::clear_entries(Operation& op, BusPage first, std::uint64_t pages) {
    Pfn table{};
    PageTableMemory::Table* entries = nullptr;
    for (std::uint64_t i = 0; i < pages; ++i) {
        const std::size_t index = index_in(first + i, 1);
        if (entries == nullptr || index == 0) entries = leaf_table(op, first + i, table);
        (*entries)[index] = PageTableEntry();
        if (i == 0 || index % entries_per_line == 0) op.path.store(entry_address(table, index));
    }
}

/// A command in the IOMMU's queue, and spinning until the IOMMU has answered.
void IommuDomain::invalidate(Operation& op, BusPage first, std::uint64_t pages) {
    ++m_stats.invalidations;
    const VirtAddr lock = m_parts.frames.addresses().iommu_queue();
    op.path.acquire(lock);
    op.path.call(KernelFunction::IotlbInvalidate);
    op.effect<&IommuDomain::drop>(*this, pages << range_bits | first.value());
    op.path.call(KernelFunction::IotlbWait);
    op.path.release(lock);
}

void IommuDomain::invalidate_all(Operation& op) {
    ++m_stats.invalidations;
    const VirtAddr lock = m_parts.frames.addresses().iommu_queue();
    op.path.acquire(lock);
    op.path.call(KernelFunction::IotlbInvalidate);
    op.effect<&IommuDomain::drop_all>(*this);
    op.path.call(KernelFunction::IotlbWait);
    op.path.release(lock);
}

void IommuDomain::drop(std::uint64_t range, const Moment&) {
    m_parts.iommu.invalidate(m_device.id, BusPage(range & ((1ULL << range_bits) - 1)), range >> range_bits);
}

void IommuDomain::drop_all(std::uint64_t, const Moment&) { m_parts.iommu.invalidate_all(m_device.id); }

void IommuDomain::queue(Operation& op, BusPage first, std::uint64_t pages) {
    std::vector<Queued>& queued = m_queues[op.cpu];
    if (queued.size() == flush_queue_ranges) {
        ++m_stats.queue_full;
        invalidate_all(op);
        flush_queue(op, op.cpu);
    }
    op.path.call(KernelFunction::FlushQueueAdd);
    queued.push_back({first, pages});
    if (m_flush_due == no_time) m_flush_due = op.now + flush_queue_timeout;
}

/// Contract: the IOTLB has been invalidated.
void IommuDomain::flush_queue(Operation& op, CpuId cpu) {
    for (const Queued& range : m_queues[cpu]) free_range(op, range.first, range.pages);
    m_queues[cpu].clear();
}

/// What a timer does in Linux is done by whoever maps or unmaps next.
void IommuDomain::look_after_age(Operation& op) {
    if (m_flush_due == no_time || op.now < m_flush_due) return;
    ++m_stats.queue_timeouts;
    flush_all_queues(op);
}

void IommuDomain::flush_all_queues(Operation& op) {
    m_flush_due = no_time;
    invalidate_all(op);
    for (std::size_t cpu = 0; cpu < m_queues.size(); ++cpu) flush_queue(op, static_cast<CpuId>(cpu));
}

} // namespace pagewalk::os
