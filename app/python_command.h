#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::app {

/// A subcommand whose work the Python package does (results/analysis/pagewalk): python3 -m pagewalk.<name>.
struct PythonCommand {
    std::string_view name;
    std::string_view usage;                ///< what follows the name
    std::vector<std::string_view> options; ///< each takes a word: "-o", "--format"
    std::string_view instead{};            ///< the option that stands in the place of a results file
};

/// What python3 is started with. Throws InputError for words that are not understood, a file that does not
/// exist, or none.
[[nodiscard]] std::vector<std::string> python_words(const PythonCommand& command,
                                                    std::span<const std::string> arguments);

/// `pagewalk report`: one HTML page of a run, a sweep, or a real machine's /proc texts. `arguments` are those
/// after the name. Does not return where Python can be started. Throws InputError, RunError.
int run_report(std::span<const std::string> arguments);

/// `pagewalk export`: events and tables in the formats of other tools; otherwise as run_report.
int run_export(std::span<const std::string> arguments);

[[nodiscard]] const PythonCommand& report_command();
[[nodiscard]] const PythonCommand& export_command();

} // namespace pagewalk::app
