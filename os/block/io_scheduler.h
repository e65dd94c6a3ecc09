#pragma once

#include "base/ids.h"
#include "base/time.h"
#include "contract/block_request.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>

namespace pagewalk::os {

enum class IoSchedulerKind : std::uint8_t { None, MqDeadline };

/// A request that waits for a tag of its hardware queue.
struct QueuedIo {
    std::uint64_t tag = 0;
    BlockRequest::Kind kind = BlockRequest::Kind::Read;
    std::uint64_t sector = 0;
    std::uint32_t bytes = 0;
    CpuId cpu{};
    Tick since{};
};

/// Does `next` begin where `first` ends, so that both may be one request of at most `most` bytes?
[[nodiscard]] inline bool continues(const QueuedIo& first, const QueuedIo& next, std::uint64_t most) {
    return first.kind == next.kind && first.kind != BlockRequest::Kind::Flush &&
           first.sector + first.bytes / sector_size == next.sector && first.bytes + next.bytes <= most;
}

/// Requests of a hardware queue that wait to be dispatched, in an order of its own. Contract: times ascend.
class IoScheduler {
public:
    virtual ~IoScheduler() = default;
    virtual void add(const QueuedIo& io) = 0;
    /// Takes what is dispatched next.
    virtual std::optional<QueuedIo> next(Tick now) = 0;
    /// Appends `io` to a waiting request that ends where it begins. The tag of that one, where there is one.
    virtual std::optional<std::uint64_t> merge(const QueuedIo& io, std::uint64_t most) = 0;
    [[nodiscard]] virtual std::size_t waiting() const = 0;
};

/// No scheduler: each CPU has a software queue, and these have their turns.
class NoIoScheduler final : public IoScheduler {
public:
    void add(const QueuedIo& io) override;
    std::optional<QueuedIo> next(Tick now) override;
    std::optional<std::uint64_t> merge(const QueuedIo& io, std::uint64_t most) override;
    [[nodiscard]] std::size_t waiting() const override { return m_waiting; }

private:
    IndexedVec<CpuId, std::deque<QueuedIo>> m_queues;
    std::size_t m_turn = 0;
    std::size_t m_waiting = 0;
};

/// mq-deadline: batches of requests of one direction in the order of their sectors; reads come before writes,
/// but not more than twice in a row; what has waited for too long comes first. Flushes overtake all.
class DeadlineIoScheduler final : public IoScheduler {
public:
    // Source: Linux 6.1, /sys/block/*/queue/iosched of mq-deadline.
    static constexpr Tick read_expire{500'000'000 * ticks_per_ns};
    static constexpr Tick write_expire{5'000'000'000 * ticks_per_ns};
    static constexpr unsigned fifo_batch = 16;
    static constexpr unsigned writes_starved = 2;

    void add(const QueuedIo& io) override;
    std::optional<QueuedIo> next(Tick now) override;
    std::optional<std::uint64_t> merge(const QueuedIo& io, std::uint64_t most) override;
    [[nodiscard]] std::size_t waiting() const override {
        return m_flushes.size() + m_reads.sorted.size() + m_writes.sorted.size();
    }

private:
    using Sorted = std::multimap<std::uint64_t, QueuedIo>;
    struct Direction {
        Sorted sorted;                                ///< by first sector
        std::multimap<Tick, Sorted::iterator> by_age; ///< oldest first
        std::uint64_t position = 0;                   ///< sector behind what was dispatched last
    };
    [[nodiscard]] Direction& direction(BlockRequest::Kind kind) {
        return kind == BlockRequest::Kind::Write ? m_writes : m_reads;
    }
    [[nodiscard]] bool batch_goes_on() const;
    void choose_direction();
    [[nodiscard]] Sorted::iterator choose(Tick now);
    static void forget_age(Direction& direction, Sorted::iterator which);

    std::deque<QueuedIo> m_flushes;
    Direction m_reads, m_writes;
    BlockRequest::Kind m_way = BlockRequest::Kind::Read; ///< of the batch
    unsigned m_batched = 0;
    unsigned m_starved = 0; ///< batches of reads while writes waited
};

[[nodiscard]] std::unique_ptr<IoScheduler> make_io_scheduler(IoSchedulerKind kind);

} // namespace pagewalk::os
