#pragma once

#include "contract/block_request.h"
#include "os/block/block_stats.h"
#include "os/block/io_scheduler.h"
#include "os/dma/dma_mapper.h"
#include "os/path/kernel_counters.h"
#include "os/path/operation.h"
#include "os/task/interrupt_lines.h"
#include "os/task/page_locks.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
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

/// Who has started I/O of his own, past the page cache.
class DirectIoOwner {
public:
    virtual ~DirectIoOwner() = default;
    /// The request to which he gave this name is complete, or has failed as often as it is tried (EIO).
    virtual void io_done(std::uint64_t name, BlockStatus status, const Moment& moment) = 0;
};

/// A transfer between the device and pages that belong to its owner.
struct DirectIo {
    BlockRequest::Kind kind = BlockRequest::Kind::Read;
    std::uint64_t sector = 0;
    std::uint64_t bytes = 0;
    std::span<const Pfn> frames; ///< copied
    DirectIoOwner* owner = nullptr;
    std::uint64_t name = 0;
};

enum class IoPolling : std::uint8_t { Off, On };

struct BlockConfig {
    IoSchedulerKind scheduler = IoSchedulerKind::None;
    IoPolling polling = IoPolling::Off;

    void declare(OptionGroup os);
};

/// Requests to the block device: which pages each is for, from its submission to the interrupt that says it
/// is done. A device with queues in memory has a hardware queue for each CPU, or one for all, of so many
/// tags; what finds no tag waits in software queues in the order of the I/O scheduler, and merges there. A
/// device without is told of everything at once.
class BlockLayer final : public InterruptHandler {
public:
    BlockLayer(PageLocks& locks, KernelCounters& counters)
        : m_locks(locks), m_counters(counters), m_done(locks.runner()) {}
    void configure(const BlockConfig& config) { m_config = config; }

    /// The device, whose interrupts it asks for. Without one nothing may be read.
    void connect(BlockDevice& device, InterruptLines& lines);
    /// The driver's probe, after connect(), of a device with queues in memory: `dma`, which outlives the
    /// layer, maps what it moves. Throws ConfigError where there is not enough memory for the rings.
    void set_up_queues(Operation& op, DmaMapper& dma, std::size_t cpus);

    /// Reads consecutive sectors into locked pages: the request goes to the device when the path gets here,
    /// and its completion makes the pages up to date and unlocks them. Throws RunError where there is no
    /// device.
    void read(Operation& op, std::uint64_t sector, std::span<const Pfn> frames);
    /// Writes pages to consecutive sectors; `owner`, which outlives the request, is told of each when it is
    /// there. Errors as read().
    void write(Operation& op, std::uint64_t sector, std::span<const Pfn> frames, WrittenPages& owner);
    /// Moves bytes to or from memory that is no page cache's, and waits for it. Errors as read().
    void transfer(Operation& op, BlockRequest::Kind kind, std::uint64_t sector, std::uint64_t bytes);
    /// Starts such a transfer; its owner, which outlives it, is told when it is complete. Errors as read().
    void start(Operation& op, const DirectIo& io);
    /// Makes the device write down what it has only taken so far, and waits for it. Errors as read().
    void flush(Operation& op) { transfer(op, BlockRequest::Kind::Flush, 0, 0); }
    /// Completes what is done for the operation's CPU, page by page.
    void interrupted(Operation& op) override;
    /// Do tasks poll for what they wait for?
    [[nodiscard]] bool polls() const { return m_config.polling == IoPolling::On && m_limits.depth != 0; }
    /// A polling task looks once whether something is complete, then lets others run. Contract:
    /// op.may_wait().
    void poll(Operation& op);

    /// What starts in its scope goes to the device at its end, neighbours as one request. Nothing in it
    /// waits.
    class Plug {
    public:
        Plug(BlockLayer& block, Operation& op) : m_atomic(op), m_block(block), m_op(op) {
            block.m_plugging = block.m_limits.depth != 0;
        }
        ~Plug() { m_block.unplug(m_op); }
        Plug(const Plug&) = delete;
        Plug& operator=(const Plug&) = delete;

    private:
        AtomicSection m_atomic;
        BlockLayer& m_block;
        Operation& m_op;
    };

    /// Who is told of each request that is complete.
    void on_complete(std::function<void(const BlockEvent&)> told) { m_on_complete = std::move(told); }
    void declare(StatGroup group) const { m_stats.declare(group); }

    /// Requests whose pages are not unlocked yet.
    [[nodiscard]] std::size_t in_flight() const { return m_stats.in_flight; }

private:
    static constexpr std::uint64_t largest_merge = 1280ULL << 10; // BLK_DEF_MAX_SECTORS
    static constexpr std::uint64_t largest_mapping = largest_merge / page_size;

    struct Request {
        BlockRequest what;
        std::vector<Pfn> frames;
        std::vector<BusPage> mapped;   ///< its pages, and those of requests that it was mapped with
        std::vector<BusPage> sent;     ///< those, and of requests that were mapped before they merged
        WrittenPages* owner = nullptr; ///< of a write
        DirectIoOwner* direct = nullptr;
        std::uint64_t name = 0;            ///< of `direct`
        std::vector<std::uint64_t> merged; ///< tags of requests that go with this one
        std::vector<Pfn> merged_frames;    ///< of all of them
        std::uint32_t own_bytes = 0;
        Tick queued{};
        Tick submitted{};
        Tick moved{};
        unsigned tries = 0;
        BlockStatus status = BlockStatus::Done;
        bool awaited = false; ///< its tag is given back by who waits for it
        bool done = false;
    };
    struct HardwareQueue {
        PhysAddr submissions{}, completions{}; ///< rings
        BlockRings rings;                      ///< as the device sees them
        std::unique_ptr<IoScheduler> waiting;
        std::uint32_t tags_used = 0;
        std::uint64_t entries = 0, completed = 0; ///< of the rings, so far
    };

    [[nodiscard]] Request& at(std::uint64_t tag) { return m_requests[static_cast<std::size_t>(tag)]; }
    std::uint64_t new_request(BlockRequest::Kind kind, std::uint64_t sector, std::span<const Pfn> frames);
    void send(Operation& op, std::uint64_t tag);
    void tell_device(Operation& op, std::uint64_t tag);
    void unplug(Operation& op);
    [[nodiscard]] bool map(Operation& op, std::uint64_t tag);
    void unmap(Operation& op, std::uint64_t tag);
    void map_what_waits(Operation& op);
    void note_polled_mapping(std::uint64_t tag);
    [[nodiscard]] DeviceId device_id() const { return static_cast<DeviceId>(m_device->interrupt_source()); }
    /// How many pages a request may have.
    [[nodiscard]] std::size_t most_pages() const;
    void merge(std::uint64_t into, std::uint64_t tag);
    void give_back(std::uint64_t tag);
    [[nodiscard]] HardwareQueue& queue_of(CpuId cpu) {
        return m_queues[m_limits.queues == BlockDeviceLimits::Queues::PerCpu ? cpu : CpuId{}];
    }
    void submit(std::uint64_t tag, const Moment& moment);
    void dispatch(HardwareQueue& queue, Tick now);
    void submit_again(std::uint64_t tag, const Moment& moment);
    [[nodiscard]] bool is_to_be_tried_again(const BlockCompletion& done);
    void give_up(std::uint64_t tag, BlockStatus status);
    void complete_pages(Operation& op, std::uint64_t tag);
    void poll_device(std::uint64_t, const Moment& moment);
    void complete_now(std::uint64_t tag, const Moment& moment);
    void end(std::uint64_t tag, const Moment& moment);
    void end_one(std::uint64_t tag, const Moment& moment);
    void note(const Request& request, const Moment& moment);

    PageLocks& m_locks;
    KernelCounters& m_counters;
    WaitQueue m_done; ///< tasks that wait for a request of their own
    std::function<void(const BlockEvent&)> m_on_complete;
    BlockConfig m_config;
    BlockDevice* m_device = nullptr;
    DmaMapper* m_dma = nullptr;               ///< of a device with queues in memory
    std::deque<std::uint64_t> m_to_be_mapped; ///< tags for which there was no room
    struct Mapping {
        DmaDirection direction = DmaDirection::ToDevice;
        std::vector<Pfn> frames;
        std::vector<BusPage> pages;
    };
    std::vector<Mapping> m_polled_mappings; ///< of requests that a poll has ended
    BlockDeviceLimits m_limits;
    IndexedVec<CpuId, HardwareQueue> m_queues; ///< of a device with queues in memory
    bool m_plugging = false;
    std::vector<std::uint64_t> m_plugged; ///< tags
    std::vector<Request> m_requests;      // by tag
    std::vector<std::uint64_t> m_free_tags;
    BlockStats m_stats;
};

} // namespace pagewalk::os
