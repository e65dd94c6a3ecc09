#pragma once

#include <expected>
#include <string>
#include <vector>

namespace pagewalk::workloads {

/// A program that qemu-x86_64 can run.
struct GuestExecutable {
    std::string path;
    std::vector<std::string> argv; ///< argv[0] included; for a script, its interpreter's
};

/// Why a file cannot be executed.
struct ExecRefusal {
    int error = 0;             ///< errno that Linux's execve gives
    std::string reason;        ///< in words, for people; names the file
    bool foreign_code = false; ///< Linux might run it, Pagewalk cannot: machine code that is not x86-64
};

/// Follows #! lines from `path` to an x86-64 ELF executable, as execve does. Relative names are looked up in
/// `directory` ("" is ours), and names below /proc/self are those of /proc/<process>; what comes back has the
/// names as they were given. Source: Linux 6.1, fs/exec.c, fs/binfmt_script.c and fs/binfmt_elf.c.
[[nodiscard]] std::expected<GuestExecutable, ExecRefusal>
resolve_executable(const std::string& path, std::vector<std::string> argv, const std::string& directory = "",
                   const std::string& process = "self");

/// Finds `argv[0]` as a shell would and resolves it. Errors: InputError when there is no such program, or
/// when it cannot be executed.
[[nodiscard]] GuestExecutable find_guest_executable(const std::vector<std::string>& argv);

/// A command's path by PATH; empty when there is none that is executable.
[[nodiscard]] std::string find_in_path(const std::string& command);

} // namespace pagewalk::workloads
