#include "os/reclaim/generation_aging.h"

#include <algorithm>

namespace pagewalk::os {

using Ages = LruGenerations::Ages;

GenerationAging::Promotion::Promotion(GenerationAging& aging, LruVec vec, bool swaps, std::uint64_t walk)
    : m_aging(aging), m_vec(vec), m_swaps(swaps), m_walk(walk) {}

/// get_pfn_folio and folio_update_gen.
bool GenerationAging::Promotion::take(Operation& op, Pfn frame) {
    const LruVec own = m_aging.m_parts.frames.lru().vec_of(frame);
    if (own.node != m_vec.node || own.group != m_vec.group) return false;
    const LruKind kind = lru_kind_of(m_aging.m_parts.frames.pages().peek(frame).owner_flags);
    if (kind == LruKind::Anon && !m_swaps) return false;
    m_aging.m_parts.generations.promote(m_vec, frame);
    op.path.store_page(frame);
    return true;
}

bool GenerationAging::Promotion::wants(Pfn table) const {
    const Filters& filters = m_aging.filters(m_vec);
    return !filters.filled[m_walk % 2] || filters.tables[m_walk % 2].may_have(table);
}

/// suitable_to_scan: at least one accessed entry per cache line on average.
void GenerationAging::Promotion::saw(Pfn table, unsigned pages, unsigned accessed) {
    constexpr unsigned entries_per_line = 8;
    if (accessed * entries_per_line >= pages) m_aging.filters(m_vec).tables[m_walk % 2].add(table);
}

GenerationAging::Filters& GenerationAging::filters(LruVec vec) {
    const std::size_t nodes = m_parts.frames.allocator().node_count();
    const std::size_t at = vec.group * nodes + pagewalk::index_of(vec.node);
    if (at >= m_filters.size()) m_filters.resize((vec.group + 1U) * nodes);
    if (m_filters[at] == nullptr) m_filters[at] = std::make_unique<Filters>();
    return *m_filters[at];
}

GenerationAging::Need GenerationAging::need(LruVec vec, bool swaps) const {
    constexpr std::uint64_t least = LruGenerations::least;
    const Ages& ages = m_parts.generations.ages(vec);
    std::uint64_t old = 0, young = 0, total = 0;
    for (const LruKind kind : {LruKind::Anon, LruKind::File}) {
        if (kind == LruKind::Anon && !swaps) continue;
        for (std::uint64_t number = ages.oldest_of(kind); number <= ages.youngest; ++number) {
            const std::uint64_t size = m_parts.generations.size(vec, kind, number);
            total += size;
            if (number == ages.youngest) young += size;
            if (number + least == ages.youngest) old += size;
        }
    }
    // The ideal is one generation more than are kept, each with an equal share.
    const std::uint64_t oldest = ages.oldest_of(swaps ? LruKind::Anon : LruKind::File);
    if (oldest + least != ages.youngest) return {oldest + least > ages.youngest, total};
    return {young * least > total || old * (least + 2) < total, total};
}

void GenerationAging::begin_generation(LruVec vec, bool swaps) {
    LruGenerations& generations = m_parts.generations;
    for (const LruKind kind : {LruKind::File, LruKind::Anon}) {
        const Ages& ages = generations.ages(vec);
        if (ages.count(kind) != LruGenerations::most) continue;
        if (kind == LruKind::Anon && !swaps)
            generations.set_oldest(vec, kind, ages.oldest_of(kind) + 1);
        else
            generations.end_oldest(vec, kind);
        m_parts.workingset.tiers(vec).end_generation(kind);
    }
    generations.begin_generation(vec);
}

void GenerationAging::age(Operation& op, LruVec vec, bool swaps) {
    const AtomicSection whole(op);
    op.path.call(KernelFunction::IncMaxSeq);
    const std::uint64_t youngest = m_parts.generations.ages(vec).youngest;
    Filters& next = filters(vec);
    next.tables[(youngest + 1) % 2].clear();
    next.filled[(youngest + 1) % 2] = true;
    // What is worth a look now is known from the walk before; what this one finds is for the next.
    class Walk final : public YoungPages {
    public:
        Walk(const Promotion& now, const Promotion& later) : m_now(now), m_later(later) {}
        [[nodiscard]] bool take(Operation& op, Pfn frame) override { return m_now.take(op, frame); }
        [[nodiscard]] bool wants(Pfn table) const override { return m_now.wants(table); }
        void saw(Pfn table, unsigned pages, unsigned accessed) override {
            m_later.saw(table, pages, accessed);
        }

    private:
        Promotion m_now, m_later;
    } walk({*this, vec, swaps, youngest}, {*this, vec, swaps, youngest + 1});
    m_parts.users.walk_young(op, vec.node, swaps, walk);
    const VirtAddr lock = m_parts.frames.addresses().lruvec(vec.node);
    op.path.acquire(lock);
    begin_generation(vec, swaps);
    op.path.store(lock);
    op.path.release(lock);
}

} // namespace pagewalk::os
