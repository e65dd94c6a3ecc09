#pragma once

#include <span>
#include <string>

namespace pagewalk::app {

/// `pagewalk replay PACK|FOLDER [--job NAME]... [--programs DIR] [--first-difference]`: holds the simulation
/// against what was captured of a real kernel: its allocators by themselves, or whole programs run live.
int run_replay(std::span<const std::string> arguments);

} // namespace pagewalk::app
