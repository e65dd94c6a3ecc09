#include "contract/system_calls.h"
#include "os/file/pipe.h"
#include "os/syscall/handlers.h"
#include "os/syscall/user_memory.h"

#include <algorithm>
#include <numeric>

// Calls that move data between the program's memory and files, pipes and sockets, or among these.
namespace pagewalk::os {
namespace {

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
    return data;
}

/// A page of a file that is read or written: it stays where it is until the end of the scope.
class PinnedPage {
public:
    PinnedPage(CallContext& call, InodeId inode, std::uint64_t index, UserCopy way) : m_call(call) {
        FileSystem& files = call.kernel.files;
        const bool read = way == UserCopy::ToUser;
        call.op.path.call(read ? KernelFunction::FilemapGetPages : KernelFunction::WritePage);
        const FileSystem::Page page =
            read ? files.get_page(call.op, inode, index) : files.get_page_for_write(call.op, inode, index);
        m_frame = page.frame;
        if (m_frame == no_pfn) return;
        ++descriptor().refcount;
        if (!files.ready(page)) files.wait_for(call.op, page);
    }
    ~PinnedPage() {
        if (m_frame == no_pfn) return;
        m_call.kernel.files.mark_accessed(m_call.op, m_frame);
        // Zero where the page has been truncated meanwhile.
        if (--descriptor().refcount == 0) m_call.kernel.frames.free(m_call.op, m_frame, 0);
    }
    PinnedPage(const PinnedPage&) = delete;
    PinnedPage& operator=(const PinnedPage&) = delete;

    /// no_pfn: there was no memory.
    [[nodiscard]] Pfn frame() const { return m_frame; }
    [[nodiscard]] VirtAddr address() const { return kernel_layout::direct_map(address_of(m_frame)); }

private:
    [[nodiscard]] PageDescriptor& descriptor() const { return m_call.kernel.frames.pages().at(m_frame); }

    CallContext& m_call;
    Pfn m_frame = no_pfn;
};

std::uint64_t rest_of_page(std::uint64_t position) { return page_size - position % page_size; }

void transfer_file(CallContext& call, InodeId inode, std::uint64_t at, UserData& data, UserCopy way) {
    call.op.path.call(way == UserCopy::ToUser ? KernelFunction::VfsRead : KernelFunction::VfsWrite);
    for (std::uint64_t left = data.bytes; left != 0;) {
        const std::uint64_t part = std::min(left, rest_of_page(at));
        const PinnedPage page(call, inode, at >> page_shift, way);
        if (page.frame() == no_pfn) return;
        if (copy_user(call, data.memory, page.address() + at % page_size, part, way) != part) return;
        at += part;
        left -= part;
    }
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
    if (file->inode == no_inode) return;
    const std::uint64_t at = position != nullptr ? *position : file->position;
    if (position == nullptr) file->position += data.bytes;
    transfer_file(call, file->inode, at, data, way);
}

/// Puts bytes of the kernel's into a file. Returns how many: fewer where there is no memory.
std::uint64_t put_into_file(CallContext& call, OpenFile& out, VirtAddr from, std::uint64_t bytes) {
    std::uint64_t done = 0;
    while (done < bytes) {
        const std::uint64_t part = std::min(bytes - done, rest_of_page(out.position));
        const PinnedPage page(call, out.inode, out.position >> page_shift, UserCopy::FromUser);
        if (page.frame() == no_pfn) break;
        call.op.path.copy_bytes(page.address() + out.position % page_size, from + done,
                                static_cast<std::uint32_t>(part));
        out.position += part;
        done += part;
    }
    return done;
}

/// Moves pages of a file into a file, where they are copied, or into a pipe or socket, which shows them.
void move_from_file(CallContext& call, OpenFile& in, OpenFile* out, std::uint64_t bytes) {
    while (bytes != 0) {
        const std::uint64_t part = std::min(bytes, rest_of_page(in.position));
        const auto offset = static_cast<std::uint32_t>(in.position % page_size);
        const PinnedPage page(call, in.inode, in.position >> page_shift, UserCopy::ToUser);
        if (page.frame() == no_pfn) return;
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
