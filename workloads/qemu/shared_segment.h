#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

/// The memory that QEMU's plugin and Pagewalk share: one memfd, so nothing is left behind when either dies.
///
///   SegmentHeader | ThreadEntry[thread_slots] | RingControl[max_rings] | AnswerArea[max_rings] |
///   BlockEntry[max_blocks] | block bytes | rings
///
/// Standard library only: the plugin, which runs inside QEMU, includes it too.
namespace pagewalk::workloads {

inline constexpr std::uint64_t segment_magic = 0x31'4b'4c'41'57'47'50ULL; ///< "PGWALK1"
inline constexpr std::uint32_t max_rings = 4096;     ///< threads at a time, those of children included
inline constexpr std::uint32_t thread_slots = 8192;  ///< announcements that the consumer has not seen yet
inline constexpr std::uint32_t max_vcpus = 1U << 20; ///< virtual CPUs of one process; QEMU numbers them
inline constexpr std::uint32_t max_blocks = 1U << 24;
inline constexpr std::uint64_t max_block_bytes = 2ULL << 30;

/// A block may write this many words after its limit check: 512 instructions (QEMU's largest block) of 64
/// accesses.
inline constexpr std::uint64_t ring_slack_words = 32768;
/// Words written between two looks at the consumer; 32 KiB, small against a second-level cache.
inline constexpr std::uint64_t publish_words = 4096;
inline constexpr std::uint64_t min_ring_bytes = 1ULL << 20;

enum class SegmentFailure : std::uint32_t { None, TooManyThreads, TooManyRings, DictionaryFull, MapFailed };

struct SegmentHeader {
    std::uint64_t magic;
    std::uint64_t ring_bytes; ///< power of two
    std::int32_t consumer_pid;
    std::uint32_t follows_execve;      ///< 1: who executes comes back with this plugin
    std::uint32_t answers;             ///< 1: the consumer answers calls about memory (AnswerArea)
    std::atomic<std::uint32_t> closed; ///< the consumer has gone: stop the program
    std::atomic<SegmentFailure> failure;
    std::atomic<std::uint64_t> threads_claimed; ///< thread entries, ever; entry n is in slot n % thread_slots
    std::atomic<std::uint64_t> threads_seen;    ///< of these, how many the consumer has taken note of
    std::atomic<std::uint32_t> block_count;     ///< block entries claimed
    std::atomic<std::uint64_t> block_bytes;     ///< of the block byte area
    alignas(64) std::atomic<std::uint64_t> order;            ///< last order number given to a system call
    alignas(64) std::atomic<std::uint32_t> consumer_waiting; ///< for news of any thread
    std::atomic<std::uint32_t> news;                         ///< futex: the consumer sleeps here
};

/// Written by a thread before its first event.
struct ThreadEntry {
    std::atomic<std::uint64_t> ready; ///< its number + 1
    std::uint64_t epoch;              ///< the process's space epoch then (space_order.h)
    std::uint32_t ring;
    std::int32_t tid;
    std::int32_t pid;
    std::int32_t parent_pid;
};

enum class RingState : std::uint32_t {
    Free,
    Claimed,
    Released, ///< the producer is done with it; the consumer frees it
};

/// A single-producer, single-consumer ring of 8-byte words, mapped twice in a row by both sides so that any
/// stretch of it is contiguous. The first line belongs to the producer; its pointers are in QEMU's address
/// space. The cursor is in shared memory so that a program that is killed loses no event.
struct RingControl {
    alignas(64) std::uint64_t* cursor; ///< next word to write
    std::uint64_t* limit;              ///< a block may start below this
    std::uint64_t* mark;               ///< where `published` stands
    std::uint64_t* base;
    std::uint64_t epoch; ///< the space epoch last noted in the ring
    std::atomic<RingState> state;
    alignas(64) std::atomic<std::uint64_t> published; ///< words since the ring was claimed
    std::atomic<std::uint32_t> producer_waiting;
    std::atomic<std::uint32_t> data_signal;          ///< futex: the consumer sleeps here
    std::uint64_t thread;                            ///< its producer's number
    std::atomic<std::int32_t> pid, tid;              ///< the producer's; pid 0: it has left
    std::atomic<std::uint32_t> images;               ///< that it has executed
    std::atomic<std::uint32_t> gone;                 ///< another thread of its process has executed one
    alignas(64) std::atomic<std::uint64_t> consumed; ///< words
    std::atomic<std::uint32_t> consumer_waiting;
    std::atomic<std::uint32_t> room_signal; ///< futex: the producer sleeps here
};

/// What the consumer answers to the call of a ring's thread that waits for it: calls_about_memory.h.
struct AnswerArea {
    std::atomic<std::uint32_t> ready;
    std::uint32_t size; ///< of the data in use
    std::int64_t result;
    std::array<std::byte, 4096> data;
};

/// One translated block; its instruction lengths and then its bytes start at `offset` of the block byte area.
struct BlockEntry {
    std::uint64_t pc;
    std::uint64_t offset;
    std::uint32_t byte_count;
    std::uint16_t instruction_count;
    std::atomic<std::uint16_t> ready;
};
static_assert(sizeof(BlockEntry) == 24);

inline constexpr std::uint64_t align_page(std::uint64_t bytes) { return (bytes + 4095) & ~4095ULL; }
inline constexpr std::uint64_t thread_offset = align_page(sizeof(SegmentHeader));
inline constexpr std::uint64_t control_offset =
    thread_offset + align_page(thread_slots * sizeof(ThreadEntry));
inline constexpr std::uint64_t answer_offset = control_offset + align_page(max_rings * sizeof(RingControl));
inline constexpr std::uint64_t block_offset = answer_offset + align_page(max_rings * sizeof(AnswerArea));
inline constexpr std::uint64_t byte_offset = block_offset + align_page(max_blocks * sizeof(BlockEntry));
inline constexpr std::uint64_t ring_offset = byte_offset + max_block_bytes;
/// Bytes of the segment that both sides map once.
inline constexpr std::uint64_t fixed_bytes = ring_offset;

/// Typed access to the part of the segment that is mapped once.
class SegmentView {
public:
    SegmentView() = default;
    explicit SegmentView(void* base) : m_base(static_cast<std::byte*>(base)) {}

    [[nodiscard]] SegmentHeader& header() const { return *at<SegmentHeader>(0); }
    [[nodiscard]] ThreadEntry& thread(std::uint64_t number) const {
        return at<ThreadEntry>(thread_offset)[number % thread_slots];
    }
    [[nodiscard]] RingControl& control(std::uint32_t i) const { return at<RingControl>(control_offset)[i]; }
    [[nodiscard]] AnswerArea& answer(std::uint32_t ring) const { return at<AnswerArea>(answer_offset)[ring]; }
    [[nodiscard]] AnswerArea& answer(const RingControl& ring) const {
        return answer(static_cast<std::uint32_t>(&ring - &control(0)));
    }
    [[nodiscard]] BlockEntry& block(std::uint32_t i) const { return at<BlockEntry>(block_offset)[i]; }
    [[nodiscard]] std::uint8_t* bytes() const { return at<std::uint8_t>(byte_offset); }

private:
    template <class T>
    [[nodiscard]] T* at(std::uint64_t offset) const {
        return reinterpret_cast<T*>(m_base + offset);
    }
    std::byte* m_base = nullptr;
};

} // namespace pagewalk::workloads
