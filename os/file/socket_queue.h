#pragma once

#include "os/file/byte_queue.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_objects.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace pagewalk::os {

/// One direction of a socket: socket buffers as unix_stream_sendmsg makes them. Each is a struct sk_buff, a
/// head, and behind that pages in blocks of up to 32 KiB. Source: net/unix/af_unix.c and net/core/skbuff.c of
/// Linux 6.1 in effect. Assumed: other families' buffers are the same, and struct sk_buff comes from kmalloc.
class SocketQueue final : public ByteQueue {
public:
    SocketQueue(KernelObjects& objects, FrameAllocator& frames) : m_objects(objects), m_frames(frames) {}

    [[nodiscard]] Part append(Operation& op, std::uint64_t left) override;
    void splice(Operation& op, Pfn frame, std::uint32_t offset, std::uint32_t bytes) override;
    void withdraw(Operation& op, std::uint64_t bytes) override;
    void consume(Operation& op, std::uint64_t bytes) override;
    void destroy(Operation& op) override;
    [[nodiscard]] Costs costs() const override {
        return {KernelFunction::SockRecvmsg, KernelFunction::CopyUser, KernelFunction::SockSendmsg,
                KernelFunction::CopyUser};
    }
    [[nodiscard]] std::uint64_t size() const override { return m_bytes; }

private:
    struct Fragment {
        Part unread;
        Pfn frame = no_pfn; ///< of a block of pages; no_pfn: the head
        unsigned order = 0;
    };
    struct Buffer {
        VirtAddr object{}; ///< struct sk_buff
        VirtAddr head{};
        std::vector<Fragment> fragments;
        std::size_t given = 0; ///< fragments that append() has given out
        std::size_t read = 0;  ///< fragments that have been read
        bool cut = false;      ///< append() gives no more of it

        [[nodiscard]] bool complete() const { return cut || given == fragments.size(); }
    };

    [[nodiscard]] Part front(std::uint64_t most) const override;
    [[nodiscard]] bool add_buffer(Operation& op, std::uint64_t left);
    [[nodiscard]] VirtAddr new_object(Operation& op, std::uint64_t bytes);
    [[nodiscard]] bool add_pages(Operation& op, Buffer& buffer, std::uint64_t bytes);
    void free(Operation& op, const Buffer& buffer);

    KernelObjects& m_objects;
    FrameAllocator& m_frames;
    std::deque<Buffer> m_buffers;
    std::uint64_t m_bytes = 0;
};

} // namespace pagewalk::os
