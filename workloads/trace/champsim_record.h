#pragma once

#include "contract/instruction_stream.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

/// The ChampSim trace format, one 64-byte little-endian record an instruction. Source of format and of the
/// meaning of registers: ChampSim's documentation and its tracer (github.com/ChampSim/ChampSim); facts only.
namespace pagewalk::workloads {

struct ChampSimRecord {
    std::uint64_t ip = 0;
    std::uint8_t is_branch = 0;                          ///< 0 or 1
    std::uint8_t branch_taken = 0;                       ///< 0 or 1
    std::array<std::uint8_t, 2> destination_registers{}; ///< 0 = none
    std::array<std::uint8_t, 4> source_registers{};
    std::array<std::uint64_t, 2> destination_memory{}; ///< 0 = none
    std::array<std::uint64_t, 4> source_memory{};
};
static_assert(sizeof(ChampSimRecord) == 64 && std::endian::native == std::endian::little);

inline constexpr std::size_t champsim_record_bytes = sizeof(ChampSimRecord);
/// The registers that tell branches apart.
inline constexpr std::uint8_t champsim_stack_pointer = 6;
inline constexpr std::uint8_t champsim_flags = 25;
inline constexpr std::uint8_t champsim_instruction_pointer = 26;

/// Everything about the instruction but its address, its memory addresses and its branch's outcome.
[[nodiscard]] inline std::uint64_t static_part(const ChampSimRecord& record) {
    std::uint64_t word = 0;
    std::memcpy(&word, reinterpret_cast<const char*>(&record) + offsetof(ChampSimRecord, is_branch),
                sizeof word);
    return word & ~0xff00ULL;
}

/// The kind that the registers tell, as ChampSim infers it; a writer of the instruction pointer that fits no
/// kind is an IndirectJump.
[[nodiscard]] BranchKind branch_kind(const ChampSimRecord& record);

/// What cannot come from a tracer: flags other than 0 and 1, or an address that x86-64 cannot have. Null when
/// fine.
[[nodiscard]] const char* why_absurd(const ChampSimRecord& record);

} // namespace pagewalk::workloads
