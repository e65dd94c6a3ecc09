#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace pagewalk::results {

/// Version of what results/schema.md says of a sweep's index.
inline constexpr std::uint64_t sweep_schema_version = 1;

/// One column of the table of a sweep's points, a value a point.
struct SweepColumn {
    std::string path; ///< below /table: "name", "axes/entries", "summary/ipc"
    std::string unit;
    std::string description;
    std::variant<std::vector<std::uint64_t>, std::vector<double>, std::vector<std::string>> values;
};

/// A point's results file, as the index's folder names it.
struct SweepLink {
    std::string point;
    std::string file;
};

struct SweepText {
    std::string name;
    std::string text;
    std::string description;
};

struct SweepIndex {
    std::vector<SweepColumn> columns;
    std::vector<SweepLink> links;
    std::vector<SweepText> meta;
};

/// Writes the index that gathers a sweep's results files: one open reaches all of them. Throws Hdf5Error or
/// std::system_error; the file then is incomplete.
void build_sweep_index(const std::filesystem::path& file, const SweepIndex& index);

/// Is this the index of a sweep, of any version?
[[nodiscard]] bool is_sweep_index(const std::filesystem::path& file);

} // namespace pagewalk::results
