#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pagewalk::workloads {

/// One line of `valgrind --tool=lackey --trace-mem=yes`. Source: the Valgrind user manual, section 17
/// (Lackey), and the tool's output: "I  04001000,3", " L 1ffeffe7e,8", " S ...", " M ..."; hexadecimal
/// address, decimal bytes.
struct LackeyLine {
    enum class Kind : std::uint8_t { Instruction, Load, Store, Modify };
    Kind kind = Kind::Instruction;
    std::uint64_t address = 0;
    std::uint32_t bytes = 0;
};

inline constexpr const char* lackey_allowed = "allowed: \"I  <hex address>,<bytes 1-15>\", \" L <hex "
                                              "address>,<bytes 1-4096>\", the same with S or M, valgrind's "
                                              "\"==pid==\" lines and empty lines";

/// Whether the line is valgrind's own talk (==, --, ** followed by digits) or empty.
[[nodiscard]] bool is_valgrind_message(std::string_view line);

/// Whether the line is what --trace-superblocks=yes adds: "SB 04001000".
[[nodiscard]] bool is_superblock_line(std::string_view line);

/// Null when the line is neither of the four.
[[nodiscard]] std::optional<LackeyLine> parse_lackey_line(std::string_view line);

} // namespace pagewalk::workloads
