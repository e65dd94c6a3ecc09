#include "os/reclaim/workingset.h"

namespace pagewalk::os {
namespace {

// A shadow: 1, whether the page was part of the working set, for which node and group it went, and their age
// then.
constexpr Shadow present_bit = 1, workingset_bit = 2;
constexpr unsigned node_shift = 2, group_shift = 12, age_shift = 28;
constexpr std::uint64_t node_mask = (1U << (group_shift - node_shift)) - 1;
constexpr std::uint64_t group_mask = (1U << (age_shift - group_shift)) - 1;
constexpr std::uint64_t age_mask = ~0ULL >> age_shift;

// With generations the age is that of the oldest one with the page's uses.
constexpr unsigned uses_width = 2; // LRU_REFS_WIDTH
constexpr std::uint64_t uses_mask = (1U << uses_width) - 1;

} // namespace

NodeLru& Workingset::of(LruVec vec) {
    const std::size_t nodes = m_frames.allocator().node_count();
    const std::size_t at = vec.group * nodes + pagewalk::index_of(vec.node);
    if (at >= m_nodes.size()) m_nodes.resize((vec.group + 1U) * nodes);
    return m_nodes[at];
}

RefaultTiers& Workingset::tiers(LruVec vec) {
    const std::size_t nodes = m_frames.allocator().node_count();
    const std::size_t at = vec.group * nodes + pagewalk::index_of(vec.node);
    if (at >= m_tiers.size()) m_tiers.resize((vec.group + 1U) * nodes);
    return m_tiers[at];
}

void Workingset::age(LruVec vec, std::uint64_t pages) {
    node(vec.node).nonresident_age += pages;
    if (vec.group != 0) of(vec).nonresident_age += pages;
}

/// lru_gen_eviction.
Shadow Workingset::evict_generation(LruGenerations& generations, Pfn frame) {
    const LruVec where = vec_of(frame);
    const PageDescriptor& page = m_frames.pages().peek(frame);
    const LruKind kind = lru_kind_of(page.owner_flags);
    const unsigned uses = generations.uses(frame);
    const std::uint64_t oldest = generations.ages(where).oldest_of(kind);
    tiers(where).note_evicted(kind, RefaultTiers::tier_of(uses), page.frames());
    const std::uint64_t token = oldest << uses_width | (uses != 0 ? uses - 1 : 0);
    return token << age_shift | static_cast<std::uint64_t>(where.group) << group_shift |
           static_cast<std::uint64_t>(where.node) << node_shift | (uses != 0 ? workingset_bit : 0) |
           present_bit;
}

/// lru_gen_refault: only a page of the generation that is the oldest now tells something.
void Workingset::refault_generation(const Operation& op, LruGenerations& generations, Pfn frame,
                                    Shadow shadow) {
    const LruVec now = vec_of(frame);
    if (now.node != static_cast<NodeId>(shadow >> node_shift & node_mask) ||
        now.group != (shadow >> group_shift & group_mask))
        return;
    PageDescriptor& page = m_frames.pages().at(frame);
    const LruKind kind = lru_kind_of(page.owner_flags);
    const std::uint64_t token = shadow >> age_shift;
    if (token >> uses_width != (generations.ages(now).oldest_of(kind) & age_mask >> uses_width)) return;
    const auto uses = static_cast<unsigned>((token & uses_mask) + ((shadow & workingset_bit) != 0 ? 1 : 0));
    tiers(now).note_refaulted(kind, RefaultTiers::tier_of(uses), page.frames());
    const auto index = static_cast<std::size_t>(kind);
    m_counters.reclaim.workingset_refault[index] += page.frames();
    if (MemoryCgroup* const group = m_frames.cgroups().find(now.group)) ++group->refaults[index];
    if (!op.in_lru_fault && uses != 1U << uses_width) return;
    page.owner_flags |= frame_flags::workingset;
    m_counters.reclaim.workingset_restore[index] += page.frames();
}

Shadow Workingset::evict(Pfn frame, const MemoryCgroup* target) {
    if (LruGenerations* const generations = m_frames.lru().generations())
        return evict_generation(*generations, frame);
    const LruVec where{m_frames.allocator().zone_of(frame)->node,
                       target != nullptr ? target->number : std::uint16_t{0}};
    const std::uint64_t now = of(where).nonresident_age;
    age(where, 1);
    const bool in_use = (m_frames.pages().peek(frame).owner_flags & frame_flags::workingset) != 0;
    return now << age_shift | static_cast<std::uint64_t>(where.group) << group_shift |
           static_cast<std::uint64_t>(where.node) << node_shift | (in_use ? workingset_bit : 0) | present_bit;
}

void Workingset::refault(Operation& op, Pfn frame, Shadow shadow) {
    op.path.call(KernelFunction::WorkingsetRefault);
    if (LruGenerations* const generations = m_frames.lru().generations())
        return refault_generation(op, *generations, frame, shadow);
    PageDescriptor& page = m_frames.pages().at(frame);
    const LruKind kind = lru_kind_of(page.owner_flags);
    const auto index = static_cast<std::size_t>(kind);
    const LruVec evicted_from{static_cast<NodeId>(shadow >> node_shift & node_mask),
                              static_cast<std::uint16_t>(shadow >> group_shift & group_mask)};
    ReclaimCounters& counters = m_counters.reclaim;
    ++counters.workingset_refault[index];
    const LruVec now = vec_of(frame);
    if (MemoryCgroup* const group = m_frames.cgroups().find(now.group)) ++group->refaults[index];
    const std::uint64_t distance = (of(evicted_from).nonresident_age - (shadow >> age_shift)) & age_mask;
    const LruLists& lru = m_frames.lru();
    std::uint64_t size = lru.size(evicted_from, LruList::ActiveFile);
    if (kind == LruKind::Anon) size += lru.size(evicted_from, LruList::InactiveFile);
    if (m_swap_room && m_frames.cgroups().may_swap(evicted_from.group)) {
        size += lru.size(evicted_from, LruList::ActiveAnon);
        if (kind == LruKind::File) size += lru.size(evicted_from, LruList::InactiveAnon);
    }
    if (distance > size) return;
    page.owner_flags |= frame_flags::active;
    age(now, 1);
    ++node(now.node).activations[index];
    if (now.group != 0) ++of(now).activations[index];
    ++counters.workingset_activate[index];
    if ((shadow & workingset_bit) == 0) return;
    page.owner_flags |= frame_flags::workingset;
    note_cost(now, kind, 1);
    ++counters.workingset_restore[index];
}

void Workingset::file_page_added(Operation& op, Pfn frame) {
    if (m_file_shadows.empty()) return;
    const auto found = m_file_shadows.find(key_of(frame));
    if (found == m_file_shadows.end()) return;
    refault(op, frame, found->second);
    m_file_shadows.erase(found);
}

void Workingset::note_cost(LruVec vec, LruKind kind, std::uint64_t pages) {
    if (vec.group != 0) note_own_cost(vec, kind, pages);
    note_own_cost({vec.node}, kind, pages);
}

void Workingset::note_own_cost(LruVec vec, LruKind kind, std::uint64_t pages) {
    NodeLru& lists = of(vec);
    lists.cost[static_cast<std::size_t>(kind)] += pages;
    const LruLists& lru = m_frames.lru();
    const std::uint64_t size = lru.size(vec, LruList::InactiveAnon) + lru.size(vec, LruList::ActiveAnon) +
                               lru.size(vec, LruList::InactiveFile) + lru.size(vec, LruList::ActiveFile);
    // What is long past counts less.
    if (lists.cost[0] + lists.cost[1] <= size / 4) return;
    lists.cost[0] /= 2;
    lists.cost[1] /= 2;
}

} // namespace pagewalk::os
