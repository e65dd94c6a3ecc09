#pragma once

#include "base/histogram.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk {

enum class StatKind : std::uint8_t {
    Counter, ///< only grows: a region of a run has the difference
    Gauge,   ///< goes up and down: a region has the value at its end
};

/// One counter or gauge as declared: where it is, what it counts.
struct Statistic {
    std::string path; ///< component path, e.g. "core0/mmu/l2_tlb"
    std::string name;
    std::string unit;
    std::string description;
    const std::uint64_t* value = nullptr;
    StatKind kind = StatKind::Counter;
};

/// A quotient of two counters of the same component, scaled: value = numerator * scale / denominator.
struct RatioStatistic {
    std::string path, name, unit, description;
    std::string formula;                        ///< as text, e.g. "misses * 1000 / instructions"
    std::size_t numerator = 0, denominator = 0; ///< indices into counters
    double scale = 1;
};

struct HistogramStatistic {
    std::string path, name, unit, description;
    const Histogram* histogram = nullptr;
};

/// Values of all counters and histograms at one moment.
struct StatSnapshot {
    std::vector<std::uint64_t> counters;
    std::vector<Histogram> histograms;

    /// What happened since `earlier`; of gauges the change, modulo 2^64. See StatRegistry::region.
    [[nodiscard]] StatSnapshot since(const StatSnapshot& earlier) const;
};

class StatRegistry;

/// The statistics of one component. A module declares each once:
///     void declare(StatGroup g) const { g.counter("misses", misses, "count", "accesses that missed"); }
class StatGroup {
public:
    StatGroup(StatRegistry& registry, std::string path) : m_registry(&registry), m_path(std::move(path)) {}

    [[nodiscard]] StatGroup group(std::string_view name) const;
    void counter(std::string_view name, const std::uint64_t& value, std::string_view unit,
                 std::string_view description);
    /// A level, such as pages mapped now.
    void gauge(std::string_view name, const std::uint64_t& value, std::string_view unit,
               std::string_view description);
    /// Both operands must have been declared in this group.
    void ratio(std::string_view name, std::string_view numerator, std::string_view denominator, double scale,
               std::string_view unit, std::string_view description);
    void histogram(std::string_view name, const Histogram& histogram, std::string_view unit,
                   std::string_view description);

private:
    StatRegistry* m_registry;
    std::string m_path;
};

/// All statistics of a run. The counted fields must outlive it.
class StatRegistry {
public:
    [[nodiscard]] StatGroup group(std::string_view path) { return {*this, std::string(path)}; }
    [[nodiscard]] const std::vector<Statistic>& counters() const { return m_counters; }
    [[nodiscard]] const std::vector<RatioStatistic>& ratios() const { return m_ratios; }
    [[nodiscard]] const std::vector<HistogramStatistic>& histograms() const { return m_histograms; }
    [[nodiscard]] StatSnapshot snapshot() const;
    /// What a region of a run measured: counters and histograms from its start on, gauges at its end.
    [[nodiscard]] StatSnapshot region(const StatSnapshot& start, const StatSnapshot& end) const;
    /// Index of a counter, npos where there is none.
    [[nodiscard]] std::size_t find(std::string_view path, std::string_view name) const;
    /// Sum of `name` over the components whose path matches `glob`.
    [[nodiscard]] std::uint64_t sum(const StatSnapshot& values, std::string_view glob,
                                    std::string_view name) const;
    static constexpr std::size_t npos = ~std::size_t{0};

private:
    friend class StatGroup;
    std::vector<Statistic> m_counters;
    std::vector<RatioStatistic> m_ratios;
    std::vector<HistogramStatistic> m_histograms;
};

} // namespace pagewalk
