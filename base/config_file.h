#pragma once

#include "base/option.h"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk {

/// Config files are written by people; what is larger is something else.
inline constexpr std::size_t most_config_bytes = 16 << 20;

/// A key with its section ("mmu.l2_tlb.entries"), the value as config_value.h reads it, and the line.
struct ConfigEntry {
    std::string key;
    std::string value;
    std::size_t line = 0;
};

/// The entries of an INI text, in its order. Throws ConfigError naming `file` and the line for what is no
/// [section], 'key = value' or # comment, and for a key set twice.
[[nodiscard]] std::vector<ConfigEntry> parse_config(const std::string& file, std::string_view text);

/// The text of a config file. Throws ConfigError where it cannot be read or is larger than most_config_bytes.
[[nodiscard]] std::string read_config_text(const std::filesystem::path& file);

/// Reads an INI file into `options`: the file that its `base = other.cfg` names first (relative to the file's
/// own folder, chains allowed), then its own keys. Throws ConfigError naming file, line, key, value and what
/// is allowed, for a file that cannot be read or is larger than most_config_bytes, a base cycle, a key set
/// twice in a file, an unknown key or a bad value.
void load_config_file(const std::filesystem::path& file, OptionSet& options);

/// Applies command-line settings "key=value", later ones winning; the value is taken as it is, but for blanks
/// around it. Throws ConfigError.
void apply_settings(std::span<const std::string> settings, OptionSet& options);

} // namespace pagewalk
