#pragma once

#include "contract/driver_calls.h"
#include "contract/instruction_stream.h"
#include "os/block/block_layer.h"
#include "os/path/frame_allocator.h"
#include "os/task/wait_queue.h"

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

namespace pagewalk::os {

/// The I/O calls of contract/driver_calls.h: direct I/O on the block device, with buffers of the task's own.
class BlockIoDriver final : private DirectIoOwner {
public:
    BlockIoDriver(FrameAllocator& frames, BlockLayer& block, TaskRunner& runner)
        : m_frames(frames), m_block(block), m_runner(runner) {}

    /// Contract: is_io_call(record.number). Throws RunError where there is no memory for buffers.
    void serve(Operation& op, const SyscallRecord& record);

private:
    struct Buffer {
        std::vector<Pfn> frames;
    };
    struct TaskIo {
        explicit TaskIo(TaskRunner& runner) : waiters(runner) {}
        std::uint64_t under_way = 0;
        std::vector<Buffer> buffers;
        std::vector<std::uint32_t> free_buffers;
        WaitQueue waiters;
    };
    static constexpr unsigned buffer_bits = 32; ///< of a request's name; the task's number is above

    [[nodiscard]] std::size_t number_of(TaskId task);
    void submit(Operation& op, std::size_t number, const SyscallRecord& record);
    void start(Operation& op, std::size_t number, const DirectIo& io);
    void wait_until_below(Operation& op, TaskIo& task, std::uint64_t most);
    void drain(Operation& op, TaskIo& task);
    [[nodiscard]] std::uint32_t take_buffer(Operation& op, TaskIo& task, std::uint64_t bytes);
    void io_done(std::uint64_t name, BlockStatus status, const Moment& moment) override;

    FrameAllocator& m_frames;
    BlockLayer& m_block;
    TaskRunner& m_runner;
    std::unordered_map<TaskId, std::size_t> m_numbers;
    std::deque<TaskIo> m_tasks;
};

} // namespace pagewalk::os
