#pragma once

#include "os/file/byte_queue.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_objects.h"

#include <cstdint>
#include <deque>

namespace pagewalk::os {

/// A pipe: a page for each PIPE_BUF of data, which a small write shares with the one before. One page that
/// has been read is kept for the next write. Source: fs/pipe.c of Linux 6.1 in effect.
class Pipe final : public ByteQueue {
public:
    /// The pipe's objects; its inode and dentry are not modelled.
    Pipe(KernelObjects& objects, FrameAllocator& frames, Operation& op);

    [[nodiscard]] Part append(Operation& op, std::uint64_t left) override;
    void splice(Operation& op, Pfn frame, std::uint32_t offset, std::uint32_t bytes) override;
    void withdraw(Operation& op, std::uint64_t bytes) override;
    void consume(Operation& op, std::uint64_t bytes) override;
    void destroy(Operation& op) override;
    [[nodiscard]] Costs costs() const override {
        return {KernelFunction::PipeRead, KernelFunction::PipeReadPage, KernelFunction::PipeWrite,
                KernelFunction::PipeWritePage};
    }
    [[nodiscard]] std::uint64_t size() const override { return m_bytes; }

    /// tee: shows the first bytes of `other`, `most` of them at most.
    void share(Operation& op, const Pipe& other, std::uint64_t most);

private:
    struct Buffer {
        Pfn frame = no_pfn;
        std::uint32_t offset = 0;
        std::uint32_t bytes = 0;
        bool own = false; ///< the pipe's own page: more can be written to it
    };

    [[nodiscard]] Part front(std::uint64_t most) const override;
    void release(Operation& op, const Buffer& buffer);
    void drop(Operation& op, Pfn frame);

    KernelObjects& m_objects;
    FrameAllocator& m_frames;
    VirtAddr m_object{};  ///< struct pipe_inode_info
    VirtAddr m_ring{};    ///< struct pipe_buffer of 16 places
    Pfn m_spare = no_pfn; ///< tmp_page
    std::deque<Buffer> m_buffers;
    std::uint64_t m_bytes = 0;
};

} // namespace pagewalk::os
