#pragma once

#include <span>
#include <string>

namespace pagewalk::app {

/// `pagewalk run CONFIG [--set key=value]... [-o FILE.h5] [--trace FILE | -- PROGRAM ARGS...]`
int run_run(std::span<const std::string> arguments);

} // namespace pagewalk::app
