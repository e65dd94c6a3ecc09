#include "os/syscall/block_io_driver.h"

#include "base/error.h"

#include <span>

namespace pagewalk::os {

std::size_t BlockIoDriver::number_of(TaskId task) {
    const auto [found, is_new] = m_numbers.try_emplace(task, m_tasks.size());
    if (is_new) m_tasks.emplace_back(m_runner);
    return found->second;
}

void BlockIoDriver::serve(Operation& op, const SyscallRecord& record) {
    op.path.call(KernelFunction::DriverIoctl);
    const std::size_t number = number_of(op.task);
    if (static_cast<IoCall>(record.number) == IoCall::Submit)
        submit(op, number, record);
    else
        drain(op, m_tasks[number]);
}

void BlockIoDriver::submit(Operation& op, std::size_t number, const SyscallRecord& record) {
    const auto [kind, sector, bytes, count, depth, unused] = record.arguments;
    if (bytes == 0 || count == 0 || count > depth)
        throw RunError("I/O call: " + std::to_string(count) + " requests of " + std::to_string(bytes) +
                       " bytes, " + std::to_string(depth) +
                       " under way: wants bytes, and at most so many requests as may be under way");
    wait_until_below(op, m_tasks[number], depth - count + 1);
    // Memory for the buffers may have to be waited for; what is plugged may not wait.
    std::vector<std::uint32_t> buffers(count);
    for (std::uint32_t& buffer : buffers) buffer = take_buffer(op, m_tasks[number], bytes);
    const BlockLayer::Plug plug(m_block, op);
    for (std::uint64_t i = 0; i < count; ++i)
        start(op, number,
              {.kind = kind == 0 ? BlockRequest::Kind::Read : BlockRequest::Kind::Write,
               .sector = sector + i * bytes / sector_size,
               .bytes = bytes,
               .frames = {},
               .name = buffers[i]});
}

void BlockIoDriver::start(Operation& op, std::size_t number, const DirectIo& io) {
    TaskIo& task = m_tasks[number];
    ++task.under_way;
    DirectIo full = io;
    full.frames = task.buffers[io.name].frames;
    full.owner = this;
    full.name = (std::uint64_t{number} << buffer_bits) | io.name;
    m_block.start(op, full);
}

void BlockIoDriver::wait_until_below(Operation& op, TaskIo& task, std::uint64_t most) {
    while (task.under_way >= most)
        if (m_block.polls())
            m_block.poll(op);
        else
            task.waiters.wait(op);
}

std::uint32_t BlockIoDriver::take_buffer(Operation& op, TaskIo& task, std::uint64_t bytes) {
    const std::uint64_t pages = (bytes + page_size - 1) / page_size;
    if (!task.free_buffers.empty() && task.buffers[task.free_buffers.back()].frames.size() >= pages) {
        const std::uint32_t buffer = task.free_buffers.back();
        task.free_buffers.pop_back();
        return buffer;
    }
    Buffer buffer;
    for (std::uint64_t i = 0; i < pages; ++i) {
        const auto frame = m_frames.allocate(op, {.mask = gfp::kernel, .purpose = AllocationPurpose::Driver});
        if (!frame) throw RunError("no memory for the buffers of direct I/O");
        buffer.frames.push_back(*frame);
    }
    task.buffers.push_back(std::move(buffer));
    return static_cast<std::uint32_t>(task.buffers.size() - 1);
}

void BlockIoDriver::drain(Operation& op, TaskIo& task) {
    wait_until_below(op, task, 1);
    for (const Buffer& buffer : task.buffers)
        for (const Pfn frame : buffer.frames) m_frames.free(op, frame, 0);
    task.buffers.clear();
    task.free_buffers.clear();
}

// As fio with continue_on_error: a request that failed is over, the block layer has counted it.
void BlockIoDriver::io_done(std::uint64_t name, BlockStatus, const Moment& moment) {
    TaskIo& task = m_tasks[name >> buffer_bits];
    --task.under_way;
    task.free_buffers.push_back(static_cast<std::uint32_t>(name));
    task.waiters.wake_all(moment);
}

} // namespace pagewalk::os
