#pragma once

#include <string>
#include <vector>

namespace pagewalk::workloads {

/// A program that qemu-x86_64 can run.
struct GuestExecutable {
    std::string path;
    std::vector<std::string> argv; ///< argv[0] included; for a script, its interpreter's
};

/// Finds `argv[0]` as a shell would and follows #! lines. Errors: InputError when there is no such program,
/// when it is not executable, or when it is not an x86-64 ELF executable.
[[nodiscard]] GuestExecutable find_guest_executable(const std::vector<std::string>& argv);

/// A command's path by PATH; empty when there is none that is executable.
[[nodiscard]] std::string find_in_path(const std::string& command);

} // namespace pagewalk::workloads
