#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::app {

/// Does a run with this status count: did it end as its user wanted?
[[nodiscard]] bool is_finished_status(std::string_view status);

/// Results files that belong together: one run, repeats of one, or a sweep's points.
struct RunSet {
    std::filesystem::path path;
    bool is_folder = false;
    /// By point: the file's name without .h5 and without ",repeat=N"; files in the order of their names.
    std::map<std::string, std::vector<std::filesystem::path>> points;
};

/// A results file; a folder of them; a sweep's folder or its index.h5. Only finished runs of a folder count.
/// Throws InputError.
[[nodiscard]] RunSet find_runs(const std::filesystem::path& path);

} // namespace pagewalk::app
