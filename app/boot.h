#pragma once

#include <span>
#include <string>

namespace pagewalk::app {

/// `pagewalk boot CONFIG|--from-capture DIR [--set key=value]... [--proc NAME]`: boots the OS layer alone and
/// prints /proc text. `pagewalk boot [CONFIG] --walk STEPS` prints a buddy walk (buddy_walk.h).
int run_boot(std::span<const std::string> arguments);

} // namespace pagewalk::app
