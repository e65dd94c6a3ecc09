#include "os/file/pipe.h"

#include <algorithm>
#include <utility>

namespace pagewalk::os {
namespace {

// alloc_pipe_info. Source of the sizes: assumed for 6.1 from the fields; kmalloc-192 and kmalloc-1k.
constexpr std::uint64_t object_bytes = 168;
constexpr std::uint64_t ring_bytes = 16 * 40;

} // namespace

Pipe::Pipe(KernelObjects& objects, FrameAllocator& frames, Operation& op)
    : m_objects(objects), m_frames(frames) {
    constexpr GfpMask mask = gfp::kernel_account | gfp::zero;
    m_object = objects.kmalloc(op, object_bytes, mask, KernelFunction::OpenFile).value_or(VirtAddr{});
    m_ring = objects.kmalloc(op, ring_bytes, mask, KernelFunction::OpenFile).value_or(VirtAddr{});
}

// A write's odd bytes go behind those of the last page where there is room for all of them.
ByteQueue::Part Pipe::append(Operation& op, std::uint64_t left) {
    const std::uint64_t odd = left % page_size;
    if (odd != 0 && !m_buffers.empty() && m_buffers.back().own) {
        Buffer& last = m_buffers.back();
        if (last.offset + last.bytes + odd <= page_size) {
            const VirtAddr end = kernel_layout::direct_map(address_of(last.frame)) + last.offset + last.bytes;
            last.bytes += static_cast<std::uint32_t>(odd);
            m_bytes += odd;
            return {end, static_cast<std::uint32_t>(odd)};
        }
    }
    Pfn frame = std::exchange(m_spare, no_pfn);
    if (frame == no_pfn) {
        op.path.call(KernelFunction::AllocPages);
        const auto got =
            m_frames.allocate(op, {.mask = gfp::highuser | gfp::account, .purpose = AllocationPurpose::Pipe});
        if (!got) return {};
        frame = *got;
        m_frames.pages().at(frame).owner_flags = frame_flags::kernel;
    }
    op.path.store(m_ring);
    const auto bytes = static_cast<std::uint32_t>(std::min(left, page_size));
    m_buffers.push_back({frame, 0, bytes, true});
    m_bytes += bytes;
    return {kernel_layout::direct_map(address_of(frame)), bytes};
}

ByteQueue::Part Pipe::front(std::uint64_t most) const {
    if (m_buffers.empty()) return {};
    const Buffer& first = m_buffers.front();
    return {kernel_layout::direct_map(address_of(first.frame)) + first.offset,
            static_cast<std::uint32_t>(std::min<std::uint64_t>(most, first.bytes))};
}

void Pipe::consume(Operation& op, std::uint64_t bytes) {
    while (bytes != 0 && !m_buffers.empty()) {
        Buffer& first = m_buffers.front();
        const auto part = static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, first.bytes));
        first.offset += part;
        first.bytes -= part;
        m_bytes -= part;
        bytes -= part;
        if (first.bytes != 0) return;
        const Buffer empty = first;
        m_buffers.pop_front();
        release(op, empty);
    }
}

void Pipe::withdraw(Operation& op, std::uint64_t bytes) {
    while (bytes != 0 && !m_buffers.empty()) {
        Buffer& last = m_buffers.back();
        const auto part = static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, last.bytes));
        last.bytes -= part;
        m_bytes -= part;
        bytes -= part;
        if (last.bytes != 0) return;
        const Buffer empty = last;
        m_buffers.pop_back();
        release(op, empty);
    }
}

void Pipe::release(Operation& op, const Buffer& buffer) {
    if (buffer.own && m_spare == no_pfn && m_frames.pages().peek(buffer.frame).refcount == 1)
        m_spare = buffer.frame;
    else
        drop(op, buffer.frame);
}

void Pipe::drop(Operation& op, Pfn frame) {
    if (--m_frames.pages().at(frame).refcount != 0) return;
    op.path.call(KernelFunction::ReleasePage);
    m_frames.free(op, frame, 0);
}

void Pipe::splice(Operation& op, Pfn frame, std::uint32_t offset, std::uint32_t bytes) {
    op.path.store_page(frame);
    op.path.store(m_ring);
    ++m_frames.pages().at(frame).refcount;
    m_buffers.push_back({frame, offset, bytes, false});
    m_bytes += bytes;
}

void Pipe::share(Operation& op, const Pipe& other, std::uint64_t most) {
    for (const Buffer& buffer : other.m_buffers) {
        if (most == 0) return;
        const auto bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(most, buffer.bytes));
        splice(op, buffer.frame, buffer.offset, bytes);
        most -= bytes;
    }
}

void Pipe::destroy(Operation& op) {
    for (const Buffer& buffer : m_buffers) drop(op, buffer.frame);
    m_buffers.clear();
    m_bytes = 0;
    if (m_spare != no_pfn) drop(op, std::exchange(m_spare, no_pfn));
    m_objects.kfree(op, m_ring, KernelFunction::CloseFile);
    m_objects.kfree(op, m_object, KernelFunction::CloseFile);
}

} // namespace pagewalk::os
