#include "os/file/flusher.h"

#include <vector>

namespace pagewalk::os {

template <class Wants>
std::uint64_t Flusher::write_round(Operation& op, const Wants& wants) {
    std::uint64_t written = 0;
    const std::span<const InodeId> dirty = m_writeback.dirty_inodes();
    for (const InodeId id : std::vector<InodeId>(dirty.begin(), dirty.end())) {
        Inode& inode = m_writeback.inode(id);
        if (inode.dirty_pages == 0 || !wants(id)) continue;
        // Goes on where it stopped, then begins at the file's start again.
        std::uint64_t pages =
            m_writeback.write(op, inode, inode.written_to, PageCache::none, Writeback::Mode::Start, chunk);
        if (pages == 0 && inode.written_to != 0)
            pages = m_writeback.write(op, inode, 0, inode.written_to, Writeback::Mode::Start, chunk);
        inode.written_to = pages == chunk ? inode.written_to + pages : 0;
        if (pages != chunk) inode.dirtied_at = op.now; // what is dirty again is young
        written += pages;
        op.host->end_round(op);
    }
    return written;
}

void Flusher::write_what_is_due(Operation& op) {
    const auto is_old = [&](InodeId id) { return m_writeback.expired(id, op.now); };
    while (write_round(op, is_old) != 0) {
    }
    while (m_writeback.above_background() &&
           write_round(op, [&](InodeId) { return m_writeback.above_background(); }) != 0) {
    }
}

void Flusher::run(Operation& op) {
    for (;;) {
        const Tick interval = m_writeback.config().dirty_writeback;
        const bool has_work = !m_writeback.dirty_inodes().empty() && interval != Tick();
        sleep(op, has_work ? op.now + interval : no_time);
        write_what_is_due(op);
        op.host->end_round(op);
    }
}

} // namespace pagewalk::os
