#pragma once

#include "workloads/qemu/tracee.h"

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::workloads {

/// An execve or execveat that a stopped thread is about to make.
struct ExecCall {
    std::string path;                ///< as the caller's world names it; execveat's descriptor is resolved
    std::vector<std::string> words;  ///< the arguments, as many as a process list shows
    std::vector<std::uint64_t> argv; ///< addresses in the caller's memory
    std::uint64_t environment = 0;   ///< address of the array
};

/// Errors: the errno that Linux gives.
[[nodiscard]] std::expected<ExecCall, int> read_exec_call(const Tracee& tracee, pid_t tid);

/// Lets the stopped call be an execve of `path` with the arguments `words` and then those at `tail`. False
/// when the caller's stack has no room.
[[nodiscard]] bool replace_exec(const Tracee& tracee, const std::string& path,
                                const std::vector<std::string>& words, std::span<const std::uint64_t> tail,
                                std::uint64_t environment);

/// Lets the stopped call return `result` without being made.
void answer_call(const Tracee& tracee, std::int64_t result);

} // namespace pagewalk::workloads
