#pragma once

#include "contract/kernel_path.h"

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::app {

/// Numbers below `end` of a list such as "0,2-3"; nothing where it is none.
[[nodiscard]] std::optional<std::vector<std::size_t>> parse_number_list(std::string_view text,
                                                                        std::size_t end);

/// CPUs of a list such as "0,2-3", of a machine with `cpus` of them. The error says what is allowed.
[[nodiscard]] std::expected<CpuMask, std::string> parse_cpu_list(std::string_view text, std::size_t cpus);

} // namespace pagewalk::app
