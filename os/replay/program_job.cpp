#include "os/replay/program_job.h"

#include "base/error.h"
#include "base/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <sstream>

namespace pagewalk::os {
namespace {

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

/// "a-p1/split/" of "a-p1/split/config"; empty where the name has no folder.
std::string folder_of(std::string_view name) {
    const std::size_t slash = name.rfind('/');
    return slash == std::string_view::npos ? std::string() : std::string(name.substr(0, slash + 1));
}

ProgramJob parse_job(const CaptureFiles& files, const std::string& config) {
    ProgramJob job;
    job.folder = folder_of(config);
    const std::string trimmed =
        job.folder.empty() ? files.path() : job.folder.substr(0, job.folder.size() - 1);
    job.group = job.folder.empty() ? "" : folder_of(trimmed);
    const std::size_t slash = trimmed.rfind('/');
    job.name = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
    std::istringstream lines(files.read(config));
    for (std::string line; std::getline(lines, line);) {
        const std::size_t blank = std::min(line.find(' '), line.size());
        const std::string rest = line.substr(std::min(blank + 1, line.size()));
        if (line.starts_with("run ")) job.command = words_of(rest);
        if (line.starts_with("set ")) job.settings.push_back(rest);
        if (line.starts_with("file ")) job.files.push_back(rest);
    }
    return job;
}

/// Files that a job of the group made stay for the later ones.
void share_files(std::vector<ProgramJob>& jobs, const ProgramJob& maker) {
    for (ProgramJob& job : jobs)
        if (job.group == maker.group && job.folder != maker.folder)
            job.files.insert(job.files.end(), maker.files.begin(), maker.files.end());
}

/// The word behind `option`.
std::optional<std::string> value_of(const std::vector<std::string>& words, std::string_view option) {
    const auto at = std::ranges::find(words, option);
    if (at == words.end() || at + 1 == words.end()) return std::nullopt;
    return *(at + 1);
}

/// 512M, 1G.
std::uint64_t memory_size(const std::string& text, const std::string& name) {
    const auto bytes = parse_quantity(text + "iB", Unit::Bytes);
    if (!bytes) throw InputError(name + ": -m " + text + " is no size such as 512M or 1G");
    return *bytes;
}

} // namespace

std::vector<ProgramJob> find_program_jobs(const CaptureFiles& files) {
    struct Kind {
        std::string_view file;
        ProgramJob::Recorded recorded;
    };
    constexpr std::array kinds{Kind{"steps", ProgramJob::Recorded::Steps},
                               Kind{"walks", ProgramJob::Recorded::Walks}};
    std::vector<ProgramJob> jobs;
    std::vector<ProgramJob> makers; // of files
    for (const std::string& name : files.names("")) {
        if (name != "config" && !name.ends_with("/config")) continue;
        ProgramJob job = parse_job(files, name);
        if (!job.files.empty()) makers.push_back(job);
        for (const Kind& kind : kinds) {
            if (!files.contains(folder_of(name) + std::string(kind.file))) continue;
            if (job.command.empty())
                throw InputError(files.path() + ": " + name + ": has no line run PROGRAM");
            jobs.push_back(job);
            jobs.back().recorded = kind.recorded;
        }
    }
    for (const ProgramJob& maker : makers) share_files(jobs, maker);
    return jobs;
}

ProgramMachine program_machine(std::string_view text, const std::string& name) {
    ProgramMachine machine;
    const std::string line(text.substr(0, text.find('\n')));
    const std::vector<std::string> words = words_of(line);
    const auto memory = value_of(words, "-m");
    if (!memory) throw InputError(name + ": does not say the machine's memory (-m)");
    machine.memory = memory_size(*memory, name);
    if (const auto cpus = value_of(words, "-smp")) {
        const auto [end, error] = std::from_chars(cpus->data(), cpus->data() + cpus->size(), machine.cpus);
        if (error != std::errc{} || end != cpus->data() + cpus->size() || machine.cpus == 0)
            throw InputError(name + ": -smp " + *cpus + " is no number of CPUs");
    }
    for (const std::string& word : words) {
        constexpr std::string_view size = "size=";
        if (!word.starts_with("memory-backend-ram,")) continue;
        const std::size_t at = word.find(size);
        if (at == std::string::npos) throw InputError(name + ": " + word + " does not say its size");
        const std::string value = word.substr(at + size.size());
        machine.node_memory.push_back(memory_size(value.substr(0, value.find(',')), name));
    }
    if (const std::size_t append = line.find("append: "); append != std::string::npos)
        machine.command_line = line.substr(append + 8);
    return machine;
}

} // namespace pagewalk::os
