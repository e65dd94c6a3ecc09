#pragma once

#include <string>

namespace pagewalk::results {

/// What the results record of the machine a run was simulated on. Nothing else in a file depends on it.
struct HostFacts {
    std::string name;
    std::string cpu_model;
};

[[nodiscard]] HostFacts read_host_facts();

/// Now, in UTC, as ISO 8601: 2024-05-31T12:00:00Z.
[[nodiscard]] std::string utc_now();

} // namespace pagewalk::results
