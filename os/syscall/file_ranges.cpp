#include "os/syscall/file_ranges.h"

namespace pagewalk::os {
namespace {

/// Fills a part of a page with zeros, which what is beyond a file's end or in a hole reads as. A page that
/// only the disk has is read for it.
void clear_part(CallContext& call, InodeId id, std::uint64_t start, std::uint64_t end) {
    FileSystem& files = call.kernel.files;
    const Inode& inode = files.at(id);
    const std::uint64_t index = start >> page_shift;
    const bool there = inode.pages.find(index) != no_pfn;
    if (start == end || (!there && (inode.kind != InodeKind::Regular || !inode.stored.contains(index))))
        return;
    const FileSystem::Page page = files.get_page_for_write(call.op, id, index, FileSystem::Overwritten::Part);
    if (page.frame == no_pfn) return;
    if (!files.ready(page)) files.wait_for(call.op, page);
    const Pfn frame = inode.pages.find(index); // none where it has been truncated meanwhile
    if (frame == no_pfn) return;
    files.set_dirty(call.op, frame);
    call.op.path.clear_bytes(kernel_layout::direct_map(address_of(frame)) + start % page_size, end - start);
}

} // namespace

void truncate_file(CallContext& call, InodeId inode, std::uint64_t size) {
    const std::uint64_t first = (size + page_size - 1) >> page_shift;
    Inode& file = call.kernel.files.at(inode);
    const bool shrinks = size < file.size;
    if (file.kind != InodeKind::Initramfs) file.size = size;
    if (!shrinks) return;
    call.kernel.memory.unmap_file(call.op, inode, {.first = first}, VirtualMemory::Copies::Go);
    call.kernel.files.truncate(call.op, inode, first);
    clear_part(call, inode, size, first << page_shift);
}

void punch_hole(CallContext& call, InodeId inode, std::uint64_t start, std::uint64_t end) {
    const std::uint64_t first = (start + page_size - 1) >> page_shift;
    const std::uint64_t last = end >> page_shift;
    if (first > last) return clear_part(call, inode, start, end);
    call.kernel.memory.unmap_file(call.op, inode, {first, last}, VirtualMemory::Copies::Stay);
    call.kernel.files.truncate(call.op, inode, first, last);
    clear_part(call, inode, start, first << page_shift);
    clear_part(call, inode, last << page_shift, end);
}

} // namespace pagewalk::os
