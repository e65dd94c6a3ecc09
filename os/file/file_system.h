#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "os/block/block_layer.h"
#include "os/file/page_cache.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_objects.h"
#include "os/task/page_locks.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pagewalk::os {

enum class InodeId : std::uint32_t {};
inline constexpr InodeId no_inode{0xffffffff};

/// Were files read before the program started (their pages are cached) or not?
enum class FileCache : std::uint8_t { Warm, Cold };

enum class InodeKind : std::uint8_t {
    Regular,
    Shmem,     ///< lives in memory only and dies with its last user
    Initramfs, ///< of the root file system in memory: always there; faults map single pages of it
};

struct Inode {
    InodeId id = no_inode;
    std::string path;
    InodeKind kind = InodeKind::Regular;
    bool in_use = false;
    bool maps_around = true; ///< a read fault maps its neighbours too
    std::uint32_t users = 0; ///< open files and areas that map it
    VirtAddr object{};       ///< struct inode within its file system's
    VirtAddr security{};     ///< of the security modules
    VirtAddr dentry{};
    PageCache pages;
    std::uint64_t readahead_next = 0; ///< page index where a sequential reader would go on
    std::uint64_t readahead_size = 0; ///< pages of the last window
};

/// Files as memory management needs them: names, page caches and where their data come from. File sizes are
/// unknown: any page of a file exists.
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
    };
    FileSystem(const Parts& parts, FileCache cache, AddToLru add_to_lru);

    /// The file of this name, new or known; a user is added.
    [[nodiscard]] InodeId open(Operation& op, std::string_view path);
    /// A nameless file in memory: memfd, shared anonymous mapping. It has one user.
    [[nodiscard]] InodeId create_shmem(Operation& op, std::string_view name);
    void add_user(InodeId inode) { ++at(inode).users; }
    /// The last user's leaving frees a file in memory.
    void drop_user(Operation& op, InodeId inode);

    struct Page {
        Pfn frame = no_pfn;          ///< no_pfn: no memory left
        bool read_from_disk = false; ///< for this call: it was not in the cache
    };
    /// The cached page, brought in where it is not: from the disk (with the readahead window; it is not
    /// ready() then), or as a new page of a file in memory.
    [[nodiscard]] Page get_page(Operation& op, InodeId inode, std::uint64_t index);
    /// Has the page what the file has there?
    [[nodiscard]] bool ready(const Page& page) const;
    /// Waits until a page that is being read is there. Contract: a page that get_page() has just returned.
    void wait_for(Operation& op, const Page& page) { m_locks.wait_until_unlocked(op, page.frame); }
    /// The cached page that is up to date, or no_pfn. Files warm in the cache bring pages in here, untimed.
    [[nodiscard]] Pfn find_page(Operation& op, InodeId inode, std::uint64_t index);
    /// folio_mark_accessed: an access by read or write makes a page referenced, the next one active.
    void mark_accessed(Operation& op, Pfn frame);
    /// Receives pages that are to go to the active LRU list.
    void on_activation(AddToLru activate) { m_activate = std::move(activate); }
    /// Empties the batches of pages that go to LRU lists.
    void on_release(std::function<void(Operation&)> drain_lru) { m_drain_lru = std::move(drain_lru); }
    /// Files below this folder lie in the initramfs; empty: none do.
    void set_initramfs(std::string folder) { m_initramfs = std::move(folder); }
    /// A page about to be overwritten as a whole needs no reading.
    [[nodiscard]] Page get_page_for_write(Operation& op, InodeId inode, std::uint64_t index);
    /// With a warm cache: brings a range in, untimed. Stops when a zone runs low.
    void warm(Operation& op, InodeId inode, std::uint64_t first, std::uint64_t pages);
    /// The same for what a new mapping shows of a file, unless that is too much.
    void warm_mapping(Operation& op, InodeId inode, std::uint64_t first, std::uint64_t bytes) {
        constexpr std::uint64_t most = 1ULL << 30; // assumed: a larger file is filled where it is touched
        if (bytes <= most) warm(op, inode, first, (bytes + page_size - 1) >> page_shift);
    }
    /// A page that the page cache of a captured machine has.
    void adopt_page(Operation& op, std::string_view path, std::uint64_t index, Pfn frame);
    /// A cached page has moved to another frame.
    void replace_page(InodeId inode, std::uint64_t index, Pfn frame);
    /// Drops pages [first, end) (ftruncate, holes, unlink of memory files). Mapped pages stay with their
    /// mappings.
    void truncate(Operation& op, InodeId inode, std::uint64_t first, std::uint64_t end = PageCache::none);
    /// Pages [first, end) of a file in memory exist from now on (fallocate), as far as there is memory.
    void fill(Operation& op, InodeId inode, std::uint64_t first, std::uint64_t end);

    [[nodiscard]] Inode& at(InodeId inode) { return m_inodes[static_cast<std::size_t>(inode)]; }
    [[nodiscard]] const Inode& at(InodeId inode) const { return m_inodes[static_cast<std::size_t>(inode)]; }
    [[nodiscard]] std::uint64_t cached_pages() const { return m_cached; }

private:
    [[nodiscard]] InodeId create(Operation& op, std::string_view path, InodeKind kind);
    [[nodiscard]] InodeId open_known(Operation& op, InodeId id);
    void release(Operation& op, std::vector<Pfn>& frames);
    /// Frees an inode without pages.
    void forget(Operation& op, Inode& inode);
    enum class Contents : std::uint8_t { There, ToBeRead };
    struct Added {
        Pfn frame = no_pfn; ///< no_pfn: no memory left
        bool own = false;   ///< false: another operation has added it meanwhile
    };
    [[nodiscard]] Added add_page(Operation& op, Inode& inode, std::uint64_t index, Contents contents);
    [[nodiscard]] Pfn read_ahead(Operation& op, Inode& inode, std::uint64_t index);
    void submit_read(Operation& op, const Inode& inode, std::uint64_t index, std::span<const Pfn> frames);
    /// As add_page, in a path that nobody runs.
    [[nodiscard]] Pfn add_untimed(Operation& op, Inode& inode, std::uint64_t index);
    [[nodiscard]] bool plenty_free() const;

    FrameAllocator& m_frames;
    KernelObjects& m_objects;
    KernelCounters& m_counters;
    FileCache m_cache;
    BlockLayer& m_block;
    PageLocks& m_locks;
    AddToLru m_add_to_lru, m_activate;
    std::function<void(Operation&)> m_drain_lru;
    std::string m_initramfs;
    std::deque<Inode> m_inodes; // references outlive a wait
    std::vector<InodeId> m_unused;
    std::unordered_map<std::string, InodeId> m_by_path;
    std::uint64_t m_cached = 0;
    KernelPath m_scratch;
    PathLog m_scratch_log;
    CostTable m_no_costs;
};

} // namespace pagewalk::os
