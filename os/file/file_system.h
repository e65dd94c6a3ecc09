#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "os/block/block_layer.h"
#include "os/file/inode.h"
#include "os/file/readahead.h"
#include "os/file/writeback.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_objects.h"
#include "os/reclaim/workingset.h"
#include "os/task/page_locks.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pagewalk::os {

/// Were files read before the program started (their pages are cached) or not?
enum class FileCache : std::uint8_t { Warm, Cold };

/// Files as memory management needs them: names, sizes, page caches and where their data come from.
class FileSystem {
public:
    /// Receives pages that are to go onto an LRU list.
    using AddToLru = std::function<void(Operation&, Pfn)>;

    struct Parts {
        FrameAllocator& frames;
        KernelObjects& objects;
        KernelCounters& counters;
        BlockLayer& block;
        PageLocks& locks;
        Workingset& workingset;
    };
    FileSystem(const Parts& parts, FileCache cache, AddToLru add_to_lru);

    /// The file of this name, new or known; a user is added.
    [[nodiscard]] InodeId open(Operation& op, std::string_view path);
    /// A nameless file in memory: memfd, shared anonymous mapping. It has one user.
    [[nodiscard]] InodeId create_shmem(Operation& op, std::string_view name);
    /// A nameless file of hugetlbfs. It has one user.
    [[nodiscard]] InodeId create_hugetlb(Operation& op, std::string_view name);
    /// Is told when such a file goes. Once, before the first.
    void on_hugetlb_gone(std::function<void(Operation&, InodeId)> told) {
        m_on_hugetlb_gone = std::move(told);
    }
    void add_user(InodeId inode) { ++at(inode).users; }
    /// The last user's leaving frees a file without a name.
    void drop_user(Operation& op, InodeId inode);
    /// Takes a name away: the file goes with its last user. Nothing where it is not known.
    void unlink(Operation& op, std::string_view path);
    /// A file that exists before the run, of so many bytes.
    void add_file(std::string path, std::uint64_t bytes) { m_sizes[std::move(path)] = bytes; }
    /// A write ends at this byte: the file has it from now on.
    void grow(InodeId inode, std::uint64_t end) {
        Inode& file = at(inode);
        if (file.size != Inode::unknown_size) file.size = std::max(file.size, end);
    }

    struct Page {
        Pfn frame = no_pfn;        ///< no_pfn: no memory left
        bool was_missing = false;  ///< for this call: it was not in the cache
        bool looked_ahead = false; ///< it had the mark that starts readahead
    };
    /// Where read() needs a page: of `asked` from `index` on, by an open file with this readahead state.
    struct ReadRequest {
        InodeId inode = no_inode;
        std::uint64_t index = 0;
        std::uint64_t asked = 1;
        ReadaheadState* readahead = nullptr; ///< null: the inode's own
    };
    /// The cached page, brought in where it is not: from the disk with its readahead window (it is not
    /// ready() then), as zeroes where the disk has nothing, or as a new page of a file in memory.
    [[nodiscard]] Page get_page(Operation& op, const ReadRequest& request);
    [[nodiscard]] Page get_page(Operation& op, InodeId inode, std::uint64_t index) {
        return get_page(op, ReadRequest{.inode = inode, .index = index});
    }
    /// The same for a fault of a mapping that is used like this.
    [[nodiscard]] Page get_page_for_fault(Operation& op, const ReadRequest& request,
                                          Readahead::MappedUse use);
    /// Has the page what the file has there?
    [[nodiscard]] bool ready(const Page& page) const;
    /// Waits until a page that is being read is there. Contract: a page that get_page() has just returned.
    void wait_for(Operation& op, const Page& page) { m_locks.wait_until_unlocked(op, page.frame); }
    /// The cached page that is up to date, or no_pfn. Files warm in the cache bring pages in here, untimed.
    [[nodiscard]] Pfn find_page(Operation& op, InodeId inode, std::uint64_t index);
    /// Starts to bring [first, first + pages) in: POSIX_FADV_WILLNEED, MADV_WILLNEED, readahead().
    void read_range(Operation& op, InodeId inode, std::uint64_t first, std::uint64_t pages);
    /// May a fault map the page beside the one that it wants? Not the one that starts readahead.
    [[nodiscard]] bool maps_beside(Pfn frame) const {
        return (m_frames.pages().peek(frame).owner_flags & frame_flags::readahead) == 0;
    }
    /// folio_mark_accessed: an access by read or write makes a page referenced, the next one active.
    void mark_accessed(Operation& op, Pfn frame);
    /// Receives pages that are to go to the active LRU list.
    void on_activation(AddToLru activate) { m_activate = std::move(activate); }
    /// Empties the batches of pages that go to LRU lists.
    void on_release(std::function<void(Operation&)> drain_lru) { m_drain_lru = std::move(drain_lru); }
    /// Files below this folder lie in the initramfs; empty: none do.
    void set_initramfs(std::string folder) { m_initramfs = std::move(folder); }
    /// Files below this folder lie in a tmpfs; empty: none do.
    void set_tmpfs(std::string folder) { m_tmpfs = std::move(folder); }
    void set_readahead(const ReadaheadLimits& limits) { m_readahead = limits; }

    enum class Overwritten : std::uint8_t { Whole, Part };
    /// A page about to be written to; one that stays in part is read first, and not ready() until then.
    [[nodiscard]] Page get_page_for_write(Operation& op, InodeId inode, std::uint64_t index,
                                          Overwritten how = Overwritten::Whole);
    /// A cached page of a file has been written to.
    void set_dirty(Operation& op, Pfn frame);
    /// With a warm cache: brings a range in, untimed. Stops when a zone runs low.
    void warm(Operation& op, InodeId inode, std::uint64_t first, std::uint64_t pages);
    /// The same for what a new mapping shows of a file, unless that is too much.
    void warm_mapping(Operation& op, InodeId inode, std::uint64_t first, std::uint64_t bytes) {
        constexpr std::uint64_t most = 1ULL << 30; // assumed: a larger file is filled where it is touched
        if (bytes <= most) warm(op, inode, first, (bytes + page_size - 1) >> page_shift);
    }
    /// A page that the page cache of a captured machine has.
    void adopt_page(Operation& op, std::string_view path, std::uint64_t index, Pfn frame);
    /// O_DIRECT: moves data between the device and the program's memory, past the page cache, and waits. What
    /// the cache has of it is written first; a write drops it.
    void transfer_direct(Operation& op, InodeId inode, std::uint64_t at, std::uint64_t bytes,
                         BlockRequest::Kind kind);
    void declare(StatGroup group) const;
    /// Reclaim takes a clean page that nobody maps out of its page cache, with the cache's reference.
    void evict_page(Operation& op, Pfn frame);
    /// Reclaim starts to write a dirty page of a file on a disk.
    void write_page(Operation& op, Pfn frame);
    /// A cached page has moved to another frame.
    void replace_page(InodeId inode, std::uint64_t index, Pfn frame);
    /// Drops pages [first, end), from the cache and from the disk (ftruncate, holes). Mapped pages stay with
    /// their mappings.
    void truncate(Operation& op, InodeId inode, std::uint64_t first, std::uint64_t end = PageCache::none);
    /// Pages [first, end) of a file in memory exist from now on (fallocate), as far as there is memory.
    void fill(Operation& op, InodeId inode, std::uint64_t first, std::uint64_t end);

    /// invalidate_mapping_pages: drops of [first, end) what nobody else uses and the disk has as it is.
    void drop_clean(Operation& op, InodeId inode, std::uint64_t first, std::uint64_t end);
    /// What a write to /proc/sys/vm/drop_caches does: the same for all files.
    void drop_caches(Operation& op);
    /// How often that was asked for.
    [[nodiscard]] std::uint64_t cache_drops() const { return m_cache_drops; }

    /// Writing dirty pages back.
    [[nodiscard]] Writeback& writeback() { return m_writeback; }
    [[nodiscard]] const Writeback& writeback() const { return m_writeback; }
    /// Who is told of pages that come into page caches and leave them.
    void on_page(std::function<void(const FilemapEvent&)> told) { m_on_page = std::move(told); }

    [[nodiscard]] Inode& at(InodeId inode) { return m_inodes[static_cast<std::size_t>(inode)]; }
    [[nodiscard]] const Inode& at(InodeId inode) const { return m_inodes[static_cast<std::size_t>(inode)]; }
    [[nodiscard]] std::uint64_t cached_pages() const { return m_cached; }

private:
    [[nodiscard]] InodeId create(Operation& op, std::string_view path, InodeKind kind);
    [[nodiscard]] InodeId open_known(Operation& op, InodeId id);
    void release(Operation& op, std::vector<Pfn>& frames);
    /// Frees an inode without pages.
    void forget(Operation& op, Inode& inode);
    enum class Contents : std::uint8_t {
        There,
        ToBeRead,
        ToBeCleared, ///< of a file in memory, when somebody looks
    };
    struct Added {
        Pfn frame = no_pfn; ///< no_pfn: no memory left
        bool own = false;   ///< false: another operation has added it meanwhile
    };
    enum class Need : std::uint8_t {
        Page,
        Readahead, ///< the task can do without: no process is killed for it (__GFP_NORETRY)
    };
    [[nodiscard]] Added add_page(Operation& op, Inode& inode, std::uint64_t index, Contents contents,
                                 Need need = Need::Page);
    /// The page and where it stands; no_pfn where it is not cached.
    [[nodiscard]] Pfn look_up(Operation& op, Inode& inode, std::uint64_t index);
    [[nodiscard]] ReadaheadState& readahead_of(const ReadRequest& request) {
        return request.readahead != nullptr ? *request.readahead : at(request.inode).readahead;
    }
    void read_window(Operation& op, Inode& inode, ReadaheadWindow window);
    [[nodiscard]] Pfn read_beyond(Operation& op, Inode& inode, ReadaheadWindow window, Pfn held);
    [[nodiscard]] Pfn read_alone(Operation& op, Inode& inode, std::uint64_t index);
    /// The page of a file in memory, cleared where it was only allocated so far.
    [[nodiscard]] Page shmem_page(Operation& op, Inode& inode, std::uint64_t index, Pfn found);
    [[nodiscard]] bool take_mark(Pfn frame);
    void submit_read(Operation& op, const Inode& inode, std::uint64_t index, std::span<const Pfn> frames);
    void tell(const Operation& op, const Inode& inode, std::uint64_t index, Pfn frame,
              FilemapCall call) const;
    void remove(Operation& op, Inode& inode, std::uint64_t index, Pfn frame);
    [[nodiscard]] InodeKind kind_of(std::string_view path) const;
    /// As add_page, in a path that nobody runs.
    [[nodiscard]] Pfn add_untimed(Operation& op, Inode& inode, std::uint64_t index);
    [[nodiscard]] bool plenty_free() const;

    FrameAllocator& m_frames;
    KernelObjects& m_objects;
    KernelCounters& m_counters;
    FileCache m_cache;
    BlockLayer& m_block;
    PageLocks& m_locks;
    Writeback m_writeback;
    Workingset& m_workingset;
    AddToLru m_add_to_lru, m_activate;
    std::function<void(Operation&)> m_drain_lru;
    std::function<void(const FilemapEvent&)> m_on_page;
    std::function<void(Operation&, InodeId)> m_on_hugetlb_gone;
    std::string m_initramfs, m_tmpfs;
    ReadaheadLimits m_readahead;
    std::deque<Inode> m_inodes; // references outlive a wait
    std::vector<InodeId> m_unused;
    std::unordered_map<std::string, InodeId> m_by_path;
    std::unordered_map<std::string, std::uint64_t> m_sizes; ///< bytes, of files that existed before the run
    std::uint64_t m_cached = 0;
    std::uint64_t m_hits = 0, m_misses = 0, m_cache_drops = 0;
    KernelPath m_scratch;
    PathLog m_scratch_log;
    CostTable m_no_costs;
};

} // namespace pagewalk::os
