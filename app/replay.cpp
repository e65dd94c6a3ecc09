#include "app/replay.h"

#include "app/program_replay.h"
#include "base/error.h"
#include "os/replay/capture_files.h"
#include "os/replay/object_replay.h"
#include "os/replay/page_replay.h"
#include "os/replay/program_job.h"

#include <algorithm>
#include <iostream>
#include <vector>

namespace pagewalk::app {

namespace {

constexpr const char* usage =
    "pagewalk replay PACK|FOLDER [--job NAME]... [--programs DIR] [--first-difference]";

constexpr const char* capture_contents =
    "a capture of allocators holds snapA (the machine before), raw.cpu0, raw.cpu1, ... with format/ (the "
    "trace), and maybe snapB and gtlog; one of programs holds a folder for each job, with config (its line "
    "'run PROGRAM') and steps or walks";

struct Arguments {
    std::string capture;
    std::vector<std::string> jobs; ///< empty: all
    std::string programs = ".";
    bool first_difference = false;
};

Arguments parse(std::span<const std::string> words) {
    Arguments arguments;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        const auto value = [&]() -> const std::string& {
            if (++i == words.size()) throw InputError("replay: " + word + " names nothing\nusage: " + usage);
            return words[i];
        };
        if (word == "--first-difference")
            arguments.first_difference = true;
        else if (word == "--job")
            arguments.jobs.push_back(value());
        else if (word == "--programs")
            arguments.programs = value();
        else if (word.starts_with("-") || !arguments.capture.empty())
            throw InputError("replay: '" + word + "' is not understood\nusage: " + usage);
        else
            arguments.capture = word;
    }
    if (arguments.capture.empty()) throw InputError(std::string("replay: no capture given\nusage: ") + usage);
    return arguments;
}

/// Those that were asked for. Errors: InputError for a name that no job has.
std::vector<os::ProgramJob> chosen(const std::vector<os::ProgramJob>& jobs, const Arguments& arguments) {
    if (arguments.jobs.empty()) return jobs;
    std::vector<os::ProgramJob> wanted;
    for (const std::string& name : arguments.jobs) {
        const auto job = std::ranges::find(jobs, name, &os::ProgramJob::name);
        if (job == jobs.end()) {
            std::string known;
            for (const os::ProgramJob& each : jobs) known += (known.empty() ? "" : ", ") + each.name;
            throw InputError("replay: " + arguments.capture + " has no job '" + name +
                             "'; there are: " + known);
        }
        wanted.push_back(*job);
    }
    return wanted;
}

/// Each program run live and held against its capture.
int replay_jobs(const os::CaptureFiles& files, const std::vector<os::ProgramJob>& jobs,
                const Arguments& arguments) {
    os::ProgramReport sum;
    bool exact = true;
    std::size_t compared = 0;
    for (const os::ProgramJob& job : jobs) {
        const os::ProgramReport report = replay_program(files, job, arguments.programs);
        std::cout << report.line() << "\n" << report.details(arguments.first_difference) << std::flush;
        exact = exact && report.exact();
        compared += report.not_compared.empty() ? 1 : 0;
        sum.add(report);
    }
    std::cout << sum.totals() << (compared != 0 ? "; " : "") << compared << " jobs";
    if (compared != jobs.size()) std::cout << ", " << jobs.size() - compared << " not compared";
    std::cout << std::endl;
    return exact ? 0 : 1;
}

/// Captures of object allocators hold their caches in the snapshot.
bool has_objects(const os::CaptureFiles& files) {
    return files.read("snapA").find("\nKC ") != std::string::npos;
}

int replay_allocators(const os::CaptureFiles& files, const Arguments& arguments) {
    bool exact = true;
    if (has_objects(files)) {
        const os::ObjectReplayReport objects = os::replay_objects(
            arguments.capture, {.prepare = {}, .first_difference = arguments.first_difference});
        if (objects.kmalloc_objects != 0) {
            std::cout << objects.text() << "\n";
            exact = objects.exact();
        }
    }
    const os::ReplayReport pages =
        os::replay_capture(arguments.capture, {.first_difference = arguments.first_difference});
    std::cout << pages.text() << std::flush;
    return exact && pages.exact() ? 0 : 1;
}

} // namespace

int run_replay(std::span<const std::string> words) {
    const Arguments arguments = parse(words);
    const os::CaptureFiles files(arguments.capture);
    const std::vector<os::ProgramJob> jobs = os::find_program_jobs(files);
    if (!jobs.empty()) return replay_jobs(files, chosen(jobs, arguments), arguments);
    if (!arguments.jobs.empty())
        throw InputError("replay: " + arguments.capture + " is no capture of programs: it has no jobs");
    if (!files.contains("snapA"))
        throw InputError("replay: " + arguments.capture + " is no capture: " + capture_contents);
    return replay_allocators(files, arguments);
}

} // namespace pagewalk::app
