#include "app/sweep.h"

#include "app/command_line.h"
#include "app/local_executor.h"
#include "app/simulation.h"
#include "app/slurm_executor.h"
#include "app/sweep_folder.h"
#include "app/sweep_plan.h"
#include "app/sweep_progress.h"
#include "app/sweep_table.h"
#include "base/error.h"
#include "base/printable.h"
#include "results/text_table.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

namespace pagewalk::app {

namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr const char* usage =
    "pagewalk sweep FILE.cfg [-o DIR] [-j N] [--executor local|slurm] [--dry-run] [--resume "
    "[--rerun-changed]]";
/// Program instructions a second of host time where no point tells. Source: docs/performance.md.
constexpr double assumed_speed = 20e6;
/// Host seconds of a run that executes next to nothing. Source: runs of configs/machines/single_core.cfg.
constexpr double assumed_start = 0.3;

struct Arguments {
    fs::path file;
    fs::path folder;
    unsigned jobs = 0;
    std::string executor;
    bool dry_run = false, resume = false, rerun_changed = false;
};

Arguments parse(std::span<const std::string> words) {
    Arguments arguments;
    std::string file, folder;
    po::options_description known;
    known.add_options()("output,o", po::value(&folder))("jobs,j", po::value(&arguments.jobs))(
        "executor", po::value(&arguments.executor)->default_value("local"))(
        "dry-run", po::bool_switch(&arguments.dry_run))("resume", po::bool_switch(&arguments.resume))(
        "rerun-changed", po::bool_switch(&arguments.rerun_changed))("file", po::value(&file));
    const po::variables_map values = read_command_line({"sweep", usage, words}, known, "file");
    if (file.empty()) throw InputError("sweep: no sweep file given\nusage: " + std::string(usage));
    if (values.count("jobs") != 0 && (arguments.jobs == 0 || arguments.jobs > 4096))
        throw InputError("sweep: -j wants 1 to 4096 points at a time");
    if (arguments.executor != "local" && arguments.executor != "slurm")
        throw InputError("sweep: --executor " + excerpt(arguments.executor) +
                         " is not known; allowed: local, slurm");
    if (arguments.rerun_changed && !arguments.resume)
        throw InputError("sweep: --rerun-changed has no effect without --resume");
    arguments.file = file;
    arguments.folder =
        folder.empty() ? fs::path("results") / "sweeps" / arguments.file.stem() : fs::path(folder);
    return arguments;
}

/// Seconds of host time that points take on one CPU; none where it cannot be told.
std::string cost_text(const SweepPlan& plan, const SweepJournal& journal, unsigned jobs) {
    double seconds = 0;
    std::string by;
    if (const double mean = journal.mean_seconds(); mean > 0) {
        seconds = mean * static_cast<double>(plan.points.size());
        by = "as the points that have run took";
    } else {
        for (const SweepPoint& point : plan.points) {
            if (point.instructions == 0)
                return "unknown: how many instructions a program has shows when it runs";
            seconds += assumed_start + static_cast<double>(point.instructions) / assumed_speed;
        }
        by = "at 20 million program instructions per second, the kernel's not counted";
    }
    std::string text = duration_text(seconds) + " of host time, " + duration_text(seconds / jobs) + " with " +
                       std::to_string(jobs) + " at a time (" + by + ")";
    if (const std::uint64_t peak = journal.peak_memory(); peak != 0)
        text += "; " + std::to_string(peak >> 20) + " MiB of memory each";
    return text;
}

int print_plan(const SweepPlan& plan, const Arguments& arguments, unsigned jobs) {
    results::TextTable table;
    std::vector<std::string> head{"point"};
    for (const SweepAxis& axis : plan.axes) head.push_back(axis.name);
    head.insert(head.end(), {"seed", "baseline"});
    table.add(std::move(head));
    for (const SweepPoint& point : plan.points) {
        std::vector<std::string> row{point.name};
        for (std::size_t i = 0; i < plan.axes.size(); ++i) row.push_back(plan.value(point, i).label);
        row.push_back(std::to_string(point.seed));
        row.push_back(point.baseline ? plan.points[*point.baseline].name : "");
        table.add(std::move(row));
    }
    std::cout << table.text() << "\n"
              << plan.points.size() << " points; results would go to " << arguments.folder.string()
              << "\ncost: " << cost_text(plan, SweepJournal(arguments.folder / "journal.tsv"), jobs) << "\n";
    return 0;
}

/// What stands between a sweep file, its folder and the executor.
class Sweep {
public:
    Sweep(const Arguments& arguments, const SweepFile& file, const SweepPlan& plan)
        : m_arguments(arguments), m_file(file), m_plan(plan), m_folder(arguments.folder),
          m_table(file, plan, m_folder) {
        if (m_folder.is_used() && !arguments.resume)
            throw InputError(
                "sweep: " + arguments.folder.string() +
                " holds a sweep already; --resume runs what is missing of it, -o DIR names another folder");
    }

    int run(unsigned jobs) {
        survey();
        m_folder.write_configs(m_file.text(), m_plan);
        const std::vector<SweepJob> missing = missing_jobs();
        if (m_arguments.resume)
            std::fprintf(stderr, "pagewalk: %zu of %zu points are there, %zu to run\n", m_table.finished(),
                         m_plan.points.size(), missing.size());
        m_table.write_index();
        m_index_written = Clock::now();
        catch_interrupts();
        execute(missing, jobs);
        m_progress.clear();
        m_table.write_index();
        return report();
    }

private:
    using Clock = std::chrono::steady_clock;

    void execute(const std::vector<SweepJob>& missing, unsigned jobs) {
        const std::chrono::duration<double> timeout(static_cast<double>(m_file.sweep().timeout.value()) /
                                                    1e12);
        const auto ended = [this](const SweepJob& job, const PointEnd& end) { point_ended(job.point, end); };
        const auto watch = [this](std::size_t running) { show_progress(running); };
        if (m_arguments.executor == "slurm") {
            SlurmExecutor(m_file.slurm(), m_folder.path() / "slurm",
                          {.jobs = m_arguments.jobs, .timeout = timeout})
                .run(missing, interrupt_requested, ended, watch);
        } else {
            LocalExecutor(
                {.jobs = jobs, .timeout = timeout, .memory_of_job = m_folder.journal().peak_memory()})
                .run(missing, interrupt_requested, ended, watch);
        }
    }

    /// What is there already, and what of it cannot be used.
    void survey() {
        std::map<std::string, std::size_t> changes; // of options: in how many points
        std::size_t changed = 0;
        for (std::size_t i = 0; i < m_plan.points.size(); ++i) {
            const SweepPoint& point = m_plan.points[i];
            const FoundPoint found = m_folder.find(point);
            switch (found.state) {
            case FoundPoint::State::Finished:
                m_table.add(i);
                break;
            case FoundPoint::State::Changed:
                ++changed;
                for (const std::string& line : changed_options(found.config, point.config)) ++changes[line];
                break;
            case FoundPoint::State::Damaged:
                std::fprintf(stderr, "pagewalk: %s; the point runs again, the damaged file is %s\n",
                             printable(found.text).c_str(), m_folder.put_aside(point).c_str());
                break;
            case FoundPoint::State::Missing:
            case FoundPoint::State::Unfinished:
                break;
            }
        }
        if (changed != 0) tell_changes(changed, changes);
        tell_strangers();
        if (m_table.versions().size() > 1)
            for (const auto& [version, points] : m_table.versions())
                std::fprintf(stderr, "pagewalk: %zu points are of version %s\n", points, version.c_str());
    }

    void tell_changes(std::size_t changed, const std::map<std::string, std::size_t>& changes) const {
        constexpr std::size_t most = 10;
        std::string text;
        std::size_t lines = 0;
        for (const auto& [line, points] : changes)
            if (lines++ < most)
                text += "\n  " + excerpt(line, 120) + " (" + std::to_string(points) + " points)";
        if (changes.size() > most) text += "\n  and " + std::to_string(changes.size() - most) + " more";
        const std::string what = std::to_string(changed) +
                                 " finished points were run with another configuration than " +
                                 m_file.path().string() + " has now:" + text;
        if (!m_arguments.rerun_changed)
            throw InputError(what + "\n--rerun-changed runs them again, -o DIR starts another folder");
        std::fprintf(stderr, "pagewalk: %s\npagewalk: these are run again\n", what.c_str());
    }

    void tell_strangers() const {
        const std::vector<std::string> strangers = m_folder.strangers(m_plan);
        if (strangers.empty()) return;
        std::fprintf(stderr,
                     "pagewalk: %zu results in %s are of points that %s no longer has, such as %s; they "
                     "stay, but not in the index\n",
                     strangers.size(), (m_folder.path() / "points").c_str(), m_file.path().c_str(),
                     strangers.front().c_str());
    }

    std::vector<SweepJob> missing_jobs() const {
        std::vector<SweepJob> jobs;
        const std::string program = fs::read_symlink("/proc/self/exe").string();
        for (std::size_t i = 0; i < m_plan.points.size(); ++i) {
            if (m_table.has(i)) continue;
            const SweepPoint& point = m_plan.points[i];
            jobs.push_back(
                {i,
                 {program, "run", m_folder.config(point).string(), "-o", m_folder.results(point).string()},
                 m_folder.log(point)});
        }
        return jobs;
    }

    void point_ended(std::size_t point, PointEnd end) {
        ++m_ended;
        if (end.outcome == PointOutcome::Finished) {
            try {
                m_table.add(point);
            } catch (const InputError& error) {
                end.outcome = PointOutcome::Failed;
                end.text = error.what();
            }
        }
        if (end.outcome == PointOutcome::Failed || end.outcome == PointOutcome::TimedOut)
            m_failed.insert(point);
        m_folder.journal().add(m_plan.points[point].name, end);
        refresh_index();
    }

    /// As often as it costs little: at most half a per cent of the time.
    void refresh_index() {
        if (Clock::now() < m_index_written + 200 * m_index_cost + std::chrono::seconds(1)) return;
        const Clock::time_point begin = Clock::now();
        m_table.write_index();
        m_index_written = Clock::now();
        m_index_cost = m_index_written - begin;
    }

    void show_progress(std::size_t running) {
        m_progress.update({.points = m_plan.points.size(),
                           .finished = m_table.finished(),
                           .failed = m_failed.size(),
                           .running = running,
                           .ended_now = m_ended});
    }

    int report() {
        constexpr std::size_t log_lines = 3;
        for (const std::size_t point : m_failed) {
            const SweepPoint& failed = m_plan.points[point];
            const PointEnd& end = m_folder.journal().ends().at(failed.name);
            std::fprintf(stderr, "pagewalk: point %s %s: %s; its log, %s, ends:\n", failed.name.c_str(),
                         end.outcome == PointOutcome::TimedOut ? "took longer than sweep.timeout" : "failed",
                         end.text.c_str(), m_folder.log(failed).c_str());
            for (const std::string& line : m_folder.last_log_lines(failed, log_lines))
                std::fprintf(stderr, "    %s\n", printable(line).c_str());
        }
        const bool all = m_table.finished() == m_plan.points.size();
        std::cout << m_table.finished() << " of " << m_plan.points.size() << " points finished"
                  << (m_failed.empty() ? "" : ", " + std::to_string(m_failed.size()) + " failed")
                  << (all ? "" : "; --resume runs the rest") << "\nindex  " << m_folder.index().string()
                  << "\n";
        return all ? 0 : 1;
    }

    const Arguments& m_arguments;
    const SweepFile& m_file;
    const SweepPlan& m_plan;
    SweepFolder m_folder;
    SweepTable m_table;
    SweepProgress m_progress;
    std::set<std::size_t> m_failed;
    std::size_t m_ended = 0;
    Clock::time_point m_index_written;
    Clock::duration m_index_cost{};
};

} // namespace

int run_sweep(std::span<const std::string> words) {
    const Arguments arguments = parse(words);
    const SweepFile file(arguments.file);
    const SweepPlan plan = make_plan(file);
    for (const std::string& note : plan.notes)
        std::fprintf(stderr, "pagewalk: %s\n", printable(note).c_str());
    const unsigned jobs = arguments.jobs != 0 ? arguments.jobs : usable_cpus();
    if (arguments.dry_run) return print_plan(plan, arguments, jobs);
    return Sweep(arguments, file, plan).run(jobs);
}

} // namespace pagewalk::app
