#include "app/slurm_executor.h"

#include "app/host_command.h"
#include "app/words.h"
#include "base/error.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>
#include <unistd.h>

namespace pagewalk::app {

namespace {

namespace fs = std::filesystem;

/// Tasks of one array. Source: MaxArraySize of slurm.conf, 1001 by default, is the first index not allowed.
constexpr std::size_t most_tasks = 1000;
constexpr auto poll = std::chrono::milliseconds(1000);
/// A task's last words may reach the folder after its job has gone: network file systems.
constexpr auto patience = std::chrono::seconds(10);
constexpr unsigned most_silent_polls = 60;

void write_text(const fs::path& file, const std::string& text) {
    std::ofstream out(file, std::ios::trunc);
    out << text;
    out.close();
    if (!out) throw InputError("cannot write " + file.string());
}

/// Runs the task's line of tasks.txt and notes its exit status and seconds: N.end is there whole or not at
/// all.
constexpr const char* script = R"script(#!/bin/sh
# $1: this folder; $2: the first task of this array.
task=$((SLURM_ARRAY_TASK_ID + $2))
begin=$(date +%s.%N)
sh -c "$(sed -n "$((task + 1))p" "$1/tasks.txt")"
status=$?
seconds=$(echo "$(date +%s.%N) $begin" | awk '{printf "%.3f", $1 - $2}')
echo "$status $seconds" >"$1/$task.end.new"
mv "$1/$task.end.new" "$1/$task.end"
exit $status
)script";

std::string told(const std::string& state) {
    if (state.empty()) return "its Slurm job is gone without a word";
    return "Slurm ended its job: " + state;
}

bool has_ended(const std::string& state) {
    static const std::set<std::string> alive{"PENDING",  "RUNNING",  "CONFIGURING", "COMPLETING", "SUSPENDED",
                                             "REQUEUED", "RESIZING", "SIGNALING",   "STAGE_OUT"};
    return !alive.contains(state);
}

} // namespace

std::vector<std::string> SlurmExecutor::submission(std::size_t first, std::size_t count) const {
    std::vector<std::string> words{"sbatch",
                                   "--parsable",
                                   "--job-name=pagewalk",
                                   "--array=0-" + std::to_string(count - 1) +
                                       (m_limits.jobs == 0 ? "" : "%" + std::to_string(m_limits.jobs)),
                                   "--ntasks=1",
                                   "--cpus-per-task=" + std::to_string(m_config.cpus),
                                   "--output=/dev/null",
                                   "--no-requeue"};
    if (!m_config.partition.empty()) words.push_back("--partition=" + m_config.partition);
    if (!m_config.memory.empty()) words.push_back("--mem=" + m_config.memory);
    if (!m_config.time.empty()) words.push_back("--time=" + m_config.time);
    std::ranges::move(split_words(m_config.options), std::back_inserter(words));
    const std::string folder = fs::absolute(m_folder).string();
    for (const std::string& word : {folder + "/array.sh", folder, std::to_string(first)})
        words.push_back(word);
    return words;
}

void SlurmExecutor::run(std::span<const SweepJob> jobs, const std::function<bool()>& stop, const Ended& ended,
                        const Watch& watch) {
    if (jobs.empty()) return;
    std::error_code error;
    fs::create_directories(m_folder, error);
    cancel_earlier();
    write_tasks(jobs);
    submit(jobs.size());
    wait(jobs, stop, ended, watch);
    fs::remove(m_folder / "arrays.txt", error);
}

void SlurmExecutor::cancel_earlier() const {
    std::ifstream in(m_folder / "arrays.txt");
    for (std::string number; in >> number;) {
        static_cast<void>(ask_host(std::vector<std::string>{"scancel", number}));
        // What it was writing must be free before it is written anew.
        while (!ask_host(std::vector<std::string>{"squeue", "-h", "-j", number}).text.empty() &&
               ask_host(std::vector<std::string>{"squeue", "-h", "-j", number}).status == 0)
            std::this_thread::sleep_for(poll);
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(m_folder))
        if (entry.path().extension() == ".end") fs::remove(entry.path());
}

void SlurmExecutor::write_tasks(std::span<const SweepJob> jobs) const {
    // Slurm counts time in minutes.
    std::array<char, 64> timeout{};
    if (m_limits.timeout.count() > 0)
        std::snprintf(timeout.data(), timeout.size(), "timeout -k 10 %.3f ", m_limits.timeout.count());
    std::string lines;
    for (const SweepJob& job : jobs) {
        std::string line =
            "cd " + shell_quoted(fs::current_path().string()) + " && " + timeout.data() + m_config.launcher;
        for (const std::string& word : job.words) line += " " + shell_quoted(word);
        lines += line + " </dev/null >" + shell_quoted(job.log.string()) + " 2>&1\n";
    }
    write_text(m_folder / "tasks.txt", lines);
    write_text(m_folder / "array.sh", script);
}

void SlurmExecutor::submit(std::size_t count) {
    std::string numbers;
    for (std::size_t first = 0; first < count; first += most_tasks) {
        const HostAnswer answer = ask_host(submission(first, std::min(most_tasks, count - first)));
        if (answer.status == 127)
            throw InputError(
                "sweep: there is no sbatch here; --executor slurm wants Slurm's commands on this host");
        if (answer.status != 0) {
            cancel();
            throw InputError("sweep: Slurm refuses the array: " + answer.text);
        }
        m_arrays.push_back({answer.text.substr(0, answer.text.find_first_of(";\n")), first});
        numbers += m_arrays.back().number + "\n";
        write_text(m_folder / "arrays.txt", numbers);
    }
}

bool SlurmExecutor::take_end(const SweepJob& job, std::size_t task, bool cancelled,
                             const Ended& ended) const {
    std::ifstream in(m_folder / (std::to_string(task) + ".end"));
    int status = 0;
    PointEnd end;
    if (!(in >> status >> end.seconds)) return false;
    if (status != 0) {
        constexpr int timed_out = 124; // of timeout(1)
        end.outcome = cancelled             ? PointOutcome::Stopped
                      : status == timed_out ? PointOutcome::TimedOut
                                            : PointOutcome::Failed;
        end.text = status > 128 ? "it died of signal " + std::to_string(status - 128)
                                : "exit status " + std::to_string(status);
    }
    ended(job, end);
    return true;
}

/// By task. Throws RunError where Slurm does not answer; one that forgot the array says so, which is an
/// answer.
std::map<std::size_t, std::string> SlurmExecutor::states() const {
    std::map<std::size_t, std::string> states;
    for (const Array& array : m_arrays) {
        const HostAnswer answer = ask_host(std::vector<std::string>{"squeue", "-h", "-r", "--states=all",
                                                                    "-o", "%K %T", "-j", array.number});
        if (answer.status != 0 && !answer.text.contains("Invalid job id"))
            throw RunError("squeue: " + answer.text);
        if (answer.status != 0) continue;
        std::istringstream lines(answer.text);
        std::size_t index = 0;
        for (std::string state; lines >> index >> state;) states[array.first + index] = state;
    }
    return states;
}

void SlurmExecutor::wait(std::span<const SweepJob> jobs, const std::function<bool()>& stop,
                         const Ended& ended, const Watch& watch) {
    std::map<std::size_t, Clock::time_point> silent; // tasks that Slurm no longer runs and that said nothing
    std::set<std::size_t> open;
    for (std::size_t task = 0; task < jobs.size(); ++task) open.insert(open.end(), task);
    unsigned unanswered = 0;
    bool cancelled = false;
    while (!open.empty()) {
        if (stop() && !cancelled) {
            cancel();
            cancelled = true;
        }
        std::map<std::size_t, std::string> known;
        try {
            known = states();
            unanswered = 0;
        } catch (const RunError&) {
            if (++unanswered > most_silent_polls) throw;
            std::this_thread::sleep_for(poll);
            continue;
        }
        for (auto task = open.begin(); task != open.end();) {
            const std::string& state = known[*task];
            if (take_end(jobs[*task], *task, cancelled, ended)) {
                task = open.erase(task);
                continue;
            }
            const bool is_over =
                has_ended(state) && Clock::now() - silent.try_emplace(*task, Clock::now()).first->second >=
                                        (cancelled ? Clock::duration{} : patience);
            if (!is_over) {
                ++task;
                continue;
            }
            const PointOutcome outcome = cancelled            ? PointOutcome::Stopped
                                         : state == "TIMEOUT" ? PointOutcome::TimedOut
                                                              : PointOutcome::Failed;
            ended(jobs[*task], {.outcome = outcome, .text = told(state)});
            task = open.erase(task);
        }
        watch(static_cast<std::size_t>(
            std::ranges::count(known, "RUNNING", &std::pair<const std::size_t, std::string>::second)));
        if (!open.empty()) std::this_thread::sleep_for(poll);
    }
}

void SlurmExecutor::cancel() const {
    for (const Array& array : m_arrays)
        static_cast<void>(ask_host(std::vector<std::string>{"scancel", array.number}));
}

} // namespace pagewalk::app
