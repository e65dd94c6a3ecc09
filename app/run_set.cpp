#include "app/run_set.h"

#include "base/error.h"
#include "results/run_reader.h"
#include "results/sweep_index.h"

#include <algorithm>

namespace pagewalk::app {

namespace {

namespace fs = std::filesystem;

std::string point_of(const fs::path& file) {
    const std::string name = file.stem().string();
    const auto at = name.rfind(",repeat=");
    return at == std::string::npos ? name : name.substr(0, at);
}

} // namespace

bool is_finished_status(std::string_view status) {
    return status == "complete" || status == "instruction_limit" || status == "region_end";
}

RunSet find_runs(const fs::path& path) {
    RunSet set{.path = path};
    fs::path folder = path;
    if (fs::is_directory(path)) {
        if (fs::is_directory(path / "points")) folder = path / "points";
    } else if (fs::exists(path) && results::is_sweep_index(path)) {
        folder = path.parent_path() / "points";
    } else {
        set.points[point_of(path)].push_back(path);
        return set;
    }
    set.is_folder = true;
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
        if (entry.path().extension() == ".h5") files.push_back(entry.path());
    std::ranges::sort(files);
    for (const fs::path& file : files)
        if (is_finished_status(results::RunReader(file).status())) set.points[point_of(file)].push_back(file);
    if (set.points.empty()) throw InputError(path.string() + " holds no results of a run that finished");
    return set;
}

} // namespace pagewalk::app
