#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// Counters of /proc/vmstat that do not repeat exactly from run to run on a real machine, by program. The
/// list, with reasons, is tests/data/replay/inexact_counters.txt.
class InexactCounters {
public:
    /// "COMMAND-PATTERN : COUNTER-PATTERN... : REASON" lines, patterns as of a shell. Errors: InputError
    /// naming the line.
    [[nodiscard]] static InexactCounters parse(std::string_view text, const std::string& name);
    /// The list that comes with Pagewalk. Errors: InputError where it cannot be read.
    [[nodiscard]] static InexactCounters load();

    [[nodiscard]] bool contains(std::string_view command, std::string_view counter) const;

private:
    struct Row {
        std::string command;
        std::vector<std::string> counters;
    };
    std::vector<Row> m_rows;
};

} // namespace pagewalk::os
