#pragma once

#include "os/block/block_layer.h"
#include "os/file/dirty_limits.h"
#include "os/file/inode.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_counters.h"
#include "os/task/page_locks.h"
#include "os/task/wait_queue.h"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace pagewalk::os {

/// Dirty pages of files on a disk: which there are, how they get to the disk, and who waits for that.
class Writeback final : public WrittenPages {
public:
    struct Parts {
        FrameAllocator& frames;
        KernelCounters& counters;
        BlockLayer& block;
        PageLocks& locks;
    };
    /// Finds an inode by its number.
    using FindInode = std::function<Inode&(InodeId)>;
    Writeback(const Parts& parts, FindInode find);

    void configure(const WritebackConfig& config) { m_config = config; }
    /// folio_mkclean: who is to take the right to write out of all mappings of a page.
    void on_clean(std::function<void(Operation&, Pfn)> protect) { m_protect = std::move(protect); }
    /// Who is to be woken: pages have become dirty where there were none, or are too many.
    void on_work(std::function<void(Operation&)> wake) { m_wake = std::move(wake); }

    /// A clean page has been written to.
    void make_dirty(Operation& op, Inode& inode, std::uint64_t index, Pfn frame);
    /// A dirty page leaves its cache unwritten.
    void forget_dirty(Inode& inode, std::uint64_t index, Pfn frame);

    enum class Mode : std::uint8_t {
        Start, ///< pages that are being written already are left alone (WB_SYNC_NONE)
        All,   ///< everything that is dirty now is on its way afterwards (WB_SYNC_ALL)
    };
    static constexpr std::uint64_t no_limit = ~0ULL;
    /// Starts to write the dirty pages of [first, end), `most` at most. Returns how many.
    std::uint64_t write(Operation& op, Inode& inode, std::uint64_t first, std::uint64_t end, Mode mode,
                        std::uint64_t most = no_limit);
    /// Waits until no page of [first, end) is on its way.
    void wait(Operation& op, Inode& inode, std::uint64_t first, std::uint64_t end);
    /// Writes a file and waits: its data, and the device's own cache. fsync and its like.
    void sync(Operation& op, Inode& inode, std::uint64_t first = 0, std::uint64_t end = PageCache::none);
    /// The same for all files.
    void sync_all(Operation& op);

    /// balance_dirty_pages_ratelimited: to be called after pages were made dirty, without locks. Wakes the
    /// flusher and makes the task wait where there are too many. Simplified: a task beyond the limit makes
    /// pages dirty no faster than they are written.
    void balance(Operation& op);
    [[nodiscard]] DirtyLimits limits() const;

    /// Inodes with dirty pages, those that have them longest first.
    [[nodiscard]] std::span<const InodeId> dirty_inodes() const { return m_dirty; }
    /// When its first dirty page became so. Contract: it has one.
    [[nodiscard]] bool expired(InodeId inode, Tick now) const;
    [[nodiscard]] bool above_background() const;
    [[nodiscard]] const WritebackConfig& config() const { return m_config; }
    [[nodiscard]] Inode& inode(InodeId id) { return m_find(id); }

    // WrittenPages
    void written(std::uint64_t frame, const Moment& moment) override;

private:
    struct Run;
    [[nodiscard]] bool take(Operation& op, Inode& inode, std::uint64_t index, Pfn frame);
    void submit(Operation& op, Run& run);
    void clear_dirty(Inode& inode, std::uint64_t index, Pfn frame);

    Parts m_parts;
    FindInode m_find;
    WritebackConfig m_config;
    std::function<void(Operation&, Pfn)> m_protect;
    std::function<void(Operation&)> m_wake;
    std::vector<InodeId> m_dirty;
    WaitQueue m_throttled;          ///< tasks that make pages dirty too fast
    std::uint64_t m_unbalanced = 0; ///< pages made dirty since the limits were last looked at
};

} // namespace pagewalk::os
