#include "os/file/socket_queue.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t object_bytes = 232;                  // struct sk_buff
constexpr std::uint64_t shared_info = 320;                   // struct skb_shared_info, behind the head's data
constexpr std::uint64_t head_most = page_size - shared_info; // SKB_MAX_HEAD(0)
constexpr std::uint64_t buffer_most =
    4 * page_size - shared_info + 32768; // SKB_MAX_ALLOC + UNIX_SKB_FRAGS_SZ
constexpr unsigned order_most = 3;       // PAGE_ALLOC_COSTLY_ORDER

std::uint64_t whole_pages(std::uint64_t bytes) { return (bytes + page_size - 1) & ~(page_size - 1); }

} // namespace

VirtAddr SocketQueue::new_object(Operation& op, std::uint64_t bytes) {
    return m_objects.kmalloc(op, bytes, gfp::kernel, KernelFunction::SockSendmsg).value_or(VirtAddr{});
}

/// A socket buffer for the next bytes of a write that has `left` to go. False where there is no memory.
bool SocketQueue::add_buffer(Operation& op, std::uint64_t left) {
    const std::uint64_t bytes = std::min(left, buffer_most);
    const std::uint64_t in_pages = bytes > head_most ? std::min(bytes, whole_pages(bytes - head_most)) : 0;
    const std::uint64_t in_head = bytes - in_pages;
    Buffer buffer{.object = new_object(op, object_bytes), .head = new_object(op, in_head + shared_info)};
    if (in_head != 0)
        buffer.fragments.push_back({{buffer.head, static_cast<std::uint32_t>(in_head)}, no_pfn, 0});
    if (buffer.object == VirtAddr{} || buffer.head == VirtAddr{} || !add_pages(op, buffer, in_pages)) {
        free(op, buffer);
        return false;
    }
    op.path.store(buffer.object);
    m_buffers.push_back(std::move(buffer));
    return true;
}

// alloc_skb_with_frags: the largest blocks first.
bool SocketQueue::add_pages(Operation& op, Buffer& buffer, std::uint64_t bytes) {
    while (bytes != 0) {
        const std::uint64_t pages = whole_pages(bytes) >> page_shift;
        const unsigned order = std::min(order_most, static_cast<unsigned>(std::bit_width(pages) - 1));
        op.path.call(KernelFunction::AllocPages);
        const auto frame = m_frames.allocate(op, {.mask = gfp::kernel | (order != 0 ? gfp::comp : GfpMask{}),
                                                  .order = order,
                                                  .purpose = AllocationPurpose::Socket});
        if (!frame) return false;
        m_frames.pages().at(*frame).owner_flags = frame_flags::kernel;
        const auto part = static_cast<std::uint32_t>(std::min(bytes, page_size << order));
        buffer.fragments.push_back({{kernel_layout::direct_map(address_of(*frame)), part}, *frame, order});
        bytes -= part;
    }
    return true;
}

ByteQueue::Part SocketQueue::append(Operation& op, std::uint64_t left) {
    if ((m_buffers.empty() || m_buffers.back().complete()) && !add_buffer(op, left)) return {};
    Buffer& buffer = m_buffers.back();
    Part& data = buffer.fragments[buffer.given++].unread;
    data.bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(data.bytes, left));
    m_bytes += data.bytes;
    return data;
}

void SocketQueue::splice(Operation& op, Pfn frame, std::uint32_t offset, std::uint32_t bytes) {
    ++m_frames.pages().at(frame).refcount;
    op.path.store_page(frame);
    Buffer buffer{.object = new_object(op, object_bytes), .head = new_object(op, shared_info), .given = 1};
    const VirtAddr data = kernel_layout::direct_map(address_of(frame)) + offset;
    buffer.fragments.push_back({{data, bytes}, frame, 0});
    m_buffers.push_back(std::move(buffer));
    m_bytes += bytes;
}

ByteQueue::Part SocketQueue::front(std::uint64_t most) const {
    if (m_buffers.empty() || m_buffers.front().read == m_buffers.front().given) return {};
    Part part = m_buffers.front().fragments[m_buffers.front().read].unread;
    part.bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(part.bytes, most));
    return part;
}

void SocketQueue::consume(Operation& op, std::uint64_t bytes) {
    for (Part part = front(bytes); part.bytes != 0; part = front(bytes)) {
        Buffer& buffer = m_buffers.front();
        Part& unread = buffer.fragments[buffer.read].unread;
        unread.address += part.bytes;
        unread.bytes -= part.bytes;
        m_bytes -= part.bytes;
        bytes -= part.bytes;
        if (unread.bytes != 0 || ++buffer.read != buffer.given || !buffer.complete()) continue;
        const Buffer whole = std::move(buffer);
        m_buffers.pop_front();
        free(op, whole);
    }
}

void SocketQueue::withdraw(Operation& op, std::uint64_t bytes) {
    while (bytes != 0 && !m_buffers.empty() && m_buffers.back().read != m_buffers.back().given) {
        Buffer& last = m_buffers.back();
        Part& unread = last.fragments[last.given - 1].unread;
        const auto part = static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, unread.bytes));
        unread.bytes -= part;
        m_bytes -= part;
        bytes -= part;
        last.cut = true;
        if (unread.bytes != 0 || --last.given != last.read) continue;
        const Buffer empty = std::move(last);
        m_buffers.pop_back();
        free(op, empty);
    }
}

void SocketQueue::free(Operation& op, const Buffer& buffer) {
    for (const Fragment& fragment : buffer.fragments) {
        if (fragment.frame == no_pfn || --m_frames.pages().at(fragment.frame).refcount != 0) continue;
        op.path.call(KernelFunction::ReleasePage);
        m_frames.free(op, fragment.frame, fragment.order);
    }
    m_objects.kfree(op, buffer.head, KernelFunction::SockRecvmsg);
    m_objects.kfree(op, buffer.object, KernelFunction::SockRecvmsg);
}

void SocketQueue::destroy(Operation& op) {
    for (const Buffer& buffer : m_buffers) free(op, buffer);
    m_buffers.clear();
    m_bytes = 0;
}

} // namespace pagewalk::os
