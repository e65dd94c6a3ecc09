#pragma once

#include "base/event_table.h"

#include <iosfwd>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::app {

/// `pagewalk events [GLOB] [--markdown]`: every event table that a run can record, with its columns.
int run_events(std::span<const std::string> arguments);

/// The tables of docs/events.md.
void print_event_tables(std::ostream& out, const std::vector<EventSchema>& schemas);

/// The same as text, for the tables whose name matches `glob`. Throws InputError where none does.
void print_events(std::ostream& out, const std::vector<EventSchema>& schemas, std::string_view glob);

} // namespace pagewalk::app
