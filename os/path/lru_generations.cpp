#include "os/path/lru_generations.h"

#include "base/error.h"
#include "os/path/lru_lists.h"

namespace pagewalk::os {
namespace {

constexpr std::uint16_t use_flags = frame_flags::referenced | frame_flags::workingset; // LRU_REFS_FLAGS

constexpr std::size_t index_of(LruKind kind) { return static_cast<std::size_t>(kind); }

bool has(const PageDescriptor& page, std::uint16_t flags) { return (page.owner_flags & flags) != 0; }

void clear(PageDescriptor& page, std::uint16_t flags) {
    page.owner_flags = static_cast<std::uint16_t>(page.owner_flags & ~flags);
}

/// The number of the generation that a page comes into.
std::uint64_t first_generation(const LruGenerations::Ages& ages, const PageDescriptor& page) {
    const LruKind kind = lru_kind_of(page.owner_flags);
    if (has(page, frame_flags::active)) return ages.youngest;
    const bool not_yet_swapped = kind == LruKind::Anon && !has(page, frame_flags::swapcache);
    const bool on_its_way =
        has(page, frame_flags::reclaim) && has(page, frame_flags::dirty | frame_flags::writeback);
    return ages.oldest_of(kind) + (not_yet_swapped || on_its_way ? 1 : 0);
}

} // namespace

LruGenerations::Mark& LruGenerations::mark(Pfn frame) {
    constexpr std::size_t step = 4096;
    const auto at = static_cast<std::size_t>(frame.value());
    if (at >= m_marks.size()) m_marks.resize((at / step + 1) * step);
    return m_marks[at];
}

LruGenerations::Ages& LruGenerations::ages_at(LruVec vec) {
    const std::size_t nodes = m_allocator.node_count();
    const std::size_t at = vec.group * nodes + pagewalk::index_of(vec.node);
    if (at >= m_ages.size()) m_ages.resize((vec.group + 1U) * nodes);
    return m_ages[at];
}

LruGenerations::ZoneLists& LruGenerations::at(const Zone& zone, std::uint16_t group) {
    const std::size_t zones = m_allocator.zones().size();
    const std::size_t at = group * zones + zone.index;
    if (at >= m_zones.size()) m_zones.resize((group + 1U) * zones);
    return m_zones[at];
}

const LruGenerations::ZoneLists* LruGenerations::find(const Zone& zone, std::uint16_t group) const {
    const std::size_t at = group * m_allocator.zones().size() + zone.index;
    return at < m_zones.size() ? &m_zones[at] : nullptr;
}

FrameList& LruGenerations::list_of(const Zone& zone, LruVec vec, Pfn frame) {
    const LruKind kind = lru_kind_of(m_allocator.pages().peek(frame).owner_flags);
    return at(zone, vec.group).lists[mark_of(frame).listed - 1U][index_of(kind)];
}

void LruGenerations::append(FrameList& list, Pfn frame, End end) {
    const auto number = static_cast<std::uint32_t>(frame.value());
    if (end == End::Old)
        list.push_back(m_allocator.pages(), number);
    else
        list.push_front(m_allocator.pages(), number);
}

void LruGenerations::add(LruVec vec, Pfn frame, End end) {
    PageDescriptor& page = m_allocator.pages().at(frame);
    const auto generation = static_cast<unsigned>(first_generation(ages_at(vec), page) % most);
    const std::size_t kind = index_of(lru_kind_of(page.owner_flags));
    Mark& own = mark(frame);
    PAGEWALK_INVARIANT(own.listed == 0);
    own.belongs = (generation + 1) & 7U;
    own.listed = own.belongs;
    clear(page, frame_flags::active);
    ZoneLists& zone = at(*m_allocator.zone_of(frame), vec.group);
    zone.sizes[generation][kind] += page.frames();
    append(zone.lists[generation][kind], frame, end);
}

void LruGenerations::remove(LruVec vec, Pfn frame, Purpose purpose) {
    PageDescriptor& page = m_allocator.pages().at(frame);
    const Zone& zone = *m_allocator.zone_of(frame);
    list_of(zone, vec, frame).remove(m_allocator.pages(), static_cast<std::uint32_t>(frame.value()));
    Mark& own = mark(frame);
    const unsigned generation = own.belongs - 1U;
    at(zone, vec.group).sizes[generation][index_of(lru_kind_of(page.owner_flags))] -= page.frames();
    own.listed = own.belongs = 0;
    if (purpose == Purpose::Other && ages_at(vec).is_active(generation))
        page.owner_flags |= frame_flags::active;
}

void LruGenerations::split(LruVec vec, Pfn head, std::uint32_t frames) {
    FrameList& list = list_of(*m_allocator.zone_of(head), vec, head);
    (void)mark(head + frames);
    const Mark same = mark_of(head);
    for (std::uint32_t i = frames - 1; i > 0; --i) {
        mark(head + i) = same;
        list.insert_before(m_allocator.pages(), static_cast<std::uint32_t>(head.value()),
                           static_cast<std::uint32_t>(head.value()) + i);
    }
}

unsigned LruGenerations::generation(Pfn frame) const {
    const Mark own = mark_of(frame);
    return own.belongs != 0 ? own.belongs - 1U : none;
}

/// lru_gen_update_size and the page's own mark.
void LruGenerations::belong(LruVec vec, Pfn frame, unsigned generation) {
    PageDescriptor& page = m_allocator.pages().at(frame);
    const LruKind kind = lru_kind_of(page.owner_flags);
    const Zone& zone = *m_allocator.zone_of(frame);
    Mark& own = mark(frame);
    const unsigned before = own.belongs - 1U;
    auto& sizes = at(zone, vec.group).sizes;
    sizes[before][index_of(kind)] -= page.frames();
    sizes[generation][index_of(kind)] += page.frames();
    own.belongs = (generation + 1) & 7U;
    own.uses = 0;
    clear(page, use_flags);
    const Ages& ages = ages_at(vec);
    if (!ages.is_active(before) && ages.is_active(generation))
        m_lists.move_to_active(zone, vec.group, kind, static_cast<std::int64_t>(page.frames()));
}

void LruGenerations::promote(LruVec vec, Pfn frame) {
    if (generation(frame) == none) {
        m_allocator.pages().at(frame).owner_flags |= frame_flags::referenced;
        return;
    }
    belong(vec, frame, static_cast<unsigned>(ages_at(vec).youngest % most));
}

void LruGenerations::pass_on(LruVec vec, Pfn frame) {
    const LruKind kind = lru_kind_of(m_allocator.pages().peek(frame).owner_flags);
    const auto from = static_cast<unsigned>(ages_at(vec).oldest_of(kind) % most);
    if (generation(frame) == from) belong(vec, frame, (from + 1) % most);
}

void LruGenerations::sort(LruVec vec, Pfn frame, End end) {
    const Zone& zone = *m_allocator.zone_of(frame);
    list_of(zone, vec, frame).remove(m_allocator.pages(), static_cast<std::uint32_t>(frame.value()));
    Mark& own = mark(frame);
    own.listed = own.belongs;
    append(list_of(zone, vec, frame), frame, end);
}

void LruGenerations::note_access(Pfn frame) {
    PageDescriptor& page = m_allocator.pages().at(frame);
    if (has(page, frame_flags::unevictable)) return;
    for (const std::uint16_t flag : {frame_flags::referenced, frame_flags::workingset})
        if (!has(page, flag)) {
            page.owner_flags |= flag;
            return;
        }
    Mark& own = mark(frame);
    if (own.uses < most_uses) own.uses = (own.uses + 1U) & most_uses;
}

unsigned LruGenerations::uses(Pfn frame) const {
    return mark_of(frame).uses + (has(m_allocator.pages().peek(frame), frame_flags::workingset) ? 1U : 0U);
}

void LruGenerations::forget_uses(Pfn frame) { mark(frame).uses = 0; }

/// The generation before last is active no more, and the new one, which may be the oldest of anonymous pages
/// where these are not reclaimed, is.
void LruGenerations::cover_new_generation(LruVec vec) {
    const std::uint64_t youngest = ages_at(vec).youngest;
    const auto last = static_cast<std::size_t>((youngest - 1) % most);
    const auto next = static_cast<std::size_t>((youngest + 1) % most);
    for_each_zone(vec.node, [&](const Zone& zone) {
        const auto& sizes = at(zone, vec.group).sizes;
        for (const LruKind kind : {LruKind::Anon, LruKind::File})
            m_lists.move_to_active(zone, vec.group, kind,
                                   static_cast<std::int64_t>(sizes[next][index_of(kind)]) -
                                       static_cast<std::int64_t>(sizes[last][index_of(kind)]));
    });
}

void LruGenerations::begin_generation(LruVec vec) {
    cover_new_generation(vec);
    ++ages_at(vec).youngest;
}

void LruGenerations::end_oldest(LruVec vec, LruKind kind) {
    const std::uint64_t number = ages_at(vec).oldest_of(kind);
    for_each_zone(vec.node, [&](const Zone& zone) {
        for (std::uint32_t frame = oldest(zone, vec.group, kind, number); frame != FrameList::none;
             frame = oldest(zone, vec.group, kind, number)) {
            pass_on(vec, Pfn(frame));
            sort(vec, Pfn(frame), End::Old);
        }
    });
    set_oldest(vec, kind, number + 1);
}

void LruGenerations::set_oldest(LruVec vec, LruKind kind, std::uint64_t number) {
    ages_at(vec).oldest[index_of(kind)] = number;
}

bool LruGenerations::is_empty(LruVec vec, LruKind kind, std::uint64_t number) const {
    bool empty = true;
    for_each_zone(vec.node, [&](const Zone& zone) {
        empty = empty && oldest(zone, vec.group, kind, number) == FrameList::none;
    });
    return empty;
}

std::uint32_t LruGenerations::oldest(const Zone& zone, std::uint16_t group, LruKind kind,
                                     std::uint64_t number) const {
    const ZoneLists* const lists = find(zone, group);
    return lists != nullptr ? lists->lists[number % most][index_of(kind)].last() : FrameList::none;
}

std::uint64_t LruGenerations::size(LruVec vec, LruKind kind, std::uint64_t number) const {
    std::uint64_t pages = 0;
    for_each_zone(vec.node, [&](const Zone& zone) {
        const ZoneLists* const lists = find(zone, vec.group);
        if (lists != nullptr) pages += lists->sizes[number % most][index_of(kind)];
    });
    return pages;
}

} // namespace pagewalk::os
