#include "app/sweep_axis.h"

#include "base/error.h"
#include "base/printable.h"

#include <algorithm>
#include <expected>

namespace pagewalk::app {

namespace {

constexpr std::size_t most_values = 100'000;

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

std::string unquoted(std::string text) {
    const bool is_quoted = text.size() >= 2 && (text.front() == '\'' || text.front() == '"') &&
                           text.find(text.front(), 1) == text.size() - 1;
    return is_quoted ? text.substr(1, text.size() - 2) : text;
}

/// FIRST to LAST step STEP, FIRST to LAST times FACTOR. The error is what is wrong.
std::expected<std::vector<std::string>, std::string> range_values(const std::string& text, Unit unit) {
    const std::string form = "is not of the form FIRST to LAST step STEP, or FIRST to LAST times FACTOR";
    const auto to = text.find(" to ");
    const auto step = text.find(" step "), times = text.find(" times ");
    const bool is_sum = step != std::string::npos;
    const auto by = is_sum ? step : times;
    if (to == std::string::npos || by == std::string::npos || by < to ||
        (is_sum && times != std::string::npos))
        return std::unexpected(form);
    const auto first = parse_quantity(trimmed(text.substr(0, to)), unit);
    const auto last = parse_quantity(trimmed(text.substr(to + 4, by - to - 4)), unit);
    const auto change =
        parse_quantity(trimmed(text.substr(by + (is_sum ? 6 : 7))), is_sum ? unit : Unit::Count);
    if (!first || !last || !change)
        return std::unexpected(form + ": a number " + (!first ? first : !last ? last : change).error());
    if (*last < *first) return std::unexpected("ends before it begins");
    if (is_sum ? *change == 0 : *change < 2 || *first == 0)
        return std::unexpected(is_sum ? "wants a step of at least 1"
                                      : "wants a factor of at least 2, from at least 1");
    std::vector<std::string> values;
    for (unsigned __int128 value = *first; value <= *last;
         value = is_sum ? value + *change : value * *change) {
        values.push_back(format_quantity(static_cast<std::uint64_t>(value), unit));
        if (values.size() > most_values)
            return std::unexpected("has more than " + std::to_string(most_values) + " values");
    }
    return values;
}

/// Throws the ConfigErrors of one axis, each at the place of its key.
class AxisReader {
public:
    AxisReader(const SweepFile& file, const SweepFile::Axis& axis)
        : m_file(file), m_config(axis.config), m_section("axis." + axis.name) {}

    SweepAxis read(const std::string& name, OptionSet& known) const {
        SweepAxis axis{.name = name, .option = m_config.option, .zip = m_config.zip};
        if (m_config.files.empty() == m_config.option.empty())
            throw ConfigError(m_file.path().string() + ": [" + m_section + "] wants either option or files");
        if (axis.option.empty()) {
            read_files(axis);
        } else {
            read_values(axis, known);
        }
        if (axis.values.empty()) refuse(axis.option.empty() ? "files" : "values", "", "has no value");
        if (!m_config.names.empty()) name_values(axis);
        check_labels(axis);
        return axis;
    }

private:
    [[noreturn]] void refuse(const std::string& key, const std::string& value, const std::string& why) const {
        throw ConfigError(m_file.where(m_section + "." + key), m_section + "." + key, excerpt(value), why);
    }

    void read_files(SweepAxis& axis) const {
        for (const char* key : {"values", "range"})
            if (const std::string& given = key[0] == 'v' ? m_config.values : m_config.range; !given.empty())
                refuse(key, given, "has no effect beside files; give either");
        for (const std::string& name : split_list(m_config.files)) {
            const std::filesystem::path path = m_file.beside(name);
            axis.values.push_back({path.string(), path.stem().string(), {}});
        }
    }

    void read_values(SweepAxis& axis, OptionSet& known) const {
        if (axis.option == "run.seed") refuse("option", axis.option, "seeds are those of sweep.repeats");
        const std::string where = m_file.where(m_section + ".option");
        if (known.find(axis.option) == nullptr) known.set(axis.option, "", where); // says what is near it
        const Option& option = *known.find(axis.option);
        axis.unit = option.text.unit;
        if (m_config.values.empty() == m_config.range.empty())
            throw ConfigError(where + ": [" + m_section + "] wants either values or range");
        std::vector<std::string> texts = split_list(m_config.values);
        if (!m_config.range.empty()) {
            auto values = range_values(m_config.range, axis.unit);
            if (!values) refuse("range", m_config.range, values.error());
            texts = std::move(*values);
        }
        for (const std::string& text : texts) axis.values.push_back(taken(axis, text, known));
    }

    /// The value as the option gives it back.
    AxisValue taken(const SweepAxis& axis, const std::string& text, OptionSet& known) const {
        const std::string key = m_config.range.empty() ? "values" : "range";
        known.set(axis.option, text, m_file.where(m_section + "." + key));
        const std::string value = known.find(axis.option)->get();
        AxisValue made{value, value, {}};
        if (axis.unit == Unit::None) return made;
        if (const auto number = parse_quantity(value, axis.unit)) made.number = *number;
        return made;
    }

    void name_values(SweepAxis& axis) const {
        const std::vector<std::string> names = split_list(m_config.names);
        if (names.size() != axis.values.size())
            refuse("names", m_config.names,
                   "names " + std::to_string(names.size()) + " of " + std::to_string(axis.values.size()) +
                       " values");
        for (std::size_t i = 0; i < names.size(); ++i) axis.values[i].label = names[i];
    }

    void check_labels(const SweepAxis& axis) const {
        const std::string key = !m_config.names.empty()   ? "names"
                                : !m_config.files.empty() ? "files"
                                : m_config.range.empty()  ? "values"
                                                          : "range";
        for (auto value = axis.values.begin(); value != axis.values.end(); ++value)
            if (value->label.empty() ||
                std::find_if(axis.values.begin(), value,
                             [&](const AxisValue& before) { return before.label == value->label; }) != value)
                refuse(key, value->label,
                       value->label.empty() ? "a value needs a name (names = ...)"
                                            : "is there twice; points could not be told apart");
    }

    const SweepFile& m_file;
    const AxisConfig& m_config;
    std::string m_section;
};

} // namespace

std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> parts;
    std::string part;
    char quote = 0;
    for (const char c : text) {
        if (quote != 0) {
            if (c == quote) quote = 0;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == ',') {
            parts.push_back(unquoted(trimmed(part)));
            part.clear();
            continue;
        }
        part += c;
    }
    if (!trimmed(part).empty() || !parts.empty()) parts.push_back(unquoted(trimmed(part)));
    return parts;
}

SweepAxis make_axis(const SweepFile& file, const SweepFile::Axis& axis, OptionSet& known) {
    return AxisReader(file, axis).read(axis.name, known);
}

} // namespace pagewalk::app
