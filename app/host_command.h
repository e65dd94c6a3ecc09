#pragma once

#include <span>
#include <string>

namespace pagewalk::app {

/// What a command of the host said, standard error included, without line feeds at its end.
struct HostAnswer {
    int status = 0; ///< exit status; 127 where the command does not exist, 128 + signal where one ended it
    std::string text;
};

/// Runs a command of the host to its end; its standard input is empty. Throws RunError where no process can
/// be started.
[[nodiscard]] HostAnswer ask_host(std::span<const std::string> words);

} // namespace pagewalk::app
