#pragma once

#include "base/ids.h"
#include "contract/kernel_layout.h"
#include "contract/kernel_path.h"
#include "os/path/cost_table.h"

#include <cstdint>

namespace pagewalk::os {

/// Are kernel paths executed, or only their effects on the TLBs and sleeps kept?
enum class KernelTiming : std::uint8_t { Off, On };

/// Appends the steps of one kernel operation to a path. Without timing only marks, TLB flushes, effects and
/// sleeps remain.
class KernelPathBuilder {
public:
    KernelPathBuilder(KernelPath& path, const CostTable& costs, KernelTiming timing)
        : m_path(path), m_costs(costs), m_on(timing == KernelTiming::On) {}

    /// Executes a segment `times` times over: a step each, so that every time runs through the same text.
    void call(KernelFunction function, std::uint32_t times = 1) {
        if (!m_on) return;
        const FunctionCost& cost = m_costs[function];
        for (; times != 0; --times)
            m_path.execute(m_costs.text(function), cost.instructions, static_cast<std::uint16_t>(cost.loads),
                           static_cast<std::uint16_t>(cost.stores));
    }
    void load(VirtAddr address) {
        if (m_on) m_path.load(address);
    }
    void store(VirtAddr address) {
        if (m_on) m_path.store(address);
    }
    void load(PhysAddr address) { load(kernel_layout::direct_map(address)); }
    void store(PhysAddr address) { store(kernel_layout::direct_map(address)); }
    void load_page(Pfn frame) { load(kernel_layout::struct_page(frame)); }
    void store_page(Pfn frame) { store(kernel_layout::struct_page(frame)); }
    void clear_pages(Pfn frame, unsigned order) {
        if (!m_on) return;
        call(KernelFunction::ClearPage, 1U << order);
        m_path.clear_pages(kernel_layout::direct_map(address_of(frame)),
                           static_cast<std::uint32_t>(page_size << order));
    }
    /// memset: whole lines as rep stosb does, the ends as stores.
    void clear_bytes(VirtAddr address, std::uint64_t bytes) {
        if (!m_on || bytes == 0) return;
        const VirtAddr end = address + bytes;
        const VirtAddr whole = (address + (line_size - 1)).line();
        if (address != whole) store(address);
        if (whole >= end) return;
        const std::uint64_t lines = (end - whole) / line_size;
        if (lines != 0) m_path.clear_pages(whole, static_cast<std::uint32_t>(lines * line_size));
        if ((end - whole) % line_size != 0) store(end.line());
    }
    void copy_page(Pfn to, Pfn from) {
        copy_bytes(kernel_layout::direct_map(address_of(to)), kernel_layout::direct_map(address_of(from)),
                   static_cast<std::uint32_t>(page_size));
    }
    void copy_bytes(VirtAddr to, VirtAddr from, std::uint32_t bytes) {
        if (m_on && bytes != 0) m_path.copy_pages(to, from, bytes);
    }
    void atomic(VirtAddr address) {
        if (m_on) m_path.atomic(address);
    }
    void acquire(VirtAddr lock) {
        if (m_on) m_path.acquire(lock);
    }
    void release(VirtAddr lock) {
        if (m_on) m_path.release(lock);
    }
    void flush_tlb(const TlbInvalidation& invalidation) { m_path.flush_tlb(invalidation); }
    [[nodiscard]] std::uint32_t mark() { return m_path.mark(); }
    void effect(std::uint32_t index) { m_path.effect(index); }
    void sleep_until(Tick time) { m_path.sleep_until(time); }

    [[nodiscard]] KernelPath& path() { return m_path; }
    /// Of a segment's code.
    [[nodiscard]] VirtAddr text(KernelFunction function) const { return m_costs.text(function); }
    [[nodiscard]] bool timed() const { return m_on; }

private:
    KernelPath& m_path;
    const CostTable& m_costs;
    bool m_on;
};

} // namespace pagewalk::os
