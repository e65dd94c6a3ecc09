#include "os/replay/step_comparison.h"

#include <algorithm>
#include <cstdint>
#include <map>

namespace pagewalk::os {
namespace {

const ProcessTexts* find_process(const StepCapture& step, std::string_view who) {
    const auto found = std::ranges::find(step.processes, who, &ProcessTexts::who);
    return found == step.processes.end() ? nullptr : &*found;
}

const char* const absent = "none";

} // namespace

void StepComparison::differ(const std::string& field, const std::string& real, const std::string& ours) {
    m_report.differ({m_marker, field, real, ours});
}

void StepComparison::compare(const StepCapture& real, const StepCapture& ours) {
    m_marker = real.step;
    ++m_report.markers;
    for (const ProcessTexts& process : real.processes)
        compare_process(process, find_process(ours, process.who));
    if (!m_is_first) compare_counters(real, ours);
    m_is_first = false;
    m_real = real;
    m_ours = ours;
}

void StepComparison::miss(const StepCapture& real) {
    for (const ProcessTexts& process : real.processes) {
        m_report.areas.total += process.areas.size();
        for (const AreaText& area : process.areas) m_report.sizes.total += area.sizes.size();
        m_report.faults.total += 2;
    }
    for (const auto& [name, value] : real.counters) m_report.counters.total += m_is_exact(name) ? 1 : 0;
}

void StepComparison::compare_process(const ProcessTexts& real, const ProcessTexts* ours) {
    static const ProcessTexts nobody;
    if (ours == nullptr) differ(real.who, "runs", "is not there");
    compare_areas(real, ours != nullptr ? *ours : nobody);
    if (!m_is_first) compare_faults(real, ours != nullptr ? *ours : nobody);
}

void StepComparison::compare_areas(const ProcessTexts& real, const ProcessTexts& ours) {
    std::map<std::string_view, const AreaText*> left;
    for (const AreaText& area : ours.areas) left[area.line] = &area;
    for (const AreaText& area : real.areas) {
        const auto found = left.find(area.line);
        m_report.areas.count(found != left.end());
        if (found == left.end()) differ(real.who + " area", area.line, absent);
        for (const auto& [name, value] : area.sizes) {
            // What the simulated kernel does not tell counts as 0, as most of these are.
            const std::uint64_t* const known =
                found != left.end() ? find_value(found->second->sizes, name) : nullptr;
            const std::uint64_t value_here = known != nullptr ? *known : 0;
            const bool same = found != left.end() && value_here == value;
            m_report.sizes.count(same);
            if (!same && found != left.end())
                differ(real.who + " " + name + " of " + area.line, std::to_string(value) + " kB",
                       std::to_string(value_here) + " kB");
        }
        if (found != left.end()) left.erase(found);
    }
    for (const auto& [line, area] : left) {
        m_report.areas.count(false);
        differ(real.who + " area", absent, std::string(line));
    }
}

void StepComparison::compare_faults(const ProcessTexts& real, const ProcessTexts& ours) {
    const ProcessTexts* const real_before = find_process(m_real, real.who);
    const ProcessTexts* const ours_before = find_process(m_ours, real.who);
    const auto compare_one = [&](const char* name, std::uint64_t ProcessTexts::*faults) {
        const std::uint64_t there = real.*faults - (real_before != nullptr ? real_before->*faults : 0);
        const std::uint64_t here = ours.*faults - (ours_before != nullptr ? ours_before->*faults : 0);
        m_report.faults.count(there == here);
        if (there != here) differ(real.who + " " + name, std::to_string(there), std::to_string(here));
    };
    compare_one("minor faults", &ProcessTexts::minor_faults);
    compare_one("major faults", &ProcessTexts::major_faults);
}

void StepComparison::compare_counters(const StepCapture& real, const StepCapture& ours) {
    for (const auto& [name, value] : real.counters) {
        const std::uint64_t* const before = find_value(m_real.after, name);
        const std::uint64_t* const now = find_value(ours.counters, name);
        const std::uint64_t* const earlier = find_value(m_ours.counters, name);
        if (before == nullptr || !m_is_exact(name)) continue;
        const auto there = static_cast<std::int64_t>(value - *before);
        const auto here =
            static_cast<std::int64_t>((now != nullptr ? *now : 0) - (earlier != nullptr ? *earlier : 0));
        m_report.counters.count(there == here);
        if (there != here) differ(name, std::to_string(there), std::to_string(here));
    }
}

} // namespace pagewalk::os
