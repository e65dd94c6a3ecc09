#pragma once

#include "app/sweep_folder.h"
#include "app/sweep_plan.h"
#include "results/run_state.h"
#include "results/sweep_index.h"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace pagewalk::app {

/// The points of a sweep with what is known of each: its axes, how it ended, its summary. What index.h5
/// holds.
class SweepTable {
public:
    SweepTable(const SweepFile& file, const SweepPlan& plan, SweepFolder& folder);

    /// Reads a finished point's summary. Throws InputError where its file is damaged.
    void add(std::size_t point);
    [[nodiscard]] bool has(std::size_t point) const { return m_summaries.contains(point); }
    [[nodiscard]] std::size_t finished() const { return m_summaries.size(); }
    /// Versions of Pagewalk that the finished points were run with.
    [[nodiscard]] const std::map<std::string, std::size_t>& versions() const { return m_versions; }

    [[nodiscard]] results::SweepIndex index() const;
    /// Puts the index in place of the one before. Throws RunError.
    void write_index() const;

private:
    [[nodiscard]] std::vector<results::SweepColumn> point_columns() const;
    [[nodiscard]] std::vector<results::SweepColumn> axis_columns() const;
    [[nodiscard]] std::vector<results::SweepColumn> summary_columns() const;

    const SweepFile& m_file;
    const SweepPlan& m_plan;
    SweepFolder& m_folder;
    std::map<std::size_t, std::vector<results::SummaryValue>> m_summaries; ///< by point
    std::map<std::string, std::size_t> m_versions;
};

} // namespace pagewalk::app
