#include "os/reclaim/node_reclaim.h"

#include "os/page/watermark.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr LruList inactive(LruKind kind) {
    return kind == LruKind::Anon ? LruList::InactiveAnon : LruList::InactiveFile;
}
constexpr LruList active(LruKind kind) {
    return kind == LruKind::Anon ? LruList::ActiveAnon : LruList::ActiveFile;
}

/// Of each list of a protected group only what exceeds its protection, as a share.
void leave_protected(ListPages& sizes, const MemoryCgroup& group, ScanControl& control) {
    const bool takes_low = control.takes_protected || group.limits.low <= group.limits.min;
    const std::uint64_t protection = takes_low ? group.limits.min : group.limits.low;
    control.spared_protected |= !takes_low;
    if (protection == 0) return;
    constexpr std::uint64_t least = 32; // SWAP_CLUSTER_MAX
    const std::uint64_t usage = std::max(group.usage, protection);
    for (std::uint64_t& size : sizes) size = std::max(size - size * protection / (usage + 1), least);
}

} // namespace

NodeReclaim::NodeReclaim(const Parts& parts, unsigned swappiness, ReclaimPolicyKind policy)
    : m_parts(parts), m_policy(make_reclaim_policy(policy, parts.frames)),
      m_shrinker({parts.frames, parts.counters, parts.users, parts.swap, parts.workingset, *m_policy}),
      m_swappiness(swappiness) {
    if (policy != ReclaimPolicyKind::Mglru) return;
    parts.frames.lru().use_generations();
    m_multi_gen =
        std::make_unique<MultiGenLru>(MultiGenLru::Parts{parts.frames, parts.counters, parts.users, parts.lru,
                                                         parts.swap, parts.workingset, m_shrinker},
                                      swappiness);
}

bool NodeReclaim::inactive_is_low(LruVec vec, LruKind kind) const {
    const LruLists& lru = m_parts.frames.lru();
    return m_policy->inactive_is_low(lru.size(vec, inactive(kind)), lru.size(vec, active(kind)));
}

bool NodeReclaim::has_refaulted(LruVec vec, LruKind kind) const {
    const NodeLru& lists = m_parts.workingset.of(vec);
    return lists.activations[static_cast<std::size_t>(kind)] != lists.seen[static_cast<std::size_t>(kind)];
}

void NodeReclaim::note_refaults(LruVec vec) {
    NodeLru& lists = m_parts.workingset.of(vec);
    lists.seen = lists.activations;
}

std::uint64_t NodeReclaim::reclaimable_pages(const Zone& zone) const {
    const LruLists& lru = m_parts.frames.lru();
    std::uint64_t pages = lru.size(zone, LruList::InactiveFile) + lru.size(zone, LruList::ActiveFile);
    if (can_swap()) pages += lru.size(zone, LruList::InactiveAnon) + lru.size(zone, LruList::ActiveAnon);
    return pages;
}

// prepare_scan_count
void NodeReclaim::prepare(NodeId node, ScanControl& control) const {
    if (m_multi_gen != nullptr) return;
    const LruVec target = target_of(node, control);
    for (const LruKind kind : {LruKind::Anon, LruKind::File})
        control.may_deactivate[static_cast<std::size_t>(kind)] =
            control.deactivates_all || has_refaulted(target, kind) || inactive_is_low(target, kind);
    const LruLists& lru = m_parts.frames.lru();
    const std::uint64_t file = lru.size(target, LruList::InactiveFile);
    control.trims_cache = (file >> control.priority) != 0 && !control.may_deactivate[1];
    control.no_file = false;
    if (control.target != nullptr) return;

    std::uint64_t free = 0, high = 0;
    for (const auto& zone : m_parts.frames.allocator().zones()) {
        if (zone->node != node) continue;
        free += static_cast<std::uint64_t>(std::max<std::int64_t>(zone->free_pages, 0));
        if (zone->managed != 0) high += zone->watermark(Watermark::High);
    }
    const std::uint64_t anon = lru.size(node, LruList::InactiveAnon);
    control.no_file = file + lru.size(node, LruList::ActiveFile) + free <= high &&
                      !control.may_deactivate[0] && (anon >> control.priority) != 0;
}

ListPages NodeReclaim::plan(LruVec vec, ScanControl& control) {
    const LruLists& lru = m_parts.frames.lru();
    const bool never_swaps = control.target != nullptr && m_swappiness == 0;
    ScanInputs inputs{.cost = m_parts.workingset.of(target_of(vec.node, control)).cost,
                      .priority = control.priority,
                      .swappiness = m_swappiness,
                      .swaps = control.may_swap && can_swap(vec.group) && !never_swaps,
                      .trims_cache = control.trims_cache,
                      .no_file = control.no_file};
    for (const auto& zone : m_parts.frames.allocator().zones()) {
        if (zone->node != vec.node || zone->type > control.highest || zone->managed == 0) continue;
        for (std::size_t list = 0; list < inputs.sizes.size(); ++list)
            inputs.sizes[list] += lru.own_size(*zone, vec.group, static_cast<LruList>(list));
    }
    const MemoryCgroup* const group = m_parts.frames.cgroups().find(vec.group);
    if (group != nullptr && group != control.target) leave_protected(inputs.sizes, *group, control);
    ListPages pages = pages_to_scan(inputs);
    if (control.spares_files) pages[2] = pages[3] = 0;
    return pages;
}

std::uint64_t NodeReclaim::isolate(Operation& op, LruVec vec, LruList list, std::uint64_t pages,
                                   const ScanControl& control) {
    LruLists& lru = m_parts.frames.lru();
    m_isolated.clear();
    m_skipped.clear();
    std::uint64_t looked_at = 0;
    const VirtAddr lock = m_parts.frames.addresses().lruvec(vec.node);
    op.path.acquire(lock);
    while (looked_at < pages) {
        const std::uint32_t frame = lru.oldest(vec, list);
        if (frame == FrameList::none) break;
        const Zone& zone = *m_parts.frames.allocator().zone_of(Pfn(frame));
        lru.remove(Pfn(frame));
        if (zone.type > control.highest) {
            ++m_parts.counters.reclaim.pgskip[pagewalk::os::index_of(zone.type)];
            m_skipped.push_back(Pfn(frame));
            continue;
        }
        looked_at += m_parts.frames.pages().peek(Pfn(frame)).frames();
        op.path.store_page(Pfn(frame));
        m_isolated.push_back(Pfn(frame));
    }
    for (const Pfn frame : m_skipped) lru.add(frame);
    op.path.call(KernelFunction::IsolateLruFolio, static_cast<std::uint32_t>(looked_at + m_skipped.size()));
    op.path.release(lock);
    return looked_at;
}

void NodeReclaim::shrink_active(Operation& op, LruVec vec, LruKind kind, std::uint64_t pages,
                                ScanControl& control) {
    const AtomicSection whole(op);
    m_parts.lru.drain(op);
    const std::uint64_t refilled = isolate(op, vec, active(kind), pages, control);
    if (control.target == nullptr) m_parts.counters.reclaim.pgrefill += refilled;
    if (MemoryCgroup* const group = m_parts.frames.cgroups().find(vec.group)) group->refilled += refilled;
    LruLists& lru = m_parts.frames.lru();
    for (const Pfn frame : m_isolated) {
        PageDescriptor& page = m_parts.frames.pages().at(frame);
        op.path.call(KernelFunction::ShrinkActiveFolio);
        op.path.call(KernelFunction::FolioReferenced);
        PageReferences references;
        if (page.mapcount != 0 || page.compound != 0)
            references = m_parts.users.take_references(op, frame, nullptr);
        const PageUse use{.entries = references.entries,
                          .referenced = (page.owner_flags & frame_flags::referenced) != 0,
                          .executable = references.executable,
                          .file = kind == LruKind::File};
        if (!m_policy->stays_active(frame, use)) {
            page.owner_flags = static_cast<std::uint16_t>((page.owner_flags & ~frame_flags::active) |
                                                          frame_flags::workingset);
            m_parts.counters.pgdeactivate += page.frames();
        }
        lru.add(frame);
    }
    op.path.call(KernelFunction::PutBackFolio, static_cast<std::uint32_t>(m_isolated.size()));
}

std::uint64_t NodeReclaim::shrink_inactive(Operation& op, LruVec vec, LruKind kind, std::uint64_t pages,
                                           ScanControl& control) {
    {
        const AtomicSection whole(op);
        m_parts.lru.drain(op);
    }
    const std::uint64_t scanned = isolate(op, vec, inactive(kind), pages, control);
    ReclaimCounters& counters = m_parts.counters.reclaim;
    const auto index = static_cast<std::size_t>(kind);
    // Whose reclaim it is counts where it is the machine's.
    const bool of_machine = control.target == nullptr;
    if (of_machine) (control.by_kswapd ? counters.pgscan_kswapd : counters.pgscan_direct) += scanned;
    counters.pgscan[index] += scanned;
    control.scanned += scanned;
    control.pass.taken += m_isolated.size();
    if (kind == LruKind::File) control.pass.file_taken += m_isolated.size();
    const std::uint64_t written_before = counters.nr_vmscan_write;
    const std::uint64_t freed = m_shrinker.shrink(op, vec.node, m_isolated, control);
    if (of_machine) (control.by_kswapd ? counters.pgsteal_kswapd : counters.pgsteal_direct) += freed;
    counters.pgsteal[index] += freed;
    if (MemoryCgroup* const group = m_parts.frames.cgroups().find(vec.group)) {
        group->scanned += scanned;
        group->reclaimed += freed;
    }
    m_parts.workingset.note_cost(vec, kind, counters.nr_vmscan_write - written_before);
    return freed;
}

std::uint64_t NodeReclaim::shrink_list(Operation& op, LruVec vec, LruList list, std::uint64_t pages,
                                       ScanControl& control) {
    const LruKind kind =
        list == LruList::InactiveAnon || list == LruList::ActiveAnon ? LruKind::Anon : LruKind::File;
    if (list == inactive(kind)) return shrink_inactive(op, vec, kind, pages, control);
    if (control.may_deactivate[static_cast<std::size_t>(kind)])
        shrink_active(op, vec, kind, pages, control);
    else
        control.skipped_deactivation = true;
    return 0;
}

// shrink_lruvec
void NodeReclaim::shrink_lists(Operation& op, LruVec vec, ScanControl& control) {
    if (m_multi_gen != nullptr) return m_multi_gen->shrink(op, vec, control);
    const ListPages targets = plan(vec, control);
    ListPages left = targets;
    const bool proportional =
        control.target == nullptr && !control.by_kswapd && control.priority == ScanControl::first_priority;
    std::uint64_t reclaimed = 0;
    const auto at = [&left](LruList list) { return left[static_cast<std::size_t>(list)]; };
    while (at(LruList::InactiveAnon) != 0 || at(LruList::ActiveFile) != 0 || at(LruList::InactiveFile) != 0) {
        for (std::size_t list = 0; list < left.size(); ++list) {
            if (left[list] == 0) continue;
            const std::uint64_t pages = std::min(left[list], batch);
            left[list] -= pages;
            reclaimed += shrink_list(op, vec, static_cast<LruList>(list), pages, control);
        }
        if (reclaimed < control.wanted || proportional) continue;
        if (!adjust_targets(left, targets)) break;
    }
    control.reclaimed += reclaimed;
    if (can_swap(vec.group) && inactive_is_low(vec, LruKind::Anon))
        shrink_active(op, vec, LruKind::Anon, batch, control);
}

/// Is the group below what it is promised? One that is only below its low limit is taken where there is no
/// other way.
bool NodeReclaim::spares(MemoryCgroup& group, ScanControl& control) {
    if (group.limits.min >= group.usage) return true;
    if (group.limits.low < group.usage) return false;
    if (control.takes_protected) {
        ++group.low_hits;
        return false;
    }
    control.spared_protected = true;
    return true;
}

void NodeReclaim::shrink_groups(Operation& op, NodeId node, ScanControl& control) {
    if (control.target != nullptr) return shrink_lists(op, target_of(node, control), control);
    shrink_lists(op, {node}, control);
    for (MemoryCgroup& group : m_parts.frames.cgroups().all())
        if (!spares(group, control)) shrink_lists(op, {node, group.number}, control);
}

/// should_continue_reclaim: a larger block takes more free memory than a page does.
bool NodeReclaim::goes_on(NodeId node, const ScanControl& control, std::uint64_t reclaimed) const {
    constexpr unsigned costly_order = 3;
    const bool for_block = control.order > costly_order ||
                           (control.order != 0 && control.priority < ScanControl::first_priority - 2);
    if (!for_block || reclaimed == 0) return false;
    const std::uint64_t gap = 2ULL << control.order;
    std::uint64_t left = 0;
    for (const auto& zone : m_parts.frames.allocator().zones()) {
        if (zone->node != node || zone->type > control.highest || zone->managed == 0) continue;
        const auto enough = static_cast<std::int64_t>(zone->watermark(Watermark::Low) + gap);
        if (zone->free_pages > enough) return false; // compaction can go to work
        left += m_parts.frames.lru().size(*zone, LruList::InactiveFile);
        if (can_swap()) left += m_parts.frames.lru().size(*zone, LruList::InactiveAnon);
    }
    return left > gap;
}

void NodeReclaim::shrink_once(Operation& op, NodeId node, ScanControl& control) {
    control.pass = {};
    op.path.call(KernelFunction::ShrinkNode);
    op.path.load(m_parts.frames.addresses().lruvec(node));
    prepare(node, control);
    shrink_groups(op, node, control);
    if (!control.by_kswapd) return;
    NodeLru& of = m_parts.workingset.node(node);
    const ScanControl::Pass& pass = control.pass;
    if (pass.writeback != 0 && pass.writeback == pass.taken) of.many_writeback = true;
    if (pass.unqueued_dirty != 0 && pass.unqueued_dirty == pass.file_taken) of.many_dirty = true;
}

void NodeReclaim::shrink_node(Operation& op, NodeId node, ScanControl& control) {
    std::uint64_t reclaimed = 0;
    do {
        const ReclaimCounters& counters = m_parts.counters.reclaim;
        const std::uint64_t scanned = control.scanned, before = control.reclaimed;
        const std::uint64_t written = counters.nr_vmscan_write, refilled = counters.pgrefill;
        const std::uint32_t begin = op.path.mark();
        shrink_once(op, node, control);
        reclaimed = control.reclaimed - before;
        const ReclaimEvent event{.task = static_cast<std::uint32_t>(op.task),
                                 .scanned = static_cast<std::uint32_t>(control.scanned - scanned),
                                 .reclaimed = static_cast<std::uint32_t>(reclaimed),
                                 .written = static_cast<std::uint32_t>(counters.nr_vmscan_write - written),
                                 .refilled = static_cast<std::uint32_t>(counters.pgrefill - refilled),
                                 .cpu = static_cast<std::uint16_t>(op.cpu),
                                 .node = static_cast<std::uint16_t>(node),
                                 .priority = static_cast<std::uint8_t>(control.priority),
                                 .order = static_cast<std::uint8_t>(control.order),
                                 .by = control.by_kswapd ? ReclaimedBy::Kswapd : ReclaimedBy::Direct};
        op.log.reclaims.push_back({event, begin, op.path.mark()});
    } while (goes_on(node, control, reclaimed));
}

void NodeReclaim::age_node(Operation& op, NodeId node, ScanControl& control) {
    if (m_multi_gen != nullptr) return m_multi_gen->age_node(op, node, control);
    if (!can_swap() || !inactive_is_low({node}, LruKind::Anon)) return;
    shrink_active(op, {node}, LruKind::Anon, batch, control);
    for (const MemoryCgroup& group : m_parts.frames.cgroups().all())
        shrink_active(op, {node, group.number}, LruKind::Anon, batch, control);
}

std::uint64_t NodeReclaim::reclaim_pages(Operation& op, std::span<const Pfn> pages) {
    ScanControl control{.ignores_references = true};
    std::uint64_t freed = 0;
    while (!pages.empty()) {
        const NodeId node = m_parts.frames.allocator().zone_of(pages.front())->node;
        const auto other = std::ranges::find_if(
            pages, [&](Pfn frame) { return m_parts.frames.allocator().zone_of(frame)->node != node; });
        const auto count = static_cast<std::size_t>(other - pages.begin());
        freed += m_shrinker.shrink(op, node, pages.first(count), control);
        pages = pages.subspan(count);
    }
    return freed;
}

} // namespace pagewalk::os
