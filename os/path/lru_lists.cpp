#include "os/path/lru_lists.h"

#include "base/error.h"

namespace pagewalk::os {

LruLists::LruLists(PageAllocator& allocator, KernelCounters& counters, const MemoryCgroups* groups)
    : m_allocator(allocator), m_counters(counters), m_groups(groups), m_lists(allocator.node_count()),
      m_sizes(allocator.zones().size()) {}

LruVec LruLists::vec_of(Pfn frame) const {
    return {m_allocator.zone_of(frame)->node,
            m_groups != nullptr ? m_groups->group_of(frame) : std::uint16_t{0}};
}

std::size_t LruLists::lists_at(LruVec vec) const {
    return vec.group * m_allocator.node_count() + pagewalk::index_of(vec.node);
}

FrameList& LruLists::of(LruVec vec, LruList list) {
    const std::size_t at = lists_at(vec);
    if (at >= m_lists.size()) m_lists.resize((vec.group + 1U) * m_allocator.node_count());
    return m_lists[at][static_cast<std::size_t>(list)];
}

std::uint32_t LruLists::oldest(LruVec vec, LruList list) const {
    const std::size_t at = lists_at(vec);
    return at < m_lists.size() ? m_lists[at][static_cast<std::size_t>(list)].last() : FrameList::none;
}

std::vector<Pfn> LruLists::pages(LruVec vec, LruList list) const {
    const std::size_t at = lists_at(vec);
    if (at >= m_lists.size()) return {};
    return m_lists[at][static_cast<std::size_t>(list)].frames(m_allocator.pages());
}

void LruLists::count(const Zone& zone, std::uint16_t group, std::uint16_t flags, std::int64_t pages) {
    const std::size_t at = sizes_at(zone, group);
    if (at >= m_sizes.size()) m_sizes.resize((group + 1U) * m_allocator.zones().size());
    m_sizes[at][static_cast<std::size_t>(lru_list_of(flags))] += static_cast<std::uint64_t>(pages);
    m_counters.count_lru(flags, pages);
}

void LruLists::count(const Zone& zone, Pfn frame, int sign) {
    const PageDescriptor& page = m_allocator.pages().peek(frame);
    const LruVec vec = vec_of(frame);
    std::uint16_t flags = page.owner_flags;
    if (m_generations != nullptr && m_generations->is_active(vec, frame)) flags |= frame_flags::active;
    count(zone, vec.group, flags, sign * static_cast<std::int64_t>(page.frames()));
}

void LruLists::move_to_active(const Zone& zone, std::uint16_t group, LruKind kind, std::int64_t pages) {
    const std::uint16_t flags = kind == LruKind::Anon ? frame_flags::swapbacked : std::uint16_t{0};
    count(zone, group, flags, -pages);
    count(zone, group, flags | frame_flags::active, pages);
}

bool LruLists::is_linked(const FrameList& pages, std::uint32_t frame) const {
    return m_allocator.pages().peek(Pfn(frame)).prev != FrameList::none || pages.first() == frame;
}

void LruLists::add(Pfn frame, LruGenerations::End end) {
    const Zone& zone = *m_allocator.zone_of(frame);
    PageDescriptor& page = m_allocator.pages().at(frame);
    PAGEWALK_INVARIANT(!page.is(PageState::Lru));
    const LruList list = lru_list_of(page.owner_flags);
    const auto number = static_cast<std::uint32_t>(frame.value());
    if (list != LruList::Unevictable) {
        if (m_generations != nullptr)
            m_generations->add(vec_of(frame), frame, end);
        else if (end == LruGenerations::End::Young)
            of(vec_of(frame), list).push_front(m_allocator.pages(), number);
        else
            of(vec_of(frame), list).push_back(m_allocator.pages(), number);
    }
    page.set(PageState::Lru);
    count(zone, frame, 1);
}

void LruLists::add(Pfn frame) { add(frame, LruGenerations::End::Young); }

void LruLists::add_oldest(Pfn frame) { add(frame, LruGenerations::End::Old); }

void LruLists::remove(Pfn frame, LruGenerations::Purpose purpose) {
    const Zone& zone = *m_allocator.zone_of(frame);
    PageDescriptor& page = m_allocator.pages().at(frame);
    PAGEWALK_INVARIANT(page.is(PageState::Lru));
    page.clear(PageState::Lru);
    const LruList list = lru_list_of(page.owner_flags);
    if (m_generations != nullptr && list != LruList::Unevictable) {
        if (m_generations->generation(frame) == LruGenerations::none) return; // a snapshot's
        count(zone, frame, -1);
        return m_generations->remove(vec_of(frame), frame, purpose);
    }
    const auto number = static_cast<std::uint32_t>(frame.value());
    if (list != LruList::Unevictable) {
        FrameList& pages = of(vec_of(frame), list);
        if (!is_linked(pages, number)) return; // a snapshot's
        pages.remove(m_allocator.pages(), number);
    }
    count(zone, frame, -1);
}

void LruLists::change_flags(Pfn frame, std::uint16_t set, std::uint16_t clear) {
    remove(frame);
    PageDescriptor& page = m_allocator.pages().at(frame);
    page.owner_flags = static_cast<std::uint16_t>((page.owner_flags | set) & ~clear);
    add(frame);
}

void LruLists::rotate(Pfn frame) {
    PageDescriptor& page = m_allocator.pages().at(frame);
    if (lru_list_of(page.owner_flags) == LruList::Unevictable) return;
    remove(frame); // lru_move_tail_fn
    page.owner_flags &= static_cast<std::uint16_t>(~frame_flags::active);
    add_oldest(frame);
}

void LruLists::split(Pfn head, std::uint64_t frames) {
    const PageDescriptor& first = m_allocator.pages().peek(head);
    PAGEWALK_INVARIANT(first.is(PageState::Lru));
    const LruList list = lru_list_of(first.owner_flags);
    if (m_generations != nullptr && m_generations->generation(head) != LruGenerations::none) {
        for (std::uint32_t i = 1; i < frames; ++i) m_allocator.pages().at(head + i).set(PageState::Lru);
        return m_generations->split(vec_of(head), head, static_cast<std::uint32_t>(frames));
    }
    FrameList& pages = of(vec_of(head), list);
    const auto number = static_cast<std::uint32_t>(head.value());
    const bool linked = list != LruList::Unevictable && is_linked(pages, number);
    for (std::uint32_t i = static_cast<std::uint32_t>(frames) - 1; i > 0; --i) {
        m_allocator.pages().at(head + i).set(PageState::Lru);
        if (linked) pages.insert_before(m_allocator.pages(), number, number + i);
    }
}

std::uint64_t LruLists::size(const Zone& zone, LruList list) const {
    std::uint64_t pages = 0;
    for (std::size_t at = zone.index; at < m_sizes.size(); at += m_allocator.zones().size())
        pages += m_sizes[at][static_cast<std::size_t>(list)];
    return pages;
}

std::uint64_t LruLists::size(LruVec vec, LruList list) const {
    std::uint64_t pages = 0;
    for (const auto& zone : m_allocator.zones())
        if (zone->node == vec.node)
            pages += vec.group == 0 ? size(*zone, list) : own_size(*zone, vec.group, list);
    return pages;
}

} // namespace pagewalk::os
