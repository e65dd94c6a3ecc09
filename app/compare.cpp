#include "app/compare.h"

#include "base/config_file.h"
#include "base/config_value.h"
#include "base/error.h"
#include "results/run_reader.h"
#include "results/summary_text.h"
#include "results/text_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <unistd.h>
#include <vector>

#include <boost/program_options.hpp>

namespace pagewalk::app {

namespace {

namespace po = boost::program_options;
using results::Colour;
using results::RunReader;
using results::TextTable;

constexpr std::size_t most_changes = 20;

std::string times(double a, double b) {
    if (a == b) return "1";
    if (a == 0 || std::isnan(a) || std::isnan(b)) return "-";
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.4g", b / a);
    return text.data();
}

class Comparison {
public:
    Comparison(const RunReader& a, const RunReader& b, Colour colour) : m_a(a), m_b(b), m_colour(colour) {}

    void print_identity(std::ostream& out) const {
        const std::vector<std::string> paths = results::differences(m_a, m_b);
        if (paths.empty())
            out << "The two runs are identical in all but /meta/host.\n";
        else
            out << "The two runs differ in " << paths.size() << " objects.\n";
    }

    void print_summary(std::ostream& out) const {
        TextTable table;
        table.add({"", "A", "B", "B/A", ""});
        const auto in_b = m_b.summary();
        for (const results::SummaryValue& a : m_a.summary()) {
            const auto b = std::ranges::find(in_b, a.name, &results::SummaryValue::name);
            if (b == in_b.end()) {
                table.add({a.name, results::format_value(a.value), "-", "-", a.unit});
                continue;
            }
            const bool text = std::holds_alternative<std::string>(a.value);
            table.add({a.name, results::format_value(a.value), results::format_value(b->value),
                       text ? "" : times(number(a), number(*b)), text ? "" : a.unit});
        }
        title(out, "Summary");
        out << table.text("  ");
    }

    void print_config(std::ostream& out) const {
        const auto in_a = options_of(m_a.config());
        const auto in_b = options_of(m_b.config());
        TextTable table;
        for (const auto& [key, value] : in_a) {
            const auto b = in_b.find(key);
            if (b == in_b.end() || b->second != value)
                table.add({key, value, b == in_b.end() ? "(absent)" : b->second});
        }
        for (const auto& [key, value] : in_b)
            if (!in_a.contains(key)) table.add({key, "(absent)", value});
        title(out, "Configuration");
        out << (table.empty() ? "  the same\n" : table.text("  "));
    }

    void print_stats(const std::string& glob, std::size_t most, std::ostream& out) const {
        struct Change {
            const results::StoredStatistic* a;
            const results::StoredStatistic* b;
            double size; ///< |ln(b / a)|; infinite where one is 0 or absent
        };
        const auto in_a = m_a.stats(glob);
        const auto in_b = m_b.stats(glob);
        if (in_a.empty() && in_b.empty())
            throw InputError("compare: neither file has a statistic that matches " + glob);
        std::map<std::string, Change> by_path;
        for (const auto& stat : in_a) by_path[stat.path] = {&stat, nullptr, 0};
        for (const auto& stat : in_b) by_path[stat.path].b = &stat;
        std::vector<Change> changes;
        for (auto& [path, change] : by_path) {
            const double a = change.a == nullptr ? 0 : change.a->number();
            const double b = change.b == nullptr ? 0 : change.b->number();
            if (a == b || (std::isnan(a) && std::isnan(b))) continue;
            change.size =
                a > 0 && b > 0 ? std::abs(std::log(b / a)) : std::numeric_limits<double>::infinity();
            changes.push_back(change);
        }
        std::ranges::stable_sort(changes, std::greater{}, &Change::size);
        title(out, "Statistics that changed most");
        if (changes.empty()) {
            out << "  none changed\n";
            return;
        }
        TextTable table;
        table.add({"", "A", "B", "B/A", ""});
        const auto cell = [](const results::StoredStatistic* stat) {
            return stat == nullptr ? std::string("-") : results::format_number(stat->number());
        };
        for (std::size_t i = 0; i < std::min(most, changes.size()); ++i) {
            const Change& change = changes[i];
            const results::StoredStatistic& known = change.a != nullptr ? *change.a : *change.b;
            const bool both = change.a != nullptr && change.b != nullptr;
            table.add({known.path, cell(change.a), cell(change.b),
                       both ? times(change.a->number(), change.b->number()) : "-", known.unit});
        }
        out << table.text("  ");
        if (changes.size() > most) out << "  and " << changes.size() - most << " more (--all shows them)\n";
    }

private:
    static double number(const results::SummaryValue& value) {
        if (const auto* count = std::get_if<std::uint64_t>(&value.value)) return static_cast<double>(*count);
        const auto* real = std::get_if<double>(&value.value);
        return real == nullptr ? std::numeric_limits<double>::quiet_NaN() : *real;
    }

    /// section.key -> value, from the INI text that a run stores.
    static std::map<std::string, std::string> options_of(const std::string& config) {
        std::map<std::string, std::string> options;
        for (const ConfigEntry& entry : parse_config("/meta/config", config))
            options[entry.key] = format_config_value(entry.value);
        return options;
    }

    void title(std::ostream& out, const char* text) const {
        const bool colour = m_colour == Colour::On;
        out << "\n" << (colour ? "\x1b[1m" : "") << text << (colour ? "\x1b[0m" : "") << "\n";
    }

    const RunReader& m_a;
    const RunReader& m_b;
    Colour m_colour;
};

int compare(std::span<const std::string> arguments, std::ostream& out, Colour colour) {
    const std::string usage = "usage: pagewalk compare A.h5 B.h5 [--all] [--stats GLOB]";
    po::options_description known;
    known.add_options()("all", "")("stats", po::value<std::string>()->default_value("*"))(
        "file", po::value<std::vector<std::string>>());
    po::positional_options_description positional;
    positional.add("file", -1);
    po::variables_map given;
    try {
        po::store(po::command_line_parser(std::vector(arguments.begin(), arguments.end()))
                      .options(known)
                      .positional(positional)
                      .run(),
                  given);
    } catch (const po::error& error) {
        throw InputError(std::string("compare: ") + error.what() + "; " + usage);
    }
    const auto files =
        given.count("file") == 0 ? std::vector<std::string>() : given["file"].as<std::vector<std::string>>();
    if (files.size() != 2) throw InputError("compare: two results files are needed; " + usage);

    const RunReader a(files[0]);
    const RunReader b(files[1]);
    const Comparison comparison(a, b, colour);
    out << "A  " << files[0] << "\nB  " << files[1] << "\n";
    comparison.print_identity(out);
    comparison.print_summary(out);
    comparison.print_config(out);
    const std::size_t most = given.count("all") == 0 ? most_changes : std::numeric_limits<std::size_t>::max();
    comparison.print_stats(given["stats"].as<std::string>(), most, out);
    return 0;
}

} // namespace

int run_compare(std::span<const std::string> arguments) {
    return compare(arguments, std::cout, ::isatty(STDOUT_FILENO) != 0 ? Colour::On : Colour::Off);
}

int run_compare(std::span<const std::string> arguments, std::ostream& out) {
    return compare(arguments, out, Colour::Off);
}

} // namespace pagewalk::app
