#include "os/file/writeback.h"

#include "os/reclaim/rotate_reclaimable.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t ratelimit_pages = 32;             // between two looks at the limits
constexpr Tick longest_pause{200'000'000 * ticks_per_ns}; // MAX_PAUSE
constexpr std::uint64_t largest_request = 320;            // BLK_DEF_MAX_SECTORS, 1280 KiB, in pages

} // namespace

/// Neighbours that go into one request.
struct Writeback::Run {
    const Inode& inode;
    std::uint64_t first = 0;
    std::vector<Pfn> frames = {};
};

Writeback::Writeback(const Parts& parts, FindInode find)
    : m_parts(parts), m_find(std::move(find)), m_throttled(parts.locks.runner()) {}

void Writeback::make_dirty(Operation& op, Inode& inode, std::uint64_t index, Pfn frame) {
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    page.owner_flags =
        static_cast<std::uint16_t>((page.owner_flags | frame_flags::dirty) & ~frame_flags::reclaim);
    inode.pages.set_tag(index, PageTag::Dirty);
    ++m_parts.counters.nr_dirty;
    ++m_parts.counters.nr_dirtied;
    ++m_unbalanced;
    if (inode.dirty_pages++ != 0) return;
    inode.dirtied_at = op.now;
    const bool first = m_dirty.empty();
    m_dirty.push_back(inode.id);
    if (first && m_wake) m_wake(op);
}

void Writeback::clear_dirty(Inode& inode, std::uint64_t index, Pfn frame) {
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    page.owner_flags = static_cast<std::uint16_t>(page.owner_flags & ~frame_flags::dirty);
    inode.pages.clear_tag(index, PageTag::Dirty);
    --m_parts.counters.nr_dirty;
    if (--inode.dirty_pages == 0) std::erase(m_dirty, inode.id);
}

void Writeback::forget_dirty(Inode& inode, std::uint64_t index, Pfn frame) {
    clear_dirty(inode, index, frame);
    inode.pages.clear_tag(index, PageTag::ToWrite);
}

/// A page begins to be written, unless somebody else has done it meanwhile.
bool Writeback::take(Operation& op, Inode& inode, std::uint64_t index, Pfn frame) {
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    inode.pages.clear_tag(index, PageTag::ToWrite);
    if ((page.owner_flags & frame_flags::dirty) == 0) return false;
    if (page.mapcount != 0 && m_protect) m_protect(op, frame);
    clear_dirty(inode, index, frame);
    page.owner_flags |= frame_flags::writeback;
    inode.pages.set_tag(index, PageTag::Writeback);
    inode.stored.add(index, index + 1);
    ++m_parts.counters.nr_writeback;
    op.path.store_page(frame);
    return true;
}

void Writeback::submit(Operation& op, Run& run) {
    const auto most = static_cast<std::size_t>(largest_request);
    const std::span<const Pfn> frames(run.frames);
    for (std::size_t done = 0; done < frames.size(); done += most)
        m_parts.block.write(op, run.inode.sector_of(run.first + done),
                            frames.subspan(done, std::min(most, frames.size() - done)), *this);
    run.frames.clear();
}

std::uint64_t Writeback::write(Operation& op, Inode& inode, std::uint64_t first, std::uint64_t end, Mode mode,
                               std::uint64_t most) {
    // Pages that become dirty from here on are another call's.
    for (std::uint64_t at = inode.pages.next(first, PageTag::Dirty); at < end;
         at = inode.pages.next(at + 1, PageTag::Dirty))
        inode.pages.set_tag(at, PageTag::ToWrite);
    std::uint64_t written = 0;
    Run run{inode};
    for (std::uint64_t at = inode.pages.next(first, PageTag::ToWrite); at < end && written < most;
         at = inode.pages.next(at + 1, PageTag::ToWrite)) {
        const Pfn frame = inode.pages.find(at);
        if ((m_parts.frames.pages().peek(frame).owner_flags & frame_flags::writeback) != 0) {
            if (mode == Mode::Start || !op.may_wait()) {
                inode.pages.clear_tag(at, PageTag::ToWrite);
                continue;
            }
            submit(op, run);
            m_parts.locks.wait_until_written(op, frame);
            if (inode.pages.find(at) != frame) continue; // truncated meanwhile
        }
        if (!run.frames.empty() && run.first + run.frames.size() != at) submit(op, run);
        if (!take(op, inode, at, frame)) continue;
        if (run.frames.empty()) run.first = at;
        run.frames.push_back(frame);
        ++written;
    }
    submit(op, run);
    return written;
}

void Writeback::wait(Operation& op, Inode& inode, std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t at = inode.pages.next(first, PageTag::Writeback); at < end;
         at = inode.pages.next(at, PageTag::Writeback))
        m_parts.locks.wait_until_written(op, inode.pages.find(at));
}

void Writeback::sync(Operation& op, Inode& inode, std::uint64_t first, std::uint64_t end) {
    if (inode.kind != InodeKind::Regular) return;
    const std::uint64_t written = write(op, inode, first, end, Mode::All);
    const bool waits = inode.pages.next(first, PageTag::Writeback) < end;
    wait(op, inode, first, end);
    if (written != 0 || waits) m_parts.block.flush(op);
}

void Writeback::sync_all(Operation& op) {
    const std::vector<InodeId> dirty = m_dirty;
    for (const InodeId id : dirty) write(op, m_find(id), 0, PageCache::none, Mode::All);
    for (const InodeId id : dirty) wait(op, m_find(id), 0, PageCache::none);
    if (!dirty.empty()) m_parts.block.flush(op);
}

DirtyLimits Writeback::limits() const {
    return DirtyLimits::of(m_config,
                           dirtyable_pages(m_parts.frames.allocator(), m_parts.counters.nr_lru_file));
}

bool Writeback::above_background() const { return m_parts.counters.nr_dirty > limits().background; }

bool Writeback::expired(InodeId inode, Tick now) const {
    return now >= m_find(inode).dirtied_at + m_config.dirty_expire;
}

void Writeback::balance(Operation& op) {
    if (m_unbalanced < ratelimit_pages) return;
    const std::uint64_t dirtied = std::exchange(m_unbalanced, 0);
    const KernelCounters& counters = m_parts.counters;
    const DirtyLimits limits = this->limits();
    if (counters.nr_dirty > limits.background && m_wake) m_wake(op);
    const std::uint64_t goal = counters.nr_written + dirtied;
    const Tick until = op.now + longest_pause;
    while (op.may_wait() && counters.nr_dirty + counters.nr_writeback > limits.free_run() &&
           counters.nr_written < goal && op.now < until)
        m_throttled.wait(op, Waiting::Killable, until);
}

void Writeback::written(std::uint64_t frame, const Moment& moment) {
    const FrameMapping mapping = m_parts.frames.mapping(Pfn(frame));
    Inode& inode = m_find(InodeId{mapping.owner});
    if (inode.pages.find(mapping.index) == Pfn(frame))
        inode.pages.clear_tag(mapping.index, PageTag::Writeback);
    --m_parts.counters.nr_writeback;
    ++m_parts.counters.nr_written;
    rotate_reclaimable(m_parts.frames, m_parts.counters, Pfn(frame));
    m_parts.locks.end_write(frame, moment);
    m_throttled.wake_all(moment);
}

} // namespace pagewalk::os
