#pragma once

#include "base/address.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pagewalk::os {

enum class VmallocLock : std::uint8_t {
    Busy,       ///< vmap_area_lock
    Free,       ///< free_vmap_area_lock
    Lazy,       ///< purge_vmap_area_lock
    Purge,      ///< vmap_purge_lock, a mutex
    Block,      ///< of one vmap_block, at VmallocStep::address
    BlockQueue, ///< of one CPU's vmap_block_queue, whose number is VmallocStep::count
};

/// What one step touches, for whoever times the operation. A vmap_area fills one 64-byte line, so do
/// vm_struct and (with its neighbour) vmap_block; a page-table line holds 8 entries, a struct page one line.
enum class VmallocStepKind : std::uint8_t {
    Acquire,        ///< `lock`
    Release,        ///< `lock`
    VisitArea,      ///< a tree node on the way: load of the vmap_area at `address`
    WriteArea,      ///< store to the vmap_area at `address`
    AllocateObject, ///< slab allocation of `count` bytes, which gave `address`
    FreeObject,     ///< and its free
    AllocatePages,  ///< one call of the page allocator, which gave `count` frames
    TakePage,       ///< store of `frame` to the page array (8 bytes an entry), store to its struct page
    FreePage,       ///< load of the array's entry, free of `frame`
    AllocateTable,  ///< page allocator: `frame` becomes a page table (cleared)
    FreeTable,      ///< `frame` is a page table no more
    WriteEntries,   ///< stores of `count` entries to the page-table line at `physical`
    ClearEntries,   ///< `count` entries read and cleared in the page-table line at `physical`
    FlushTlb,       ///< flush_tlb_kernel_range of [address, end) on every CPU
    WakeDrain,      ///< schedule_work of the purge
};

struct VmallocStep {
    VmallocStepKind kind{};
    VmallocLock lock{};
    std::uint32_t count = 0;
    VirtAddr address{};
    VirtAddr end{};
    PhysAddr physical{};
    Pfn frame{};
};

/// What the last operation did, in order; whatever it nested (the page array of a large area) included. The
/// list keeps its capacity, so that a recurring operation allocates nothing.
class VmallocTrace {
public:
    /// Pages from which x86 flushes everything rather than page by page. Source:
    /// Documentation/x86/tlb.rst, tlb_single_page_flush_ceiling.
    static constexpr std::uint64_t single_page_flushes = 33;

    /// While it lives others may use the trace, since the operation may wait: its steps so far are kept here.
    class Aside {
    public:
        /// `trace` may be null: nothing is kept.
        explicit Aside(VmallocTrace* trace) : m_trace(trace) { swap(); }
        ~Aside() { swap(); }
        Aside(const Aside&) = delete;
        Aside& operator=(const Aside&) = delete;

    private:
        void swap() {
            if (m_trace != nullptr) m_steps.swap(m_trace->m_steps);
        }
        VmallocTrace* m_trace;
        std::vector<VmallocStep> m_steps;
    };

    void clear() { m_steps.clear(); }
    [[nodiscard]] std::span<const VmallocStep> steps() const { return m_steps; }
    /// Steps of a kind.
    [[nodiscard]] std::size_t steps(VmallocStepKind kind) const {
        std::size_t n = 0;
        for (const VmallocStep& step : m_steps) n += step.kind == kind ? 1 : 0;
        return n;
    }
    /// Their counts together.
    [[nodiscard]] std::uint64_t total(VmallocStepKind kind) const {
        std::uint64_t sum = 0;
        for (const VmallocStep& step : m_steps) sum += step.kind == kind ? step.count : 0;
        return sum;
    }

    void acquire(VmallocLock lock, VirtAddr address = {}, std::uint32_t queue = 0) {
        m_steps.push_back(
            {.kind = VmallocStepKind::Acquire, .lock = lock, .count = queue, .address = address});
    }
    void release(VmallocLock lock, VirtAddr address = {}, std::uint32_t queue = 0) {
        m_steps.push_back(
            {.kind = VmallocStepKind::Release, .lock = lock, .count = queue, .address = address});
    }
    void area(VmallocStepKind kind, VirtAddr object) { m_steps.push_back({.kind = kind, .address = object}); }
    void object(VmallocStepKind kind, VirtAddr object, std::uint64_t bytes) {
        m_steps.push_back({.kind = kind, .count = static_cast<std::uint32_t>(bytes), .address = object});
    }
    void pages(std::size_t count) {
        m_steps.push_back(
            {.kind = VmallocStepKind::AllocatePages, .count = static_cast<std::uint32_t>(count)});
    }
    void frame(VmallocStepKind kind, Pfn frame) { m_steps.push_back({.kind = kind, .frame = frame}); }
    /// Neighbouring entries of one line are one step.
    void entry(VmallocStepKind kind, PhysAddr entry) {
        if (!m_steps.empty() && m_steps.back().kind == kind && m_steps.back().physical == entry.line()) {
            ++m_steps.back().count;
            return;
        }
        m_steps.push_back({.kind = kind, .count = 1, .physical = entry.line()});
    }
    void flush(VirtAddr start, VirtAddr end) {
        m_steps.push_back({.kind = VmallocStepKind::FlushTlb, .address = start, .end = end});
    }
    void wake_drain() { m_steps.push_back({.kind = VmallocStepKind::WakeDrain}); }

    /// Does the kernel flush a range of this size page by page, or everything?
    [[nodiscard]] static constexpr bool flushes_all(VirtAddr start, VirtAddr end) {
        return (end - start) > single_page_flushes * page_size;
    }

private:
    std::vector<VmallocStep> m_steps;
};

} // namespace pagewalk::os
