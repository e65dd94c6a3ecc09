#include "os/syscall/handlers.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/mman.h>

// Calls by which a program manages the page cache of its files.
namespace pagewalk::os {
namespace {

/// The pages of a byte range; 0 bytes: to the file's end.
struct AdvisedPages {
    std::uint64_t first = 0, end = PageCache::none;
};

/// Pages that lie in the range as a whole; the file's last counts as such where the range has its end.
AdvisedPages whole_pages(const Inode& inode, std::uint64_t start, std::uint64_t bytes) {
    const std::uint64_t first = (start + page_size - 1) >> page_shift;
    if (bytes == 0 || start + bytes >= inode.size) return {first};
    return {first, (start + bytes) >> page_shift};
}

void read_range(CallContext& call, const OpenFile& file, std::uint64_t start, std::uint64_t bytes) {
    FileSystem& files = call.kernel.files;
    const std::uint64_t first = start >> page_shift;
    const std::uint64_t end =
        bytes == 0 ? files.at(file.inode).page_count() : (start + bytes + page_size - 1) >> page_shift;
    if (end > first) files.read_range(call.op, file.inode, first, end - first);
}

/// The pages that a byte range touches; 0 bytes: to the file's end.
AdvisedPages touched_pages(std::uint64_t start, std::uint64_t bytes) {
    return {start >> page_shift,
            bytes == 0 ? PageCache::none : (start + bytes + page_size - 1) >> page_shift};
}

} // namespace

void sys_fsync(CallContext& call) {
    const OpenFile* const file = call.descriptors().find_cached(call.argument(0));
    if (file == nullptr) return;
    FileSystem& files = call.kernel.files;
    files.add_user(file->inode); // a close meanwhile
    const InodeId inode = file->inode;
    files.writeback().sync(call.op, files.at(inode));
    files.drop_user(call.op, inode);
}

void sys_sync(CallContext& call) { call.kernel.files.writeback().sync_all(call.op); }

void sys_sync_file_range(CallContext& call) {
    const OpenFile* const file = call.descriptors().find_cached(call.argument(0));
    if (file == nullptr) return;
    FileSystem& files = call.kernel.files;
    const InodeId id = file->inode;
    Inode& inode = files.at(id);
    if (inode.kind != InodeKind::Regular) return;
    files.add_user(id);
    Writeback& writeback = files.writeback();
    const AdvisedPages pages = touched_pages(call.argument(1), call.argument(2));
    const std::uint64_t flags = call.argument(3);
    if ((flags & SYNC_FILE_RANGE_WAIT_BEFORE) != 0) writeback.wait(call.op, inode, pages.first, pages.end);
    const auto mode =
        (flags & SYNC_FILE_RANGE_WAIT_AFTER) != 0 ? Writeback::Mode::All : Writeback::Mode::Start;
    if ((flags & SYNC_FILE_RANGE_WRITE) != 0) writeback.write(call.op, inode, pages.first, pages.end, mode);
    if ((flags & SYNC_FILE_RANGE_WAIT_AFTER) != 0) writeback.wait(call.op, inode, pages.first, pages.end);
    files.drop_user(call.op, id);
}

// MS_ASYNC starts nothing: the pages are dirty as they are.
void sys_msync(CallContext& call) {
    if ((call.argument(2) & MS_SYNC) == 0) return;
    FileSystem& files = call.kernel.files;
    const VirtAddr end = call.address(0) + call.argument(1);
    for (VirtAddr at = call.address(0); at < end;) {
        const VmaList& areas = call.space().areas;
        const std::size_t found = areas.find(at);
        if (found == areas.size()) return;
        const Vma area = areas[found]; // others may change the areas while this waits
        const VirtAddr from = std::max(at, area.start);
        const VirtAddr to = std::min(end, area.end);
        at = area.end;
        if (from >= to || area.anonymous() || area.is_private()) continue;
        files.add_user(area.inode);
        files.writeback().sync(call.op, files.at(area.inode), area.index_of(from),
                               area.index_of(from) + ((to - from + page_size - 1) >> page_shift));
        files.drop_user(call.op, area.inode);
    }
}

void sys_fadvise64(CallContext& call) {
    const OpenFile* const file = call.descriptors().find_cached(call.argument(0));
    if (file == nullptr) return;
    const std::uint64_t start = call.argument(1);
    const std::uint64_t bytes = call.argument(2);
    FileSystem& files = call.kernel.files;
    switch (call.argument(3)) {
    case POSIX_FADV_NORMAL:
        file->readahead->random = false;
        file->readahead->window_factor = 1;
        break;
    case POSIX_FADV_RANDOM:
        file->readahead->random = true;
        break;
    case POSIX_FADV_SEQUENTIAL:
        file->readahead->random = false;
        file->readahead->window_factor = 2;
        break;
    case POSIX_FADV_WILLNEED:
        read_range(call, *file, start, bytes);
        break;
    case POSIX_FADV_DONTNEED: {
        Inode& inode = files.at(file->inode);
        if (inode.kind == InodeKind::Regular)
            files.writeback().write(call.op, inode, touched_pages(start, bytes).first,
                                    touched_pages(start, bytes).end, Writeback::Mode::Start);
        const AdvisedPages pages = whole_pages(inode, start, bytes);
        files.drop_clean(call.op, file->inode, pages.first, pages.end);
        break;
    }
    default:
        break;
    }
}

void sys_readahead(CallContext& call) {
    if (const OpenFile* const file = call.descriptors().find_cached(call.argument(0)))
        read_range(call, *file, call.argument(1), call.argument(2));
}

} // namespace pagewalk::os
