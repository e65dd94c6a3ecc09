#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pagewalk::app {

/// Runs a command that reads HDF5 in a child process, because libhdf5 may crash on a damaged file, and
/// returns its status. Throws InputError naming the command's arguments where it crashed; what the command
/// throws is thrown in the child, which goes on in place of this process.
int read_apart(std::string_view command, std::span<const std::string> arguments,
               int (*run)(std::span<const std::string>));

} // namespace pagewalk::app
