#include "app/sweep_folder.h"

#include "app/child_process.h"
#include "app/run_set.h"
#include "app/system_config.h"
#include "base/config_file.h"
#include "base/config_value.h"
#include "base/error.h"
#include "results/run_reader.h"
#include "results/sweep_index.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <sys/wait.h>
#include <system_error>

namespace pagewalk::app {

namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
}

/// What is there already is left alone: on a full disk it would be lost.
void write_text(const fs::path& file, const std::string& text) {
    if (read_text(file) == text) return;
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    if (!out)
        throw InputError("cannot write " + file.string() + ": " +
                         std::error_code(errno, std::generic_category()).message());
}

/// A folder with anything but a sweep's own files is somebody else's.
void check_content(const fs::path& folder) {
    static const std::set<std::string> own{"points",       "sweep.cfg",     "journal.tsv", "index.h5",
                                           "index.h5.tmp", "index.h5.lock", "slurm",       "report.html"};
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
        if (!own.contains(entry.path().filename().string()))
            throw InputError("the folder " + folder.string() + " holds " + entry.path().filename().string() +
                             ", which is of no sweep; -o DIR names another folder");
}

std::map<std::string, std::string> options_of(const std::string& config) {
    std::map<std::string, std::string> options;
    for (const ConfigEntry& entry : parse_config("configuration", config))
        options[entry.key] = format_config_value(entry.value);
    return options;
}

bool was_killed(const std::optional<ChildEnd>& end) {
    return end && WIFSIGNALED(end->status) && WTERMSIG(end->status) == SIGKILL;
}

} // namespace

SweepFolder::SweepFolder(const fs::path& path) : m_path(path) {
    try {
        if (fs::exists(path) && !fs::is_directory(path))
            throw InputError(path.string() + " is no folder; a sweep's results need one (-o DIR)");
        fs::create_directories(path / "points");
        check_content(path);
        m_is_used = fs::exists(path / "sweep.cfg");
        m_claim = std::make_unique<OutputClaim>(index(), results::is_sweep_index);
    } catch (const std::system_error& error) {
        throw InputError("cannot write to the folder " + path.string() + ": " + error.code().message());
    } catch (const OutputTaken& taken) {
        throw InputError("the sweep in " + path.string() + " is running: " + taken.what());
    } catch (const OutputRefused& refused) {
        throw InputError("cannot write " + index().string() + ": " + refused.what());
    }
    m_journal = std::make_unique<SweepJournal>(path / "journal.tsv");
}

FoundPoint SweepFolder::find(const SweepPoint& point) const {
    const fs::path results_file = results(point);
    if (!fs::exists(results_file)) return {};
    const auto read = [&](std::string& said) {
        const results::RunReader run(results_file);
        static_cast<void>(run.summary());
        static_cast<void>(run.stats());
        said = is_finished_status(run.status()) ? run.config() : "";
        return 0;
    };
    FoundPoint found;
    try {
        std::optional<ChildEnd> end = in_child(read);
        // A kill from outside says nothing about the file.
        for (int again = 0; again < 2 && was_killed(end); ++again) end = in_child(read);
        if (!end || !end->whole) {
            found = {FoundPoint::State::Damaged, "reading it died", {}};
        } else if (end->said.empty()) {
            found.state = FoundPoint::State::Unfinished;
        } else {
            found.state = changed_options(end->said, point.config).empty() ? FoundPoint::State::Finished
                                                                           : FoundPoint::State::Changed;
            found.config = end->said;
        }
    } catch (const std::exception& error) {
        found = {FoundPoint::State::Damaged, error.what(), {}};
    }
    return found;
}

std::vector<std::string> SweepFolder::strangers(const SweepPlan& plan) const {
    std::set<std::string> names;
    for (const SweepPoint& point : plan.points) names.insert(point.name + ".h5");
    std::vector<std::string> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(m_path / "points"))
        if (const fs::path name = entry.path().filename();
            name.extension() == ".h5" && !names.contains(name.string()))
            found.push_back(name.stem().string());
    std::ranges::sort(found);
    return found;
}

fs::path SweepFolder::put_aside(const SweepPoint& point) const {
    const fs::path to = results(point).string() + ".damaged";
    std::error_code error;
    fs::rename(results(point), to, error);
    if (error) throw InputError("cannot rename " + results(point).string() + ": " + error.message());
    return to;
}

void SweepFolder::write_configs(const std::string& sweep_text, const SweepPlan& plan) const {
    for (const SweepPoint& point : plan.points) write_text(config(point), point.config);
    write_text(m_path / "sweep.cfg", sweep_text);
}

std::vector<std::string> SweepFolder::last_log_lines(const SweepPoint& point, std::size_t most) const {
    constexpr std::streamoff tail = 16 << 10;
    std::ifstream in(log(point), std::ios::binary | std::ios::ate);
    if (const std::streamoff size = in ? std::streamoff(in.tellg()) : 0; size > tail) {
        in.seekg(size - tail);
    } else {
        in.seekg(0);
    }
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        if (line.empty()) continue;
        lines.push_back(std::move(line));
        if (lines.size() > most) lines.erase(lines.begin());
    }
    return lines;
}

std::vector<std::string> changed_options(const std::string& before, const std::string& after) {
    if (before == after) return {};
    static const auto defaults = options_of(SystemConfig().options.resolved());
    const auto old_options = options_of(before), new_options = options_of(after);
    std::vector<std::string> lines;
    for (const auto& [key, value] : new_options) {
        const auto old = old_options.find(key);
        const auto normal = defaults.find(key);
        const bool is_new_and_unset =
            old == old_options.end() && normal != defaults.end() && normal->second == value;
        if (is_new_and_unset || (old != old_options.end() && old->second == value)) continue;
        lines.push_back(key + ": " + (old == old_options.end() ? "(absent)" : old->second) + " -> " + value);
    }
    for (const auto& [key, value] : old_options) {
        const bool is_ours = key.starts_with("program."); // any other is one that Pagewalk no longer has
        if (is_ours && !new_options.contains(key)) lines.push_back(key + ": " + value + " -> (absent)");
    }
    return lines;
}

} // namespace pagewalk::app
