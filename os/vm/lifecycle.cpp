#include "os/vm/mmap_lock.h"
#include "os/vm/virtual_memory.h"

#include <utility>

namespace pagewalk::os {
namespace {

/// Nobody can wait for the disk before the first program runs: a page that it starts with is there.
void bring_in(FileSystem& files, Operation& op, const AddressSpace& space, VirtAddr at) {
    const std::size_t found = space.areas.find(at);
    if (found == space.areas.size() || space.areas[found].anonymous()) return;
    const Vma& area = space.areas[found];
    Inode& file = files.at(area.inode);
    const bool was_warm = std::exchange(file.warm, true);
    files.warm(op, area.inode, area.index_of(at), 1);
    file.warm = was_warm;
}

} // namespace

void VirtualMemory::load_arguments(Operation& op, AddressSpace& space,
                                   std::span<const InitialMapping> image) {
    for (const InitialMapping& mapping : image) {
        if (!mapping.grows_down) continue;
        map_image(op, space, mapping);
        write_image(op, space, mapping);
        touch_strings(op, space, mapping);
    }
}

/// copy_strings finds each page of the arguments as an access, the highest one for the file's name before.
void VirtualMemory::touch_strings(Operation& op, AddressSpace& space, const InitialMapping& mapping) {
    const auto touch_page = [&](VirtAddr at) {
        const PteSlot slot = m_tables.find_leaf(space, at);
        if (slot && slot.entry->present()) touch(op, slot, FaultAccess::Write);
    };
    for (VirtAddr at = mapping.written_from.page(); at < mapping.written_to; at += page_size) touch_page(at);
    if (mapping.written_from < mapping.written_to)
        touch_page((VirtAddr(mapping.written_to.value() - 1)).page());
}

void VirtualMemory::load(Operation& op, AddressSpace& space, std::span<const InitialMapping> image) {
    for (const InitialMapping& mapping : image)
        if (!mapping.grows_down) map_image(op, space, mapping);
    m_lru.drain(op);
    for (const InitialMapping& mapping : image)
        if (!mapping.grows_down) write_image(op, space, mapping);
}

void VirtualMemory::map_image(Operation& op, AddressSpace& space, const InitialMapping& mapping) {
    MapRequest request{.start = mapping.start, .bytes = mapping.end - mapping.start};
    request.flags = (mapping.readable ? vm::read : 0) | (mapping.writable ? vm::write | vm::account : 0) |
                    (mapping.executable ? vm::exec : 0) | (mapping.grows_down ? vm::grows_down : 0) |
                    (mapping.of_kernel ? vm::dont_expand : 0);
    if (!mapping.file.empty()) {
        request.inode = m_files.open(op, mapping.file);
        request.page_offset = mapping.file_offset >> page_shift;
        m_files.warm_mapping(op, request.inode, request.page_offset, request.bytes);
    }
    map(op, space, request);
    if (request.inode != no_inode) m_files.drop_user(op, request.inode);
    if (mapping.heap) {
        space.brk_start = mapping.start;
        space.brk = mapping.end;
    }
}

/// execve's own writes fault as a program's do.
void VirtualMemory::write_image(Operation& op, AddressSpace& space, const InitialMapping& mapping) {
    for (VirtAddr at = mapping.written_from.page(); at < mapping.written_to; at += page_size) {
        if (!op.may_wait()) bring_in(m_files, op, space, at);
        const FaultResult result = fault(op, space, at, FaultAccess::Write, StrayAccess::Kills);
        count_fault(op, result.kind);
        if (result.status != FaultStatus::Done) return;
    }
}

void VirtualMemory::add_user(Operation& op, AddressSpace& space) {
    op.path.store(space.object);
    ++space.users;
}

void VirtualMemory::drop_user(Operation& op, AddressSpace& space) {
    if (--space.users == 0) tear_down(op, space);
}

std::uint64_t VirtualMemory::badness(const AddressSpace& space) const {
    return space.anon_pages + space.file_pages + space.swap_pages + space.table_pages;
}

MemoryUse VirtualMemory::use(AddressSpace& space) {
    MemoryUse use{.anonymous = space.anon_pages, .tables = space.table_pages};
    for (const Vma& area : space.areas) {
        use.total += area.pages();
        if (area.anonymous() || m_files.at(area.inode).kind != InodeKind::Shmem) continue;
        m_tables.for_each(space, area.start, area.end, [&](VirtAddr, PteSlot slot) {
            if (frame_flags::is_shmem(m_frames.pages().peek(slot.entry->frame()).owner_flags)) ++use.shmem;
        });
    }
    use.file = space.file_pages - std::min(use.shmem, space.file_pages);
    return use;
}

void VirtualMemory::activate(Operation& op, AddressSpace& space) {
    AddressSpace*& loaded = m_loaded[op.cpu];
    space.unwalked = ~0ULL;
    if (loaded == &space) return;
    if (loaded != nullptr) loaded->cpus.reset(index_of(op.cpu));
    loaded = &space;
    space.cpus.set(index_of(op.cpu));
    op.path.load(space.object);
    if (space.tlb_seen[op.cpu] == space.tlb_generation) return;
    space.tlb_seen[op.cpu] = space.tlb_generation;
    CpuMask here;
    here.set(index_of(op.cpu));
    op.path.flush_tlb({TlbInvalidation::Scope::AddressSpace, space.pcid, {}, {}, here});
}

} // namespace pagewalk::os
