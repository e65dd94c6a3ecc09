#include "app/run_comparison.h"

#include "base/config_file.h"
#include "base/config_value.h"
#include "base/error.h"
#include "results/run_reader.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace pagewalk::app {

namespace {

using Options = std::map<std::string, std::string>;

/// Depend on the host, or are texts that other_endings tells.
bool is_compared(const results::SummaryValue& value) {
    return value.name != "host_seconds" && value.name != "host_mips" &&
           !std::holds_alternative<std::string>(value.value);
}

double number(const results::SummaryValue& value) {
    if (const auto* count = std::get_if<std::uint64_t>(&value.value)) return static_cast<double>(*count);
    return std::get<double>(value.value);
}

Options options_of(const std::string& config) {
    Options options;
    for (const ConfigEntry& entry : parse_config("/meta/config", config))
        options[entry.key] = format_config_value(entry.value);
    return options;
}

/// One point of one side: its repeats' values by path.
struct Side {
    std::vector<std::string> order; ///< of summary keys
    std::map<std::string, RepeatedValues> summary, statistics;
    std::map<std::string, std::string> units;
    Options options;
    std::string ending;

    Side(const std::vector<std::filesystem::path>& files, std::string_view glob) {
        for (const std::filesystem::path& file : files) add(results::RunReader(file), glob);
    }

private:
    void add(const results::RunReader& run, std::string_view glob) {
        options = options_of(run.config());
        const auto found = options.extract("run.seed");
        const std::uint64_t seed = found.empty() ? 0 : std::strtoull(found.mapped().c_str(), nullptr, 10);
        ending = run.status();
        for (const results::SummaryValue& value : run.summary()) {
            if (!is_compared(value)) continue;
            if (!summary.contains(value.name)) order.push_back(value.name);
            add(summary[value.name], number(value), seed);
            units[value.name] = value.unit;
        }
        for (const results::StoredStatistic& stat : run.stats(glob)) {
            add(statistics[stat.path], stat.number(), seed);
            units[stat.path] = stat.unit;
        }
    }

    static void add(RepeatedValues& values, double value, std::uint64_t seed) {
        values.values.push_back(value);
        values.seeds.push_back(seed);
    }
};

class Comparer {
public:
    Comparer(const RunSet& before, const RunSet& after, std::string_view glob, double least_share)
        : m_before(before), m_after(after), m_glob(glob), m_least_share(least_share) {}

    RunComparison compare() {
        if (m_before.points.size() == 1 && m_after.points.size() == 1) {
            compare_point(*m_before.points.begin(), m_after.points.begin()->second);
        } else {
            match();
        }
        for (const std::string& key : m_order) m_result.summary.push_back(m_summary.at(key));
        rank_statistics();
        for (auto& [key, change] : m_options)
            if (change) m_result.options.push_back(*change);
        m_result.matching_statistics = m_matching.size();
        return std::move(m_result);
    }

private:
    using Point = std::map<std::string, std::vector<std::filesystem::path>>::value_type;

    void match() {
        for (const Point& point : m_before.points) {
            const auto other = m_after.points.find(point.first);
            if (other == m_after.points.end()) {
                m_result.only_before.push_back(point.first);
            } else {
                compare_point(point, other->second);
            }
        }
        for (const auto& [name, files] : m_after.points)
            if (!m_before.points.contains(name)) m_result.only_after.push_back(name);
        if (m_result.both.empty())
            throw InputError("compare: no point of " + m_before.path.string() + " has the name of one of " +
                             m_after.path.string() + "; the first ones are " +
                             m_before.points.begin()->first + " and " + m_after.points.begin()->first);
    }

    void compare_point(const Point& before, const std::vector<std::filesystem::path>& after_files) {
        const std::string& name = before.first;
        const Side a(before.second, m_glob), b(after_files, m_glob);
        m_result.both.push_back(name);
        m_result.repeats_before = std::max(m_result.repeats_before, before.second.size());
        m_result.repeats_after = std::max(m_result.repeats_after, after_files.size());
        if (a.ending != b.ending) m_result.other_endings.push_back(name + ": " + a.ending + " / " + b.ending);
        for (const std::string& key : a.order) {
            const auto other = b.summary.find(key);
            if (other == b.summary.end()) continue;
            if (!m_summary.contains(key)) m_order.push_back(key);
            add(m_summary[key], key, a, a.summary.at(key), other->second, name);
        }
        compare_statistics(a, b, name);
        note_options(a.options, b.options);
    }

    /// A statistic that one side lacks never happened there.
    void compare_statistics(const Side& a, const Side& b, const std::string& name) {
        for (const auto& [path, values] : a.statistics) {
            const auto other = b.statistics.find(path);
            add(m_statistics[path], path, a, values,
                other == b.statistics.end() ? nothing(values) : other->second, name);
        }
        for (const auto& [path, values] : b.statistics)
            if (!a.statistics.contains(path)) add(m_statistics[path], path, b, nothing(values), values, name);
        for (const auto* side : {&a.statistics, &b.statistics})
            for (const auto& [path, values] : *side) m_matching.insert(path);
    }

    static RepeatedValues nothing(const RepeatedValues& like) {
        return {std::vector<double>(like.values.size(), 0.0), like.seeds};
    }

    void add(ComparedValue& value, const std::string& path, const Side& side, const RepeatedValues& a,
             const RepeatedValues& b, const std::string& point) const {
        value.path = path;
        value.unit = side.units.at(path);
        const Movement movement = movement_between(a, b, value.unit == "count", m_least_share);
        if (value.points++ == 0) {
            value.movement = movement;
            value.point = point;
        }
        if (!movement.is_beyond_noise) return;
        if (value.moved++ == 0 || size_of(movement) > size_of(value.movement)) {
            value.movement = movement;
            value.point = point;
        }
    }

    /// Options that are the same at every point keep their values, others say that they vary; what does not
    /// differ at one point has not changed.
    void note_options(const Options& before, const Options& after) {
        std::set<std::string> keys;
        for (const Options* side : {&before, &after})
            for (const auto& [key, value] : *side) keys.insert(key);
        const bool first = m_result.both.size() == 1;
        for (const std::string& key : keys) {
            const auto value = [&key](const Options& side) {
                const auto found = side.find(key);
                return found == side.end() ? std::string("(absent)") : found->second;
            };
            const std::string a = value(before), b = value(after);
            auto& change = m_options[key];
            if (a == b || (!first && !change)) {
                change.reset();
            } else if (first) {
                change = ChangedOption{key, a, b};
            } else {
                if (change->before != a) change->before = "(varies)";
                if (change->after != b) change->after = "(varies)";
            }
        }
    }

    void rank_statistics() {
        for (auto& [path, value] : m_statistics)
            if (value.moved != 0) m_result.statistics.push_back(std::move(value));
        const auto importance = [](const ComparedValue& value) {
            const double largest = std::max(std::abs(value.movement.before), std::abs(value.movement.after));
            return std::tuple(static_cast<double>(value.moved) * size_of(value.movement), largest);
        };
        std::ranges::stable_sort(m_result.statistics, std::greater{}, importance);
    }

    const RunSet& m_before;
    const RunSet& m_after;
    std::string_view m_glob;
    double m_least_share;
    RunComparison m_result;
    std::vector<std::string> m_order;
    std::map<std::string, ComparedValue> m_summary, m_statistics;
    std::map<std::string, std::optional<ChangedOption>> m_options;
    std::set<std::string> m_matching;
};

} // namespace

bool RunComparison::moved() const {
    return !statistics.empty() || !other_endings.empty() || !only_before.empty() || !only_after.empty() ||
           std::ranges::any_of(summary, [](const ComparedValue& value) { return value.moved != 0; });
}

RunComparison compare_runs(const RunSet& before, const RunSet& after, std::string_view glob,
                           double least_share) {
    return Comparer(before, after, glob, least_share).compare();
}

} // namespace pagewalk::app
