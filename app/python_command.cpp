#include "app/python_command.h"

#include "base/error.h"
#include "base/spelling.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <unistd.h>

namespace pagewalk::app {

namespace {

/// Debian's, which has h5py and pandas beside it (scripts/packages.txt).
constexpr const char* python = "/usr/bin/python3";

/// The package beside the source that this program was built from, unless PYTHONPATH has one before it.
void add_package_to_python_path() {
    const char* const given = std::getenv("PYTHONPATH");
    const std::string path = given == nullptr || *given == '\0' ? "" : std::string(given) + ":";
    ::setenv("PYTHONPATH", (path + PAGEWALK_ANALYSIS).c_str(), 1);
    ::setenv("PYTHONDONTWRITEBYTECODE", "1", 0);
}

int become_python(std::vector<std::string> words) {
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    add_package_to_python_path();
    ::execv(python, pointers.data());
    throw RunError("cannot start " + std::string(python) + ": " + std::strerror(errno));
}

} // namespace

std::vector<std::string> python_words(const PythonCommand& command, std::span<const std::string> arguments) {
    const std::string name(command.name),
        usage = "; usage: pagewalk " + name + " " + std::string(command.usage);
    std::vector<std::string> words{python, "-m", "pagewalk." + name};
    std::string input;
    bool has_input = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& word = arguments[i];
        if (std::ranges::find(command.options, word) != command.options.end()) {
            if (++i == arguments.size()) throw InputError(name + ": a word is missing after " + word + usage);
            words.insert(words.end(), {word, arguments[i]});
            has_input |= word == command.instead;
        } else if (word.starts_with("-")) {
            throw InputError(name + ": '" + word + "' is not understood" +
                             did_you_mean(word, command.options) + usage);
        } else if (!input.empty()) {
            throw InputError(name + ": one run or sweep at a time" + usage);
        } else {
            input = word;
        }
    }
    if (input.empty() && !has_input) throw InputError(name + ": no results are named" + usage);
    if (!input.empty() && has_input)
        throw InputError(name + ": " + std::string(command.instead) + " stands in the place of results" +
                         usage);
    if (!input.empty()) {
        if (!std::filesystem::exists(input)) throw InputError(name + ": " + input + " does not exist");
        words.push_back(input);
    }
    return words;
}

const PythonCommand& report_command() {
    static const PythonCommand command{.name = "report",
                                       .usage = "FILE.h5|SWEEPDIR|--from-proc DIR [-o DIR]",
                                       .options = {"-o", "--output", "--from-proc"},
                                       .instead = "--from-proc"};
    return command;
}

const PythonCommand& export_command() {
    static const PythonCommand command{
        .name = "export",
        .usage = "FILE.h5|SWEEPDIR --format ftrace|trace-dat|perfetto|perf-script|csv|parquet [--table NAME] "
                 "[--by function|cause] [-o FILE]",
        .options = {"--format", "--table", "--by", "-o", "--output"}};
    return command;
}

int run_report(std::span<const std::string> arguments) {
    return become_python(python_words(report_command(), arguments));
}

int run_export(std::span<const std::string> arguments) {
    return become_python(python_words(export_command(), arguments));
}

} // namespace pagewalk::app
