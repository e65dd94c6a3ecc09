#include "os/kernel/kernel.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

/// x86-64 system calls that memory management and scheduling care about. Source: arch/x86/entry/syscalls
/// numbering.
enum class Call : std::uint32_t {
    Read = 0,
    Write = 1,
    Open = 2,
    Close = 3,
    Lseek = 8,
    Mmap = 9,
    Mprotect = 10,
    Munmap = 11,
    Brk = 12,
    Pread = 17,
    Pwrite = 18,
    SchedYield = 24,
    Mremap = 25,
    Madvise = 28,
    Dup = 32,
    Dup2 = 33,
    Clone = 56,
    Fork = 57,
    Vfork = 58,
    Execve = 59,
    Exit = 60,
    Wait4 = 61,
    Fcntl = 72,
    Ftruncate = 77,
    Creat = 85,
    Mlock = 149,
    Futex = 202,
    ExitGroup = 231,
    Waitid = 247,
    Openat = 257,
    Dup3 = 292,
    MemfdCreate = 319,
    Execveat = 322,
    Mlock2 = 325,
    Clone3 = 435,
    CloseRange = 436,
    Openat2 = 437,
};

namespace map_flag {
constexpr std::uint64_t type = 0x3; ///< 1 and 3: shared
constexpr std::uint64_t shared = 0x1;
constexpr std::uint64_t anonymous = 0x20;
constexpr std::uint64_t grows_down = 0x100;
constexpr std::uint64_t locked = 0x2000;
constexpr std::uint64_t no_reserve = 0x4000;
constexpr std::uint64_t populate = 0x8000;
} // namespace map_flag

constexpr std::uint64_t vfork_flags = 0x4000 | 0x100;
constexpr std::uint64_t thread_flags = 0x10000 | 0x400 | 0x100; // what a C library's thread shares
constexpr std::uint64_t fcntl_dup = 0;
constexpr std::uint64_t fcntl_dup_cloexec = 1030;
constexpr std::uint64_t map_ahead_limit = 1ULL << 30; // assumed: a larger file is filled where it is touched

/// Files whose contents are made on the spot have no page cache.
bool has_page_cache(std::string_view path) {
    for (const std::string_view prefix : {"/dev/", "/proc/", "/sys/"})
        if (path.starts_with(prefix)) return path.starts_with("/dev/shm/");
    return true;
}

} // namespace

void Kernel::run_system_call(Operation& op, Task& task, const SyscallRecord& record) {
    task.exit_order = record.exit_order;
    pass_order(record.enter_order);
    dispatch(op, task, record);
    if (task.exited) return;
    if (op.io_done > op.now) fall_asleep(op, task, SleepReason::Time, op.io_done);
    if (task.falling_asleep)
        task.continuation = Continuation::EndSystemCall;
    else
        finish_system_call(op, task);
}

void Kernel::finish_system_call(Operation& op, Task& task) {
    if (!m_gate.due(task.exit_order)) {
        task.continuation = Continuation::EndSystemCall;
        wait_for_order(op, task, task.exit_order);
        return;
    }
    pass_order(task.exit_order);
    task.exit_order = 0;
}

void Kernel::dispatch(Operation& op, Task& task, const SyscallRecord& record) {
    if (record.result < 0) return;
    const auto& arguments = record.arguments;
    const auto result = static_cast<std::uint64_t>(record.result);
    const VirtAddr first(arguments[0]);
    AddressSpace& space = *task.space;
    if (is_driver_call(record.number)) return m_driver->serve(op, record);
    switch (static_cast<Call>(record.number)) {
    case Call::Read:
        sys_transfer(op, task, arguments[0], VirtAddr(arguments[1]), result, nullptr, Direction::Read);
        break;
    case Call::Write:
        sys_transfer(op, task, arguments[0], VirtAddr(arguments[1]), result, nullptr, Direction::Write);
        break;
    case Call::Pread:
        sys_transfer(op, task, arguments[0], VirtAddr(arguments[1]), result, &arguments[3], Direction::Read);
        break;
    case Call::Pwrite:
        sys_transfer(op, task, arguments[0], VirtAddr(arguments[1]), result, &arguments[3], Direction::Write);
        break;
    case Call::Open:
    case Call::Creat:
    case Call::Openat:
    case Call::Openat2:
    case Call::MemfdCreate:
        sys_open(op, task, record);
        break;
    case Call::Close:
        sys_close(op, task, arguments[0]);
        break;
    case Call::CloseRange:
        for (std::uint64_t fd = arguments[0]; fd <= arguments[1] && fd < task.files->size(); ++fd)
            sys_close(op, task, fd);
        break;
    case Call::Lseek:
        if (OpenFile* file = task.files->find(arguments[0])) file->position = result;
        break;
    case Call::Dup:
    case Call::Dup2:
    case Call::Dup3:
        sys_duplicate(op, task, arguments[0], result);
        break;
    case Call::Fcntl:
        if (arguments[1] == fcntl_dup || arguments[1] == fcntl_dup_cloexec)
            sys_duplicate(op, task, arguments[0], result);
        break;
    case Call::Ftruncate:
        if (const OpenFile* file = task.files->find(arguments[0]))
            m_files.truncate(op, file->inode, (arguments[1] + page_size - 1) >> page_shift);
        break;
    case Call::Mmap:
        sys_mmap(op, task, record);
        break;
    case Call::Munmap:
        op.path.acquire(space.lock());
        op.path.call(KernelFunction::SysMunmap);
        m_memory.unmap(op, space, first.page(), arguments[1]);
        op.path.release(space.lock());
        break;
    case Call::Mprotect: {
        const auto access = static_cast<std::uint32_t>(arguments[2]) & vm::access;
        m_memory.protect(op, space, first.page(), arguments[1], access);
        break;
    }
    case Call::Brk:
        m_memory.set_break(op, space, VirtAddr(result));
        break;
    case Call::Mremap:
        m_memory.remap(op, space, first, arguments[1], arguments[2], VirtAddr(result));
        break;
    case Call::Madvise:
        sys_madvise(op, task, record);
        break;
    case Call::Mlock:
    case Call::Mlock2:
        m_memory.change_flags(op, space, first.page(), first + arguments[1], vm::locked, 0);
        m_memory.populate(op, space, first, arguments[1]);
        break;
    case Call::Clone:
        clone(op, task, arguments[0], record.result);
        break;
    case Call::Fork:
        clone(op, task, 0, record.result);
        break;
    case Call::Vfork:
        clone(op, task, vfork_flags, record.result);
        break;
    case Call::Clone3:
        clone(op, task, thread_flags, record.result);
        break;
    case Call::Execve:
    case Call::Execveat:
        execute_image(op, task);
        break;
    case Call::Exit:
        exit_task(op, task);
        break;
    case Call::ExitGroup:
        kill_group(task.group, task.cpu, &task);
        exit_task(op, task);
        break;
    case Call::Futex:
        sys_futex(op, task, record);
        break;
    case Call::Wait4:
    case Call::Waitid:
        sys_wait(op, task, record);
        break;
    case Call::SchedYield:
        if (m_scheduler.has_waiting(op.cpu)) op.path.path().outcome = PathOutcome::Reschedule;
        break;
    default:
        break;
    }
}

void Kernel::map_file_ahead(Operation& op, InodeId inode, std::uint64_t first_page, std::uint64_t bytes) {
    if (bytes <= map_ahead_limit) m_files.warm(op, inode, first_page, (bytes + page_size - 1) >> page_shift);
}

void Kernel::sys_mmap(Operation& op, Task& task, const SyscallRecord& record) {
    const std::uint64_t protection = record.arguments[2];
    const std::uint64_t flags = record.arguments[3];
    const std::uint64_t bytes = record.arguments[1];
    op.path.call(KernelFunction::SysMmap);
    MapRequest request{.start = VirtAddr(static_cast<std::uint64_t>(record.result)), .bytes = bytes};
    const bool shared = (flags & map_flag::shared) != 0;
    request.flags = static_cast<std::uint32_t>(protection) & vm::access;
    if (shared) request.flags |= vm::shared;
    if ((flags & map_flag::grows_down) != 0) request.flags |= vm::grows_down;
    if ((flags & map_flag::no_reserve) != 0) request.flags |= vm::no_reserve;
    if ((flags & map_flag::locked) != 0) request.flags |= vm::locked;
    if (!shared && (request.flags & (vm::write | vm::no_reserve)) == vm::write) request.flags |= vm::account;
    if ((flags & map_flag::anonymous) == 0) {
        const OpenFile* file = task.files->find(record.arguments[4]);
        request.page_offset = record.arguments[5] >> page_shift;
        if (file != nullptr) {
            request.inode = file->inode;
            m_files.add_user(request.inode);
        } else {
            // Opened before the trace began, or in a way it does not show.
            request.inode = m_files.open(op, "fd:" + std::to_string(record.arguments[4]));
        }
        map_file_ahead(op, request.inode, request.page_offset, bytes);
    } else if (shared) {
        request.inode = m_files.create_shmem(op, "/dev/zero (deleted)");
    }
    m_memory.map(op, *task.space, request);
    if (request.inode != no_inode) m_files.drop_user(op, request.inode);
    if ((flags & (map_flag::populate | map_flag::locked)) != 0)
        m_memory.populate(op, *task.space, request.start, bytes);
}

void Kernel::sys_madvise(Operation& op, Task& task, const SyscallRecord& record) {
    enum Advice : std::uint64_t {
        DontNeed = 4,
        Free = 8,
        Remove = 9,
        HugePage = 14,
        NoHugePage = 15,
        PopulateRead = 22,
        PopulateWrite = 23
    };
    const VirtAddr start(record.arguments[0]);
    const std::uint64_t bytes = record.arguments[1];
    const VirtAddr end = start + ((bytes + page_size - 1) & ~(page_size - 1));
    op.path.call(KernelFunction::SysMadvise);
    switch (record.arguments[2]) {
    case DontNeed:
    case Remove:
        m_memory.discard(op, *task.space, start, bytes);
        break;
    case Free:
        m_memory.mark_free(op, *task.space, start, bytes);
        break;
    case HugePage:
        m_memory.change_flags(op, *task.space, start, end, vm::huge_page, vm::no_huge_page);
        break;
    case NoHugePage:
        m_memory.change_flags(op, *task.space, start, end, vm::no_huge_page, vm::huge_page);
        break;
    case PopulateRead:
    case PopulateWrite:
        m_memory.populate(op, *task.space, start, bytes);
        break;
    default:
        break;
    }
}

void Kernel::sys_open(Operation& op, Task& task, const SyscallRecord& record) {
    op.path.call(KernelFunction::OpenFile);
    // The path is copied to a page of its own for as long as the call lasts.
    const VirtAddr name = m_objects.allocate(op, ObjectKind::PathName);
    open_file(op, task, record);
    m_objects.free(op, ObjectKind::PathName, name);
}

void Kernel::open_file(Operation& op, Task& task, const SyscallRecord& record) {
    const auto fd = static_cast<std::uint64_t>(record.result);
    drop_file(op, task.files->take(fd));
    auto file = std::make_shared<OpenFile>();
    if (static_cast<Call>(record.number) == Call::MemfdCreate) {
        file->inode = m_files.create_shmem(op, "/memfd:" + record.path + " (deleted)");
    } else {
        if (!has_page_cache(record.path)) return;
        file->inode = m_files.open(op, record.path.empty() ? "fd:" + std::to_string(fd) : record.path);
    }
    file->object = m_objects.allocate(op, ObjectKind::File);
    file->security = m_objects.allocate(op, ObjectKind::FileSecurity);
    make_room(op, *task.files, fd);
    task.files->set(fd, std::move(file));
}

void Kernel::sys_close(Operation& op, Task& task, std::uint64_t fd) {
    op.path.call(KernelFunction::CloseFile);
    drop_file(op, task.files->take(fd));
}

void Kernel::sys_duplicate(Operation& op, Task& task, std::uint64_t from, std::uint64_t to) {
    if (from == to) return;
    drop_file(op, task.files->take(to));
    make_room(op, *task.files, to);
    task.files->set(to, task.files->share(from));
}

// expand_files: a larger table in place of the one that files_struct begins with, or of the last.
void Kernel::make_room(Operation& op, FileDescriptors& files, std::uint64_t fd) {
    if (fd < files.capacity()) return;
    const std::uint64_t capacity = FileDescriptors::capacity_for(fd);
    DescriptorTable table{.capacity = capacity};
    const auto allocate = [&](std::uint64_t bytes) {
        return m_objects.kmalloc(op, bytes, gfp::kernel_account, KernelFunction::OpenFile)
            .value_or(VirtAddr{});
    };
    table.descriptor = allocate(DescriptorTable::descriptor_bytes);
    table.files = allocate(capacity * sizeof(void*));
    table.bitmaps = allocate(DescriptorTable::bitmap_bytes(capacity));
    drop_table(op, files.replace(table));
}

void Kernel::drop_table(Operation& op, const DescriptorTable& table) {
    for (const VirtAddr object : {table.files, table.bitmaps, table.descriptor})
        m_objects.kfree(op, object, KernelFunction::CloseFile);
}

void Kernel::copy_user(Operation& op, Task& task, Pfn frame, std::uint64_t offset, VirtAddr buffer,
                       std::uint64_t bytes, Direction direction) {
    const VirtAddr cached = kernel_layout::direct_map(address_of(frame)) + offset;
    for (std::uint64_t done = 0; done < bytes;) {
        const VirtAddr at = buffer + done;
        const std::uint64_t part = std::min(bytes - done, page_size - at.page_offset());
        PteSlot slot = m_memory.tables().find(*task.space, at);
        const bool usable = slot && slot.entry->present() &&
                            (direction == Direction::Write || slot.entry->has(PageTableEntry::Writable));
        if (!usable) {
            const auto access = direction == Direction::Read ? FaultAccess::Write : FaultAccess::Read;
            op.path.call(KernelFunction::PageFaultEntry);
            ++m_counters.pgfault;
            const auto result = m_memory.fault(op, *task.space, at, access, m_stray);
            if (result.status != VirtualMemory::FaultStatus::Done) return;
            ++m_counters.faults[static_cast<std::size_t>(result.kind)];
            slot = m_memory.tables().find(*task.space, at);
        }
        const VirtAddr user = kernel_layout::direct_map(address_of(slot.entry->frame())) + at.page_offset();
        if (direction == Direction::Read)
            op.path.copy_bytes(user, cached + done, static_cast<std::uint32_t>(part));
        else
            op.path.copy_bytes(cached + done, user, static_cast<std::uint32_t>(part));
        done += part;
    }
}

void Kernel::sys_transfer(Operation& op, Task& task, std::uint64_t fd, VirtAddr buffer, std::uint64_t bytes,
                          const std::uint64_t* position, Direction direction) {
    const bool read = direction == Direction::Read;
    op.path.call(read ? KernelFunction::SysRead : KernelFunction::SysWrite);
    OpenFile* file = task.files->find(fd);
    if (file == nullptr) return; // a pipe, a socket, a terminal: only the entry is known
    op.path.load(file->object);
    op.path.call(read ? KernelFunction::VfsRead : KernelFunction::VfsWrite);
    std::uint64_t at = position != nullptr ? *position : file->position;
    if (position == nullptr) file->position += bytes;
    for (std::uint64_t done = 0; done < bytes;) {
        const std::uint64_t offset = at % page_size;
        const std::uint64_t part = std::min(bytes - done, page_size - offset);
        const std::uint64_t index = at >> page_shift;
        op.path.call(read ? KernelFunction::FilemapGetPages : KernelFunction::WritePage);
        const FileSystem::Page page = read ? m_files.get_page(op, file->inode, index)
                                           : m_files.get_page_for_write(op, file->inode, index);
        if (page.frame == no_pfn) return;
        // A fault on the user's side may compact memory: the page must stay where it is meanwhile.
        ++m_frames.pages().at(page.frame).refcount;
        copy_user(op, task, page.frame, offset, buffer + done, part, direction);
        --m_frames.pages().at(page.frame).refcount;
        op.path.call(KernelFunction::MarkPageAccessed);
        done += part;
        at += part;
    }
}

void Kernel::sys_futex(Operation& op, Task& task, const SyscallRecord& record) {
    enum Operation_ : std::uint64_t {
        Wait = 0,
        Wake = 1,
        Requeue = 3,
        CmpRequeue = 4,
        WakeOp = 5,
        WaitBitset = 9,
        WakeBitset = 10
    };
    const VirtAddr address(record.arguments[0]);
    switch (record.arguments[1] & 0x7f) {
    case Wait:
    case WaitBitset:
        op.path.call(KernelFunction::FutexWait);
        // Where the order of system calls is known, it says when this one ends.
        if (record.exit_order != 0) return;
        task.futex = address;
        m_futex_waiters.push_back(&task);
        fall_asleep(op, task, SleepReason::Futex, no_time);
        break;
    case Wake:
    case WakeBitset:
    case WakeOp:
    case Requeue:
    case CmpRequeue: {
        op.path.call(KernelFunction::FutexWake);
        op.path.call(KernelFunction::TryToWakeUp,
                     static_cast<std::uint32_t>(std::min<std::int64_t>(record.result, 0xffff)));
        std::int64_t left = record.result;
        for (std::size_t i = 0; i < m_futex_waiters.size() && left > 0;) {
            Task* waiter = m_futex_waiters[i];
            if (waiter->futex != address || waiter->space != task.space) {
                ++i;
                continue;
            }
            --left;
            op.path.store(waiter->object);
            stop_waiting(*waiter);
            wake(*waiter);
        }
        break;
    }
    default:
        break;
    }
}

void Kernel::sys_wait(Operation& op, Task& task, const SyscallRecord& record) {
    const std::int64_t child = static_cast<Call>(record.number) == Call::Wait4
                                   ? record.result
                                   : static_cast<std::int64_t>(record.arguments[1]);
    if (child <= 0 || record.exit_order != 0) return;
    for (const auto& other : m_tasks) {
        if (other == nullptr || other->exited || other->known_as != child || other->stream == nullptr)
            continue;
        const Task* parent = find_task(other->parent);
        if (parent != nullptr && parent->group != task.group) continue;
        task.awaited_child = other->id;
        m_child_waiters.push_back(&task);
        fall_asleep(op, task, SleepReason::Child, no_time);
        return;
    }
}

} // namespace pagewalk::os
