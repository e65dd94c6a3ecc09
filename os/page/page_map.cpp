#include "os/page/page_map.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

PageDescriptor default_descriptor(PageMap::Default what) {
    PageDescriptor page;
    if (what == PageMap::Default::Absent) page.set(PageState::Absent);
    if (what == PageMap::Default::Reserved) page.set(PageState::Reserved);
    return page;
}

} // namespace

PageMap::PageMap(Pfn end, unsigned pageblock_order) : m_end(end), m_pageblock_order(pageblock_order) {
    PAGEWALK_INVARIANT(end.value() < PageDescriptor::no_link);
    PAGEWALK_INVARIANT(pageblock_order < max_order);
    for (std::size_t i = 0; i < m_defaults.size(); ++i) {
        m_defaults[i] = std::make_unique<Frames>();
        m_defaults[i]->fill(default_descriptor(static_cast<Default>(i)));
    }
    // One range more than there are frames: a look at a buddy past the end needs no bounds check.
    const std::uint64_t ranges = (end.value() >> range_shift) + 2;
    m_ranges.resize(ranges);
    for (Range& range : m_ranges) {
        range.head = default_descriptor(Default::Absent);
        range.frames = m_defaults[static_cast<std::size_t>(Default::Absent)]->data();
    }
    m_pageblocks.assign((ranges << range_shift) >> pageblock_order, 0);
}

void PageMap::materialise(Range& range) {
    m_frames.push_back(std::make_unique<Frames>());
    std::copy_n(range.frames, range_pages, m_frames.back()->begin());
    range.frames = m_frames.back()->data();
    range.materialised = true;
}

void PageMap::fill(Pfn begin, Pfn end, Default what) {
    const PageDescriptor value = default_descriptor(what);
    std::uint64_t frame = begin.value();
    while (frame < end.value()) {
        Range& range = m_ranges[frame >> range_shift];
        if ((frame & (range_pages - 1)) == 0 && end.value() - frame >= range_pages && !range.materialised) {
            range.head = value;
            range.frames = m_defaults[static_cast<std::size_t>(what)]->data();
            frame += range_pages;
        } else {
            at(frame++) = value;
        }
    }
}

bool PageMap::has_memory(std::uint64_t begin, std::uint64_t end) const {
    for (std::uint64_t frame = begin; frame < end;) {
        if (!peek(frame).is(PageState::Absent)) return true;
        const Range& range = m_ranges[frame >> range_shift];
        // Past their head, the frames of an untouched range are alike.
        const bool alike = !range.materialised && (frame & (range_pages - 1)) != 0;
        frame = alike ? (frame | (range_pages - 1)) + 1 : frame + 1;
    }
    return false;
}

void PageMap::set_zone_index(Pfn begin, Pfn end, std::uint8_t zone) {
    if (begin >= end) return;
    for (std::uint64_t range = begin.value() >> range_shift; range <= (end.value() - 1) >> range_shift;
         ++range) {
        std::uint8_t& known = m_ranges[range].zone;
        known = known == no_zone || known == zone ? zone : mixed_zones;
    }
}

std::uint64_t PageMap::host_bytes() const {
    return m_ranges.size() * sizeof(Range) + (m_frames.size() + m_defaults.size()) * sizeof(Frames) +
           m_pageblocks.size();
}

} // namespace pagewalk::os
