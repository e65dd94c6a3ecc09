#include "app/sweep_file.h"

#include "base/printable.h"

#include <algorithm>

namespace pagewalk::app {

namespace {

constexpr std::string_view axis_prefix = "axis.";

bool is_axis_name(std::string_view name) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    return !name.empty() && is_letter(name.front()) &&
           std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); }) &&
           name != "and" && name != "or" && name != "not" && name != "repeat";
}

} // namespace

SweepFile::SweepFile(const std::filesystem::path& path) : m_path(path), m_text(read_config_text(path)) {
    m_sweep.declare(m_options.group("sweep"));
    m_slurm.declare(m_options.group("slurm"));
    for (const ConfigEntry& entry : parse_config(path.string(), m_text)) take(entry);
    if (m_axes.empty())
        throw ConfigError(path.string() + ": has no [axis.NAME] section, so there is nothing to sweep");
}

std::string SweepFile::place(const ConfigEntry& entry) const {
    return m_path.string() + ":" + std::to_string(entry.line);
}

void SweepFile::take(const ConfigEntry& entry) {
    if (entry.key == "base") {
        m_base = entry.value;
        return;
    }
    if (entry.key.starts_with(axis_prefix)) declare_axis(entry);
    const std::string_view key = entry.key;
    if (key.starts_with(axis_prefix) || key.starts_with("sweep.") || key.starts_with("slurm.")) {
        m_options.set(key, entry.value, place(entry));
    } else {
        m_settings.push_back(entry);
    }
}

void SweepFile::declare_axis(const ConfigEntry& entry) {
    const std::string rest = entry.key.substr(axis_prefix.size());
    const std::string name = rest.substr(0, rest.rfind('.'));
    if (rest.rfind('.') == std::string::npos || !is_axis_name(name))
        throw ConfigError(
            place(entry) + ": '" + excerpt(entry.key) +
            "' is of no axis; sections are [axis.NAME] with a name of small letters, digits and _, "
            "other than and, or, not and repeat");
    if (std::ranges::find(m_axes, name, &Axis::name) != m_axes.end()) return;
    Axis& axis = m_axes.emplace_back(Axis{name, {}});
    axis.config.declare(m_options.group(std::string(axis_prefix) + name));
}

std::filesystem::path SweepFile::beside(const std::string& name) const { return m_path.parent_path() / name; }

void SweepFile::configure(OptionSet& options, std::span<const std::filesystem::path> files) const {
    if (!m_base.empty()) load_config_file(beside(m_base), options);
    for (const std::filesystem::path& file : files) load_config_file(file, options);
    for (const ConfigEntry& entry : m_settings) options.set(entry.key, entry.value, place(entry));
}

} // namespace pagewalk::app
