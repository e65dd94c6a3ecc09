#pragma once

#include "os/path/frame_allocator.h"
#include "os/reclaim/page_users.h"
#include "os/reclaim/table_filter.h"
#include "os/reclaim/workingset.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace pagewalk::os {

/// How the multi-generational LRU learns what is in use: new generations begin with a walk over page tables,
/// which puts the pages behind accessed entries into the youngest; tables that had few such entries are left
/// out of the next walk unless reclaim met one meanwhile. Not modelled: accessed bits of upper tables.
/// Source: behaviour of mm/vmscan.c of Linux 6.1.
class GenerationAging {
public:
    struct Parts {
        FrameAllocator& frames;
        PageUsers& users;
        Workingset& workingset;
        LruGenerations& generations;
    };
    explicit GenerationAging(const Parts& parts) : m_parts(parts) {}

    struct Need {
        bool aging = false;      ///< there are too few old pages, or too many young ones
        std::uint64_t pages = 0; ///< in all generations
    };
    /// should_run_aging. `swaps`: anonymous pages may be reclaimed.
    [[nodiscard]] Need need(LruVec vec, bool swaps) const;
    /// try_to_inc_max_seq: walks page tables, then begins a generation.
    void age(Operation& op, LruVec vec, bool swaps);

    /// Puts pages of a node or memory cgroup that were accessed through page tables into the youngest
    /// generation, and notes which tables are worth another look in the walk that ends generation `walk`.
    class Promotion final : public YoungPages {
    public:
        Promotion(GenerationAging& aging, LruVec vec, bool swaps, std::uint64_t walk);
        [[nodiscard]] bool take(Operation& op, Pfn frame) override;
        [[nodiscard]] bool wants(Pfn table) const override;
        void saw(Pfn table, unsigned pages, unsigned accessed) override;

    private:
        GenerationAging& m_aging;
        LruVec m_vec;
        bool m_swaps;
        std::uint64_t m_walk;
    };
    /// Reclaim's own, which looks around an accessed page that it meets (lru_gen_look_around).
    [[nodiscard]] Promotion around(LruVec vec, bool swaps) {
        return {*this, vec, swaps, m_parts.generations.ages(vec).youngest};
    }

private:
    /// Tables worth a look in the walks that end generations of even and of odd number; until the first
    /// filter is filled all are.
    struct Filters {
        std::array<TableFilter, 2> tables;
        std::array<bool, 2> filled{};
    };
    [[nodiscard]] Filters& filters(LruVec vec);
    void begin_generation(LruVec vec, bool swaps);

    Parts m_parts;
    std::vector<std::unique_ptr<Filters>> m_filters; // by group and node
};

} // namespace pagewalk::os
