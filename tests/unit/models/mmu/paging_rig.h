#pragma once

#include "base/time.h"
#include "contract/page_table.h"
#include "models/cache/private_hierarchy.h"
#include "models/cache/shared_cache.h"
#include "models/memory/memory_port.h"
#include "models/mmu/mmu.h"

#include <cstdint>

/// A real cache hierarchy over a memory of fixed latency, and real page tables. Every clock is 1 GHz, so that
/// a cycle is 1000 ticks.
namespace pagewalk::models::rig {

inline constexpr std::uint64_t hertz = 1'000'000'000;
inline constexpr std::uint64_t cycle_ticks = 1000;
inline constexpr std::uint64_t l1_cycles = 4;
inline constexpr std::uint64_t l2_cycles = 10;
inline constexpr std::uint64_t llc_cycles = 20;
inline constexpr std::uint64_t memory_cycles = 100;
/// An access that misses every cache.
inline constexpr std::uint64_t cold_cycles = l1_cycles + l2_cycles + llc_cycles + memory_cycles;

class FixedMemory final : public MemoryPort {
public:
    Tick access(const LineRequest& request) override {
        return request.time + Tick(memory_cycles * cycle_ticks);
    }
};

[[nodiscard]] inline PrivateHierarchyConfig private_caches() {
    PrivateHierarchyConfig config;
    for (CacheConfig* level : {&config.l1i, &config.l1d, &config.l2})
        level->prefetcher = PrefetcherKind::None;
    config.l1i.latency = config.l1d.latency = Cycles(l1_cycles);
    config.l2.latency = Cycles(l2_cycles);
    return config;
}

[[nodiscard]] inline LlcConfig last_level_cache() {
    LlcConfig config;
    config.frequency = hertz;
    config.cache.latency = Cycles(llc_cycles);
    return config;
}

/// Builds radix tables as the OS layer would. Upper entries are accessed already.
class PageTables {
public:
    static constexpr std::uint64_t table_flags =
        PageTableEntry::Present | PageTableEntry::Writable | PageTableEntry::User | PageTableEntry::Accessed;
    static constexpr std::uint64_t page_flags = table_flags | PageTableEntry::Dirty;

    PageTables(PageTableMemory& memory, Pfn first_frame, unsigned levels)
        : m_memory(memory), m_next(first_frame), m_levels(levels), m_root(new_table()) {}

    [[nodiscard]] Pfn root() const { return m_root; }

    /// The entry of `level` for the address; makes the tables above it.
    PageTableEntry& entry(VirtAddr address, unsigned level) {
        Pfn table = m_root;
        for (unsigned at = m_levels; at > level; --at) {
            PageTableEntry& upper = m_memory.table(table)[table_index(address, at)];
            if (!upper.present()) upper = PageTableEntry(new_table(), table_flags);
            table = upper.frame();
        }
        return m_memory.table(table)[table_index(address, level)];
    }
    PageTableEntry& map(VirtAddr address, Pfn frame, PageSize size = PageSize::Page4K,
                        std::uint64_t flags = page_flags) {
        const unsigned level = static_cast<unsigned>(size) + 1;
        const std::uint64_t huge = size == PageSize::Page4K ? 0 : std::uint64_t{PageTableEntry::Huge};
        return entry(address, level) = PageTableEntry(frame, flags | huge);
    }

private:
    Pfn new_table() {
        m_memory.add(m_next);
        const Pfn made = m_next;
        ++m_next;
        return made;
    }

    PageTableMemory& m_memory;
    Pfn m_next;
    unsigned m_levels;
    Pfn m_root;
};

/// One CPU's MMU with all it needs.
struct PagingRig {
    explicit PagingRig(const MmuConfig& config = {})
        : clock(hertz),
          llc(last_level_cache(), {.cpus = 1, .private_lines = private_caches().lines()}, memory, 1, "llc"),
          caches(private_caches(), CpuId{0}, clock, llc, 1), space(tables, Pfn(0x1000), config.levels),
          mmu(config, CpuId{0}, clock, caches, tables) {
        mmu.set_context({space.root(), 1});
    }

    Clock clock;
    FixedMemory memory;
    SharedCache llc;
    PrivateHierarchy caches;
    PageTableMemory tables;
    PageTables space;
    Mmu mmu;
};

} // namespace pagewalk::models::rig
