#pragma once

#include "base/histogram.h"
#include "base/ids.h"
#include "base/rng.h"
#include "base/stats.h"
#include "contract/block_request.h"
#include "contract/interrupt.h"
#include "models/device/block_device_config.h"
#include "models/device/block_media.h"
#include "models/memory/memory_port.h"

#include <array>
#include <deque>
#include <memory>
#include <queue>
#include <vector>

namespace pagewalk::models {

struct BlockControllerStats {
    std::uint64_t reads = 0, writes = 0, flushes = 0;
    std::uint64_t bytes_read = 0, bytes_written = 0;
    std::uint64_t lines_written = 0; ///< of memory, with data that was read from the medium
    std::uint64_t lines_read = 0;    ///< of memory, with data for the medium
    std::uint64_t ring_lines = 0;    ///< of memory: entries of rings, either way
    std::uint64_t interrupts = 0;
    std::uint64_t cache_waits = 0; ///< writes that found no room in the write cache
    std::uint64_t errors = 0;
    std::uint64_t resets = 0;
    Histogram read_latency, write_latency; ///< ps, from the doorbell to the completion's entry

    void declare(StatGroup group) const;
};

/// The controller of a block device: fetches requests from rings in memory, has the medium read and write,
/// moves data between its buffer and memory line by line, and completes requests with an entry in a ring and
/// an interrupt.
///
/// It lives by events: whoever drives it calls advance() at the time that next() says. Transfers share the
/// link by chunks. Nothing it does lies further ahead of that time than a chunk takes.
///
/// Where an access to memory is refused it stops: requests that it has are given back (BlockStatus::Reset),
/// what its cache holds is written, and after a reset it takes others.
class BlockController {
public:
    struct Ports {
        MemoryPort& memory; ///< Dma reads a line, WriteBack writes it
        InterruptController& interrupts;
    };
    BlockController(const BlockDeviceConfig& config, DeviceId device, const Ports& ports, std::uint64_t seed);

    void set_rings(CpuId cpu, const BlockRings& rings);
    [[nodiscard]] BlockDeviceLimits limits() const {
        return {m_parameters.queue_depth, m_parameters.queues, m_config.dma_bits};
    }
    /// The doorbell of a new request is rung at `now`. Contract: rings are set.
    void submit(const BlockRequest& request, Tick now);
    /// Does what is due by `now`, in the order of time.
    void advance(Tick now);
    /// When something is due next; no_time where nothing is.
    [[nodiscard]] Tick next() const;
    std::size_t take_completions(CpuId cpu, Tick now, std::span<BlockCompletion> done);

    [[nodiscard]] const BlockControllerStats& stats() const { return m_stats; }
    void declare(StatGroup group) const { m_stats.declare(group); }

private:
    using CommandId = std::uint32_t;
    static constexpr Tick reset_time{10'000'000 *
                                     ticks_per_ns};    // assumed: NVMe's CAP.TO allows 500 ms and more
    static constexpr CommandId nobody = ~CommandId{0}; ///< a write that has been completed already

    enum class Step : std::uint8_t {
        Arrive,   ///< the doorbell is at the device: fetch the entry
        Begin,    ///< the controller has understood the command
        LaneFree, ///< the next chunk may go
        Moved,    ///< all data of a command
        Complete, ///< the command is done
        Coalesce, ///< interrupt for what is there
    };
    struct Event {
        Tick time{};
        std::uint64_t order = 0;
        Step step = Step::Arrive;
        std::uint32_t what = 0; ///< a command, a lane, or a CPU
        [[nodiscard]] bool operator>(const Event& other) const {
            return time != other.time ? time > other.time : order > other.order;
        }
    };
    struct Command {
        BlockRequest request;
        Tick submitted{};
        Tick moved{};
        std::uint64_t entry = 0;    ///< in its submission ring
        std::uint32_t to_move = 0;  ///< bytes
        std::uint32_t to_write = 0; ///< bytes that the medium has not got yet, without a cache
        std::uint64_t barrier = 0;  ///< of a flush: bytes that must be on the medium
        BlockStatus status = BlockStatus::Done;
        bool taken = false; ///< in use
    };
    struct Transfer {
        CommandId command = 0;
        std::uint32_t bytes = 0;
    };
    struct Lane {
        std::uint64_t bandwidth = 0;
        std::deque<Transfer> waiting;
        bool busy = false;
    };
    struct Completed {
        Tick time{};
        BlockCompletion what;
    };
    struct Queue { ///< of a CPU
        BlockRings rings;
        std::uint64_t submitted = 0, completed = 0; ///< entries so far
        std::deque<Completed> done;
        std::uint32_t untold = 0; ///< completions without an interrupt
    };

    void schedule(Tick time, Step step, std::uint32_t what) { m_events.push({time, m_order++, step, what}); }
    void handle(const Event& event);
    [[nodiscard]] Tick access(PhysAddr place, AccessKind kind, Tick now);
    void stop(Tick now);
    void give_back(CommandId id, Tick written, BlockStatus status);
    void arrive(CommandId id, Tick now);
    void begin(CommandId id, Tick now);
    void add_transfer(CommandId id, std::uint32_t bytes, Tick now);
    void move_chunk(std::uint32_t lane, Tick now);
    [[nodiscard]] Tick move_lines(Command& command, std::uint32_t bytes, Tick line_time, Tick now);
    void moved(CommandId id, Tick now);
    void admit_writes(Tick now);
    void media_done(const MediaPart& part, Tick now);
    void end_flushes(Tick now);
    void complete(CommandId id, Tick now);
    void tell(CpuId cpu, Tick now);
    void raise(CpuId cpu, Tick now);
    [[nodiscard]] Queue& ring_queue(CpuId cpu) {
        return m_queues[m_parameters.queues == BlockDeviceLimits::Queues::PerCpu ? cpu : CpuId{}];
    }
    [[nodiscard]] std::uint32_t lane_of(BlockRequest::Kind kind) const {
        return kind == BlockRequest::Kind::Write && m_parameters.full_duplex ? 1 : 0;
    }
    [[nodiscard]] std::uint64_t bandwidth_of(BlockRequest::Kind kind) const {
        return kind == BlockRequest::Kind::Write ? m_parameters.write_bandwidth : m_parameters.read_bandwidth;
    }

    BlockDeviceConfig m_config;
    BlockDeviceParameters m_parameters;
    DeviceId m_device;
    Ports m_ports;
    Rng m_rng;
    std::unique_ptr<BlockMedia> m_media;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> m_events;
    std::uint64_t m_order = 0;
    std::uint64_t m_seed;
    std::vector<Command> m_commands;
    std::vector<CommandId> m_free_commands;
    std::array<Lane, 2> m_lanes;
    IndexedVec<CpuId, Queue> m_queues;
    Tick m_front_free{}; ///< when the controller can take another command
    Tick m_reset_until{};
    bool m_refused = false;                   ///< an access of the event that is handled
    std::deque<CommandId> m_cache_queue;      ///< writes that wait for room in the cache
    std::uint64_t m_cached = 0;               ///< bytes
    std::uint64_t m_given = 0, m_written = 0; ///< bytes to the medium, on it
    std::deque<CommandId> m_flushes;
    BlockControllerStats m_stats;
};

} // namespace pagewalk::models
