#include "os/file/file_system.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

// mapping_gfp_mask of page caches: GFP_HIGHUSER_MOVABLE without __GFP_FS where a journal forbids it; with
// write marking.
constexpr GfpMask file_gfp = gfp::highuser_movable;
constexpr std::uint64_t readahead_start = 4; // pages of a first sequential window
constexpr std::uint64_t readahead_most = 32; // read_ahead_kb = 128

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
      m_block(parts.block), m_locks(parts.locks), m_add_to_lru(std::move(add_to_lru)) {}

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
    inode.dentry = m_objects.allocate(op, ObjectKind::Dentry);
    inode.object = m_objects.allocate(op, object_of(kind));
    inode.security = m_objects.allocate(op, ObjectKind::InodeSecurity);
    return id;
}

InodeId FileSystem::open(Operation& op, std::string_view path) {
    const auto known = m_by_path.find(std::string(path));
    if (known != m_by_path.end()) return open_known(op, known->second);
    const bool in_memory = !m_initramfs.empty() && path.starts_with(m_initramfs);
    const InodeId id = create(op, path, in_memory ? InodeKind::Initramfs : InodeKind::Regular);
    const auto [there, added] = m_by_path.emplace(path, id);
    if (added) return id;
    forget(op, at(id)); // another was faster while this one waited for memory
    return open_known(op, there->second);
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

void FileSystem::drop_user(Operation& op, InodeId id) {
    Inode& inode = at(id);
    PAGEWALK_INVARIANT(inode.in_use && inode.users != 0);
    if (--inode.users != 0 || inode.kind != InodeKind::Shmem) return;
    truncate(op, id, 0);
    forget(op, inode);
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

FileSystem::Added FileSystem::add_page(Operation& op, Inode& inode, std::uint64_t index, Contents contents) {
    const bool shmem = inode.kind != InodeKind::Regular;
    op.path.call(KernelFunction::AllocPages);
    const auto frame =
        m_frames.allocate(op, {.mask = shmem ? file_gfp | gfp::comp : file_gfp,
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
    if (shmem) op.path.clear_pages(*frame, 0); // whatever the allocator did
    m_frames.set_mapping(*frame, {FrameMapping::Kind::File, static_cast<std::uint32_t>(inode.id), index});
    ++m_cached;
    ++m_counters.nr_file_pages;
    if (shmem) ++m_counters.nr_shmem;
    m_frames.pages().at(*frame).owner_flags = static_cast<std::uint16_t>(
        frame_flags::file | (shmem ? frame_flags::swapbacked : 0) |
        (shmem ? frame_flags::dirty : 0) | // there is nothing that it could be read from again
        (contents == Contents::There ? frame_flags::uptodate : frame_flags::locked));
    op.path.call(KernelFunction::FilemapAddFolio);
    op.path.call(KernelFunction::MemCgroupCharge);
    op.path.store(inode.object);
    if (const VirtAddr place = inode.pages.place_of(index); place != VirtAddr{}) op.path.store(place);
    op.path.store_page(*frame);
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

Pfn FileSystem::find_page(Operation& op, InodeId id, std::uint64_t index) {
    Inode& inode = at(id);
    const Pfn frame = inode.pages.find(index);
    if (frame != no_pfn) return ready({frame, false}) ? frame : no_pfn;
    if (inode.kind == InodeKind::Initramfs) return add_untimed(op, inode, index);
    if (m_cache == FileCache::Cold || inode.kind == InodeKind::Shmem) return no_pfn;
    return plenty_free() ? add_untimed(op, inode, index) : no_pfn;
}

bool FileSystem::ready(const Page& page) const {
    return (m_frames.pages().peek(page.frame).owner_flags & frame_flags::uptodate) != 0;
}

FileSystem::Page FileSystem::get_page(Operation& op, InodeId id, std::uint64_t index) {
    Pfn found = find_page(op, id, index);
    if (found == no_pfn) found = at(id).pages.find(index); // being read
    op.path.call(KernelFunction::FilemapGetFolio);
    Inode& inode = at(id);
    op.path.load(inode.object);
    if (found != no_pfn) {
        if (const VirtAddr place = inode.pages.place_of(index); place != VirtAddr{}) op.path.load(place);
        op.path.load_page(found);
        return {found, false};
    }
    // What a loader touches before its program's time begins has been read by then.
    if (inode.kind == InodeKind::Shmem || !op.runs)
        return {add_page(op, inode, index, Contents::There).frame, false};
    return {read_ahead(op, inode, index), true};
}

/// Starts to read the page and those of its window that are not cached. Returns the page's frame.
Pfn FileSystem::read_ahead(Operation& op, Inode& inode, std::uint64_t index) {
    // A sequential reader's window doubles up to the device's limit; a jump starts a small one again.
    const bool sequential = index == inode.readahead_next && index != 0;
    const std::uint64_t pages =
        sequential ? std::clamp(2 * inode.readahead_size, readahead_start, readahead_most) : readahead_start;
    inode.readahead_size = pages;
    op.path.call(KernelFunction::Readahead);
    Pfn wanted = no_pfn;
    std::uint64_t at = index;
    std::vector<Pfn> run; // pages up to `at` that go into one request
    for (; at < index + pages; ++at) {
        const Pfn cached = inode.pages.find(at);
        const Added page =
            cached != no_pfn ? Added{cached, false} : add_page(op, inode, at, Contents::ToBeRead);
        if (at == index) wanted = page.frame;
        if (page.own) {
            run.push_back(page.frame);
            continue;
        }
        submit_read(op, inode, at - run.size(), run);
        run.clear();
        if (page.frame == no_pfn) break;
    }
    submit_read(op, inode, at - run.size(), run);
    inode.readahead_next = index + pages;
    return wanted;
}

void FileSystem::submit_read(Operation& op, const Inode& inode, std::uint64_t index,
                             std::span<const Pfn> frames) {
    if (frames.empty()) return;
    // Where a file lies on the device is not modelled: each has 8 GiB of its own (assumed).
    constexpr unsigned file_shift = 33;
    const std::uint64_t byte = (static_cast<std::uint64_t>(inode.id) << file_shift) + (index << page_shift);
    m_block.read(op, byte / sector_size, frames);
}

void FileSystem::mark_accessed(Operation& op, Pfn frame) {
    op.path.call(KernelFunction::MarkPageAccessed);
    PageDescriptor& page = m_frames.pages().at(frame);
    if ((page.owner_flags & frame_flags::referenced) == 0) {
        page.owner_flags |= frame_flags::referenced;
    } else if ((page.owner_flags & (frame_flags::active | frame_flags::unevictable)) == 0) {
        if (m_activate)
            m_activate(op, frame);
        else
            page.owner_flags |= frame_flags::active;
        page.owner_flags &= static_cast<std::uint16_t>(~frame_flags::referenced);
    }
}

FileSystem::Page FileSystem::get_page_for_write(Operation& op, InodeId id, std::uint64_t index) {
    Inode& inode = at(id);
    Pfn frame = inode.pages.find(index);
    if (frame == no_pfn) frame = add_page(op, inode, index, Contents::There).frame;
    if (frame == no_pfn) return {};
    PageDescriptor& page = m_frames.pages().at(frame);
    if ((page.owner_flags & (frame_flags::dirty | frame_flags::swapbacked)) == 0) {
        page.owner_flags |= frame_flags::dirty;
        ++m_counters.nr_dirty;
    }
    return {frame, false};
}

void FileSystem::warm(Operation& op, InodeId id, std::uint64_t first, std::uint64_t pages) {
    Inode& inode = at(id);
    if (m_cache == FileCache::Cold && inode.kind != InodeKind::Initramfs) return;
    for (std::uint64_t index = first; index < first + pages; ++index)
        if (inode.pages.find(index) == no_pfn) {
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
    page.set(PageState::Lru);
    m_counters.count_lru(page.owner_flags, 1);
    drop_user(op, id);
}

void FileSystem::replace_page(InodeId id, std::uint64_t index, Pfn frame) {
    Inode& inode = at(id);
    inode.pages.erase(index);
    inode.pages.insert(index, frame);
}

void FileSystem::fill(Operation& op, InodeId id, std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t index = first; index < end; ++index)
        if (get_page(op, id, index).frame == no_pfn) return;
}

void FileSystem::truncate(Operation& op, InodeId id, std::uint64_t first, std::uint64_t end) {
    constexpr std::size_t release_batch = 15; // PAGEVEC_SIZE
    Inode& inode = at(id);
    NodeObjects nodes(m_objects, op);
    if (m_drain_lru) m_drain_lru(op);
    std::vector<Pfn> released;
    for (std::uint64_t index = inode.pages.next(first); index < end; index = inode.pages.next(index + 1)) {
        const Pfn frame = inode.pages.find(index);
        if (m_locks.is_locked(frame) && op.may_wait()) {
            m_locks.wait_until_unlocked(op, frame);
            if (at(id).pages.find(index) != frame) continue;
        }
        inode.pages.erase(index, &nodes);
        --m_cached;
        --m_counters.nr_file_pages;
        PageDescriptor& page = m_frames.pages().at(frame);
        if (inode.kind == InodeKind::Shmem) --m_counters.nr_shmem;
        constexpr std::uint16_t states = frame_flags::dirty | frame_flags::swapbacked;
        if ((page.owner_flags & states) == frame_flags::dirty) --m_counters.nr_dirty;
        page.owner_flags = static_cast<std::uint16_t>(page.owner_flags & ~frame_flags::dirty);
        PAGEWALK_INVARIANT(page.refcount != 0);
        released.push_back(frame);
        if (released.size() == release_batch) release(op, released);
    }
    release(op, released);
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
