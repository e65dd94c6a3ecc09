#pragma once

#include "base/error.h"
#include "contract/page_tables/page_table_format.h"

#include <algorithm>
#include <cstdint>

namespace pagewalk {

/// No memory, for work that must do with the room there is: what it touches is told on.
class NoFrames final : public TableFrames {
public:
    explicit NoFrames(TableFrames& touched) : m_touched(touched) {}
    [[nodiscard]] Pfn allocate(unsigned) override { return no_frame; }
    void free(Pfn frame, unsigned order) override { m_touched.free(frame, order); }
    void load(PhysAddr where) override { m_touched.load(where); }
    void store(PhysAddr where) override { m_touched.store(where); }

private:
    TableFrames& m_touched;
};

/// The kernel's side of a format that has a table for each page size, both of the same kind. `Lines` has
/// lines of entries: made of its level and of pages to a line; find, ensure, next, any, release, reserve (by
/// lines), unreserve, in_use, frames.
template <class Lines>
class TwoSizes : public PageTableFormat {
public:
    [[nodiscard]] EntryPlace find(VirtAddr address) final { return m_small.find(address); }
    [[nodiscard]] EntryPlace ensure(VirtAddr address, TableFrames& frames) final {
        return m_small.ensure(address, frames);
    }
    [[nodiscard]] EntryPlace find_huge(VirtAddr address) final { return m_large.find(address); }
    [[nodiscard]] EntryPlace ensure_huge(VirtAddr address, TableFrames& frames) final {
        return m_large.ensure(address, frames);
    }
    [[nodiscard]] bool has_small(VirtAddr address) final {
        const VirtAddr start = huge_start(address);
        return m_small.any(start, start + level_span(2));
    }
    [[nodiscard]] bool reserve(VirtAddr, TableFrames& frames) final {
        return m_small.reserve(m_small.lines_of(level_span(2)), frames);
    }
    void unreserve(VirtAddr, TableFrames&) final { m_small.unreserve(m_small.lines_of(level_span(2))); }
    void split(VirtAddr address, TableFrames& frames) final {
        unreserve(address, frames);
        NoFrames none(frames);
        const VirtAddr start = huge_start(address);
        for (VirtAddr at = start; at < start + level_span(2); at += page_size)
            PAGEWALK_INVARIANT(m_small.ensure(at, none));
    }
    [[nodiscard]] EntryPlace next(VirtAddr& at, VirtAddr end) final {
        VirtAddr small_at = at, large_at = at;
        const EntryPlace large = m_large.next(large_at, end);
        const EntryPlace small = m_small.next(small_at, large ? std::min(end, large_at) : end);
        if (!small && !large) return {};
        at = small ? small_at : large_at;
        return small ? small : large;
    }
    void release(VirtAddr start, VirtAddr end, TableFrames& frames) final {
        m_small.release(start, end, frames);
        m_large.release(start, end, frames);
    }
    [[nodiscard]] std::uint64_t frames() const final { return m_small.frames() + m_large.frames(); }

protected:
    /// Of either size: that of the page that is mapped, else the small one's.
    [[nodiscard]] EntryPlace find_mapped(VirtAddr address) {
        if (m_large.in_use())
            if (const EntryPlace large = m_large.find(address); large && !large.entry->empty()) return large;
        return m_small.find(address);
    }

    Lines m_small{1};
    Lines m_large{2};

private:
    [[nodiscard]] static VirtAddr huge_start(VirtAddr address) {
        return VirtAddr(address.value() & ~(level_span(2) - 1));
    }
};

} // namespace pagewalk
