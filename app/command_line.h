#pragma once

#include <span>
#include <string>
#include <string_view>

#include <boost/program_options.hpp>

namespace pagewalk::app {

/// The words of a command line that follow its subcommand.
struct CommandLine {
    std::string_view command; ///< for messages
    std::string_view usage;   ///< without "usage: "
    std::span<const std::string> words;
};

/// Reads a command line: what `known` describes, where a word that is no option, of which there may be `most`
/// (-1: any number), is one called `positional`. Values go where `known` has them go. Throws InputError: what
/// is wrong, and the usage.
boost::program_options::variables_map
read_command_line(const CommandLine& line, const boost::program_options::options_description& known,
                  const char* positional, int most = 1);

} // namespace pagewalk::app
