#pragma once

#include "base/option.h"

#include <filesystem>
#include <span>
#include <string>

namespace pagewalk {

/// Reads an INI file into `options`: the file that its `base = other.cfg` names first (relative to the file's
/// own folder, chains allowed), then its own keys. Throws ConfigError naming file, line, key, value and what
/// is allowed, for a file that cannot be read, a base cycle, a key set twice in a file, an unknown key or a
/// bad value.
void load_config_file(const std::filesystem::path& file, OptionSet& options);

/// Applies command-line settings "key=value", later ones winning. Throws ConfigError.
void apply_settings(std::span<const std::string> settings, OptionSet& options);

} // namespace pagewalk
