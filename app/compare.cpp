#include "app/compare.h"

#include "app/command_line.h"
#include "app/run_comparison.h"
#include "app/run_set.h"
#include "base/error.h"
#include "results/run_reader.h"
#include "results/summary_text.h"
#include "results/text_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <limits>
#include <unistd.h>
#include <vector>

namespace pagewalk::app {

namespace {

namespace po = boost::program_options;
using results::Colour;
using results::TextTable;

constexpr const char* usage = "pagewalk compare A B [--all] [--stats GLOB] [--least PERCENT]";
constexpr std::size_t most_changes = 20;

std::string times(double a, double b) {
    if (a == b) return "1";
    if (a == 0 || std::isnan(a) || std::isnan(b)) return "-";
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.4g", b / a);
    return text.data();
}

/// Prints a comparison; of several points with how many moved and where most.
class ComparisonPage {
public:
    ComparisonPage(const RunComparison& comparison, Colour colour, std::ostream& out)
        : m_comparison(comparison), m_several(comparison.both.size() > 1), m_colour(colour), m_out(out) {}

    void print_points() const {
        const RunComparison& c = m_comparison;
        if (m_several || !c.only_before.empty() || !c.only_after.empty())
            m_out << "Points: " << c.both.size() << " in both, " << c.only_before.size() << " in A alone, "
                  << c.only_after.size() << " in B alone.\n";
        if (c.repeats_before > 1 || c.repeats_after > 1)
            m_out << "Repeats: " << c.repeats_before << " in A, " << c.repeats_after
                  << " in B; what moved is outside the 95 % interval of the difference.\n";
        for (const std::string& ending : c.other_endings) m_out << "Ended in other ways: " << ending << "\n";
    }

    void print_values(const char* name, const std::vector<ComparedValue>& values, std::size_t most) const {
        title(name);
        TextTable table;
        table.add(head());
        for (std::size_t i = 0; i < std::min(most, values.size()); ++i) table.add(row(values[i]));
        m_out << (values.empty() ? "  none\n" : table.text("  "));
        if (values.size() > most) m_out << "  and " << values.size() - most << " more (--all shows them)\n";
    }

    void print_options() const {
        TextTable table;
        for (const ChangedOption& option : m_comparison.options)
            table.add({option.key, option.before, option.after});
        title("Configuration");
        m_out << (table.empty() ? "  the same\n" : table.text("  "));
    }

private:
    [[nodiscard]] bool has_repeats() const {
        return m_comparison.repeats_before > 1 || m_comparison.repeats_after > 1;
    }

    std::vector<std::string> head() const {
        std::vector<std::string> cells{"", "A", "B", "B/A", ""};
        if (has_repeats()) cells.emplace_back("B-A +-");
        cells.emplace_back(m_several ? "points moved" : "moved");
        if (m_several) cells.emplace_back("most at");
        return cells;
    }

    std::vector<std::string> row(const ComparedValue& value) const {
        const Movement& m = value.movement;
        std::vector<std::string> cells{value.path, results::format_number(m.before),
                                       results::format_number(m.after), times(m.before, m.after), value.unit};
        if (has_repeats()) cells.push_back(results::format_number(m.half_width));
        if (m_several) {
            cells.push_back(std::to_string(value.moved) + " of " + std::to_string(value.points));
            cells.push_back(value.moved == 0 ? "" : value.point);
        } else {
            cells.emplace_back(value.moved == 0 ? "" : "yes");
        }
        return cells;
    }

    void title(const char* text) const {
        const bool colour = m_colour == Colour::On;
        m_out << "\n" << (colour ? "\x1b[1m" : "") << text << (colour ? "\x1b[0m" : "") << "\n";
    }

    const RunComparison& m_comparison;
    bool m_several;
    Colour m_colour;
    std::ostream& m_out;
};

struct Arguments {
    std::vector<std::string> sides;
    std::string glob;
    double least_share = 0;
    bool all = false;
};

double share_of(const std::string& text) {
    const std::string_view number =
        std::string_view(text).substr(0, text.size() - (text.ends_with('%') ? 1 : 0));
    double percent = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), percent);
    if (error != std::errc() || end != number.data() + number.size() || percent < 0 || percent > 100)
        throw InputError("compare: --least " + text + " is no share from 0% to 100%; usage: " + usage);
    return percent / 100;
}

Arguments parse(std::span<const std::string> words) {
    po::options_description known;
    known.add_options()("all", "")("stats", po::value<std::string>()->default_value("*"))(
        "least", po::value<std::string>()->default_value("1%"))("side",
                                                                po::value<std::vector<std::string>>());
    const po::variables_map given = read_command_line({"compare", usage, words}, known, "side", -1);
    Arguments arguments{.glob = given["stats"].as<std::string>(),
                        .least_share = share_of(given["least"].as<std::string>()),
                        .all = given.count("all") != 0};
    if (given.count("side") != 0) arguments.sides = given["side"].as<std::vector<std::string>>();
    if (arguments.sides.size() != 2)
        throw InputError("compare: two results files, or folders of them, are needed; usage: " +
                         std::string(usage));
    return arguments;
}

void print_identity(const RunSet& a, const RunSet& b, std::ostream& out) {
    const results::RunReader first(a.path), second(b.path);
    const std::size_t objects = results::differences(first, second).size();
    if (objects == 0) {
        out << "The two runs are identical in all but /meta/host.\n";
    } else {
        out << "The two runs differ in " << objects << " objects.\n";
    }
}

int compare(std::span<const std::string> words, std::ostream& out, Colour colour) {
    const Arguments arguments = parse(words);
    const RunSet a = find_runs(arguments.sides[0]), b = find_runs(arguments.sides[1]);
    const RunComparison comparison = compare_runs(a, b, arguments.glob, arguments.least_share);
    if (comparison.matching_statistics == 0)
        throw InputError("compare: neither side has a statistic that matches " + arguments.glob);
    out << "A  " << arguments.sides[0] << "\nB  " << arguments.sides[1] << "\n";
    if (!a.is_folder && !b.is_folder) print_identity(a, b, out);
    const ComparisonPage page(comparison, colour, out);
    page.print_points();
    page.print_values("Summary", comparison.summary, std::numeric_limits<std::size_t>::max());
    page.print_options();
    page.print_values("Statistics that moved most", comparison.statistics,
                      arguments.all ? std::numeric_limits<std::size_t>::max() : most_changes);
    return comparison.moved() ? 1 : 0;
}

} // namespace

int run_compare(std::span<const std::string> arguments) {
    return compare(arguments, std::cout, ::isatty(STDOUT_FILENO) != 0 ? Colour::On : Colour::Off);
}

int run_compare(std::span<const std::string> arguments, std::ostream& out) {
    return compare(arguments, out, Colour::Off);
}

} // namespace pagewalk::app
