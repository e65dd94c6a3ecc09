#pragma once

#include "app/sweep_file.h"
#include "base/units.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace pagewalk::app {

/// One value of an axis.
struct AxisValue {
    std::string text;                    ///< as the option takes it; a config file's path
    std::string label;                   ///< for names of points and tables
    std::optional<std::uint64_t> number; ///< in the option's unit; none where the option is no quantity
};

struct SweepAxis {
    std::string name;
    std::string option; ///< empty: values are config files
    std::string zip;    ///< empty: of no group
    Unit unit = Unit::None;
    std::vector<AxisValue> values;

    [[nodiscard]] bool is_numeric() const { return values.front().number.has_value(); }
};

/// The axis that a section describes; `known` has all options, with the settings that all points have. Each
/// value is one that its option takes. Throws ConfigError.
[[nodiscard]] SweepAxis make_axis(const SweepFile& file, const SweepFile::Axis& axis, OptionSet& known);

/// The parts of a comma-separated list, without blanks around them; '...' and "..." keep commas and are cut
/// off where they enclose a whole part.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);

} // namespace pagewalk::app
