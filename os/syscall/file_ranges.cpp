#include "os/syscall/file_ranges.h"

namespace pagewalk::os {
namespace {

/// Fills a part of a cached page with zeros, which what is beyond a file's end or in a hole reads as.
void clear_part(CallContext& call, InodeId inode, std::uint64_t start, std::uint64_t end) {
    const Pfn frame = call.kernel.files.at(inode).pages.find(start >> page_shift);
    if (frame == no_pfn || start == end) return;
    call.op.path.clear_bytes(kernel_layout::direct_map(address_of(frame)) + start % page_size, end - start);
}

} // namespace

void truncate_file(CallContext& call, InodeId inode, std::uint64_t size) {
    const std::uint64_t first = (size + page_size - 1) >> page_shift;
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
