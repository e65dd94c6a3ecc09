#pragma once

#include "os/path/memory_policy.h"

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace pagewalk::app {

/// "local", "preferred:1", "bind:0,2-3" or "interleave:0-1", of a machine with `nodes` NUMA nodes. The error
/// says what is allowed.
[[nodiscard]] std::expected<os::MemoryPolicy, std::string> parse_memory_policy(std::string_view text,
                                                                               std::size_t nodes);

} // namespace pagewalk::app
