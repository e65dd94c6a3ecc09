#pragma once

#include "app/memory_chase.h"
#include "app/memory_traffic.h"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace pagewalk::app {

/// What others measured on the real machine: MACHINE.published beside MACHINE.cfg. Its keys are those of
/// measurements, in sections: [idle_latency] with 0.1 = 144.3. Points of the curve are [loaded_latency] with
/// GB/s = ns.
struct PublishedFigures {
    std::string source;
    std::set<std::string> fitted; ///< those that set a parameter of the machine: they prove nothing
    std::vector<Measurement> figures;
    std::vector<LoadedLatency> curve;

    /// The file beside a machine's; nothing where there is none. Throws ConfigError naming file and line.
    [[nodiscard]] static std::optional<PublishedFigures> beside(const std::filesystem::path& machine);
    [[nodiscard]] static PublishedFigures parse(const std::string& file, std::string_view text);
};

/// A measured figure beside the published one.
struct ComparedFigure {
    Measurement ours;
    std::optional<double> published;
    bool fitted = false;

    /// Relative, of the published one.
    [[nodiscard]] std::optional<double> error() const {
        if (!published || *published == 0) return std::nullopt;
        return ours.value / *published - 1;
    }
};

/// Ours in their order, then the curve's published points, at which ours is interpolated; those beyond its
/// ends are left out.
[[nodiscard]] std::vector<ComparedFigure> compare_figures(const std::vector<Measurement>& ours,
                                                          const std::vector<LoadedLatency>& curve,
                                                          const PublishedFigures& published);

/// Mean of the errors' magnitudes, of the fitted figures or of the others; nothing where there is none.
[[nodiscard]] std::optional<double> mean_error(const std::vector<ComparedFigure>& figures, bool fitted);

} // namespace pagewalk::app
