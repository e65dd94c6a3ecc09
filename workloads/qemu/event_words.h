#pragma once

#include <cstddef>
#include <cstdint>

/// The 8-byte words of a thread's event stream, in a ring and in a .pwt file. Bits 62-63 say what a word is:
///   00  memory access of the block before it, packed as pagewalk::MemoryReference
///   10  a block begins; bits 0-31 its id in the block dictionary
///   11  another event; bits 48-55 its kind, bits 0-31 how many payload words follow (they may hold any
///   value)
/// Standard library only: the plugin includes it too.
namespace pagewalk::workloads {

inline constexpr std::uint64_t block_word = 2ULL << 62;
inline constexpr std::uint64_t event_word = 3ULL << 62;

enum class EventKind : std::uint8_t {
    SyscallEnter = 1,  ///< number, 6 arguments, enter order, path length in bytes, space epoch, path padded
                       ///< with zeros, then address and bytes of each segment that its iovecs name
    SyscallReturn = 2, ///< number, result, exit order, and, where it wrote two file descriptors to memory,
                       ///< these, the first in the low half
    ThreadEnd = 3,     ///< no payload; the thread runs no further instruction
    SpaceEpoch = 4,    ///< the space epoch that the thread saw before what follows (space_order.h)
};
inline constexpr std::uint32_t enter_payload_words = 10; ///< without path and segments
inline constexpr std::uint32_t return_payload_words = 3; ///< without descriptors
inline constexpr std::size_t max_segments = 1024;        ///< of one call, more are left out; IOV_MAX

[[nodiscard]] constexpr bool is_memory(std::uint64_t word) { return word >> 62 == 0; }
[[nodiscard]] constexpr bool is_block(std::uint64_t word) { return word >> 62 == 2; }
[[nodiscard]] constexpr std::uint32_t block_id(std::uint64_t word) {
    return static_cast<std::uint32_t>(word);
}
[[nodiscard]] constexpr std::uint64_t event_header(EventKind kind, std::uint32_t payload_words) {
    return event_word | static_cast<std::uint64_t>(kind) << 48 | payload_words;
}
[[nodiscard]] constexpr EventKind event_kind(std::uint64_t word) {
    return static_cast<EventKind>(word >> 48 & 0xff);
}
[[nodiscard]] constexpr std::uint32_t payload_words(std::uint64_t word) {
    return static_cast<std::uint32_t>(word);
}

} // namespace pagewalk::workloads
