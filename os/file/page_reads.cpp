#include "os/file/file_system.h"

#include <algorithm>

// How pages of files come into the cache.
namespace pagewalk::os {
Pfn FileSystem::find_page(Operation& op, InodeId id, std::uint64_t index) {
    Inode& inode = at(id);
    const Pfn frame = inode.pages.find(index);
    if (frame != no_pfn) return ready({.frame = frame}) ? frame : no_pfn;
    if (inode.kind == InodeKind::Initramfs) return add_untimed(op, inode, index);
    const bool comes_by_itself = inode.warm && index < inode.page_count() && inode.stored.contains(index);
    return comes_by_itself && plenty_free() ? add_untimed(op, inode, index) : no_pfn;
}

bool FileSystem::ready(const Page& page) const {
    return (m_frames.pages().peek(page.frame).owner_flags & frame_flags::uptodate) != 0;
}

Pfn FileSystem::look_up(Operation& op, Inode& inode, std::uint64_t index) {
    Pfn found = find_page(op, inode.id, index);
    if (found == no_pfn) found = inode.pages.find(index); // being read
    op.path.call(KernelFunction::FilemapGetFolio);
    op.path.load(inode.object);
    ++(found == no_pfn ? m_misses : m_hits);
    if (found == no_pfn) return no_pfn;
    if (const VirtAddr place = inode.pages.place_of(index); place != VirtAddr{}) op.path.load(place);
    op.path.load_page(found);
    return found;
}

/// Had the page the mark? It has it no more.
bool FileSystem::take_mark(Pfn frame) {
    constexpr std::uint16_t marked = frame_flags::readahead | frame_flags::writeback;
    PageDescriptor& page = m_frames.pages().at(frame);
    if ((page.owner_flags & marked) != frame_flags::readahead) return false;
    page.owner_flags = static_cast<std::uint16_t>(page.owner_flags & ~frame_flags::readahead);
    return true;
}

FileSystem::Page FileSystem::shmem_page(Operation& op, Inode& inode, std::uint64_t index, Pfn found) {
    if (found == no_pfn) return {.frame = add_page(op, inode, index, Contents::There).frame};
    PageDescriptor& page = m_frames.pages().at(found);
    if ((page.owner_flags & frame_flags::uptodate) == 0) op.path.clear_pages(found, 0);
    page.owner_flags |= frame_flags::uptodate;
    return {.frame = found};
}

FileSystem::Page FileSystem::get_page(Operation& op, const ReadRequest& request) {
    Inode& inode = at(request.inode);
    const std::uint64_t index = request.index;
    Page page{.frame = look_up(op, inode, index)};
    if (inode.kind == InodeKind::Shmem) return shmem_page(op, inode, index, page.frame);
    Readahead readahead(readahead_of(request), inode.pages, m_readahead);
    if (page.frame == no_pfn) {
        page.was_missing = true;
        read_window(op, inode, readahead.on_miss(index, request.asked));
        page.frame = inode.pages.find(index);
        if (page.frame == no_pfn) page.frame = read_alone(op, inode, index);
        if (page.frame == no_pfn) return page;
    }
    if (!take_mark(page.frame)) return page;
    page.looked_ahead = true;
    page.frame = read_beyond(op, inode, readahead.on_mark(index, request.asked), page.frame);
    return page;
}

FileSystem::Page FileSystem::get_page_for_fault(Operation& op, const ReadRequest& request,
                                                Readahead::MappedUse use) {
    Inode& inode = at(request.inode);
    const std::uint64_t index = request.index;
    if (inode.kind == InodeKind::Shmem) return get_page(op, request);
    Page page{.frame = look_up(op, inode, index)};
    ReadaheadState& state = readahead_of(request);
    Readahead readahead(state, inode.pages, m_readahead);
    if (page.frame != no_pfn) {
        if (state.mapped_misses != 0) --state.mapped_misses;
        if (use == Readahead::MappedUse::Random || !take_mark(page.frame)) return page;
        page.looked_ahead = true;
        page.frame = read_beyond(op, inode, readahead.on_fault_mark(index), page.frame);
        return page;
    }
    page.was_missing = true;
    ++m_counters.pgmajfault;
    read_window(op, inode, readahead.on_fault_miss(index, use));
    page.frame = inode.pages.find(index);
    if (page.frame == no_pfn) page.frame = read_alone(op, inode, index);
    return page;
}

void FileSystem::read_range(Operation& op, InodeId id, std::uint64_t first, std::uint64_t pages) {
    constexpr std::uint64_t chunk = (2ULL << 20) / page_size; // memory is not pinned for more at a time
    Inode& inode = at(id);
    if (inode.kind != InodeKind::Regular || inode.warm) return;
    pages = std::min(pages, std::max(m_readahead.window, m_readahead.request));
    for (const std::uint64_t end = first + pages; first < end; first += chunk)
        read_window(op, inode, {.start = first, .pages = std::min(chunk, end - first)});
}

/// A page that no window has brought in: beyond what the file's size is known to be, or memory was short.
Pfn FileSystem::read_alone(Operation& op, Inode& inode, std::uint64_t index) {
    const bool stored = inode.stored.contains(index);
    const Added page = add_page(op, inode, index, stored ? Contents::ToBeRead : Contents::There);
    if (page.own && stored) submit_read(op, inode, index, {&page.frame, 1});
    if (page.own && !stored) op.path.clear_pages(page.frame, 0);
    return page.frame;
}

/// Starts to read those pages of the window that are not cached.
void FileSystem::read_window(Operation& op, Inode& inode, ReadaheadWindow window) {
    const std::uint64_t count = inode.page_count();
    if (window.pages == 0 || window.start >= count) return;
    window.pages = std::min(window.pages, count - window.start);
    op.path.call(KernelFunction::Readahead);
    std::vector<Pfn> run; // pages up to `at` that go into one request
    std::uint64_t at = window.start;
    const auto submit = [&] {
        submit_read(op, inode, at - run.size(), run);
        run.clear();
    };
    for (const std::uint64_t end = window.start + window.pages; at < end; ++at) {
        if (inode.pages.find(at) != no_pfn) {
            submit();
            continue;
        }
        const bool stored = inode.stored.contains(at);
        const Added page =
            add_page(op, inode, at, stored ? Contents::ToBeRead : Contents::There, Need::Readahead);
        if (page.own && window.lookahead != 0 && at + window.lookahead == end)
            m_frames.pages().at(page.frame).owner_flags |= frame_flags::readahead;
        if (page.own && stored) {
            run.push_back(page.frame);
            continue;
        }
        submit();
        if (page.frame == no_pfn) return;
        if (page.own) op.path.clear_pages(page.frame, 0); // a hole
    }
    submit();
}

/// The same behind a page that is held meanwhile: memory for the window is not made from it.
Pfn FileSystem::read_beyond(Operation& op, Inode& inode, ReadaheadWindow window, Pfn held) {
    PageDescriptor& page = m_frames.pages().at(held);
    const std::uint64_t index = m_frames.mapping(held).index;
    ++page.refcount;
    read_window(op, inode, window);
    if (--page.refcount != 0) return held;
    m_frames.free(op, held, 0); // truncated meanwhile
    return read_alone(op, inode, index);
}

void FileSystem::submit_read(Operation& op, const Inode& inode, std::uint64_t index,
                             std::span<const Pfn> frames) {
    const auto most = static_cast<std::size_t>(m_readahead.request);
    for (std::size_t done = 0; done < frames.size(); done += most)
        m_block.read(op, inode.sector_of(index + done),
                     frames.subspan(done, std::min(most, frames.size() - done)));
}

FileSystem::Page FileSystem::get_page_for_write(Operation& op, InodeId id, std::uint64_t index,
                                                Overwritten how) {
    Inode& inode = at(id);
    const Pfn cached = how == Overwritten::Part ? look_up(op, inode, index) : inode.pages.find(index);
    if (inode.kind == InodeKind::Shmem) return shmem_page(op, inode, index, cached);
    if (cached != no_pfn) return {.frame = cached};
    const bool keeps_some =
        how == Overwritten::Part && inode.stored.contains(index) && index < inode.page_count();
    if (keeps_some) return {.frame = read_alone(op, inode, index), .was_missing = true};
    return {.frame = add_page(op, inode, index, Contents::There).frame};
}

} // namespace pagewalk::os
