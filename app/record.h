#pragma once

#include <span>
#include <string>

namespace pagewalk::app {

/// `pagewalk record -o FILE.pwt -- PROGRAM ARGS...`
int run_record(std::span<const std::string> arguments);

} // namespace pagewalk::app
