#pragma once

namespace pagewalk::app {

/// Sends out what was printed. Throws RunError where some of it, now or earlier, could not be written.
void flush_standard_output();

} // namespace pagewalk::app
