#include "os/replay/step_capture.h"

#include "base/error.h"
#include "os/replay/text_fields.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

/// "maps" of "what=maps".
std::string_view value_of(const TextFields& fields, std::size_t i, std::string_view key) {
    if (i >= fields.size() || !fields[i].starts_with(key)) fields.fail(key.data(), "is missing");
    return fields[i].substr(key.size());
}

bool is_area_line(std::string_view line) {
    const std::size_t blank = std::min(line.find(' '), line.size());
    return line.substr(0, blank).find('-') != std::string_view::npos && line.substr(0, blank).back() != ':';
}

class StepsParser {
public:
    explicit StepsParser(const std::string& name) : m_name(name) {}

    std::vector<StepCapture> parse(std::string_view text) {
        const char* begin = text.data();
        for_each_line(text, [&](std::string_view line, std::size_t) {
            ++m_line;
            if (!line.starts_with("@@ ")) return;
            end_section({begin, static_cast<std::size_t>(line.data() - begin)});
            begin_section(line);
            begin = line.data() + line.size() + 1;
        });
        if (!text.empty()) end_section({begin, static_cast<std::size_t>(text.data() + text.size() - begin)});
        return std::move(m_steps);
    }

private:
    void begin_section(std::string_view line) {
        const TextFields fields(line, m_name, m_line);
        const std::string sequence(value_of(fields, 1, "seq="));
        const std::uint64_t number = TextFields(sequence, m_name, m_line).number(0, "seq");
        if (m_steps.empty() || m_steps.back().sequence != number)
            m_steps.push_back({.sequence = number, .step = std::string(value_of(fields, 2, "step="))});
        m_who = value_of(fields, 3, "who=");
        m_what = value_of(fields, 4, "what=");
        m_first_line = m_line + 1;
    }

    void end_section(std::string_view body) {
        if (m_what.empty()) return;
        StepCapture& step = m_steps.back();
        if (m_what == "vmstat.in") step.counters = parse_values(body, m_name, m_first_line);
        if (m_what == "vmstat.out") step.after = parse_values(body, m_name, m_first_line);
        if (m_what == "stat") {
            const NamedValues values = parse_values(body, m_name, m_first_line);
            if (const auto* minor = find_value(values, "minflt")) process().minor_faults = *minor;
            if (const auto* major = find_value(values, "majflt")) process().major_faults = *major;
        }
        // Where smaps was recorded it repeats the lines of maps.
        if (m_what == "smaps" || (m_what == "maps" && process().areas.empty()))
            process().areas = parse_areas(body, m_name, m_first_line);
    }

    ProcessTexts& process() {
        std::vector<ProcessTexts>& processes = m_steps.back().processes;
        const auto known = std::ranges::find(processes, m_who, &ProcessTexts::who);
        if (known != processes.end()) return *known;
        processes.push_back({.who = std::string(m_who)});
        return processes.back();
    }

    const std::string& m_name;
    std::vector<StepCapture> m_steps;
    std::string_view m_who, m_what;
    std::size_t m_line = 0, m_first_line = 0;
};

} // namespace

std::vector<AreaText> parse_areas(std::string_view text, const std::string& name, std::size_t first_line) {
    constexpr std::string_view kernel_half = "ffff";
    std::vector<AreaText> areas;
    bool user_half = true;
    std::size_t number = first_line - 1;
    for_each_line(text, [&](std::string_view line, std::size_t) {
        ++number;
        if (line.empty()) return;
        const TextFields fields(line, name, number);
        if (is_area_line(line)) {
            user_half = !line.starts_with(kernel_half);
            if (fields.size() < 3) fields.fail("area", "lacks permissions or offset");
            if (user_half)
                areas.push_back(
                    {std::string(fields[0]) + ' ' + std::string(fields[1]) + ' ' + std::string(fields[2]),
                     {}});
            return;
        }
        if (!user_half || areas.empty() || fields.size() != 3 || fields[2] != "kB") return;
        const std::string_view key = fields[0].substr(0, fields[0].size() - 1);
        areas.back().sizes.emplace_back(key, fields.number(1, "size"));
    });
    return areas;
}

NamedValues parse_values(std::string_view text, const std::string& name, std::size_t first_line) {
    NamedValues values;
    std::size_t number = first_line - 1;
    for_each_line(text, [&](std::string_view line, std::size_t) {
        ++number;
        if (line.empty()) return;
        const TextFields fields(line, name, number);
        values.emplace_back(fields[0], fields.number(1, "value"));
    });
    return values;
}

const std::uint64_t* find_value(const NamedValues& values, std::string_view name) {
    const auto found =
        std::ranges::find(values, name, [](const auto& value) { return std::string_view(value.first); });
    return found == values.end() ? nullptr : &found->second;
}

std::vector<StepCapture> parse_steps(std::string_view text, const std::string& name) {
    return StepsParser(name).parse(text);
}

} // namespace pagewalk::os
