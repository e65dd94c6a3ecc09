#include "workloads/trace/lackey_line.h"

#include <charconv>

namespace pagewalk::workloads {

namespace {

constexpr std::uint32_t longest_instruction = 15;
/// xsave areas are the largest single accesses that valgrind reports.
constexpr std::uint32_t longest_access = 4096;

} // namespace

bool is_valgrind_message(std::string_view line) {
    if (line.find_first_not_of(" \t") == std::string_view::npos) return true;
    const std::string_view mark = line.substr(0, 2);
    return line.size() > 2 && (mark == "==" || mark == "--" || mark == "**") && line[2] >= '0' &&
           line[2] <= '9';
}

bool is_superblock_line(std::string_view line) {
    constexpr std::string_view begin = "SB ";
    return line.starts_with(begin) && line.size() > begin.size() &&
           line.find_first_not_of("0123456789abcdefABCDEF", begin.size()) == std::string_view::npos;
}

std::optional<LackeyLine> parse_lackey_line(std::string_view line) {
    if (line.size() < 6 || line[2] != ' ') return std::nullopt;
    LackeyLine parsed;
    if (line[0] == 'I' && line[1] == ' ')
        parsed.kind = LackeyLine::Kind::Instruction;
    else if (line[0] == ' ' && line[1] == 'L')
        parsed.kind = LackeyLine::Kind::Load;
    else if (line[0] == ' ' && line[1] == 'S')
        parsed.kind = LackeyLine::Kind::Store;
    else if (line[0] == ' ' && line[1] == 'M')
        parsed.kind = LackeyLine::Kind::Modify;
    else
        return std::nullopt;

    const char* const end = line.data() + line.size();
    const auto address = std::from_chars(line.data() + 3, end, parsed.address, 16);
    if (address.ec != std::errc{} || address.ptr == end || *address.ptr != ',') return std::nullopt;
    const auto bytes = std::from_chars(address.ptr + 1, end, parsed.bytes, 10);
    if (bytes.ec != std::errc{} || bytes.ptr != end) return std::nullopt;
    const std::uint32_t most =
        parsed.kind == LackeyLine::Kind::Instruction ? longest_instruction : longest_access;
    if (parsed.bytes == 0 || parsed.bytes > most) return std::nullopt;
    return parsed;
}

} // namespace pagewalk::workloads
