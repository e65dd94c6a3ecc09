#include "workloads/synthetic/common_config.h"

#include "base/error.h"

namespace pagewalk::workloads {

void require_range(std::string_view key, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
    if (value < least || value > most)
        throw ConfigError("synthetic workload", std::string(key), std::to_string(value),
                          "allowed: " + std::to_string(least) + " to " + std::to_string(most));
}

void validate(const CommonConfig& config) { require_range("synthetic.threads", config.threads, 1, 1024); }

} // namespace pagewalk::workloads
