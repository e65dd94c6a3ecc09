#pragma once

#include "app/repeated_values.h"
#include "app/run_set.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::app {

/// A statistic or a summary value that both sides of a comparison have at one point or more.
struct ComparedValue {
    std::string path;
    std::string unit;
    std::size_t points = 0; ///< that have it on both sides
    std::size_t moved = 0;  ///< of those, beyond noise
    std::string point;      ///< where it moved most; else the first
    Movement movement;      ///< there
};

struct ChangedOption {
    std::string key, before, after; ///< "(absent)" where a side lacks it, "(varies)" where its points differ
};

/// Two sets of runs, point by point.
struct RunComparison {
    std::vector<std::string> both, only_before, only_after; ///< names of points
    std::size_t repeats_before = 0, repeats_after = 0;      ///< most of a point
    std::vector<ChangedOption> options;                     ///< at every point that is compared
    std::vector<ComparedValue> summary;                     ///< in the summary's order
    std::vector<ComparedValue> statistics;                  ///< that moved, most important first
    std::vector<std::string> other_endings;                 ///< "point: complete / program_died"
    std::size_t matching_statistics = 0;                    ///< whose path matches the glob

    [[nodiscard]] bool moved() const;
};

/// Compares points of the same name; where each set has one point, these. `least_share` as in
/// movement_between. Throws InputError.
[[nodiscard]] RunComparison compare_runs(const RunSet& before, const RunSet& after, std::string_view glob,
                                         double least_share);

} // namespace pagewalk::app
