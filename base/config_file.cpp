#include "base/config_file.h"

#include "base/config_value.h"
#include "base/printable.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>

namespace pagewalk {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

std::string place(const std::string& file, std::size_t line) { return file + ":" + std::to_string(line); }

/// The name in "[name]", with or without a comment behind it; empty where the line is no section's.
std::string section_name(std::string_view line) {
    const std::size_t end = line.find(']');
    if (line.front() != '[' || end == std::string_view::npos) return {};
    const std::string rest = trimmed(line.substr(end + 1));
    return rest.empty() || rest.front() == '#' ? trimmed(line.substr(1, end - 1)) : std::string();
}

std::string read_text(const std::filesystem::path& file, const std::string& named_by) {
    std::error_code ignored;
    if (std::filesystem::is_directory(file, ignored))
        throw ConfigError(file.string() + ": is a directory; a config file (.cfg) is wanted");
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(std::fopen(file.c_str(), "rb"), std::fclose);
    if (!in)
        throw ConfigError(file.string() + ": cannot read this config file" + named_by + ": " +
                          std::strerror(errno));
    std::string text;
    std::array<char, 65536> buffer;
    while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), in.get())) {
        text.append(buffer.data(), size);
        if (text.size() > most_config_bytes)
            throw ConfigError(file.string() + ": is larger than a config file may be, " +
                              format_quantity(most_config_bytes, Unit::Bytes) + named_by);
    }
    if (std::ferror(in.get()) != 0)
        throw ConfigError(file.string() + ": cannot read this config file" + named_by + ": " +
                          std::strerror(errno));
    return text;
}

void load(const std::filesystem::path& file, OptionSet& options, std::vector<std::filesystem::path>& chain) {
    std::error_code ignored;
    const std::filesystem::path canonical = std::filesystem::weakly_canonical(file, ignored);
    if (std::ranges::find(chain, canonical) != chain.end())
        throw ConfigError(file.string() + ": base files form a circle through " + chain.back().string());
    const std::string named_by = chain.empty() ? std::string() : " (base of " + chain.back().string() + ")";
    const std::vector<ConfigEntry> entries = parse_config(file.string(), read_text(file, named_by));
    chain.push_back(canonical);
    for (const ConfigEntry& entry : entries)
        if (entry.key == "base") load(file.parent_path() / entry.value, options, chain);
    for (const ConfigEntry& entry : entries)
        if (entry.key != "base") options.set(entry.key, entry.value, place(file.string(), entry.line));
    chain.pop_back();
}

} // namespace

std::vector<ConfigEntry> parse_config(const std::string& file, std::string_view text) {
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    std::vector<ConfigEntry> entries;
    std::map<std::string, std::size_t> lines; // of each key
    std::string section;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::string_view raw = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(raw.size() + 1, text.size()));
        const std::string line = trimmed(raw);
        if (line.empty() || line.front() == '#') continue;
        if (const std::string name = section_name(line); !name.empty()) {
            section = name + ".";
            continue;
        }
        const std::size_t equals = line.find('=');
        const std::string name = trimmed(std::string_view(line).substr(0, equals));
        if (equals == std::string::npos || name.empty() || name.contains('#') || line.contains('\0'))
            throw ConfigError(place(file, number) + ": '" + excerpt(line) +
                              "' is neither a [section], a 'key = value' nor a # comment");
        const std::string key = section + name;
        if (const auto [at, fresh] = lines.emplace(key, number); !fresh)
            throw ConfigError(place(file, number) + ": " + excerpt(key) + " is already set in line " +
                              std::to_string(at->second) + "; a key may be set once in a file");
        auto value = parse_config_value(std::string_view(line).substr(equals + 1));
        if (!value)
            throw ConfigError(place(file, number), excerpt(key),
                              excerpt(trimmed(std::string_view(line).substr(equals + 1))), value.error());
        entries.push_back({key, std::move(*value), number});
    }
    return entries;
}

std::string read_config_text(const std::filesystem::path& file) { return read_text(file, {}); }

void load_config_file(const std::filesystem::path& file, OptionSet& options) {
    std::vector<std::filesystem::path> chain;
    load(file, options, chain);
}

void apply_settings(std::span<const std::string> settings, OptionSet& options) {
    for (const std::string& setting : settings) {
        const auto equals = setting.find('=');
        if (equals == std::string::npos || equals == 0)
            throw ConfigError("--set " + excerpt(setting) + ": is not of the form key=value");
        options.set(trimmed(std::string_view(setting).substr(0, equals)),
                    trimmed(std::string_view(setting).substr(equals + 1)), "--set");
    }
}

} // namespace pagewalk
