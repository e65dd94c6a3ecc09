#pragma once

#include "app/sweep_axis.h"
#include "app/sweep_file.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pagewalk::app {

/// One run of a sweep.
struct SweepPoint {
    std::string name;                ///< fit for a file's name
    std::vector<std::size_t> values; ///< by axis: which of its values
    std::uint32_t repeat = 0;
    std::uint64_t seed = 0;
    std::string config;                  ///< every option, as a config file
    std::uint64_t instructions = 0;      ///< that it is going to run; 0: as many as the program has
    std::optional<std::size_t> baseline; ///< the point that it is compared with
};

struct SweepPlan {
    std::vector<SweepAxis> axes;
    std::vector<SweepPoint> points; ///< the first axis changes last, repeats follow each other
    std::uint32_t repeats = 1;
    std::vector<std::string> notes; ///< of axes whose option has no effect in some points

    [[nodiscard]] const AxisValue& value(const SweepPoint& point, std::size_t axis) const {
        return axes[axis].values[point.values[axis]];
    }
};

/// Every point, each with a configuration that is valid. Throws ConfigError, also where the filter leaves no
/// point.
[[nodiscard]] SweepPlan make_plan(const SweepFile& file);

} // namespace pagewalk::app
