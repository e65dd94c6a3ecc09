#include "os/reclaim/workingset.h"

namespace pagewalk::os {
namespace {

// A shadow: 1, whether the page was part of the working set, its node, and the node's age when it left.
constexpr Shadow present_bit = 1, workingset_bit = 2;
constexpr unsigned node_shift = 2, age_shift = 12;
constexpr std::uint64_t node_mask = (1U << (age_shift - node_shift)) - 1;
constexpr std::uint64_t age_mask = ~0ULL >> age_shift;

LruKind kind_of(std::uint16_t flags) {
    return (flags & frame_flags::swapbacked) != 0 ? LruKind::Anon : LruKind::File;
}

} // namespace

Shadow Workingset::evict(Pfn frame) {
    const NodeId where = node_of(frame);
    const std::uint64_t age = node(where).nonresident_age++;
    const bool in_use = (m_frames.pages().peek(frame).owner_flags & frame_flags::workingset) != 0;
    return age << age_shift | static_cast<std::uint64_t>(where) << node_shift |
           (in_use ? workingset_bit : 0) | present_bit;
}

void Workingset::refault(Operation& op, Pfn frame, Shadow shadow) {
    op.path.call(KernelFunction::WorkingsetRefault);
    PageDescriptor& page = m_frames.pages().at(frame);
    const LruKind kind = kind_of(page.owner_flags);
    const auto index = static_cast<std::size_t>(kind);
    const auto evicted_from = static_cast<NodeId>(shadow >> node_shift & node_mask);
    NodeLru& then = node(evicted_from);
    ReclaimCounters& counters = m_counters.reclaim;
    ++counters.workingset_refault[index];
    const std::uint64_t distance = (then.nonresident_age - (shadow >> age_shift)) & age_mask;
    const LruLists& lru = m_frames.lru();
    std::uint64_t size = lru.size(evicted_from, LruList::ActiveFile);
    if (kind == LruKind::Anon) size += lru.size(evicted_from, LruList::InactiveFile);
    if (m_swap_room) {
        size += lru.size(evicted_from, LruList::ActiveAnon);
        if (kind == LruKind::File) size += lru.size(evicted_from, LruList::InactiveAnon);
    }
    if (distance > size) return;
    page.owner_flags |= frame_flags::active;
    NodeLru& now = node(node_of(frame));
    ++now.nonresident_age;
    ++now.activations[index];
    ++counters.workingset_activate[index];
    if ((shadow & workingset_bit) == 0) return;
    page.owner_flags |= frame_flags::workingset;
    note_cost(node_of(frame), kind, 1);
    ++counters.workingset_restore[index];
}

void Workingset::file_page_added(Operation& op, Pfn frame) {
    if (m_file_shadows.empty()) return;
    const auto found = m_file_shadows.find(key_of(frame));
    if (found == m_file_shadows.end()) return;
    refault(op, frame, found->second);
    m_file_shadows.erase(found);
}

void Workingset::note_cost(NodeId where, LruKind kind, std::uint64_t pages) {
    NodeLru& of = node(where);
    of.cost[static_cast<std::size_t>(kind)] += pages;
    const LruLists& lru = m_frames.lru();
    const std::uint64_t size = lru.size(where, LruList::InactiveAnon) + lru.size(where, LruList::ActiveAnon) +
                               lru.size(where, LruList::InactiveFile) + lru.size(where, LruList::ActiveFile);
    // What is long past counts less.
    if (of.cost[0] + of.cost[1] <= size / 4) return;
    of.cost[0] /= 2;
    of.cost[1] /= 2;
}

} // namespace pagewalk::os
