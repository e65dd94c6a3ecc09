#pragma once

#include <span>
#include <string>

namespace pagewalk::app {

/// `pagewalk characterize MACHINE.cfg [--set key=value]... [--only TABLE,...] [-o FILE.h5]`: measures the
/// machine's memory system as people measure a real one's, and prints it beside what was published of that
/// (MACHINE.published).
int run_characterize(std::span<const std::string> words);

} // namespace pagewalk::app
