#pragma once

#include "contract/block_request.h"
#include "os/path/kernel_counters.h"
#include "os/path/operation.h"
#include "os/task/interrupt_lines.h"
#include "os/task/page_locks.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pagewalk::os {

/// Requests to the block device that holds the files: which pages each is for, from its submission to the
/// interrupt that says it is done.
class BlockLayer final : public InterruptHandler {
public:
    BlockLayer(PageLocks& locks, KernelCounters& counters) : m_locks(locks), m_counters(counters) {}

    /// The device, whose interrupts it asks for. Without one nothing may be read.
    void connect(BlockDevice& device, InterruptLines& lines);

    /// Reads consecutive sectors into locked pages: the request goes to the device when the path gets here,
    /// and its completion makes the pages up to date and unlocks them. Throws RunError where there is no
    /// device.
    void read(Operation& op, std::uint64_t sector, std::span<const Pfn> frames);
    /// Completes what is done for the operation's CPU, page by page.
    void interrupted(Operation& op) override;

    /// Requests whose pages are not unlocked yet.
    [[nodiscard]] std::size_t in_flight() const { return m_in_flight; }

private:
    struct Request {
        BlockRequest what;
        std::vector<Pfn> frames;
    };
    void submit(std::uint64_t tag, const Moment& moment);
    void end(std::uint64_t tag, const Moment& moment);

    PageLocks& m_locks;
    KernelCounters& m_counters;
    BlockDevice* m_device = nullptr;
    std::vector<Request> m_requests; // by tag
    std::vector<std::uint64_t> m_free_tags;
    std::size_t m_in_flight = 0;
};

} // namespace pagewalk::os
