#include "app/show.h"

#include "app/command_line.h"
#include "app/readable_cell.h"
#include "base/error.h"
#include "results/function_graph.h"
#include "results/run_reader.h"
#include "results/slabtop.h"
#include "results/summary_keys.h"
#include "results/summary_text.h"
#include "results/text_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <unistd.h>
#include <vector>

namespace pagewalk::app {

namespace {

namespace po = boost::program_options;
using results::Colour;
using results::RunReader;
using results::TextTable;

constexpr std::uint64_t default_rows = 20;
constexpr std::uint64_t all_rows = ~0ULL;

std::string json_text(std::string_view text) {
    std::string json = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            json += '\\';
            json += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
            json += escape.data();
        } else {
            json += c;
        }
    }
    return json + "\"";
}

std::string json_value(const results::SummaryValue& value) {
    if (const auto* text = std::get_if<std::string>(&value.value)) return json_text(*text);
    if (const auto* count = std::get_if<std::uint64_t>(&value.value)) return std::to_string(*count);
    const double number = std::get<double>(value.value);
    if (!std::isfinite(number)) return "null";
    std::array<char, 40> digits{};
    std::snprintf(digits.data(), digits.size(), "%.17g", number);
    return digits.data();
}

/// Facts and counters of processes or programs, as `name` says, an object each.
std::string json_members(std::string_view name, const std::vector<results::StoredProcess>& members) {
    std::string list;
    for (const results::StoredProcess& process : members) {
        const results::ProcessFacts& facts = process.facts;
        std::string body = json_text(name) + ": " + std::to_string(facts.number) +
                           ", \"command\": " + json_text(facts.command);
        if (!facts.died_of.empty()) body += ", \"died_of\": " + json_text(facts.died_of);
        if (!facts.killed_by.empty()) body += ", \"killed_by\": " + json_text(facts.killed_by);
        for (const results::StoredStatistic& stat : process.stats)
            body += ", " + json_text(stat.path) + ": " +
                    std::visit([&](auto value) { return json_value({.value = value}); }, stat.value);
        list += (list.empty() ? "\n    {" : ",\n    {") + body + "}";
    }
    return "[" + list + (list.empty() ? "]" : "\n  ]");
}

/// Every fixed key is there, null where the run has no such value.
void print_json(const RunReader& run, std::ostream& out) {
    const std::vector<results::SummaryValue> summary = run.summary();
    std::string body;
    const auto add = [&body](std::string_view key, const std::string& value) {
        body += (body.empty() ? "  " : ",\n  ") + json_text(key) + ": " + value;
    };
    const auto keys = results::summary_keys();
    for (const results::SummaryKey& key : keys) {
        const auto found = std::ranges::find(summary, key.name, &results::SummaryValue::name);
        add(key.name, found == summary.end() ? "null" : json_value(*found));
    }
    for (const results::SummaryValue& value : summary)
        if (std::ranges::find(keys, value.name, &results::SummaryKey::name) == keys.end())
            add(value.name, json_value(value));
    add("programs", json_members("program", run.programs()));
    add("processes", json_members("process", run.processes()));
    out << "{\n" << body << "\n}\n";
}

void print_stats(const RunReader& run, const std::string& glob, std::ostream& out) {
    TextTable table;
    for (const results::StoredStatistic& stat : run.stats(glob)) {
        const std::string value = std::holds_alternative<double>(stat.value)
                                      ? results::format_number(stat.number())
                                      : std::to_string(std::get<std::uint64_t>(stat.value));
        table.add({stat.path, value, stat.unit, stat.description});
    }
    if (table.empty())
        throw InputError(run.path().string() + " has no statistic that matches " + glob +
                         "; `pagewalk show " + run.path().string() + " --stats` prints all");
    out << table.text();
}

void print_histograms(const RunReader& run, const std::string& glob, std::ostream& out) {
    const std::vector<results::StoredHistogram> histograms = run.histograms(glob);
    if (histograms.empty()) throw InputError(run.path().string() + " has no histogram that matches " + glob);
    for (const results::StoredHistogram& histogram : histograms) {
        out << histogram.path << " (" << histogram.unit << "): " << histogram.description << "\n"
            << "  count " << histogram.count << "  mean "
            << results::format_number(histogram.count == 0 ? 0.0
                                                           : static_cast<double>(histogram.sum) /
                                                                 static_cast<double>(histogram.count))
            << "  p50 " << histogram.p50 << "  p90 " << histogram.p90 << "  p99 " << histogram.p99 << "  max "
            << histogram.max << "\n";
        std::uint64_t most = 1;
        for (const std::uint64_t count : histogram.counts) most = std::max(most, count);
        TextTable table;
        for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
            if (histogram.counts[i] == 0) continue;
            constexpr double width = 50;
            const auto length = static_cast<std::size_t>(
                std::ceil(static_cast<double>(histogram.counts[i]) / static_cast<double>(most) * width));
            table.add({std::to_string(histogram.lower_edges[i]), std::to_string(histogram.counts[i]),
                       std::string(length, '#')});
        }
        out << table.text("  ");
    }
}

void print_events(const RunReader& run, const std::string& name, std::uint64_t rows, std::ostream& out) {
    const results::StoredEvents events = run.events(name, rows);
    TextTable table;
    std::vector<std::string> names;
    std::vector<std::string> units;
    for (const EventColumn& column : events.schema.columns) {
        names.push_back(column.name);
        units.push_back(column.value_names.empty() ? column.unit : "");
    }
    table.add(names);
    table.add(units);
    for (std::uint64_t row = 0; row < events.read; ++row) {
        std::vector<std::string> cells;
        for (std::size_t column = 0; column < events.schema.columns.size(); ++column)
            cells.push_back(readable_cell(events.schema.columns[column], events.cell(row, column)));
        table.add(cells);
    }
    out << table.text() << events.read << " of " << events.total << " rows";
    if (events.every > 1) out << ", one event in " << events.every << " kept";
    out << "\n";
}

/// A stored text, or slabtop's view of the stored slabinfo.
void print_proc(const RunReader& run, const std::string& name, std::ostream& out) {
    out << (name == "slabtop" ? results::slabtop_text(run.proc("slabinfo")) : run.proc(name));
}

struct ShowOptions {
    std::string file;
    std::uint64_t rows = default_rows;
    po::variables_map given;

    [[nodiscard]] bool has(const char* name) const { return given.count(name) != 0; }
    [[nodiscard]] std::string text(const char* name) const { return given[name].as<std::string>(); }
};

/// Gives --stats and --histograms their glob, "*" where none is given: a word that follows is the glob,
/// unless it must be the file.
std::vector<std::string> join_globs(std::span<const std::string> arguments) {
    std::vector<std::string> joined;
    bool file_seen = false;
    const auto is_word = [&](std::size_t at) {
        return at < arguments.size() && !arguments[at].starts_with('-');
    };
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        if (argument == "--stats" || argument == "--histograms") {
            const bool given = is_word(i + 1) && (file_seen || is_word(i + 2));
            joined.push_back(argument + "=" + (given ? arguments[++i] : "*"));
            continue;
        }
        file_seen = file_seen || is_word(i);
        joined.push_back(argument);
    }
    return joined;
}

ShowOptions parse(std::span<const std::string> arguments) {
    const std::string usage =
        "pagewalk show FILE.h5 [--json | --stats [GLOB] | --histograms [GLOB] | "
        "--proc NAME|slabtop | --config | --events NAME [--rows N] | --function-graph [--rows N]]";
    po::options_description known;
    known.add_options()("json", "")("config", "")("function-graph", "")("file", po::value<std::string>())(
        "stats", po::value<std::string>())("histograms", po::value<std::string>())(
        "proc", po::value<std::string>())("events", po::value<std::string>())("rows",
                                                                              po::value<std::uint64_t>());
    ShowOptions options;
    const std::vector<std::string> words = join_globs(arguments);
    options.given = read_command_line({"show", usage, words}, known, "file");
    if (!options.has("file")) throw InputError("show: no results file is given; usage: " + usage);
    unsigned views = 0;
    for (const char* view : {"json", "config", "stats", "histograms", "proc", "events", "function-graph"})
        views += options.has(view) ? 1 : 0;
    if (views > 1) throw InputError("show: only one view at a time; usage: " + usage);
    if (options.has("rows") && !options.has("events") && !options.has("function-graph"))
        throw InputError("show: --rows goes with --events or --function-graph; usage: " + usage);
    options.file = options.text("file");
    if (options.has("rows")) options.rows = options.given["rows"].as<std::uint64_t>();
    return options;
}

int show(std::span<const std::string> arguments, std::ostream& out, Colour colour) {
    const ShowOptions options = parse(arguments);
    const RunReader run(options.file);
    if (options.has("json"))
        print_json(run, out);
    else if (options.has("config"))
        out << run.config();
    else if (options.has("stats"))
        print_stats(run, options.text("stats"), out);
    else if (options.has("histograms"))
        print_histograms(run, options.text("histograms"), out);
    else if (options.has("proc"))
        print_proc(run, options.text("proc"), out);
    else if (options.has("events"))
        print_events(run, options.text("events"), options.rows, out);
    else if (options.has("function-graph"))
        out << results::function_graph_text(
            results::traced_calls(run, options.has("rows") ? options.rows : all_rows));
    else
        out << results::summary_page(run, colour);
    return 0;
}

} // namespace

int run_show(std::span<const std::string> arguments) {
    return show(arguments, std::cout, ::isatty(STDOUT_FILENO) != 0 ? Colour::On : Colour::Off);
}

int run_show(std::span<const std::string> arguments, std::ostream& out) {
    return show(arguments, out, Colour::Off);
}

} // namespace pagewalk::app
