#pragma once

#include "app/system_config.h"
#include "results/run_state.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::app {

/// A file that a run reads.
struct InputFile {
    std::filesystem::path path; ///< absolute
    std::uint64_t bytes = 0;
    std::uint32_t checksum = 0; ///< results::file_checksum

    bool operator==(const InputFile&) const = default;
};

/// What the configuration names: traces, recordings and, of live programs, the executable, standard input,
/// and words that name files. `directory` is where live programs run. Files that cannot be read, and those in
/// `scratch` (which workload.setup makes anew each time; empty: none), are left out.
[[nodiscard]] std::vector<InputFile> input_files(const SystemConfig& config,
                                                 const std::filesystem::path& directory,
                                                 const std::filesystem::path& scratch);

/// A line each: checksum in hexadecimal, bytes, path.
[[nodiscard]] std::string inputs_text(std::span<const InputFile> inputs);
/// The files of such a text. Lines that are none are left out.
[[nodiscard]] std::vector<InputFile> parse_inputs(std::string_view text);
/// What has become of the files since: a sentence for each that is gone or is another.
[[nodiscard]] std::vector<std::string> changed_inputs(std::span<const InputFile> inputs);

/// This process's environment: words NAME=VALUE as a shell reads them back. Of variables whose names
/// say that they hold a secret only the name, since results are passed on.
[[nodiscard]] std::string environment_text();
/// Makes it this process's environment; variables without a value keep the one they have. Throws InputError.
void restore_environment(std::string_view text);

/// What a repetition of the run needs beside its configuration, for /meta/host: working directory, inputs
/// and, where a program runs live, the environment. Arguments as input_files'.
[[nodiscard]] std::vector<results::SummaryValue> surrounding_facts(const SystemConfig& config,
                                                                   const std::filesystem::path& directory,
                                                                   const std::filesystem::path& scratch,
                                                                   bool is_live);

} // namespace pagewalk::app
