#pragma once

#include "results/run_state.h"

#include <span>
#include <string_view>

namespace pagewalk::results {

struct SummaryKey {
    std::string_view name;
    std::string_view unit;
    std::string_view description;
};

/// The fixed keys of a run's summary, in the order people read them. Scripts rely on the names.
[[nodiscard]] std::span<const SummaryKey> summary_keys();

/// A value of a fixed key with its unit and description. The key must be one of summary_keys().
[[nodiscard]] SummaryValue summary_value(std::string_view key,
                                         std::variant<std::uint64_t, double, std::string> value);

} // namespace pagewalk::results
