#include "os/file/file_system.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

// mapping_gfp_mask of page caches: GFP_HIGHUSER_MOVABLE without __GFP_FS where a journal forbids it; with
// write marking.
constexpr GfpMask file_gfp = gfp::highuser_movable;

constexpr std::size_t release_batch = 15; // PAGEVEC_SIZE

/// Nodes of page caches as objects of an operation's.
class NodeObjects final : public PageCacheNodes {
public:
    NodeObjects(KernelObjects& objects, Operation& op) : m_objects(objects), m_op(op) {}

    [[nodiscard]] VirtAddr allocate() override { return m_objects.allocate(m_op, ObjectKind::RadixTreeNode); }
    void free(VirtAddr node) override { m_objects.free(m_op, ObjectKind::RadixTreeNode, node); }

private:
    KernelObjects& m_objects;
    Operation& m_op;
};

ObjectKind object_of(InodeKind kind) {
    return kind == InodeKind::Shmem ? ObjectKind::ShmemInode : ObjectKind::Inode;
}

} // namespace

FileSystem::FileSystem(const Parts& parts, FileCache cache, AddToLru add_to_lru)
    : m_frames(parts.frames), m_objects(parts.objects), m_counters(parts.counters), m_cache(cache),
      m_block(parts.block), m_locks(parts.locks),
      m_writeback({parts.frames, parts.counters, parts.block, parts.locks},
                  [this](InodeId id) -> Inode& { return at(id); }),
      m_workingset(parts.workingset), m_add_to_lru(std::move(add_to_lru)) {}

InodeId FileSystem::create(Operation& op, std::string_view path, InodeKind kind) {
    InodeId id{static_cast<std::uint32_t>(m_inodes.size())};
    if (m_unused.empty()) {
        m_inodes.emplace_back();
    } else {
        id = m_unused.back();
        m_unused.pop_back();
    }
    Inode& inode = at(id);
    inode.id = id;
    inode.path = path;
    inode.kind = kind;
    inode.in_use = true;
    inode.maps_around = kind != InodeKind::Initramfs;
    inode.users = 1;
    if (kind == InodeKind::Shmem) {
        inode.size = 0;
    } else {
        inode.stored.add(0, PageRanges::no_end);
        inode.warm = m_cache == FileCache::Warm;
        if (const auto known = m_sizes.find(inode.path); known != m_sizes.end()) inode.size = known->second;
    }
    inode.dentry = m_objects.allocate(op, ObjectKind::Dentry);
    inode.object = m_objects.allocate(op, object_of(kind));
    inode.security = m_objects.allocate(op, ObjectKind::InodeSecurity);
    return id;
}

InodeId FileSystem::open(Operation& op, std::string_view path) {
    const auto known = m_by_path.find(std::string(path));
    if (known != m_by_path.end()) return open_known(op, known->second);
    const InodeId id = create(op, path, kind_of(path));
    const auto [there, added] = m_by_path.emplace(path, id);
    if (added) {
        at(id).links = 1;
        return id;
    }
    forget(op, at(id)); // another was faster while this one waited for memory
    return open_known(op, there->second);
}

InodeKind FileSystem::kind_of(std::string_view path) const {
    const auto below = [path](std::string_view folder) {
        return !folder.empty() && path.starts_with(folder);
    };
    if (below(m_initramfs)) return InodeKind::Initramfs;
    return below(m_tmpfs) || below("/dev/shm/") ? InodeKind::Shmem : InodeKind::Regular;
}

InodeId FileSystem::open_known(Operation& op, InodeId id) {
    add_user(id);
    op.path.load(at(id).dentry);
    op.path.load(at(id).object);
    return id;
}

InodeId FileSystem::create_shmem(Operation& op, std::string_view name) {
    return create(op, name, InodeKind::Shmem);
}

InodeId FileSystem::create_hugetlb(Operation& op, std::string_view name) {
    return create(op, name, InodeKind::Hugetlb);
}

void FileSystem::drop_user(Operation& op, InodeId id) {
    Inode& inode = at(id);
    PAGEWALK_INVARIANT(inode.in_use && inode.users != 0);
    if (--inode.users != 0 || inode.links != 0) return;
    truncate(op, id, 0);
    if (inode.kind == InodeKind::Hugetlb && m_on_hugetlb_gone) m_on_hugetlb_gone(op, id);
    forget(op, inode);
}

void FileSystem::unlink(Operation& op, std::string_view path) {
    const auto known = m_by_path.find(std::string(path));
    if (known == m_by_path.end()) return;
    const InodeId id = known->second;
    m_by_path.erase(known);
    add_user(id);
    --at(id).links;
    op.path.store(at(id).dentry);
    op.path.store(at(id).object);
    drop_user(op, id);
}

void FileSystem::forget(Operation& op, Inode& inode) {
    m_objects.free(op, ObjectKind::Dentry, inode.dentry);
    m_objects.free(op, ObjectKind::InodeSecurity, inode.security);
    m_objects.free(op, object_of(inode.kind), inode.object);
    m_unused.push_back(inode.id);
    inode = Inode{};
}

bool FileSystem::plenty_free() const {
    for (const auto& zone : m_frames.allocator().zones())
        if (zone->type != ZoneType::Dma &&
            zone->free_pages > static_cast<std::int64_t>(2 * zone->watermark(Watermark::High)))
            return true;
    return false;
}

FileSystem::Added FileSystem::add_page(Operation& op, Inode& inode, std::uint64_t index, Contents contents,
                                       Need need) {
    const bool shmem = inode.kind != InodeKind::Regular;
    const GfpMask file_mask = need == Need::Readahead ? file_gfp | gfp::noretry | gfp::nowarn : file_gfp;
    op.path.call(KernelFunction::AllocPages);
    const auto frame =
        m_frames.allocate(op, {.mask = shmem ? file_gfp | gfp::comp : file_mask,
                               .purpose = shmem ? AllocationPurpose::SharedMemory : AllocationPurpose::File});
    if (!frame) return {};
    if (const Pfn found = inode.pages.find(index); found != no_pfn) {
        m_frames.free(op, *frame, 0); // another was faster while this one waited for memory
        return {found, false};
    }
    {
        const AtomicSection inserting(op);
        NodeObjects nodes(m_objects, op);
        inode.pages.insert(index, *frame, &nodes);
    }
    // Whatever the allocator did.
    if (shmem && contents == Contents::There) op.path.clear_pages(*frame, 0);
    m_frames.set_mapping(*frame, {FrameMapping::Kind::File, static_cast<std::uint32_t>(inode.id), index});
    ++m_cached;
    ++m_counters.nr_file_pages;
    if (shmem) ++m_counters.nr_shmem;
    m_frames.pages().at(*frame).owner_flags =
        static_cast<std::uint16_t>(frame_flags::file | (shmem ? frame_flags::swapbacked : 0) |
                                   // as it was unpacked
                                   (inode.kind == InodeKind::Initramfs ? frame_flags::dirty : 0) |
                                   (contents == Contents::There      ? frame_flags::uptodate
                                    : contents == Contents::ToBeRead ? frame_flags::locked
                                                                     : 0));
    op.path.call(KernelFunction::FilemapAddFolio);
    op.path.call(KernelFunction::MemCgroupCharge);
    op.path.store(inode.object);
    if (const VirtAddr place = inode.pages.place_of(index); place != VirtAddr{}) op.path.store(place);
    op.path.store_page(*frame);
    tell(op, inode, index, *frame, FilemapCall::AddToPageCache);
    m_workingset.file_page_added(op, *frame);
    m_add_to_lru(op, *frame);
    return {*frame, true};
}

Pfn FileSystem::add_untimed(Operation& op, Inode& inode, std::uint64_t index) {
    m_scratch.clear();
    m_scratch_log.clear();
    Operation untimed{.path = {m_scratch, m_no_costs, KernelTiming::Off},
                      .log = m_scratch_log,
                      .cpu = op.cpu,
                      .task = op.task,
                      .now = op.now,
                      .runs = false};
    const Pfn frame = add_page(untimed, inode, index, Contents::There).frame;
    for (const PathLog::ObjectCall& call : m_scratch_log.objects)
        op.log.objects.push_back({call.event, 0, 0});
    return frame;
}

void FileSystem::mark_accessed(Operation& op, Pfn frame) {
    op.path.call(KernelFunction::MarkPageAccessed);
    if (LruGenerations* const generations = m_frames.lru().generations())
        return generations->note_access(frame);
    PageDescriptor& page = m_frames.pages().at(frame);
    if ((page.owner_flags & frame_flags::referenced) == 0) {
        page.owner_flags |= frame_flags::referenced;
    } else if ((page.owner_flags & (frame_flags::active | frame_flags::unevictable)) == 0) {
        if (m_activate) m_activate(op, frame);
        page.owner_flags &= static_cast<std::uint16_t>(~frame_flags::referenced);
    }
}

void FileSystem::set_dirty(Operation& op, Pfn frame) {
    const FrameMapping mapping = m_frames.mapping(frame);
    Inode& inode = at(InodeId{mapping.owner});
    if (inode.pages.find(mapping.index) != frame) return; // truncated meanwhile
    PageDescriptor& page = m_frames.pages().at(frame);
    op.path.store_page(frame);
    if (inode.kind == InodeKind::Regular && (page.owner_flags & frame_flags::dirty) == 0)
        m_writeback.make_dirty(op, inode, mapping.index, frame);
    page.owner_flags |= frame_flags::dirty;
}

void FileSystem::warm(Operation& op, InodeId id, std::uint64_t first, std::uint64_t pages) {
    Inode& inode = at(id);
    if (!inode.warm && inode.kind != InodeKind::Initramfs) return;
    const std::uint64_t end = std::min(first + pages, inode.page_count());
    for (std::uint64_t index = first; index < end; ++index)
        if (inode.pages.find(index) == no_pfn && inode.stored.contains(index)) {
            // A look at the zones every 64 pages is enough for a mark that is thousands of pages away.
            if (index % 64 == 0 && !plenty_free()) return;
            if (add_untimed(op, inode, index) == no_pfn) return;
        }
}

void FileSystem::adopt_page(Operation& op, std::string_view path, std::uint64_t index, Pfn frame) {
    const InodeId id = open(op, path);
    Inode& inode = at(id);
    if (inode.pages.find(index) != no_pfn) inode.pages.erase(index);
    NodeObjects nodes(m_objects, op);
    inode.pages.insert(index, frame, &nodes);
    m_frames.set_mapping(frame, {FrameMapping::Kind::File, static_cast<std::uint32_t>(id), index});
    PageDescriptor& page = m_frames.pages().at(frame);
    page.refcount = 1;
    page.mapcount = 0;
    const bool in_memory = inode.kind != InodeKind::Regular;
    page.owner_flags =
        static_cast<std::uint16_t>(frame_flags::file | frame_flags::uptodate |
                                   (in_memory ? frame_flags::swapbacked | frame_flags::dirty : 0));
    page.clear(PageState::Lru); // the snapshot's mark
    m_frames.lru().add(frame);
    drop_user(op, id);
}

void FileSystem::replace_page(InodeId id, std::uint64_t index, Pfn frame) {
    at(id).pages.replace(index, frame);
}

void FileSystem::transfer_direct(Operation& op, InodeId id, std::uint64_t at, std::uint64_t bytes,
                                 BlockRequest::Kind kind) {
    Inode& inode = this->at(id);
    const std::uint64_t first = at >> page_shift;
    const std::uint64_t end = (at + bytes + page_size - 1) >> page_shift;
    (void)m_writeback.write(op, inode, first, end, Writeback::Mode::All);
    m_writeback.wait(op, inode, first, end);
    if (kind == BlockRequest::Kind::Write) {
        drop_clean(op, id, first, end);
        inode.stored.add(first, end);
    }
    const std::uint64_t most = m_readahead.request * page_size;
    for (std::uint64_t done = 0; done < bytes; done += most)
        m_block.transfer(op, kind, inode.sector_of(0) + (at + done) / sector_size,
                         std::min(most, bytes - done));
}

void FileSystem::declare(StatGroup group) const {
    group.counter("page_cache_hits", m_hits, "pages", "pages that reads and faults found in the page cache");
    group.counter("page_cache_misses", m_misses, "pages", "pages that they did not find there");
}

void FileSystem::evict_page(Operation& op, Pfn frame) {
    const FrameMapping page = m_frames.mapping(frame);
    Inode& inode = at(InodeId{page.owner});
    inode.warm = false; // memory is short: it does not come back by itself
    remove(op, inode, page.index, frame);
    --m_frames.pages().at(frame).refcount;
}

void FileSystem::write_page(Operation& op, Pfn frame) {
    const FrameMapping page = m_frames.mapping(frame);
    m_writeback.write(op, at(InodeId{page.owner}), page.index, page.index + 1, Writeback::Mode::Start);
}

void FileSystem::fill(Operation& op, InodeId id, std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t index = first; index < end; ++index) {
        Pfn frame = at(id).pages.find(index);
        if (frame == no_pfn) frame = add_page(op, at(id), index, Contents::ToBeCleared).frame;
        if (frame == no_pfn) return;
        set_dirty(op, frame);
    }
}

void FileSystem::truncate(Operation& op, InodeId id, std::uint64_t first, std::uint64_t end) {
    Inode& inode = at(id);
    inode.stored.remove(first, end);
    if (inode.pages.count() == 0) return;
    if (m_drain_lru) m_drain_lru(op);
    std::vector<Pfn> released;
    for (std::uint64_t index = inode.pages.next(first); index < end; index = inode.pages.next(index + 1)) {
        const Pfn frame = inode.pages.find(index);
        if (m_locks.is_busy(frame) && op.may_wait()) {
            m_locks.wait_until_idle(op, frame);
            if (at(id).pages.find(index) != frame) continue;
        }
        remove(op, inode, index, frame);
        released.push_back(frame);
        if (released.size() == release_batch) release(op, released);
    }
    release(op, released);
}

void FileSystem::tell(const Operation& op, const Inode& inode, std::uint64_t index, Pfn frame,
                      FilemapCall call) const {
    if (!m_on_page || inode.kind == InodeKind::Shmem) return; // it has tracepoints of its own
    m_on_page({.time = op.now.value(),
               .pfn = frame.value(),
               .index = index,
               .i_ino = static_cast<std::uint32_t>(inode.id),
               .task = static_cast<std::uint32_t>(op.task),
               .cpu = static_cast<std::uint16_t>(op.cpu),
               .call = call});
}

/// Takes a page out of its cache; the cache's reference is the caller's.
void FileSystem::remove(Operation& op, Inode& inode, std::uint64_t index, Pfn frame) {
    NodeObjects nodes(m_objects, op);
    PageDescriptor& page = m_frames.pages().at(frame);
    if (inode.kind == InodeKind::Regular && (page.owner_flags & frame_flags::dirty) != 0)
        m_writeback.forget_dirty(inode, index, frame);
    inode.pages.erase(index, &nodes);
    tell(op, inode, index, frame, FilemapCall::DeleteFromPageCache);
    --m_cached;
    --m_counters.nr_file_pages;
    if (inode.kind == InodeKind::Shmem) --m_counters.nr_shmem;
    page.owner_flags = static_cast<std::uint16_t>(page.owner_flags & ~frame_flags::dirty);
    PAGEWALK_INVARIANT(page.refcount != 0);
}

void FileSystem::drop_clean(Operation& op, InodeId id, std::uint64_t first, std::uint64_t end) {
    Inode& inode = at(id);
    if (inode.kind != InodeKind::Regular) return;
    inode.warm = false;
    if (m_drain_lru) m_drain_lru(op);
    constexpr std::uint16_t busy = frame_flags::dirty | frame_flags::writeback | frame_flags::locked;
    std::vector<Pfn> released;
    for (std::uint64_t index = inode.pages.next(first); index < end; index = inode.pages.next(index + 1)) {
        const Pfn frame = inode.pages.find(index);
        const PageDescriptor& page = m_frames.pages().peek(frame);
        op.path.load_page(frame);
        if ((page.owner_flags & busy) != 0 || page.refcount != 1) continue;
        remove(op, inode, index, frame);
        released.push_back(frame);
        if (released.size() == release_batch) release(op, released);
    }
    release(op, released);
}

void FileSystem::drop_caches(Operation& op) {
    ++m_cache_drops;
    for (const Inode& inode : m_inodes)
        if (inode.in_use) drop_clean(op, inode.id, 0, PageCache::none);
}

/// folio_batch_release: the last is freed first.
void FileSystem::release(Operation& op, std::vector<Pfn>& frames) {
    for (std::size_t i = frames.size(); i-- != 0;) {
        if (--m_frames.pages().at(frames[i]).refcount != 0) continue;
        op.path.call(KernelFunction::ReleasePage);
        op.path.call(KernelFunction::ReleaseFreedPage);
        m_frames.free(op, frames[i], 0);
    }
    frames.clear();
}

} // namespace pagewalk::os
