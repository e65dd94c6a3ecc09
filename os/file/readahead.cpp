#include "os/file/readahead.h"

#include "base/address.h"

#include <algorithm>
#include <bit>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t lots_of_misses = 100; // MMAP_LOTSAMISS

/// A small read is taken for the start of a long one.
std::uint64_t first_size(std::uint64_t asked, std::uint64_t limit) {
    const std::uint64_t rounded = std::bit_ceil(asked);
    if (rounded <= limit / 32) return 4 * rounded;
    if (rounded <= limit / 4) return 2 * rounded;
    return limit;
}

std::uint64_t next_size(std::uint64_t size, std::uint64_t limit) {
    if (size < limit / 16) return 4 * size;
    if (size <= limit / 2) return 2 * size;
    return limit;
}

} // namespace

/// One read larger than the window goes to the device as large as that takes it.
std::uint64_t Readahead::limit_for(std::uint64_t asked) const {
    const std::uint64_t window = window_limit();
    return asked > window && m_limits.request > window ? std::min(asked, m_limits.request) : window;
}

bool Readahead::continues_window(std::uint64_t index) const {
    const std::uint64_t end = m_state.start + m_state.size;
    return index == end - m_state.async_size || index == end;
}

ReadaheadWindow Readahead::first_window(std::uint64_t index, std::uint64_t asked) {
    m_state.start = index;
    m_state.size = first_size(asked, limit_for(asked));
    m_state.async_size = m_state.size > asked ? m_state.size - asked : m_state.size;
    return current();
}

ReadaheadWindow Readahead::next_window(std::uint64_t limit) {
    m_state.start += m_state.size;
    m_state.size = next_size(m_state.size, limit);
    m_state.async_size = m_state.size;
    return current();
}

/// The next window where its first page is wanted already: with as much of the one behind it as there is room
/// for, instead of a mark that would be met at once.
ReadaheadWindow Readahead::missed_window(std::uint64_t limit) {
    (void)next_window(limit);
    const std::uint64_t more = next_size(m_state.size, limit);
    const bool both = m_state.size + more <= limit;
    m_state.size = both ? m_state.size + more : limit;
    m_state.async_size = both ? more : limit / 2;
    return current();
}

ReadaheadWindow Readahead::on_miss(std::uint64_t index, std::uint64_t asked) {
    if (m_limits.window == 0) return {index, 1, 0};
    if (m_state.random) return {index, std::min(asked, std::max(m_limits.request, window_limit())), 0};
    const std::uint64_t limit = limit_for(asked);
    if (index == 0) return first_window(index, asked);
    if (continues_window(index)) return missed_window(limit);
    const bool follows =
        m_state.previous != ReadaheadState::nowhere && index - (m_state.previous >> page_shift) <= 1;
    if (asked > limit || follows) return first_window(index, asked);
    // A stream that this open file does not remember has left its pages in the cache.
    std::uint64_t history = cached_before(index, limit);
    if (history <= asked) return {index, asked, 0};
    if (history >= index) history *= 2; // from the file's start on
    m_state.start = index;
    m_state.size = std::min(history + asked, limit);
    m_state.async_size = 1;
    return current();
}

ReadaheadWindow Readahead::on_mark(std::uint64_t index, std::uint64_t asked) {
    if (m_limits.window == 0) return {};
    const std::uint64_t limit = limit_for(asked);
    if (continues_window(index)) return next_window(limit);
    if (index == 0) return first_window(index, asked);
    // Another stream's mark: what is cached behind it was its window.
    const std::uint64_t start = next_miss(index + 1, limit);
    if (start - index > limit) return {};
    m_state.start = start;
    m_state.size = next_size(start - index + asked, limit);
    m_state.async_size = m_state.size;
    return current();
}

ReadaheadWindow Readahead::on_fault_miss(std::uint64_t index, MappedUse use) {
    const std::uint64_t window = window_limit();
    const ReadaheadWindow alone{index, 1, 0};
    if (use == MappedUse::Random || window == 0) return alone;
    if (use == MappedUse::Sequential) return on_miss(index, window);
    if (m_state.mapped_misses < 10 * lots_of_misses) ++m_state.mapped_misses;
    if (m_state.mapped_misses > lots_of_misses) return alone;
    m_state.start = index - std::min(index, window / 2);
    m_state.size = window;
    m_state.async_size = window / 4;
    return current();
}

std::uint64_t Readahead::cached_before(std::uint64_t index, std::uint64_t most) const {
    std::uint64_t at = index;
    while (at != 0 && index - at < most && m_cached.find(at - 1) != no_pfn) --at;
    // Where all that it looks at is cached, Linux 6.1 counts one page less.
    return index - at == most ? most - 1 : index - at;
}

std::uint64_t Readahead::next_miss(std::uint64_t index, std::uint64_t most) const {
    std::uint64_t at = index;
    while (at - index < most && m_cached.find(at) != no_pfn) ++at;
    // Where all that it looks at is cached, Linux 6.1 answers with the last of it.
    return at - index == most ? at - 1 : at;
}

} // namespace pagewalk::os
