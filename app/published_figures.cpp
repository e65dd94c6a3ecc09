#include "app/published_figures.h"

#include "base/config_file.h"
#include "base/error.h"
#include "base/printable.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace pagewalk::app {

namespace {

constexpr std::string_view curve_section = "loaded_latency.";

double number_of(std::string_view text, const std::string& where, const std::string& key) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(value > 0) || !std::isfinite(value))
        throw ConfigError(where, key, "'" + excerpt(text) + "'", "wants a number above 0");
    return value;
}

std::set<std::string> words_of(std::string_view list) {
    std::set<std::string> words;
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        std::string word(list.substr(0, comma));
        std::erase(word, ' ');
        if (!word.empty()) words.insert(word);
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return words;
}

/// The curve at a bandwidth between two of its points.
std::optional<double> latency_at(const std::vector<LoadedLatency>& curve, double gb_s) {
    const auto above = std::ranges::lower_bound(curve, gb_s, {}, &LoadedLatency::gb_s);
    if (above == curve.end()) return std::nullopt;
    if (above == curve.begin()) return above->ns; // an idle machine's latency does not depend on the load
    const auto below = above - 1;
    const double share = (gb_s - below->gb_s) / (above->gb_s - below->gb_s);
    return below->ns + share * (above->ns - below->ns);
}

std::string curve_name(double gb_s) {
    char text[48];
    std::snprintf(text, sizeof text, "loaded_latency at %.1f GB/s", gb_s);
    return text;
}

} // namespace

PublishedFigures PublishedFigures::parse(const std::string& file, std::string_view text) {
    PublishedFigures found;
    for (const ConfigEntry& entry : parse_config(file, text)) {
        const std::string where = file + ":" + std::to_string(entry.line);
        if (entry.key == "source")
            found.source = entry.value;
        else if (entry.key == "fitted")
            found.fitted = words_of(entry.value);
        else if (entry.key.starts_with(curve_section))
            found.curve.push_back(
                {number_of(std::string_view(entry.key).substr(curve_section.size()), where, entry.key),
                 number_of(entry.value, where, entry.key)});
        else
            found.figures.push_back({entry.key, "", number_of(entry.value, where, entry.key)});
    }
    if (found.source.empty()) throw ConfigError(file + ": wants source = who measured it");
    std::ranges::sort(found.curve, {}, &LoadedLatency::gb_s);
    return found;
}

std::optional<PublishedFigures> PublishedFigures::beside(const std::filesystem::path& machine) {
    std::filesystem::path file = machine;
    file.replace_extension(".published");
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return std::nullopt;
    return parse(file.string(), read_config_text(file));
}

std::vector<ComparedFigure> compare_figures(const std::vector<Measurement>& ours,
                                            const std::vector<LoadedLatency>& curve,
                                            const PublishedFigures& published) {
    std::vector<ComparedFigure> rows;
    for (const Measurement& measured : ours) {
        ComparedFigure row{
            .ours = measured, .published = std::nullopt, .fitted = published.fitted.contains(measured.name)};
        const auto theirs = std::ranges::find(published.figures, measured.name, &Measurement::name);
        if (theirs != published.figures.end()) row.published = theirs->value;
        rows.push_back(std::move(row));
    }
    for (const LoadedLatency& point : published.curve)
        if (const auto ns = latency_at(curve, point.gb_s))
            rows.push_back({.ours = {curve_name(point.gb_s), "ns", *ns},
                            .published = point.ns,
                            .fitted = published.fitted.contains("loaded_latency")});
    return rows;
}

std::optional<double> mean_error(const std::vector<ComparedFigure>& figures, bool fitted) {
    double sum = 0;
    std::uint64_t count = 0;
    for (const ComparedFigure& figure : figures)
        if (const auto error = figure.error(); error && figure.fitted == fitted) {
            sum += std::abs(*error);
            ++count;
        }
    if (count == 0) return std::nullopt;
    return sum / static_cast<double>(count);
}

} // namespace pagewalk::app
