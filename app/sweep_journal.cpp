#include "app/sweep_journal.h"

#include "base/error.h"
#include "base/printable.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <optional>
#include <unistd.h>
#include <vector>

namespace pagewalk::app {

namespace {

constexpr std::array<std::string_view, 4> outcome_names{"finished", "failed", "timed_out", "stopped"};
constexpr std::size_t columns = 5;

std::vector<std::string> split_tabs(const std::string& line) {
    std::vector<std::string> cells(1);
    for (const char c : line) {
        if (c == '\t') {
            cells.emplace_back();
        } else {
            cells.back() += c;
        }
    }
    return cells;
}

std::optional<PointEnd> read_end(const std::vector<std::string>& cells) {
    const auto outcome = std::ranges::find(outcome_names, cells[1]);
    PointEnd end{.text = cells[4]};
    const auto read = [](const std::string& cell, auto& number) {
        const auto [at, error] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
        return error == std::errc() && at == cell.data() + cell.size();
    };
    if (outcome == outcome_names.end() || !read(cells[2], end.seconds) || !read(cells[3], end.peak_memory))
        return {};
    end.outcome = static_cast<PointOutcome>(outcome - outcome_names.begin());
    return end;
}

} // namespace

std::string_view name_of(PointOutcome outcome) { return outcome_names[static_cast<std::size_t>(outcome)]; }

SweepJournal::SweepJournal(std::filesystem::path file) : m_file(std::move(file)) {
    std::ifstream in(m_file);
    std::string line;
    while (std::getline(in, line)) {
        if (in.eof()) break; // no line feed: cut off
        const std::vector<std::string> cells = split_tabs(line);
        if (cells.size() != columns) continue;
        if (const auto end = read_end(cells)) m_ends[cells[0]] = *end;
    }
    if (in.bad()) throw RunError("cannot read " + m_file.string());
}

void SweepJournal::add(const std::string& point, const PointEnd& end) {
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), "%.3f", end.seconds);
    std::string text = excerpt(end.text, 300);
    std::ranges::replace(text, '\t', ' ');
    // A line that a kill or a full disk cut off must not swallow this one: that one ends here.
    const std::string line = point + "\t" + std::string(name_of(end.outcome)) + "\t" + seconds.data() + "\t" +
                             std::to_string(end.peak_memory) + "\t" + text + "\n";
    const int fd = ::open(m_file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    char last = '\n';
    const off_t size = fd < 0 ? 0 : ::lseek(fd, 0, SEEK_END);
    const bool is_cut = size > 0 && ::pread(fd, &last, 1, size - 1) == 1 && last != '\n';
    const std::string written = (is_cut ? "\n" : "") + line;
    const bool done =
        fd >= 0 && ::write(fd, written.data(), written.size()) == static_cast<ssize_t>(written.size());
    const int why = errno;
    if (fd >= 0) ::close(fd);
    if (!done) throw RunError("cannot write " + m_file.string() + ": " + std::strerror(why));
    m_ends[point] = end;
}

std::uint64_t SweepJournal::peak_memory() const {
    std::uint64_t peak = 0;
    for (const auto& [point, end] : m_ends) peak = std::max(peak, end.peak_memory);
    return peak;
}

double SweepJournal::mean_seconds() const {
    double seconds = 0;
    std::size_t finished = 0;
    for (const auto& [point, end] : m_ends) {
        if (end.outcome != PointOutcome::Finished) continue;
        seconds += end.seconds;
        ++finished;
    }
    return finished == 0 ? 0 : seconds / static_cast<double>(finished);
}

} // namespace pagewalk::app
