#pragma once

#include "base/stats.h"
#include "base/time.h"
#include "contract/memory_access.h"
#include "models/cache/access_port.h"
#include "models/cache/cache.h"
#include "models/cache/cache_config.h"
#include "models/cache/cache_stats.h"
#include "models/cache/coherent_memory.h"
#include "models/cache/mshr_file.h"
#include "models/cache/prefetch/prefetcher.h"

#include <array>
#include <cstdint>

namespace pagewalk::models {

struct AccessResult {
    Cycles ready{};                ///< core cycle at which the data is available (a store: the line is ours)
    HitLevel level = HitLevel::L1; ///< for a line on its way: where it comes from
};

/// Told when an access, a prefetch aside, took a line from another core.
class LineTakenObserver {
public:
    virtual ~LineTakenObserver() = default;
    virtual void line_taken() = 0;
};

/// L1I, L1D and L2 of one core. Works in core cycles; what L2 lacks goes to the shared memory system in
/// ticks.
///
/// Timing: an access at cycle t that hits in L1 is ready at t + L1 latency; L2's look-up begins then and adds
/// its own latency; a miss leaves the hierarchy after that. Lines are entered when they are asked for, with
/// the time at which their data comes; who meets a line before waits for it (a merge with the miss under
/// way). Dropped lines go down when the line that replaces them arrives, and delay nobody.
///
/// L1 and L2 are not inclusive by default: each level fills on a miss, and L2 dropping a line leaves L1
/// alone.
class PrivateHierarchy final : public SnoopTarget {
public:
    PrivateHierarchy(const PrivateHierarchyConfig& config, CpuId cpu, Clock clock, CoherentMemory& memory,
                     std::uint64_t seed);

    [[gnu::always_inline]] AccessResult load(PhysAddr address, Cycles cycle, VirtAddr pc) {
        ++m_l1d.stats.accesses;
        if (m_l1d.port.limits()) [[unlikely]]
            cycle = Cycles(m_l1d.port.begin_read(cycle.value(), line_number_of(address)));
        CacheLine* const line = m_l1d.tags.access_recent_first(line_number_of(address));
        const Cycles ready = cycle + m_l1d.latency;
        if (line != nullptr && is_plain_hit(*line, ready)) [[likely]]
            return {ready, HitLevel::L1};
        return l1d_slow(line, address, cycle, AccessKind::Load, pc);
    }

    /// A store of a whole line (rep stosb): a line that is nowhere on the chip is not read from memory.
    /// Source: Intel optimization manual (248966), enhanced rep movsb and stosb.
    AccessResult store_line(PhysAddr address, Cycles cycle) {
        ++m_l1d.stats.accesses;
        cycle = begin_at(m_l1d, cycle);
        return l1d_slow(m_l1d.tags.access(line_number_of(address)), address, cycle, AccessKind::StoreLine,
                        VirtAddr());
    }

    [[gnu::always_inline]] AccessResult store(PhysAddr address, Cycles cycle, VirtAddr pc) {
        ++m_l1d.stats.accesses;
        cycle = begin_at(m_l1d, cycle);
        CacheLine* const line = m_l1d.tags.access_recent_first(line_number_of(address));
        const Cycles ready = cycle + m_l1d.latency;
        if (line != nullptr && is_plain_hit(*line, ready) && line->exclusive()) [[likely]] {
            line->set_dirty();
            return {ready, HitLevel::L1};
        }
        return l1d_slow(line, address, cycle, AccessKind::Store, pc);
    }

    AccessResult fetch(PhysAddr address, Cycles cycle) {
        ++m_l1i.stats.accesses;
        CacheLine* const line = m_l1i.tags.access_recent_first(line_number_of(address));
        const Cycles ready = cycle + m_l1i.latency;
        if (line != nullptr && line->ready() <= ready.value() && !line->prefetched() &&
            !m_l1i.prefetcher.active()) [[likely]]
            return {ready, HitLevel::L1};
        return l1i_slow(line, address, cycle);
    }

    /// The line of L1I that a fetch would find, there and not brought by a prefetcher; null where it would
    /// not. Counts and ages nothing.
    [[nodiscard]] const CacheLine* find_fetched(PhysAddr address, Cycles cycle) {
        const CacheLine* const line = m_l1i.tags.probe(line_number_of(address));
        const bool hits =
            line != nullptr && line->ready() <= (cycle + m_l1i.latency).value() && !line->prefetched();
        return hits ? line : nullptr;
    }
    /// A fetch of what find_fetched() has found before. False, and nothing done, where it is not there any
    /// more or a prefetcher is to be told.
    [[nodiscard]] bool fetch_found(const CacheLine& line, PhysAddr address) {
        if (!line.holds(line_number_of(address)) || m_l1i.prefetcher.active()) [[unlikely]]
            return false;
        ++m_l1i.stats.accesses;
        m_l1i.tags.touch(line);
        return true;
    }

    /// A page walker's load of a table entry.
    AccessResult walk(PhysAddr address, Cycles cycle) {
        if (m_walks_through != WalksThrough::L1d) return walk_below_l1(address, cycle);
        ++m_l1d.stats.accesses;
        ++m_l1d.stats.walk_accesses;
        cycle = begin_at(m_l1d, cycle);
        CacheLine* const line = m_l1d.tags.access_recent_first(line_number_of(address));
        const Cycles ready = cycle + m_l1d.latency;
        if (line != nullptr && line->ready() <= ready.value() && !line->prefetched()) [[likely]]
            return {ready, HitLevel::L1};
        return l1d_slow(line, address, cycle, AccessKind::Walk, VirtAddr());
    }

    /// A line of L2 that holds translations in the place of memory, by the number of what it translates.
    struct Translations {
        Cycles known{};
        bool found = false;
    };
    [[nodiscard]] Translations find_translations(std::uint64_t number, Cycles cycle);
    /// Makes a line of L2 one of translations. False where it is there already.
    bool keep_translations(std::uint64_t number, Cycles cycle);
    [[nodiscard]] bool has_translations(std::uint64_t number) {
        return m_l2.tags.probe(translation_mark | number) != nullptr;
    }
    /// False where it is not there.
    bool drop_translations(std::uint64_t number);
    [[nodiscard]] std::uint64_t l2_lines() const { return m_l2.tags.lines(); }

    void observe(LineTakenObserver& observer) { m_observer = &observer; }

    Dirty invalidate(PhysAddr line) override;
    Dirty downgrade(PhysAddr line) override;

    [[nodiscard]] const Clock& clock() const { return m_clock; }
    [[nodiscard]] CpuId cpu() const { return m_cpu; }
    [[nodiscard]] const CacheStats& l1i_stats() const { return m_l1i.stats; }
    [[nodiscard]] const CacheStats& l1d_stats() const { return m_l1d.stats; }
    [[nodiscard]] const CacheStats& l2_stats() const { return m_l2.stats; }
    void declare(StatGroup group) const;

private:
    /// Tells lines of translations from memory's: no memory lies as high.
    static constexpr LineNumber translation_mark = 1ULL << (CacheLine::number_bits - 1);

    struct Level {
        Level(const CacheConfig& config, std::uint64_t seed, const std::string& name,
              Cache::RecentFirst recent_first)
            : latency(config.latency), fill_latency(config.fill_latency),
              tags(config, seed, name, recent_first), mshrs(config.mshrs),
              port(config.ports, config.port_span), prefetcher(config) {}
        Cycles latency;
        Cycles fill_latency;
        Cache tags;
        CacheStats stats;
        MshrFile mshrs;
        AccessPort port;
        Prefetcher prefetcher;
    };
    struct L2Result {
        Cycles ready{};
        HitLevel level = HitLevel::L2;
        bool exclusive = false;
    };

    /// When an access that reaches the level at `cycle` gets a port.
    [[nodiscard]] static Cycles begin_at(Level& level, Cycles cycle) {
        if (!level.port.limits()) [[likely]]
            return cycle;
        return Cycles(level.port.begin(cycle.value()));
    }
    [[nodiscard]] bool is_plain_hit(const CacheLine& line, Cycles ready) const {
        return line.ready() <= ready.value() && !line.prefetched() && !m_l1d.prefetcher.active();
    }

    AccessResult l1d_slow(CacheLine* line, PhysAddr address, Cycles cycle, AccessKind kind, VirtAddr pc);
    AccessResult l1i_slow(CacheLine* line, PhysAddr address, Cycles cycle);
    AccessResult walk_below_l1(PhysAddr address, Cycles cycle);
    AccessResult walk_l2(PhysAddr address, Cycles cycle);
    AccessResult hit_l1d(CacheLine& line, LineNumber number, Cycles cycle, AccessKind kind);
    AccessResult miss_l1(Level& l1, PhysAddr address, Cycles cycle, AccessKind kind, VirtAddr pc);
    L2Result access_l2(LineNumber line, Cycles cycle, AccessKind kind, VirtAddr pc, PhysAddr address);
    L2Result fetch_into_l2(LineNumber line, Cycles cycle, AccessKind kind);
    L2Result upgrade(LineNumber line, Cycles cycle, Cycles data_ready);

    void prefetch_l1(Level& l1, PhysAddr address, Cycles cycle);
    void prefetch_l2(PhysAddr address, Cycles cycle);
    /// Counts a hit's merge or first use of a prefetched line; returns whether its data is still on the way.
    static bool note_hit(Level& level, CacheLine& line, Cycles ready, bool demand);

    CacheLine& fill_l1(Level& l1, LineNumber line, const L2Result& from);
    CacheLine& fill_l2(LineNumber line, Cycles ready, HitLevel source);
    void write_back_to_l2(const CacheLine& victim, Cycles cycle);
    void leave_l2(const CacheLine& victim, Cycles cycle);
    void send_victim(LineNumber line, Cycles cycle, Dirty dirty, Retained retained);

    Level m_l1d;
    Level m_l1i;
    Level m_l2;
    Clock m_clock;
    CoherentMemory& m_memory;
    CpuId m_cpu;
    WalksThrough m_walks_through;
    L1Inclusion m_l1_inclusion;
    LineTakenObserver* m_observer = nullptr;
    bool m_perfect_l2;
    bool m_sends_clean_victims;
};

} // namespace pagewalk::models
