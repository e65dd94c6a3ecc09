#pragma once

#include <span>
#include <string>

namespace pagewalk::app {

/// `pagewalk replay CAPTURE [--first-difference]`: holds the allocators against a real kernel's capture.
int run_replay(std::span<const std::string> arguments);

} // namespace pagewalk::app
