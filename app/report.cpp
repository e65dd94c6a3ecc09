#include "app/report.h"

#include "base/error.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace pagewalk::app {

namespace {

constexpr const char* usage = "usage: pagewalk report FILE.h5|SWEEPDIR [-o DIR]";
/// Debian's, which has h5py and pandas beside it (scripts/packages.txt).
constexpr const char* python = "/usr/bin/python3";

/// The package beside the source that this program was built from, unless PYTHONPATH has one before it.
void add_package_to_python_path() {
    const char* const given = std::getenv("PYTHONPATH");
    const std::string path = given == nullptr || *given == '\0' ? "" : std::string(given) + ":";
    ::setenv("PYTHONPATH", (path + PAGEWALK_ANALYSIS).c_str(), 1);
    ::setenv("PYTHONDONTWRITEBYTECODE", "1", 0);
}

} // namespace

int run_report(std::span<const std::string> arguments) {
    std::vector<std::string> words{python, "-m", "pagewalk.report"};
    std::string input;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (const std::string& word = arguments[i]; word == "-o" || word == "--output") {
            if (++i == arguments.size())
                throw InputError("report: -o names no folder; " + std::string(usage));
            words.insert(words.end(), {"-o", arguments[i]});
        } else if (word.starts_with("-")) {
            throw InputError("report: '" + word + "' is not understood; " + usage);
        } else if (!input.empty()) {
            throw InputError("report: one run or sweep at a time; " + std::string(usage));
        } else {
            input = word;
        }
    }
    if (input.empty()) throw InputError("report: no results are named; " + std::string(usage));
    if (!std::filesystem::exists(input)) throw InputError("report: " + input + " does not exist");
    words.push_back(input);
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    add_package_to_python_path();
    ::execv(python, pointers.data());
    throw RunError("report: cannot start " + std::string(python) + ": " + std::strerror(errno));
}

} // namespace pagewalk::app
