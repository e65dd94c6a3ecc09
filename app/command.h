#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pagewalk::app {

/// A subcommand. `run` gets what follows its name and returns the exit status; it throws InputError (status
/// 2) or RunError (status 1).
struct Command {
    std::string_view name;
    std::string_view usage;
    std::string_view summary;
    int (*run)(std::span<const std::string> arguments);
};

/// Every subcommand, in the order of the help text.
[[nodiscard]] std::span<const Command> commands();

/// Runs `command` with what follows its name; --help or -h there prints its usage instead.
int run_command(const Command& command, std::span<const std::string> arguments);

/// The whole command line as a shell reads it, for results' /meta.
void remember_command_line(int argc, char** argv);
[[nodiscard]] const std::string& command_line();

} // namespace pagewalk::app
