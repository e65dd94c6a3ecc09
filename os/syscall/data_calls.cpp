#include "contract/system_calls.h"
#include "os/file/pipe.h"
#include "os/syscall/handlers.h"
#include "os/syscall/user_memory.h"

#include <algorithm>
#include <numeric>
#include <sys/syscall.h>
#include <sys/uio.h>

// Calls that move data between the program's memory and files, pipes and sockets, or among these.
namespace pagewalk::os {
namespace {

/// MAX_RW_COUNT: what one call moves at most, whatever it is asked for.
constexpr std::uint64_t most_at_a_time = 0x7ffff000;

/// A call's data, as the program sees them.
struct UserData {
    UserRange memory;
    std::uint64_t bytes = 0; ///< that were moved
};

const UserBuffer& data_buffer(const CallContext& call) {
    return find_system_call(call.record.number)->buffers.front();
}

std::uint64_t bytes_of(std::span<const UserSegment> segments) {
    return std::accumulate(segments.begin(), segments.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const UserSegment& segment) { return sum + segment.bytes; });
}

/// All that the call offers or has room for. Nothing where the source lacks the iovecs.
UserData asked_of(const CallContext& call) {
    const UserBuffer& buffer = data_buffer(call);
    if (buffer.length != UserBuffer::Length::Counted)
        return {UserRange(call.record.segments), bytes_of(call.record.segments)};
    const std::uint64_t bytes = call.argument(buffer.by);
    return {UserRange(call.address(buffer.argument), bytes), bytes};
}

/// What it has moved of that.
UserData data_of(const CallContext& call) {
    UserData data = asked_of(call);
    // Here the result counts messages; assumed: they are of one size, and filled.
    if (data_buffer(call).length == UserBuffer::Length::Messages)
        data.bytes = data.bytes * call.result() / std::max<std::uint64_t>(call.argument(2), 1);
    else
        data.bytes = std::min(data.bytes, call.result());
    data.bytes = std::min(data.bytes, most_at_a_time);
    return data;
}

/// A page of a file that is read or written: it stays where it is until the end of the scope.
class PinnedPage {
public:
    /// To be read.
    PinnedPage(CallContext& call, const FileSystem::ReadRequest& request) : m_call(call) {
        call.op.path.call(KernelFunction::FilemapGetPages);
        pin(call.kernel.files.get_page(call.op, request));
    }
    /// To be written to.
    PinnedPage(CallContext& call, InodeId inode, std::uint64_t index, FileSystem::Overwritten how)
        : m_call(call) {
        call.op.path.call(KernelFunction::WritePage);
        pin(call.kernel.files.get_page_for_write(call.op, inode, index, how));
    }
    ~PinnedPage() {
        if (m_frame == no_pfn) return;
        // Zero where the page has been truncated meanwhile.
        if (--descriptor().refcount == 0) m_call.kernel.frames.free(m_call.op, m_frame, 0);
    }
    PinnedPage(const PinnedPage&) = delete;
    PinnedPage& operator=(const PinnedPage&) = delete;

    /// no_pfn: there was no memory.
    [[nodiscard]] Pfn frame() const { return m_frame; }
    /// It had to be read.
    [[nodiscard]] bool was_missing() const { return m_was_missing; }
    [[nodiscard]] VirtAddr address() const { return kernel_layout::direct_map(address_of(m_frame)); }
    void mark_accessed() { m_call.kernel.files.mark_accessed(m_call.op, m_frame); }
    /// What was written to it is there.
    void set_dirty() { m_call.kernel.files.set_dirty(m_call.op, m_frame); }

private:
    void pin(const FileSystem::Page& page) {
        m_frame = page.frame;
        m_was_missing = page.was_missing;
        if (m_frame == no_pfn) return;
        ++descriptor().refcount;
        if (!m_call.kernel.files.ready(page)) m_call.kernel.files.wait_for(m_call.op, page);
    }
    [[nodiscard]] PageDescriptor& descriptor() const { return m_call.kernel.frames.pages().at(m_frame); }

    CallContext& m_call;
    Pfn m_frame = no_pfn;
    bool m_was_missing = false;
};

std::uint64_t rest_of_page(std::uint64_t position) { return page_size - position % page_size; }

std::uint64_t page_end(std::uint64_t position) { return (position + page_size - 1) >> page_shift; }

/// Reading the next part of a page that was just read is no second access; of a tmpfs page the first byte is.
bool counts_as_access(const Inode& inode, const ReadaheadState& readahead, std::uint64_t at) {
    if (inode.kind == InodeKind::Shmem) return at % page_size == 0;
    const std::uint64_t previous = readahead.previous;
    return previous == ReadaheadState::nowhere || previous == 0 ||
           (previous - 1) >> page_shift != at >> page_shift;
}

/// A hole of a file in memory reads as zeroes and gets no page.
bool reads_zero_page(const Inode& inode, std::uint64_t at) {
    return inode.kind == InodeKind::Shmem && inode.pages.find(at >> page_shift) == no_pfn;
}

/// Writes down how long a read of a file takes, and what of it was missing.
class ReadRecord {
public:
    ReadRecord(CallContext& call, InodeId inode, std::uint64_t at, std::uint64_t bytes)
        : m_op(call.op), m_begin(call.op.path.mark()) {
        m_event = {.index = at >> page_shift,
                   .i_ino = static_cast<std::uint32_t>(inode),
                   .task = static_cast<std::uint32_t>(call.op.task),
                   .pages = static_cast<std::uint32_t>(page_end(at + bytes) - (at >> page_shift))};
    }
    void note_missing() { ++m_event.missing; }
    void end() {
        m_event.cpu = static_cast<std::uint16_t>(m_op.cpu);
        m_op.log.file_reads.push_back({m_event, m_begin, m_op.path.mark()});
    }

private:
    Operation& m_op;
    std::uint32_t m_begin;
    FileReadEvent m_event;
};

/// `asked`: bytes, of which the call has read `data`.
void read_file(CallContext& call, const OpenFile& file, std::uint64_t at, std::uint64_t asked,
               UserData& data) {
    call.op.path.call(KernelFunction::VfsRead);
    const Inode& inode = call.kernel.files.at(file.inode);
    const std::shared_ptr<ReadaheadState> readahead = file.readahead; // outlives a close meanwhile
    const std::uint64_t end = page_end(at + asked);
    ReadRecord record(call, file.inode, at, data.bytes);
    for (std::uint64_t left = data.bytes; left != 0;) {
        const std::uint64_t part = std::min(left, rest_of_page(at));
        const std::uint64_t index = at >> page_shift;
        if (reads_zero_page(inode, at)) {
            const VirtAddr zeroes =
                kernel_layout::direct_map(address_of(call.kernel.frames.addresses().zero_page));
            if (copy_user(call, data.memory, zeroes + at % page_size, part, UserCopy::ToUser) != part) return;
        } else {
            PinnedPage page(call, {inode.id, index, end - index, readahead.get()});
            if (page.frame() == no_pfn) return;
            if (page.was_missing()) record.note_missing();
            if (counts_as_access(inode, *readahead, at)) page.mark_accessed();
            if (copy_user(call, data.memory, page.address() + at % page_size, part, UserCopy::ToUser) != part)
                return;
        }
        at += part;
        left -= part;
        readahead->previous = at;
    }
    record.end();
}

FileSystem::Overwritten overwritten(std::uint64_t at, std::uint64_t part, const Inode& inode) {
    const bool to_the_end =
        at % page_size == 0 && inode.size != Inode::unknown_size && at + part >= inode.size;
    return part == page_size || to_the_end ? FileSystem::Overwritten::Whole : FileSystem::Overwritten::Part;
}

void write_file(CallContext& call, InodeId id, std::uint64_t at, UserData& data) {
    call.op.path.call(KernelFunction::VfsWrite);
    FileSystem& files = call.kernel.files;
    const Inode& inode = files.at(id);
    for (std::uint64_t left = data.bytes; left != 0;) {
        const std::uint64_t part = std::min(left, rest_of_page(at));
        PinnedPage page(call, id, at >> page_shift, overwritten(at, part, inode));
        if (page.frame() == no_pfn) return;
        if (inode.kind == InodeKind::Shmem) page.mark_accessed();
        if (copy_user(call, data.memory, page.address() + at % page_size, part, UserCopy::FromUser) != part)
            return;
        page.set_dirty();
        at += part;
        left -= part;
        files.grow(id, at);
        files.writeback().balance(call.op);
    }
}

/// O_DIRECT: the device reads and writes the program's memory.
void transfer_direct(CallContext& call, InodeId inode, std::uint64_t at, UserData& data, UserCopy way) {
    for (std::uint64_t left = data.bytes; left != 0;) {
        const UserSegment piece = data.memory.take(left);
        if (piece.bytes == 0 || user_frame(call, piece.address, way) == no_pfn) break;
        left -= piece.bytes;
    }
    if (data.bytes == 0) return;
    const bool read = way == UserCopy::ToUser;
    call.kernel.files.transfer_direct(call.op, inode, at, data.bytes,
                                      read ? BlockRequest::Kind::Read : BlockRequest::Kind::Write);
    if (!read) call.kernel.files.grow(inode, at + data.bytes);
}

/// generic_write_sync: an O_DSYNC write returns when the disk has its data. The file may be closed meanwhile.
void sync_written(CallContext& call, InodeId id, std::uint64_t at, std::uint64_t bytes) {
    if (bytes == 0) return;
    FileSystem& files = call.kernel.files;
    files.add_user(id);
    files.writeback().sync(call.op, files.at(id), at >> page_shift, page_end(at + bytes));
    files.drop_user(call.op, id);
}

/// pwritev2 with RWF_DSYNC or RWF_SYNC.
bool asks_for_sync(const CallContext& call) {
    return call.record.number == SYS_pwritev2 && (call.argument(5) & (RWF_DSYNC | RWF_SYNC)) != 0;
}

/// A read that ends before what it asked for has met the end of the file.
void learn_size(Inode& inode, std::uint64_t at, const UserData& read, std::uint64_t asked) {
    if (inode.kind == InodeKind::Regular && inode.size == Inode::unknown_size && read.bytes < asked)
        inode.size = at + read.bytes;
}

void receive(CallContext& call, ByteQueue& queue, UserData& data) {
    call.op.path.call(queue.costs().read);
    for (std::uint64_t left = data.bytes; left != 0;) {
        const ByteQueue::Part part = queue.next(call.op, left);
        if (part.bytes == 0) return;
        call.op.path.call(queue.costs().read_part);
        if (copy_user(call, data.memory, part.address, part.bytes, UserCopy::ToUser) != part.bytes) return;
        queue.consume(call.op, part.bytes);
        left -= part.bytes;
    }
}

/// Returns how many bytes went: fewer where there is no memory.
std::uint64_t send(CallContext& call, ByteQueue& queue, UserData& data) {
    if (data.bytes == 0) return 0;
    call.op.path.call(queue.costs().write);
    std::uint64_t left = data.bytes;
    while (left != 0) {
        const ByteQueue::Part part = queue.append(call.op, left);
        if (part.bytes == 0) break;
        call.op.path.call(queue.costs().write_part);
        if (copy_user(call, data.memory, part.address, part.bytes, UserCopy::FromUser) != part.bytes) break;
        queue.filled(call.op, part.bytes);
        left -= part.bytes;
    }
    return data.bytes - left;
}

/// The rest of what the call has sent, beyond what went when it began.
void finish_send(CallContext& call, ByteQueue& queue, UserData& data) {
    const std::uint64_t begun = queue.take_begun(call.task.id);
    if (begun > data.bytes) return queue.withdraw(call.op, begun - data.bytes);
    data.memory.skip(begun);
    data.bytes -= begun;
    (void)send(call, queue, data);
}

std::shared_ptr<ByteQueue> sink_of(const CallContext& call) {
    const OpenFile* const file = call.descriptors().find(call.argument(0));
    return file != nullptr ? file->sink : nullptr;
}

/// `position`: in a file; null: the file's own, which moves.
void transfer(CallContext& call, const std::uint64_t* position, UserCopy way) {
    const bool read = way == UserCopy::ToUser;
    call.op.path.call(read ? KernelFunction::SysRead : KernelFunction::SysWrite);
    UserData data = data_of(call);
    OpenFile* const file = call.descriptors().find(call.argument(0));
    if (file == nullptr) { // a device, a terminal: its data are made or used on the spot
        copy_user_on_stack(call, data.memory, data.bytes, way);
        return;
    }
    call.op.path.load(file->object);
    const std::shared_ptr<ByteQueue> queue = read ? file->source : file->sink; // outlives a close meanwhile
    if (queue != nullptr) return read ? receive(call, *queue, data) : finish_send(call, *queue, data);
    if (file->drops_caches && !read) { // what it writes is not known: taken for "1" or "3"
        copy_user_on_stack(call, data.memory, data.bytes, way);
        return call.kernel.files.drop_caches(call.op);
    }
    if (file->inode == no_inode) return;
    Inode& inode = call.kernel.files.at(file->inode);
    const bool at_end = !read && file->appends && inode.size != Inode::unknown_size;
    const std::uint64_t at = at_end ? inode.size : position != nullptr ? *position : file->position;
    if (position == nullptr) file->position = at + data.bytes;
    if (file->direct && inode.kind == InodeKind::Regular && !inode.warm)
        return transfer_direct(call, file->inode, at, data, way);
    if (!read) {
        const InodeId id = file->inode;
        const bool syncs = file->syncs || asks_for_sync(call);
        const std::uint64_t bytes = data.bytes;
        write_file(call, id, at, data);
        if (syncs) sync_written(call, id, at, bytes);
        return;
    }
    const std::uint64_t asked = asked_of(call).bytes;
    learn_size(inode, at, data, asked);
    read_file(call, *file, at, asked, data);
}

/// Puts bytes of the kernel's into a file. Returns how many: fewer where there is no memory.
std::uint64_t put_into_file(CallContext& call, OpenFile& out, VirtAddr from, std::uint64_t bytes) {
    std::uint64_t done = 0;
    while (done < bytes) {
        const std::uint64_t part = std::min(bytes - done, rest_of_page(out.position));
        PinnedPage page(call, out.inode, out.position >> page_shift,
                        overwritten(out.position, part, call.kernel.files.at(out.inode)));
        if (page.frame() == no_pfn) break;
        call.op.path.copy_bytes(page.address() + out.position % page_size, from + done,
                                static_cast<std::uint32_t>(part));
        page.set_dirty();
        out.position += part;
        call.kernel.files.grow(out.inode, out.position);
        done += part;
    }
    return done;
}

/// Moves pages of a file into a file, where they are copied, or into a pipe or socket, which shows them.
void move_from_file(CallContext& call, OpenFile& in, OpenFile* out, std::uint64_t bytes) {
    while (bytes != 0) {
        const std::uint64_t part = std::min(bytes, rest_of_page(in.position));
        const auto offset = static_cast<std::uint32_t>(in.position % page_size);
        const std::uint64_t index = in.position >> page_shift;
        PinnedPage page(call, {in.inode, index, page_end(in.position + bytes) - index, in.readahead.get()});
        if (page.frame() == no_pfn) return;
        page.mark_accessed();
        if (out != nullptr && out->sink != nullptr) {
            out->sink->splice(call.op, page.frame(), offset, static_cast<std::uint32_t>(part));
            out->sink->filled(call.op, part);
        } else if (out != nullptr && out->inode != no_inode &&
                   put_into_file(call, *out, page.address() + offset, part) != part) {
            return;
        }
        in.position += part;
        bytes -= part;
    }
}

void move_from_queue(CallContext& call, ByteQueue& in, OpenFile* out, std::uint64_t bytes) {
    while (bytes != 0) {
        const ByteQueue::Part part = in.next(call.op, bytes);
        if (part.bytes == 0) return;
        if (out != nullptr && out->sink != nullptr) {
            const ByteQueue::Part to = out->sink->append(call.op, part.bytes);
            out->sink->filled(call.op, to.bytes);
        } else if (out != nullptr && out->inode != no_inode) {
            if (put_into_file(call, *out, part.address, part.bytes) != part.bytes) return;
        }
        in.consume(call.op, part.bytes);
        bytes -= part.bytes;
    }
}

/// sendfile and its like. Where a call brings a position of its own, in memory, the file's is taken for it.
void move(CallContext& call, std::uint64_t in_fd, std::uint64_t out_fd) {
    call.op.path.call(KernelFunction::SysRead);
    OpenFile* const in = call.descriptors().find(in_fd);
    OpenFile* const out = call.descriptors().find(out_fd);
    if (in == nullptr) return;
    if (const std::shared_ptr<ByteQueue> source = in->source)
        move_from_queue(call, *source, out, call.result());
    else if (in->inode != no_inode)
        move_from_file(call, *in, out, call.result());
}

} // namespace

// What a reader is told of may have been sent by a write that has not returned: it goes as soon as the write
// begins, as much as fits into a pipe. Where that is full already, more is in it for a while than there can
// be.
void begin_write(CallContext& call) {
    constexpr std::uint64_t pipe_bytes = 16 * page_size;
    const std::shared_ptr<ByteQueue> queue = sink_of(call);
    if (queue == nullptr || data_buffer(call).length == UserBuffer::Length::Messages) return;
    UserData data = asked_of(call);
    data.bytes = std::min(data.bytes, pipe_bytes);
    queue->note_begun(call.task.id, send(call, *queue, data));
}

void abandon_write(CallContext& call) {
    if (const std::shared_ptr<ByteQueue> queue = sink_of(call))
        queue->withdraw(call.op, queue->take_begun(call.task.id));
}

void sys_read(CallContext& call) { transfer(call, nullptr, UserCopy::ToUser); }
void sys_write(CallContext& call) { transfer(call, nullptr, UserCopy::FromUser); }
void sys_pread64(CallContext& call) { transfer(call, &call.record.arguments[3], UserCopy::ToUser); }
void sys_pwrite64(CallContext& call) { transfer(call, &call.record.arguments[3], UserCopy::FromUser); }

// A position of -1 is the file's own.
void sys_preadv2(CallContext& call) { call.argument(3) == ~0ULL ? sys_read(call) : sys_pread64(call); }
void sys_pwritev2(CallContext& call) { call.argument(3) == ~0ULL ? sys_write(call) : sys_pwrite64(call); }

void sys_sendfile(CallContext& call) { move(call, call.argument(1), call.argument(0)); }
void sys_splice(CallContext& call) { move(call, call.argument(0), call.argument(2)); }

void sys_tee(CallContext& call) {
    OpenFile* const in = call.descriptors().find(call.argument(0));
    OpenFile* const out = call.descriptors().find(call.argument(1));
    if (in == nullptr || out == nullptr) return;
    const auto from = std::dynamic_pointer_cast<Pipe>(in->source);
    const auto to = std::dynamic_pointer_cast<Pipe>(out->sink);
    if (from == nullptr || to == nullptr) return;
    to->share(call.op, *from, call.result());
    to->filled(call.op, call.result());
}

void sys_vmsplice(CallContext& call) {
    OpenFile* const file = call.descriptors().find(call.argument(0));
    if (file == nullptr) return;
    UserData data = data_of(call);
    if (const std::shared_ptr<ByteQueue> source = file->source) return receive(call, *source, data);
    const std::shared_ptr<ByteQueue> sink = file->sink;
    for (std::uint64_t left = data.bytes; left != 0 && sink != nullptr;) {
        const UserSegment piece = data.memory.take(left);
        const Pfn frame = user_frame(call, piece.address, UserCopy::FromUser);
        if (frame == no_pfn || frame == call.kernel.frames.addresses().zero_page) return;
        sink->splice(call.op, frame, static_cast<std::uint32_t>(piece.address.page_offset()),
                     static_cast<std::uint32_t>(piece.bytes));
        sink->filled(call.op, piece.bytes);
        left -= piece.bytes;
    }
}

} // namespace pagewalk::os
