#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pagewalk::os {

/// Name and value, in the order of the text.
using NamedValues = std::vector<std::pair<std::string, std::uint64_t>>;

/// An area of a process as /proc/PID/smaps shows it.
struct AreaText {
    std::string line;  ///< addresses, permissions and offset of its line
    NamedValues sizes; ///< KiB
};

/// What /proc told of a process.
struct ProcessTexts {
    std::string who; ///< P0 the program, P1.. its children and threads in order of creation
    std::uint64_t minor_faults = 0, major_faults = 0;
    std::vector<AreaText> areas;
};

/// What was recorded when a program reached a marker.
struct StepCapture {
    std::uint64_t sequence = 0;
    std::string step;     ///< the marker's number, "exec" or "gone"
    NamedValues counters; ///< vmstat before anything else was read
    NamedValues after;    ///< and after everything else was: what recording itself costs lies between
    std::vector<ProcessTexts> processes;
};

/// Reads a job's `steps`. Errors: InputError naming `name`, the line and the field.
[[nodiscard]] std::vector<StepCapture> parse_steps(std::string_view text, const std::string& name);

/// The areas of a maps or smaps text; those of the kernel's half are left out. Errors as parse_steps.
[[nodiscard]] std::vector<AreaText> parse_areas(std::string_view text, const std::string& name,
                                                std::size_t first_line = 1);
/// "name value" lines, as of /proc/vmstat. Errors as parse_steps.
[[nodiscard]] NamedValues parse_values(std::string_view text, const std::string& name,
                                       std::size_t first_line = 1);

/// Null where there is no such name.
[[nodiscard]] const std::uint64_t* find_value(const NamedValues& values, std::string_view name);

} // namespace pagewalk::os
