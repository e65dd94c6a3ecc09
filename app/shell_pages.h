#pragma once

#include "app/command.h"
#include "base/option.h"

#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::app {

/// The words that begin with a dash in a command's usage: "--set", "-o".
[[nodiscard]] std::vector<std::string> dashed_words(std::string_view usage);

/// A completion script for bash: commands, their words, option keys after --set, files.
void print_completion(std::span<const Command> commands, std::span<const Option> options, std::ostream& out);
/// A manual page (man 7 man): commands, configuration options, exit status.
void print_manual(std::span<const Command> commands, std::span<const Option> options, std::ostream& out);

/// `pagewalk completion` and `pagewalk man`. `arguments` are those after the name. Throw InputError.
int run_completion(std::span<const std::string> arguments);
int run_manual(std::span<const std::string> arguments);

} // namespace pagewalk::app
