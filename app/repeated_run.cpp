#include "app/repeated_run.h"

#include "app/run_inputs.h"
#include "app/version.h"
#include "app/words.h"
#include "base/config_file.h"
#include "base/error.h"
#include "base/scratch_folder.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <ostream>

namespace pagewalk::app {

namespace {

/// Rows of a table that are searched for the first difference.
constexpr std::uint64_t most_rows = 1 << 24;

/// What the revision of Pagewalk says, not its results.
bool is_about_the_program(const std::string& path) {
    return path == "/meta/version" || path == "/meta/git_revision";
}

struct RowDifference {
    std::uint64_t time = std::numeric_limits<std::uint64_t>::max(); ///< ps
    std::string text;
};

std::uint64_t time_of(const results::StoredEvents& events, std::uint64_t row) {
    const auto column = std::ranges::find(events.schema.columns, "time", &EventColumn::name);
    std::uint64_t time = std::numeric_limits<std::uint64_t>::max();
    if (column != events.schema.columns.end() && row < events.read)
        std::memcpy(&time, &events.rows[row * events.schema.row_bytes + column->offset], sizeof time);
    return time;
}

std::string row_text(const results::StoredEvents& events, std::uint64_t row) {
    if (row >= events.read) return "no such row";
    std::string text;
    for (std::size_t column = 0; column < events.schema.columns.size(); ++column)
        text +=
            (column == 0 ? "" : " ") + events.schema.columns[column].name + "=" + events.cell(row, column);
    return text;
}

RowDifference compare_table(const results::RunReader& before, const results::RunReader& after,
                            const std::string& table) {
    const results::StoredEvents a = before.events(table, most_rows), b = after.events(table, most_rows);
    RowDifference difference;
    if (a.schema.row_bytes != b.schema.row_bytes) return difference;
    const std::size_t size = a.schema.row_bytes;
    const std::uint64_t rows = std::min(a.read, b.read);
    std::uint64_t row = 0;
    while (row < rows && std::memcmp(&a.rows[row * size], &b.rows[row * size], size) == 0) ++row;
    if (row == rows && a.read == b.read) return difference;
    difference.time = std::min(time_of(a, row), time_of(b, row));
    difference.text = "/events/" + table + ", row " + std::to_string(row) + ": was " + row_text(a, row) +
                      ", is " + row_text(b, row);
    return difference;
}

} // namespace

RepeatedRun::RepeatedRun(const std::filesystem::path& file)
    : m_path(std::filesystem::absolute(file)), m_before(m_path) {
    if (const std::string status = m_before.status(); status == "running" || status == "failed")
        throw InputError(m_path.string() + " is of a run that did not end (" + status +
                         "): there is nothing to compare a repetition with");
}

void RepeatedRun::prepare(OptionSet& options) const {
    const ScratchFolder folder;
    const std::filesystem::path config = folder / "run.cfg";
    std::ofstream(config) << m_before.config();
    load_config_file(config, options);
    if (const std::string directory = m_before.meta("host/working_directory"); !directory.empty()) {
        std::error_code error;
        std::filesystem::current_path(directory, error);
        if (error)
            throw InputError(m_path.string() + ": the run's working directory " + directory +
                             " cannot be entered: " + error.message());
    }
    if (const std::string environment = m_before.meta("host/environment"); !environment.empty())
        restore_environment(environment);
    if (const std::string revision = m_before.meta("git_revision"); revision != git_revision())
        std::fprintf(stderr, "pagewalk: the run was made by revision %s of Pagewalk, this is %s\n",
                     revision.c_str(), std::string(git_revision()).c_str());
    for (const std::string& change : changed_inputs(parse_inputs(m_before.meta("host/inputs"))))
        std::fprintf(stderr, "pagewalk: input %s\n", change.c_str());
}

int RepeatedRun::compare(const std::filesystem::path& repeated, std::ostream& out) const {
    const results::RunReader after(repeated);
    std::vector<std::string> paths = results::differences(m_before, after);
    std::erase_if(paths, is_about_the_program);
    if (paths.empty()) {
        out << "identical to " << m_path.string() << "\n";
        return 0;
    }
    out << "not identical to " << m_path.string() << ": " << paths.size() << " objects differ; first "
        << first_difference(m_before, after, paths) << "\n";
    return 1;
}

std::string first_difference(const results::RunReader& before, const results::RunReader& after,
                             const std::vector<std::string>& paths) {
    constexpr std::string_view tables = "/events/";
    RowDifference first;
    for (const std::string& path : paths) {
        if (!path.starts_with(tables)) continue;
        const std::string table = path.substr(tables.size());
        const auto has = [&](const results::RunReader& run) {
            const std::vector<std::string> names = run.event_names();
            return std::ranges::find(names, table) != names.end();
        };
        if (!has(before) || !has(after)) continue;
        RowDifference found = compare_table(before, after, table);
        if (!found.text.empty() && (first.text.empty() || found.time < first.time)) first = std::move(found);
    }
    if (!first.text.empty()) return first.text;
    return paths.empty() ? "" : paths.front();
}

} // namespace pagewalk::app
