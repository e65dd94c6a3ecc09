#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pagewalk::app {

/// Runs a command that reads HDF5 in a child process, because libhdf5 may crash on a damaged file. Returns
/// its status or throws its InputError or RunError; InputError naming the command's arguments where it
/// crashed.
int read_apart(std::string_view command, std::span<const std::string> arguments,
               int (*run)(std::span<const std::string>));

} // namespace pagewalk::app
