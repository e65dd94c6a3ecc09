#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pagewalk::app {

/// `pagewalk options [GLOB] [--markdown]`: every option with default, range, unit, meaning and source.
int run_options(std::span<const std::string> arguments);

/// The option tables of docs/options.md.
void print_option_tables(std::ostream& out);

} // namespace pagewalk::app
