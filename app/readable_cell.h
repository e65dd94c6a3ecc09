#pragma once

#include "base/event_table.h"

#include <string>

namespace pagewalk::app {

/// A cell of an event table (StoredEvents::cell) as Linux's tracepoints print it: addresses and frame numbers
/// in hexadecimal, allocation masks by their names. Others as they are.
[[nodiscard]] std::string readable_cell(const EventColumn& column, const std::string& cell);

} // namespace pagewalk::app
