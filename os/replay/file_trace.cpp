#include "os/replay/file_trace.h"

#include "os/replay/text_fields.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr std::string_view add_event = "mm_filemap_add_to_page_cache";
constexpr std::string_view delete_event = "mm_filemap_delete_from_page_cache";
constexpr std::string_view issue_event = "block_rq_issue";

/// A file: inode number and device.
using FileKey = std::pair<std::uint64_t, std::uint64_t>;

struct PageChange {
    FileKey file;
    std::uint64_t index = 0;
    bool added = false;
};
struct ChangeStep {
    std::string marker;
    std::vector<PageChange> changes;
};

/// "12" of "index=12".
std::optional<std::string_view> field_of(const TextFields& fields, std::string_view key) {
    for (std::size_t i = 0; i < fields.size(); ++i)
        if (fields[i].size() > key.size() && fields[i].starts_with(key) && fields[i][key.size()] == '=')
            return fields[i].substr(key.size() + 1);
    return {};
}

std::uint64_t number_of(const TextFields& fields, const char* key) {
    const auto text = field_of(fields, key);
    std::uint64_t value = 0;
    if (!text) fields.fail(key, "is missing");
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{} || end != text->data() + text->size()) fields.fail(key, "is not a number");
    return value;
}

/// Of the file that most pages were added of; inode 0 is a device's own.
std::vector<FileTrace::Step> steps_of_main_file(const std::vector<ChangeStep>& steps) {
    std::map<FileKey, std::uint64_t> insertions;
    for (const ChangeStep& step : steps)
        for (const PageChange& change : step.changes)
            if (change.added && change.file.first != 0) ++insertions[change.file];
    const auto file = std::ranges::max_element(insertions, {}, [](const auto& each) { return each.second; });
    std::vector<FileTrace::Step> result;
    for (const ChangeStep& step : steps) {
        FileTrace::Step& of_file = result.emplace_back();
        of_file.marker = step.marker;
        for (const PageChange& change : step.changes)
            if (file != insertions.end() && change.file == file->first)
                (change.added ? of_file.added : of_file.deleted).push_back(change.index);
    }
    return result;
}

/// "0-3 4 9-12"
std::string runs_of(const std::vector<std::uint64_t>& indices) {
    constexpr std::size_t most = 12;
    std::string text;
    std::size_t runs = 0;
    for (std::size_t i = 0; i < indices.size();) {
        std::size_t end = i + 1;
        while (end < indices.size() && indices[end] == indices[end - 1] + 1) ++end;
        if (runs++ == most) return text + " ...";
        text += (text.empty() ? "" : " ") + std::to_string(indices[i]);
        if (end - i > 1) text += "-" + std::to_string(indices[end - 1]);
        i = end;
    }
    return text.empty() ? "none" : text;
}

} // namespace

FileTrace parse_file_trace(std::string_view text, const std::string& name) {
    FileTrace trace;
    std::vector<ChangeStep> steps;
    std::vector<PageChange> changes;
    bool begun = false; // what comes before the first marker is the rig's
    for_each_line(text, [&](std::string_view line, std::size_t number) {
        const bool marks = line.starts_with("# MARK");
        if (!marks && line.find("filemap") == std::string_view::npos &&
            line.find(issue_event) == std::string_view::npos)
            return;
        const TextFields fields(line, name, number);
        if (marks) {
            const auto step = field_of(fields, "step");
            if (begun) steps.push_back({std::string(step.value_or("")), std::exchange(changes, {})});
            changes.clear();
            begun = true;
        } else if (begun && fields.size() > 3 && (fields[3] == add_event || fields[3] == delete_event)) {
            changes.push_back({{number_of(fields, "i_ino"), number_of(fields, "s_dev")},
                               number_of(fields, "index"),
                               fields[3] == add_event});
        } else if (begun && fields.size() > 3 && fields[3] == issue_event) {
            const std::string_view kind = field_of(fields, "rwbs").value_or("");
            if (kind.starts_with('R') && !kind.contains('M')) ++trace.reads[number_of(fields, "nr_sector")];
        }
    });
    trace.steps = steps_of_main_file(steps);
    return trace;
}

void FileTraceRecorder::end_step(const std::string& marker, std::span<const FilemapEvent> events) {
    m_steps.push_back({marker, {events.begin(), events.end()}});
}

void FileTraceRecorder::add_requests(std::span<const BlockEvent> events) {
    for (const BlockEvent& event : events)
        if (event.call == BlockCall::Read) ++m_reads[event.nr_sector];
}

FileTrace FileTraceRecorder::take() {
    std::vector<ChangeStep> steps;
    for (const Step& step : m_steps) {
        ChangeStep& changes = steps.emplace_back();
        changes.marker = step.marker;
        for (const FilemapEvent& event : step.events)
            changes.changes.push_back({{std::uint64_t{event.i_ino} + 1, 0}, // ours begin with 0
                                       event.index,
                                       event.call == FilemapCall::AddToPageCache});
    }
    m_steps.clear();
    return {steps_of_main_file(steps), std::exchange(m_reads, {})};
}

void compare_file_traces(const FileTrace& real, const FileTrace& ours, ProgramReport& report) {
    const auto compare = [&](const std::string& marker, const char* what,
                             const std::vector<std::uint64_t>& there,
                             const std::vector<std::uint64_t>& here) {
        if (there.empty() && here.empty()) return;
        report.cached.count(there == here);
        if (there != here) report.differ({marker, what, runs_of(there), runs_of(here)});
    };
    // A trace may have been taken without these events.
    const bool traced =
        std::ranges::any_of(real.steps, [](const FileTrace::Step& step) { return !step.added.empty(); });
    for (const FileTrace::Step& step : real.steps) {
        if (!traced) break;
        const auto found = std::ranges::find(ours.steps, step.marker, &FileTrace::Step::marker);
        if (found == ours.steps.end()) continue;
        compare(step.marker, "pages added", step.added, found->added);
        compare(step.marker, "pages deleted", step.deleted, found->deleted);
    }
    for (const auto& [sectors, count] : real.reads) {
        const auto found = ours.reads.find(sectors);
        const std::uint64_t here = found == ours.reads.end() ? 0 : found->second;
        report.requests.same += std::min(count, here);
        report.requests.total += count;
        if (here != count)
            report.differ({"end", "disk reads of " + std::to_string(sectors) + " sectors",
                           std::to_string(count), std::to_string(here)});
    }
}

} // namespace pagewalk::os
