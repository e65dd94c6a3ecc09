#include "app/sweep_table.h"

#include "app/version.h"
#include "base/error.h"
#include "results/hdf5_object.h"
#include "results/run_reader.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>

namespace pagewalk::app {

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
/// /table/baseline of a point that has none.
constexpr std::uint64_t no_baseline = std::numeric_limits<std::uint64_t>::max();

double number(const results::SummaryValue& value) {
    if (const auto* count = std::get_if<std::uint64_t>(&value.value)) return static_cast<double>(*count);
    const auto* real = std::get_if<double>(&value.value);
    return real == nullptr ? unknown : *real;
}

} // namespace

SweepTable::SweepTable(const SweepFile& file, const SweepPlan& plan, SweepFolder& folder)
    : m_file(file), m_plan(plan), m_folder(folder) {}

void SweepTable::add(std::size_t point) {
    const results::RunReader run(m_folder.results(m_plan.points[point]));
    m_summaries[point] = run.summary();
    ++m_versions[run.meta("version") + " (" + run.meta("git_revision") + ")"];
}

results::SweepIndex SweepTable::index() const {
    results::SweepIndex index;
    for (auto columns : {point_columns(), axis_columns(), summary_columns()})
        std::ranges::move(columns, std::back_inserter(index.columns));
    for (const auto& [point, summary] : m_summaries) {
        const std::string& name = m_plan.points[point].name;
        index.links.push_back({name, "points/" + name + ".h5"});
    }
    index.meta = {{"sweep", m_file.text(), "the sweep file"},
                  {"name", m_file.path().stem().string(), "the sweep file's name"},
                  {"version", std::string(version()), "version of Pagewalk that ran the sweep"},
                  {"git_revision", std::string(git_revision()), "revision of its source"}};
    return index;
}

std::vector<results::SweepColumn> SweepTable::point_columns() const {
    std::vector<std::string> names, outcomes;
    std::vector<std::uint64_t> repeats, seeds, baselines, memory;
    std::vector<double> seconds;
    const auto& ends = m_folder.journal().ends();
    for (std::size_t i = 0; i < m_plan.points.size(); ++i) {
        const SweepPoint& point = m_plan.points[i];
        const auto end = ends.find(point.name);
        const bool is_known = end != ends.end();
        names.push_back(point.name);
        outcomes.emplace_back(has(i) ? "finished" : is_known ? name_of(end->second.outcome) : "not_run");
        repeats.push_back(point.repeat + 1);
        seeds.push_back(point.seed);
        baselines.push_back(point.baseline ? static_cast<std::uint64_t>(*point.baseline) : no_baseline);
        seconds.push_back(is_known ? end->second.seconds : unknown);
        memory.push_back(is_known ? end->second.peak_memory : 0);
    }
    return {{"name", "text", "name of the point; /points has its results", std::move(names)},
            {"outcome", "text", "finished, failed, timed_out, stopped or not_run", std::move(outcomes)},
            {"repeat", "number", "which of the repeats, from 1", std::move(repeats)},
            {"seed", "number", "run.seed", std::move(seeds)},
            {"baseline", "number",
             "row of the point that this one is compared with; the largest number: none",
             std::move(baselines)},
            {"seconds", "s", "host time", std::move(seconds)},
            {"peak_memory", "bytes", "largest resident set of its processes together; 0: not measured",
             std::move(memory)}};
}

std::vector<results::SweepColumn> SweepTable::axis_columns() const {
    std::vector<results::SweepColumn> columns;
    for (std::size_t i = 0; i < m_plan.axes.size(); ++i) {
        const SweepAxis& axis = m_plan.axes[i];
        const std::string meaning = axis.option.empty() ? "config file" : axis.option;
        std::vector<std::string> labels;
        std::vector<std::uint64_t> numbers;
        for (const SweepPoint& point : m_plan.points) {
            labels.push_back(m_plan.value(point, i).label);
            numbers.push_back(m_plan.value(point, i).number.value_or(0));
        }
        if (axis.is_numeric())
            columns.push_back(
                {"axes/" + axis.name, std::string(name_of(axis.unit)), meaning, std::move(numbers)});
        else
            columns.push_back({"axes/" + axis.name, "text", meaning, labels});
        columns.push_back(
            {"labels/" + axis.name, "text", meaning + ", as names of points have it", std::move(labels)});
    }
    return columns;
}

/// Keys in the order in which runs have them; those that are texts in a run are texts here.
std::vector<results::SweepColumn> SweepTable::summary_columns() const {
    std::vector<const results::SummaryValue*> keys;
    for (const auto& [point, summary] : m_summaries)
        for (const results::SummaryValue& value : summary)
            if (std::ranges::none_of(keys, [&](const auto* key) { return key->name == value.name; }))
                keys.push_back(&value);
    std::vector<results::SweepColumn> columns;
    for (const results::SummaryValue* key : keys) {
        const bool is_text = std::holds_alternative<std::string>(key->value);
        std::vector<std::string> texts(m_plan.points.size());
        std::vector<double> numbers(m_plan.points.size(), unknown);
        for (const auto& [point, summary] : m_summaries) {
            const auto value = std::ranges::find(summary, key->name, &results::SummaryValue::name);
            if (value == summary.end()) continue;
            if (is_text) texts[point] = std::get<std::string>(value->value);
            numbers[point] = number(*value);
        }
        results::SweepColumn column{"summary/" + key->name, key->unit, key->description, {}};
        if (is_text)
            column.values = std::move(texts);
        else
            column.values = std::move(numbers);
        columns.push_back(std::move(column));
    }
    return columns;
}

void SweepTable::write_index() const {
    const std::filesystem::path file = m_folder.index(), made = file.string() + ".tmp";
    try {
        results::build_sweep_index(made, index());
        std::filesystem::rename(made, file);
    } catch (const std::exception& error) {
        std::error_code ignored;
        std::filesystem::remove(made, ignored);
        throw RunError("cannot write " + file.string() + ": " + error.what());
    }
}

} // namespace pagewalk::app
