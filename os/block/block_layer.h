#pragma once

#include "contract/block_request.h"
#include "os/path/kernel_counters.h"
#include "os/path/operation.h"
#include "os/task/interrupt_lines.h"
#include "os/task/page_locks.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace pagewalk::os {

/// Whose pages are written.
class WrittenPages {
public:
    virtual ~WrittenPages() = default;
    /// Appends what the interrupt does for a page before it tells of it.
    virtual void complete(Operation&) {}
    /// As an Operation's effect: the page, a Pfn's value, is on the device.
    virtual void written(std::uint64_t frame, const Moment& moment) = 0;
};

/// Requests to the block device that holds the files: which pages each is for, from its submission to the
/// interrupt that says it is done.
class BlockLayer final : public InterruptHandler {
public:
    BlockLayer(PageLocks& locks, KernelCounters& counters)
        : m_locks(locks), m_counters(counters), m_done(locks.runner()) {}

    /// The device, whose interrupts it asks for. Without one nothing may be read.
    void connect(BlockDevice& device, InterruptLines& lines);

    /// Reads consecutive sectors into locked pages: the request goes to the device when the path gets here,
    /// and its completion makes the pages up to date and unlocks them. Throws RunError where there is no
    /// device.
    void read(Operation& op, std::uint64_t sector, std::span<const Pfn> frames);
    /// Writes pages to consecutive sectors; `owner`, which outlives the request, is told of each when it is
    /// there. Errors as read().
    void write(Operation& op, std::uint64_t sector, std::span<const Pfn> frames, WrittenPages& owner);
    /// Moves bytes to or from memory that is no page cache's, and waits for it. Errors as read().
    void transfer(Operation& op, BlockRequest::Kind kind, std::uint64_t sector, std::uint64_t bytes);
    /// Makes the device write down what it has only taken so far, and waits for it. Errors as read().
    void flush(Operation& op) { transfer(op, BlockRequest::Kind::Flush, 0, 0); }
    /// Completes what is done for the operation's CPU, page by page.
    void interrupted(Operation& op) override;

    /// Who is told of each request that is complete.
    void on_complete(std::function<void(const BlockEvent&)> told) { m_on_complete = std::move(told); }

    /// Requests whose pages are not unlocked yet.
    [[nodiscard]] std::size_t in_flight() const { return m_in_flight; }

private:
    struct Request {
        BlockRequest what;
        std::vector<Pfn> frames;
        WrittenPages* owner = nullptr; ///< of a write
        Tick submitted{};
        bool awaited = false; ///< its tag is given back by who waits for it
        bool done = false;
    };
    std::uint64_t new_request(BlockRequest::Kind kind, std::uint64_t sector, std::span<const Pfn> frames);
    void send(Operation& op, std::uint64_t tag);
    void give_back(std::uint64_t tag);
    void submit(std::uint64_t tag, const Moment& moment);
    void end(std::uint64_t tag, const Moment& moment);

    PageLocks& m_locks;
    KernelCounters& m_counters;
    WaitQueue m_done; ///< tasks that wait for a request of their own
    std::function<void(const BlockEvent&)> m_on_complete;
    BlockDevice* m_device = nullptr;
    std::vector<Request> m_requests; // by tag
    std::vector<std::uint64_t> m_free_tags;
    std::size_t m_in_flight = 0;
};

} // namespace pagewalk::os
