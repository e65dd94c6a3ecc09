#pragma once

#include "app/sweep_config.h"
#include "base/config_file.h"
#include "base/option.h"

#include <deque>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::app {

/// A sweep file: a config file (its base, then what differs in all points) with [sweep], [slurm] and
/// [axis.NAME] sections. Neither copied nor moved: options are bound to its fields.
class SweepFile {
public:
    /// Throws ConfigError for what is no sweep file, an unknown key of those sections, or a bad value.
    explicit SweepFile(const std::filesystem::path& path);
    SweepFile(const SweepFile&) = delete;
    SweepFile& operator=(const SweepFile&) = delete;

    struct Axis {
        std::string name;
        AxisConfig config;
    };

    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }
    [[nodiscard]] const std::string& text() const { return m_text; }
    [[nodiscard]] const SweepConfig& sweep() const { return m_sweep; }
    [[nodiscard]] const SlurmConfig& slurm() const { return m_slurm; }
    [[nodiscard]] const std::deque<Axis>& axes() const { return m_axes; }
    /// Where a key of those sections was set: "sweep.filter", "axis.tlb.values".
    [[nodiscard]] std::string where(const std::string& key) const { return m_options.where(key); }
    /// As the file names it, from its own folder.
    [[nodiscard]] std::filesystem::path beside(const std::string& name) const;

    /// What all points have: the base, then `files`, then the file's own settings. Throws ConfigError.
    void configure(OptionSet& options, std::span<const std::filesystem::path> files) const;

private:
    void take(const ConfigEntry& entry);
    void declare_axis(const ConfigEntry& entry);
    [[nodiscard]] std::string place(const ConfigEntry& entry) const;

    std::filesystem::path m_path;
    std::string m_text;
    std::string m_base;
    std::vector<ConfigEntry> m_settings;
    SweepConfig m_sweep;
    SlurmConfig m_slurm;
    std::deque<Axis> m_axes;
    OptionSet m_options;
};

} // namespace pagewalk::app
