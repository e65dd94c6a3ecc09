#include "app/characterize.h"

#include "app/command.h"
#include "app/command_line.h"
#include "app/memory_chase.h"
#include "app/memory_traffic.h"
#include "app/published_figures.h"
#include "app/system_config.h"
#include "base/config_file.h"
#include "base/output_claim.h"
#include "base/spelling.h"
#include "results/sweep_index.h"
#include "results/text_table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <system_error>
#include <vector>

namespace pagewalk::app {

namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr const char* usage =
    "pagewalk characterize MACHINE.cfg [--set key=value]... [--only TABLE,...] [-o FILE.h5]";

/// A table of measurements; null: the curve, which is measured apart.
struct Table {
    std::string_view name;
    std::vector<Measurement> (*measure)(const SystemConfig&);
};
constexpr std::array<Table, 8> tables{{{"latency", footprint_latencies},
                                       {"tlb", tlb_reach},
                                       {"idle_latency", idle_latencies},
                                       {"bandwidth", bandwidths_by_mix},
                                       {"node_bandwidth", bandwidths_by_node},
                                       {"core_bandwidth", bandwidths_by_cores},
                                       {"cache_to_cache", cache_to_cache_latencies},
                                       {"loaded_latency", nullptr}}};

struct Request {
    std::string machine;
    std::vector<std::string> settings;
    std::string only;
    std::string output;
};

Request parse(std::span<const std::string> words) {
    Request request;
    po::options_description options("options");
    options.add_options()("set,s", po::value(&request.settings)->composing(), "key=value")(
        "only", po::value(&request.only), "tables")("output,o", po::value(&request.output), "results file")(
        "machine", po::value(&request.machine), "machine");
    read_command_line({"characterize", usage, words}, options, "machine");
    if (request.machine.empty())
        throw InputError(std::string("characterize: give a machine's configuration\nusage: ") + usage);
    return request;
}

std::vector<Table> chosen_tables(std::string_view list) {
    if (list.empty()) return {tables.begin(), tables.end()};
    std::vector<Table> chosen;
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        const std::string_view name = list.substr(0, comma);
        const auto* const table = std::ranges::find(tables, name, &Table::name);
        if (table == tables.end()) {
            std::vector<std::string_view> names;
            std::string known;
            for (const Table& each : tables) {
                names.push_back(each.name);
                known += (known.empty() ? "" : ", ") + std::string(each.name);
            }
            throw InputError("characterize: --only: no table '" + std::string(name) + "'" +
                             did_you_mean(name, names) + "; there are " + known);
        }
        chosen.push_back(*table);
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return chosen;
}

std::string percent(double share) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%+.1f %%", 100 * share);
    return text.data();
}

std::string number(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), value < 10 ? "%.2f" : value < 1000 ? "%.1f" : "%.0f", value);
    return text.data();
}

void print(const std::vector<ComparedFigure>& figures, const PublishedFigures& published, std::ostream& out) {
    results::TextTable table;
    table.add({"", "unit", "Pagewalk", "published", "error", ""});
    for (const ComparedFigure& figure : figures)
        table.add({figure.ours.name, figure.ours.unit, number(figure.ours.value),
                   figure.published ? number(*figure.published) : "",
                   figure.error() ? percent(*figure.error()) : "",
                   !figure.published ? ""
                   : figure.fitted   ? "fitted"
                                     : "predicted"});
    out << table.text("  ");
    if (published.source.empty()) {
        out << "nothing published beside the machine (MACHINE.published)\n";
        return;
    }
    out << "published: " << published.source << "\n";
    for (const bool fitted : {false, true})
        if (const auto mean = mean_error(figures, fitted))
            out << "mean error of what was " << (fitted ? "fitted" : "predicted") << ": "
                << number(100 * *mean) << " %\n";
}

/// The table as columns of HDF5, in the format of a sweep's index.
void write(const fs::path& path, const std::vector<ComparedFigure>& figures,
           const PublishedFigures& published, const Request& request) {
    std::vector<std::string> names, units;
    std::vector<double> ours, theirs, errors;
    std::vector<std::uint64_t> fitted;
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    for (const ComparedFigure& figure : figures) {
        names.push_back(figure.ours.name);
        units.push_back(figure.ours.unit);
        ours.push_back(figure.ours.value);
        theirs.push_back(figure.published.value_or(none));
        errors.push_back(figure.error().value_or(none));
        fitted.push_back(figure.fitted ? 1 : 0);
    }
    const results::SweepIndex index{
        .columns = {{"name", "text", "what was measured", names},
                    {"unit", "text", "of the figure and of the published one", units},
                    {"figure", "by row", "as Pagewalk's machine does", ours},
                    {"published", "by row", "as the real machine did; NaN: not published", theirs},
                    {"error", "ratio", "of the figure to the published one, less 1", errors},
                    {"fitted", "count", "1: the published figure set a parameter of the machine", fitted}},
        .links = {},
        .meta = {{"machine", request.machine, "the machine's configuration"},
                 {"source", published.source, "who published"},
                 {"command", command_line(), "how this was made"}}};
    try {
        const OutputClaim claim(path, results::is_sweep_index);
        results::build_sweep_index(claim.temporary(), index);
        fs::rename(claim.temporary(), claim.file());
    } catch (const OutputRefused& refused) {
        throw InputError("cannot write " + path.string() + ": " + refused.what());
    } catch (const std::system_error& error) {
        throw RunError("cannot write " + path.string() + ": " + error.code().message());
    }
}

} // namespace

int run_characterize(std::span<const std::string> words) {
    const Request request = parse(words);
    const std::vector<Table> chosen = chosen_tables(request.only);
    SystemConfig config;
    load_config_file(request.machine, config.options);
    apply_settings(request.settings, config.options);
    config.validate();
    const PublishedFigures published = PublishedFigures::beside(request.machine).value_or(PublishedFigures{});

    std::vector<Measurement> ours;
    std::vector<LoadedLatency> curve;
    for (const Table& table : chosen) {
        std::cerr << "characterize: " << table.name << "\n";
        if (table.measure == nullptr) {
            curve = loaded_latencies(config);
            continue;
        }
        for (Measurement& measured : table.measure(config)) ours.push_back(std::move(measured));
    }
    if (published.curve.empty())
        for (const LoadedLatency& point : curve)
            ours.push_back({"loaded_latency at " + number(point.gb_s) + " GB/s", "ns", point.ns});
    const std::vector<ComparedFigure> figures = compare_figures(ours, curve, published);
    std::cout << config.machine.name << ": " << config.machine.sockets << " socket(s), "
              << config.machine.cpus << " CPU(s)\n";
    print(figures, published, std::cout);
    if (!request.output.empty()) write(request.output, figures, published, request);
    return 0;
}

} // namespace pagewalk::app
