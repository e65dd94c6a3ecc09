#include "os/replay/inexact_counters.h"

#include "base/error.h"

#include <algorithm>
#include <fnmatch.h>
#include <fstream>
#include <iterator>
#include <sstream>

namespace pagewalk::os {
namespace {

bool matches(const std::string& pattern, std::string_view text) {
    return fnmatch(pattern.c_str(), std::string(text).c_str(), 0) == 0;
}

} // namespace

InexactCounters InexactCounters::parse(std::string_view text, const std::string& name) {
    constexpr std::string_view separator = " : ";
    InexactCounters list;
    std::istringstream lines{std::string(text)};
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (line.empty() || line[0] == '#') continue;
        const std::size_t first = line.find(separator);
        const std::size_t second =
            first == std::string::npos ? first : line.find(separator, first + separator.size());
        if (second == std::string::npos)
            throw InputError(name + ":" + std::to_string(number) + ": wants COMMAND : COUNTERS : REASON");
        std::istringstream counters(line.substr(first + separator.size(), second - first - separator.size()));
        list.m_rows.push_back({line.substr(0, first), {}});
        for (std::string counter; counters >> counter;) list.m_rows.back().counters.push_back(counter);
    }
    return list;
}

InexactCounters InexactCounters::load() {
    const std::string path = PAGEWALK_REPLAY_DATA "/inexact_counters.txt";
    std::ifstream in(path, std::ios::binary);
    if (!in) throw InputError(path + ": cannot be opened for reading");
    return parse(std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()), path);
}

bool InexactCounters::contains(std::string_view command, std::string_view counter) const {
    return std::ranges::any_of(m_rows, [&](const Row& row) {
        return matches(row.command, command) &&
               std::ranges::any_of(row.counters,
                                   [&](const std::string& pattern) { return matches(pattern, counter); });
    });
}

} // namespace pagewalk::os
