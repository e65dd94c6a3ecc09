#include "app/sweep_plan.h"

#include "app/option_effects.h"
#include "app/sweep_filter.h"
#include "app/system_config.h"
#include "base/printable.h"

#include <algorithm>
#include <map>

namespace pagewalk::app {

namespace {

constexpr std::size_t most_points = 100'000;
constexpr std::size_t longest_label = 60;

/// Fit for a file's name, a shell and an HDF5 link.
std::string file_name(std::string text) {
    for (char& c : text)
        if (std::isalnum(static_cast<unsigned char>(c)) == 0 && !std::string_view("._+-=,").contains(c))
            c = '_';
    return text;
}

/// Instructions that a point runs, where its configuration says so.
std::uint64_t expected_instructions(const SystemConfig& config) {
    const std::uint64_t limit =
        config.run.instructions == 0 ? 0 : config.run.warmup + config.run.instructions;
    if (!config.programs.empty() || config.workload.kind != WorkloadKind::Synthetic) return limit;
    const std::uint64_t own = config.synthetic.common.instructions;
    return limit == 0 ? own : own == 0 ? limit : std::min(limit, own);
}

/// Axes that go in step.
struct AxisGroup {
    std::vector<std::size_t> axes;
    std::size_t size = 0;
};

class Planner {
public:
    explicit Planner(const SweepFile& file) : m_file(file) {}

    SweepPlan make() {
        make_axes();
        group_axes();
        read_baseline();
        m_plan.repeats = m_file.sweep().repeats;
        std::vector<std::size_t> values(m_plan.axes.size());
        choose(0, values);
        if (m_plan.points.empty()) refuse("sweep.filter", m_file.sweep().filter, "leaves no point");
        name_points();
        for (SweepPoint& point : m_plan.points) configure(point);
        note_idle_axes();
        find_baselines();
        return std::move(m_plan);
    }

private:
    [[noreturn]] void refuse(const std::string& key, const std::string& value, const std::string& why) const {
        throw ConfigError(m_file.where(key), key, excerpt(value), why);
    }

    void make_axes() {
        SystemConfig known;
        m_file.configure(known.options, {});
        for (const SweepFile::Axis& axis : m_file.axes())
            m_plan.axes.push_back(make_axis(m_file, axis, known.options));
        for (std::size_t i = 0; i < m_plan.axes.size(); ++i)
            for (std::size_t j = 0; j < i; ++j)
                if (!m_plan.axes[i].option.empty() && m_plan.axes[i].option == m_plan.axes[j].option)
                    refuse("axis." + m_plan.axes[i].name + ".option", m_plan.axes[i].option,
                           "is the option of axis " + m_plan.axes[j].name + " too");
    }

    void group_axes() {
        std::map<std::string, std::size_t> zipped;
        for (std::size_t i = 0; i < m_plan.axes.size(); ++i) {
            const SweepAxis& axis = m_plan.axes[i];
            const auto known = axis.zip.empty() ? zipped.end() : zipped.find(axis.zip);
            if (known == zipped.end()) {
                if (!axis.zip.empty()) zipped[axis.zip] = m_groups.size();
                m_groups.push_back({{i}, axis.values.size()});
                continue;
            }
            AxisGroup& group = m_groups[known->second];
            if (group.size != axis.values.size())
                refuse("axis." + axis.name + ".zip", axis.zip,
                       "has " + std::to_string(axis.values.size()) + " values, axis " +
                           m_plan.axes[group.axes.front()].name + " has " + std::to_string(group.size) +
                           "; axes that go in step have as many");
            group.axes.push_back(i);
        }
        for (const auto& [word, group] : zipped)
            if (const auto& axes = m_groups[group].axes; axes.size() == 1)
                refuse("axis." + m_plan.axes[axes.front()].name + ".zip", word,
                       "has no effect: no other axis has this word");
    }

    /// axis=value of each part; values are labels.
    void read_baseline() {
        for (const std::string& part : split_list(m_file.sweep().baseline)) {
            const auto equals = part.find('=');
            const std::string name = part.substr(0, equals);
            const auto axis = std::ranges::find(m_plan.axes, name, &SweepAxis::name);
            if (equals == std::string::npos || axis == m_plan.axes.end())
                refuse("sweep.baseline", part, "is not of the form axis=value; axes are " + axis_names());
            const auto value = std::ranges::find(axis->values, part.substr(equals + 1), &AxisValue::label);
            if (value == axis->values.end())
                refuse("sweep.baseline", part, "is no value of axis " + name + "; it has " + labels(*axis));
            m_baseline[static_cast<std::size_t>(axis - m_plan.axes.begin())] =
                static_cast<std::size_t>(value - axis->values.begin());
        }
    }

    std::string axis_names() const {
        std::string names;
        for (const SweepAxis& axis : m_plan.axes) names += (names.empty() ? "" : ", ") + axis.name;
        return names;
    }

    static std::string labels(const SweepAxis& axis) {
        std::string names;
        for (const AxisValue& value : axis.values) names += (names.empty() ? "" : ", ") + value.label;
        return names;
    }

    void choose(std::size_t group, std::vector<std::size_t>& values) {
        if (group == m_groups.size()) {
            if (!is_kept(values)) return;
            for (std::uint32_t repeat = 0; repeat < m_plan.repeats; ++repeat)
                m_plan.points.push_back({.values = values, .repeat = repeat});
            if (m_plan.points.size() > most_points)
                throw ConfigError(m_file.path().string() + ": has more than " + std::to_string(most_points) +
                                  " points");
            return;
        }
        for (std::size_t i = 0; i < m_groups[group].size; ++i) {
            for (const std::size_t axis : m_groups[group].axes) values[axis] = i;
            choose(group + 1, values);
        }
    }

    bool is_kept(const std::vector<std::size_t>& values) const {
        const std::string& filter = m_file.sweep().filter;
        if (filter.empty()) return true;
        const auto kept =
            evaluate_filter(filter, [&](std::string_view word) { return meaning(word, values); });
        if (!kept) refuse("sweep.filter", filter, kept.error() + "; axes are " + axis_names());
        return *kept;
    }

    /// An axis is its value at this point; a label of any axis is itself.
    std::optional<FilterValue> meaning(std::string_view word, const std::vector<std::size_t>& values) const {
        for (std::size_t i = 0; i < m_plan.axes.size(); ++i) {
            if (m_plan.axes[i].name != word) continue;
            const AxisValue& value = m_plan.axes[i].values[values[i]];
            if (value.number) return static_cast<double>(*value.number);
            return value.label;
        }
        for (const SweepAxis& axis : m_plan.axes)
            if (std::ranges::find(axis.values, word, &AxisValue::label) != axis.values.end())
                return std::string(word);
        return {};
    }

    void name_points() {
        std::map<std::string, std::size_t> names;
        for (SweepPoint& point : m_plan.points) {
            point.name = name_of(point);
            if (const auto [at, fresh] = names.emplace(point.name, names.size()); !fresh)
                refuse("sweep.name", m_file.sweep().name,
                       "calls two points '" + point.name + "'; it wants {axis} of every axis");
        }
    }

    std::string name_of(const SweepPoint& point) const {
        std::string name = m_file.sweep().name;
        if (name.empty())
            for (const SweepAxis& axis : m_plan.axes)
                name += (name.empty() ? "" : ",") + axis.name + "={" + axis.name + "}";
        for (std::size_t i = 0; i < m_plan.axes.size(); ++i) {
            const std::string mark = "{" + m_plan.axes[i].name + "}";
            for (std::size_t at = name.find(mark); at != std::string::npos; at = name.find(mark, at))
                name.replace(at, mark.size(),
                             file_name(m_plan.value(point, i).label.substr(0, longest_label)));
        }
        if (name.find('{') != std::string::npos)
            refuse("sweep.name", m_file.sweep().name, "names no axis in braces; axes are " + axis_names());
        name = file_name(name);
        return m_plan.repeats == 1 ? name : name + ",repeat=" + std::to_string(point.repeat + 1);
    }

    void configure(SweepPoint& point) {
        SystemConfig config;
        std::vector<std::filesystem::path> files;
        for (std::size_t i = 0; i < m_plan.axes.size(); ++i)
            if (m_plan.axes[i].option.empty()) files.emplace_back(m_plan.value(point, i).text);
        m_file.configure(config.options, files);
        for (std::size_t i = 0; i < m_plan.axes.size(); ++i) {
            const SweepAxis& axis = m_plan.axes[i];
            if (!axis.option.empty())
                config.options.set(axis.option, m_plan.value(point, i).text,
                                   m_file.where("axis." + axis.name + ".option"));
        }
        point.seed = config.run.seed + point.repeat;
        config.options.set("run.seed", std::to_string(point.seed), m_file.where("sweep.repeats"));
        try {
            config.validate();
        } catch (const ConfigError& error) {
            throw ConfigError("point " + point.name + ": " + error.what());
        }
        for (std::size_t i = 0; i < m_plan.axes.size(); ++i)
            if (const EffectRule* const rule = rule_without_effect(config, m_plan.axes[i].option))
                ++m_idle[{i, rule->wants}];
        point.config = config.options.resolved();
        point.instructions = expected_instructions(config);
    }

    void note_idle_axes() {
        for (const auto& [axis_and_wants, points] : m_idle) {
            const SweepAxis& axis = m_plan.axes[axis_and_wants.first];
            const std::string where =
                points == m_plan.points.size()
                    ? "any point"
                    : std::to_string(points) + " of " + std::to_string(m_plan.points.size()) + " points";
            m_plan.notes.push_back("axis " + axis.name + ": " + axis.option + " has no effect in " + where +
                                   ": it wants " + std::string(axis_and_wants.second));
        }
    }

    void find_baselines() {
        if (m_baseline.empty()) return;
        std::map<std::pair<std::vector<std::size_t>, std::uint32_t>, std::size_t> places;
        for (std::size_t i = 0; i < m_plan.points.size(); ++i)
            places[{m_plan.points[i].values, m_plan.points[i].repeat}] = i;
        bool any = false;
        for (SweepPoint& point : m_plan.points) {
            std::vector<std::size_t> values = point.values;
            for (const auto& [axis, value] : m_baseline) values[axis] = value;
            const auto found = places.find({values, point.repeat});
            if (found == places.end()) continue;
            point.baseline = found->second;
            any = true;
        }
        if (!any) refuse("sweep.baseline", m_file.sweep().baseline, "is no point that the filter leaves");
    }

    const SweepFile& m_file;
    SweepPlan m_plan;
    std::vector<AxisGroup> m_groups;
    std::map<std::size_t, std::size_t> m_baseline; ///< by axis: which value
    /// Points in which an axis has no effect, by axis and by what would give it one.
    std::map<std::pair<std::size_t, std::string_view>, std::size_t> m_idle;
};

} // namespace

SweepPlan make_plan(const SweepFile& file) { return Planner(file).make(); }

} // namespace pagewalk::app
