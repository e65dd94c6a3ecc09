#include "os/reclaim/multi_gen_lru.h"

#include "os/page/watermark.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

using Ages = LruGenerations::Ages;

bool has(const PageDescriptor& page, std::uint16_t flags) { return (page.owner_flags & flags) != 0; }

constexpr LruKind other(LruKind kind) { return kind == LruKind::Anon ? LruKind::File : LruKind::Anon; }
constexpr LruKind oldest_kind(bool swaps) { return swaps ? LruKind::Anon : LruKind::File; }

} // namespace

unsigned MultiGenLru::swappiness(LruVec vec) const {
    const bool room = m_parts.swap.area().free() >= batch && m_parts.frames.cgroups().may_swap(vec.group);
    return room ? m_swappiness : 0;
}

unsigned MultiGenLru::swappiness(LruVec vec, const ScanControl& control) const {
    const unsigned own = swappiness(vec);
    if (control.may_swap) return own;
    return control.target == nullptr && own != 0 ? 1 : 0;
}

std::uint64_t MultiGenLru::pages_to_scan(Operation& op, LruVec vec, const ScanControl& control, bool swaps,
                                         bool& aging) {
    const GenerationAging::Need need = m_aging.need(vec, swaps);
    aging = need.aging;
    const std::uint64_t pages = need.pages >> control.priority;
    if (!aging) return pages;
    const Ages before = m_generations.ages(vec);
    if (control.priority != ScanControl::first_priority) {
        if (control.by_kswapd) return 0; // age_node does it
        m_aging.age(op, vec, swaps);
        return pages;
    }
    return before.oldest_of(oldest_kind(swaps)) + LruGenerations::least <= before.youngest ? pages : 0;
}

bool MultiGenLru::watermarks_are_met(NodeId node, const ScanControl& control) const {
    const Watermark mark = control.by_kswapd ? Watermark::High : Watermark::Low;
    return std::ranges::none_of(m_parts.frames.allocator().zones(), [&](const auto& zone) {
        return zone->node == node && zone->type <= control.highest && zone->managed != 0 &&
               static_cast<std::int64_t>(zone->watermark(mark)) > zone->free_pages;
    });
}

bool MultiGenLru::is_enough(LruVec vec, std::uint64_t youngest, bool swapping, ScanControl& control) const {
    const bool target_met = control.reclaimed >= control.wanted;
    if (control.by_kswapd) {
        if (!target_met) return false;
    } else {
        if (m_generations.ages(vec).youngest - youngest > 1) return true;
        if (target_met && swapping) return true;
        if (control.target != nullptr) return false;
    }
    if (control.priority > ScanControl::first_priority - 2) return false;
    if (!watermarks_are_met(vec.node, control)) return false;
    control.reclaimed += batch; // as far as the caller is concerned
    return true;
}

void MultiGenLru::shrink(Operation& op, LruVec vec, ScanControl& control) {
    {
        const AtomicSection whole(op);
        m_parts.lru.drain(op);
    }
    const std::uint64_t youngest = m_generations.ages(vec).youngest, before = control.reclaimed;
    std::uint64_t looked_at = 0;
    bool aging = false, swapping = false;
    for (;;) {
        const unsigned now = swappiness(vec, control);
        const std::uint64_t pages = pages_to_scan(op, vec, control, now != 0, aging);
        if (pages == 0) return;
        const Evicted evicted = evict(op, vec, now, control);
        if (evicted.looked_at == 0) return;
        looked_at += evicted.looked_at;
        swapping = swapping || evicted.anonymous;
        if (looked_at >= pages || is_enough(vec, youngest, swapping, control)) break;
    }
    if (control.by_kswapd && control.reclaimed - before >= batch && !aging)
        m_ages_next[pagewalk::index_of(vec.node)] = false;
}

void MultiGenLru::age_node(Operation& op, NodeId node, ScanControl& control) {
    std::vector<bool>::reference looks = m_ages_next[pagewalk::index_of(node)];
    if (control.first_round) looks = false;
    if (!looks) {
        looks = true;
        return;
    }
    const auto age = [&](LruVec vec) {
        const bool swaps = swappiness(vec) != 0;
        if (m_aging.need(vec, swaps).aging) m_aging.age(op, vec, swaps);
    };
    age({node});
    for (const MemoryCgroup& group : m_parts.frames.cgroups().all())
        if (group.limits.min < group.usage) age({node, group.number});
}

/// What is on the list but cannot be reclaimed, or is of another kind by now.
bool MultiGenLru::sorts_out(Pfn frame, LruKind kind) {
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    LruLists& lru = m_parts.frames.lru();
    if (has(page, frame_flags::mlocked)) {
        lru.change_flags(frame, frame_flags::unevictable, frame_flags::active);
        m_parts.counters.unevictable_pgs_culled += page.frames();
        return true;
    }
    // Given up by its process, and written to since.
    if (kind == LruKind::File && has(page, frame_flags::anonymous) && has(page, frame_flags::dirty)) {
        lru.remove(frame, LruGenerations::Purpose::Reclaim);
        page.owner_flags |= frame_flags::swapbacked;
        lru.add_oldest(frame);
        return true;
    }
    return false;
}

bool MultiGenLru::sorts(LruVec vec, Pfn frame, LruKind kind, unsigned last_tier) {
    if (sorts_out(frame, kind)) return true;
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    if (m_generations.generation(frame) != m_generations.ages(vec).oldest_of(kind) % LruGenerations::most) {
        m_generations.sort(vec, frame, LruGenerations::End::Young);
        return true;
    }
    const unsigned tier = RefaultTiers::tier_of(m_generations.uses(frame));
    if (tier > last_tier) {
        m_generations.pass_on(vec, frame);
        m_generations.sort(vec, frame, LruGenerations::End::Old);
        m_parts.workingset.tiers(vec).note_protected(kind, tier, page.frames());
        m_parts.counters.reclaim.workingset_activate[static_cast<std::size_t>(kind)] += page.frames();
        return true;
    }
    if (!has(page, frame_flags::locked | frame_flags::writeback) &&
        (kind != LruKind::File || !has(page, frame_flags::dirty)))
        return false;
    m_generations.pass_on(vec, frame);
    page.owner_flags |= frame_flags::reclaim;
    m_generations.sort(vec, frame, LruGenerations::End::Young);
    return true;
}

bool MultiGenLru::take(Pfn frame, const ScanControl& control) {
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    const bool needs_slot = has(page, frame_flags::anonymous) && !has(page, frame_flags::swapcache);
    if (!(control.may_write && control.may_io) && (has(page, frame_flags::dirty) || needs_slot)) return false;
    std::uint16_t forgotten = frame_flags::reclaim | frame_flags::referenced;
    if (!has(page, frame_flags::referenced)) {
        m_generations.forget_uses(frame);
        forgotten |= frame_flags::workingset;
    }
    m_parts.frames.lru().remove(frame, LruGenerations::Purpose::Reclaim);
    page.owner_flags = static_cast<std::uint16_t>(page.owner_flags & ~forgotten);
    return true;
}

void MultiGenLru::isolate_zone(Operation& op, const Zone& zone, LruVec vec, LruKind kind, unsigned last_tier,
                               const ScanControl& control, Scan& scan) {
    const std::uint64_t number = m_generations.ages(vec).oldest_of(kind);
    std::uint64_t skipped = 0;
    std::uint32_t first_skipped = FrameList::none;
    while (scan.left != 0 && std::max(scan.isolated, skipped) < batch) {
        const std::uint32_t oldest = m_generations.oldest(zone, vec.group, kind, number);
        if (oldest == FrameList::none || oldest == first_skipped) break;
        const Pfn frame(oldest);
        const std::uint64_t pages = m_parts.frames.pages().peek(frame).frames();
        scan.looked_at += pages;
        op.path.store_page(frame);
        if (sorts(vec, frame, kind, last_tier)) {
            scan.sorted += pages;
        } else if (take(frame, control)) {
            m_isolated.push_back(frame);
            scan.isolated += pages;
        } else {
            if (skipped == 0) first_skipped = oldest;
            m_generations.sort(vec, frame, LruGenerations::End::Young);
            skipped += pages;
        }
        --scan.left;
    }
    m_parts.counters.reclaim.pgskip[pagewalk::os::index_of(zone.type)] += skipped;
}

/// scan_folios.
std::uint64_t MultiGenLru::isolate_kind(Operation& op, LruVec vec, LruKind kind, unsigned last_tier,
                                        const ScanControl& control) {
    if (m_generations.ages(vec).count(kind) == LruGenerations::least) return 0;
    Scan scan;
    const auto& zones = m_parts.frames.allocator().zones();
    for (auto zone = zones.rbegin(); zone != zones.rend(); ++zone) {
        if ((*zone)->node != vec.node || (*zone)->type > control.highest) continue;
        isolate_zone(op, **zone, vec, kind, last_tier, control, scan);
        if (scan.left == 0 || scan.isolated >= batch) break;
    }
    op.path.call(KernelFunction::IsolateFolios, static_cast<std::uint32_t>(scan.looked_at));
    ReclaimCounters& counters = m_parts.counters.reclaim;
    if (control.target == nullptr) {
        (control.by_kswapd ? counters.pgscan_kswapd : counters.pgscan_direct) += scan.isolated;
        counters.pgrefill += scan.sorted;
    }
    counters.pgscan[static_cast<std::size_t>(kind)] += scan.isolated;
    if (MemoryCgroup* const group = m_parts.frames.cgroups().find(vec.group)) {
        group->scanned += scan.isolated;
        group->refilled += scan.sorted;
    }
    return scan.isolated != 0 || scan.left == 0 ? scan.looked_at : 0;
}

std::uint64_t MultiGenLru::isolate(Operation& op, LruVec vec, unsigned swappiness, const ScanControl& control,
                                   LruKind& kind) {
    const Ages& ages = m_generations.ages(vec);
    const RefaultTiers& tiers = m_parts.workingset.tiers(vec);
    kind = LruKind::File;
    unsigned last_tier = RefaultTiers::tiers;
    if (swappiness != 0) {
        if (ages.oldest_of(LruKind::Anon) < ages.oldest_of(LruKind::File) || swappiness == 200) {
            kind = LruKind::Anon;
        } else if (swappiness != 1) {
            const RefaultTiers::Choice choice = tiers.choose(swappiness);
            kind = choice.kind;
            last_tier = choice.last_tier;
        }
    }
    m_isolated.clear();
    for (int tries = swappiness != 0 ? 2 : 1; tries > 0; --tries, kind = other(kind)) {
        if (last_tier == RefaultTiers::tiers) last_tier = tiers.last_tier(kind);
        const bool spared = control.spares_files && kind == LruKind::File;
        const std::uint64_t looked_at = spared ? 0 : isolate_kind(op, vec, kind, last_tier, control);
        if (looked_at != 0) return looked_at;
        last_tier = RefaultTiers::tiers;
    }
    return 0;
}

bool MultiGenLru::drop_empty_generations(LruVec vec, bool swaps) {
    const Ages before = m_generations.ages(vec);
    std::array<std::uint64_t, lru_kind_count> oldest = before.oldest;
    std::uint64_t &anon = oldest[0], &file = oldest[1];
    for (const LruKind kind : {LruKind::Anon, LruKind::File}) {
        if (kind == LruKind::Anon && !swaps) continue;
        std::uint64_t& number = oldest[static_cast<std::size_t>(kind)];
        while (number + LruGenerations::least <= before.youngest && m_generations.is_empty(vec, kind, number))
            ++number;
    }
    if (swaps) { // at most a generation apart, files first
        anon = std::min(anon, file);
        file = std::max(anon, before.oldest_of(LruKind::File));
    }
    bool changed = false;
    for (const LruKind kind : {LruKind::Anon, LruKind::File}) {
        const std::uint64_t number = oldest[static_cast<std::size_t>(kind)];
        if (number == before.oldest_of(kind) || (kind == LruKind::Anon && !swaps)) continue;
        m_parts.workingset.tiers(vec).end_generation(kind);
        m_generations.set_oldest(vec, kind, number);
        changed = true;
    }
    return changed;
}

void MultiGenLru::sort_kept(bool last) {
    m_isolated.clear();
    constexpr std::uint16_t busy = frame_flags::active | frame_flags::referenced | frame_flags::locked |
                                   frame_flags::dirty | frame_flags::writeback;
    for (const Pfn frame : m_kept) {
        PageDescriptor& page = m_parts.frames.pages().at(frame);
        if (has(page, frame_flags::reclaim) && has(page, frame_flags::dirty | frame_flags::writeback)) {
            if (has(page, frame_flags::workingset)) page.owner_flags |= frame_flags::referenced;
        } else if (last || has(page, busy) || page.mapcount != 0) {
            m_generations.forget_uses(frame);
            constexpr std::uint16_t used = frame_flags::referenced | frame_flags::workingset;
            page.owner_flags = static_cast<std::uint16_t>((page.owner_flags & ~used) | frame_flags::active);
        } else {
            m_isolated.push_back(frame); // may have been written meanwhile
            continue;
        }
        m_parts.shrinker.put_back(frame);
    }
    m_kept.clear();
}

std::uint64_t MultiGenLru::shrink_isolated(Operation& op, LruVec vec, LruKind kind, ScanControl& control) {
    ReclaimCounters& counters = m_parts.counters.reclaim;
    std::uint64_t freed = 0;
    for (const bool last : {false, true}) {
        if (m_isolated.empty()) break;
        if (!last) control.scanned += m_isolated.size();
        m_kept.clear();
        freed += m_parts.shrinker.shrink(op, vec.node, m_isolated, control, &m_kept);
        sort_kept(last);
    }
    if (control.target == nullptr)
        (control.by_kswapd ? counters.pgsteal_kswapd : counters.pgsteal_direct) += freed;
    counters.pgsteal[static_cast<std::size_t>(kind)] += freed;
    if (MemoryCgroup* const group = m_parts.frames.cgroups().find(vec.group)) group->reclaimed += freed;
    return freed;
}

MultiGenLru::Evicted MultiGenLru::evict(Operation& op, LruVec vec, unsigned swappiness,
                                        ScanControl& control) {
    const AtomicSection whole(op);
    op.path.call(KernelFunction::EvictFolios);
    const VirtAddr lock = m_parts.frames.addresses().lruvec(vec.node);
    op.path.acquire(lock);
    LruKind kind = LruKind::File;
    std::uint64_t looked_at = isolate(op, vec, swappiness, control, kind);
    if (drop_empty_generations(vec, swappiness != 0)) ++looked_at;
    if (m_generations.ages(vec).count(oldest_kind(swappiness != 0)) == LruGenerations::least) looked_at = 0;
    op.path.release(lock);
    if (m_isolated.empty()) return {looked_at, false};
    GenerationAging::Promotion around = m_aging.around(vec, swappiness != 0);
    m_parts.shrinker.look_around_for(&around);
    control.reclaimed += shrink_isolated(op, vec, kind, control);
    m_parts.shrinker.look_around_for(nullptr);
    control.pass = {}; // the throttling by what is being written is the other LRU's
    return {looked_at, kind == LruKind::Anon};
}

} // namespace pagewalk::os
