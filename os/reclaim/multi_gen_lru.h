#pragma once

#include "os/reclaim/generation_aging.h"
#include "os/reclaim/lru_batch.h"
#include "os/reclaim/page_shrinker.h"

#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// Reclaim by generations (lru_gen_shrink_lruvec): takes pages of the oldest generation, of the kind whose
/// oldest is older or which refaults less, spares the tiers that come back, and has new generations begin
/// where too few are left. Not modelled: min_ttl_ms, tasks that are about to exit. Source: behaviour of
/// mm/vmscan.c of Linux 6.1.
class MultiGenLru {
public:
    struct Parts {
        FrameAllocator& frames;
        KernelCounters& counters;
        PageUsers& users;
        LruBatches& lru;
        Swap& swap;
        Workingset& workingset;
        PageShrinker& shrinker;
    };
    /// Contract: the LRU lists have generations.
    MultiGenLru(const Parts& parts, unsigned swappiness)
        : m_parts(parts), m_generations(*parts.frames.lru().generations()),
          m_aging({parts.frames, parts.users, parts.workingset, m_generations}), m_swappiness(swappiness),
          m_ages_next(parts.frames.allocator().node_count()) {}

    /// One pass over the lists with the control's priority. Adds to what the control has scanned and
    /// reclaimed.
    void shrink(Operation& op, LruVec vec, ScanControl& control);
    /// lru_gen_age_node: kswapd begins new generations before it reclaims.
    void age_node(Operation& op, NodeId node, ScanControl& control);

private:
    static constexpr std::uint64_t batch = 64;        // MIN_LRU_BATCH
    static constexpr std::uint64_t most_looks = 4096; // MAX_LRU_BATCH
    struct Evicted {
        std::uint64_t looked_at = 0; ///< 0: there is nothing to be had
        bool anonymous = false;
    };

    /// 0: anonymous pages are left alone.
    [[nodiscard]] unsigned swappiness(LruVec vec) const;
    [[nodiscard]] unsigned swappiness(LruVec vec, const ScanControl& control) const;
    /// get_nr_to_scan. Sets `aging` where a new generation is due.
    [[nodiscard]] std::uint64_t pages_to_scan(Operation& op, LruVec vec, const ScanControl& control,
                                              bool swaps, bool& aging);
    /// should_abort_scan. `youngest`: the generation when the pass began.
    [[nodiscard]] bool is_enough(LruVec vec, std::uint64_t youngest, bool swapping,
                                 ScanControl& control) const;
    [[nodiscard]] bool watermarks_are_met(NodeId node, const ScanControl& control) const;

    /// evict_folios.
    Evicted evict(Operation& op, LruVec vec, unsigned swappiness, ScanControl& control);
    /// isolate_folios: into m_isolated. Returns how many were looked at, and of which kind.
    std::uint64_t isolate(Operation& op, LruVec vec, unsigned swappiness, const ScanControl& control,
                          LruKind& kind);
    std::uint64_t isolate_kind(Operation& op, LruVec vec, LruKind kind, unsigned last_tier,
                               const ScanControl& control);
    /// What one scan has come to.
    struct Scan {
        std::uint64_t looked_at = 0, isolated = 0, sorted = 0;
        std::uint64_t left = most_looks;
    };
    void isolate_zone(Operation& op, const Zone& zone, LruVec vec, LruKind kind, unsigned last_tier,
                      const ScanControl& control, Scan& scan);
    /// sort_folio: puts a page that is not to be reclaimed now onto the list where it belongs.
    [[nodiscard]] bool sorts(LruVec vec, Pfn frame, LruKind kind, unsigned last_tier);
    [[nodiscard]] bool sorts_out(Pfn frame, LruKind kind);
    /// isolate_folio.
    [[nodiscard]] bool take(Pfn frame, const ScanControl& control);
    /// try_to_inc_min_seq.
    [[nodiscard]] bool drop_empty_generations(LruVec vec, bool swaps);
    std::uint64_t shrink_isolated(Operation& op, LruVec vec, LruKind kind, ScanControl& control);
    /// Puts back what cannot go; pages that have become clean meanwhile are tried once more.
    void sort_kept(bool last);

    Parts m_parts;
    LruGenerations& m_generations;
    GenerationAging m_aging;
    unsigned m_swappiness;
    std::vector<bool> m_ages_next; ///< by node: kswapd's next round does (memcgs_need_aging)
    std::vector<Pfn> m_isolated, m_kept;
};

} // namespace pagewalk::os
