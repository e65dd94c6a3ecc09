#include "base/stats.h"

#include "base/error.h"
#include "base/option.h"

namespace pagewalk {

StatSnapshot StatSnapshot::since(const StatSnapshot& earlier) const {
    StatSnapshot difference;
    difference.counters.reserve(counters.size());
    for (std::size_t i = 0; i < counters.size(); ++i)
        difference.counters.push_back(counters[i] - earlier.counters[i]);
    difference.histograms.reserve(histograms.size());
    for (std::size_t i = 0; i < histograms.size(); ++i)
        difference.histograms.push_back(histograms[i].since(earlier.histograms[i]));
    return difference;
}

StatGroup StatGroup::group(std::string_view name) const {
    return {*m_registry, m_path.empty() ? std::string(name) : m_path + "/" + std::string(name)};
}

void StatGroup::counter(std::string_view name, const std::uint64_t& value, std::string_view unit,
                        std::string_view description) {
    PAGEWALK_INVARIANT(m_registry->find(m_path, name) == StatRegistry::npos);
    m_registry->m_counters.push_back(
        {m_path, std::string(name), std::string(unit), std::string(description), &value});
}

void StatGroup::gauge(std::string_view name, const std::uint64_t& value, std::string_view unit,
                      std::string_view description) {
    counter(name, value, unit, description);
    m_registry->m_counters.back().kind = StatKind::Gauge;
}

void StatGroup::ratio(std::string_view name, std::string_view numerator, std::string_view denominator,
                      double scale, std::string_view unit, std::string_view description) {
    const std::size_t n = m_registry->find(m_path, numerator);
    const std::size_t d = m_registry->find(m_path, denominator);
    PAGEWALK_INVARIANT(n != StatRegistry::npos && d != StatRegistry::npos);
    std::string formula = std::string(numerator);
    if (scale != 1) formula += " * " + std::to_string(static_cast<std::uint64_t>(scale));
    formula += " / " + std::string(denominator);
    m_registry->m_ratios.push_back(
        {m_path, std::string(name), std::string(unit), std::string(description), formula, n, d, scale});
}

void StatGroup::histogram(std::string_view name, const Histogram& histogram, std::string_view unit,
                          std::string_view description) {
    m_registry->m_histograms.push_back(
        {m_path, std::string(name), std::string(unit), std::string(description), &histogram});
}

StatSnapshot StatRegistry::snapshot() const {
    StatSnapshot values;
    values.counters.reserve(m_counters.size());
    for (const Statistic& counter : m_counters) values.counters.push_back(*counter.value);
    values.histograms.reserve(m_histograms.size());
    for (const HistogramStatistic& histogram : m_histograms)
        values.histograms.push_back(*histogram.histogram);
    return values;
}

StatSnapshot StatRegistry::region(const StatSnapshot& start, const StatSnapshot& end) const {
    StatSnapshot values = end.since(start);
    for (std::size_t i = 0; i < m_counters.size(); ++i)
        if (m_counters[i].kind == StatKind::Gauge) values.counters[i] = end.counters[i];
    return values;
}

std::size_t StatRegistry::find(std::string_view path, std::string_view name) const {
    for (std::size_t i = 0; i < m_counters.size(); ++i)
        if (m_counters[i].path == path && m_counters[i].name == name) return i;
    return npos;
}

std::uint64_t StatRegistry::sum(const StatSnapshot& values, std::string_view glob,
                                std::string_view name) const {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < m_counters.size(); ++i)
        if (m_counters[i].name == name && matches_glob(m_counters[i].path, glob)) total += values.counters[i];
    return total;
}

} // namespace pagewalk
