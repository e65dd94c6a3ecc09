#pragma once

#include "base/error.h"
#include "base/event_table.h"
#include "results/hdf5_object.h"
#include "results/run_state.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pagewalk::results {

/// A statistic as a file holds it. Ratios have a formula and may be NaN where their denominator is 0.
struct StoredStatistic {
    std::string path; ///< component path and name, e.g. "core0/mmu/l2_tlb/misses"
    std::variant<std::uint64_t, double> value;
    std::string unit;
    std::string description;
    std::string formula;

    [[nodiscard]] double number() const {
        return std::visit([](auto v) { return static_cast<double>(v); }, value);
    }
};

/// A process, or one of several programs, as a file holds it.
struct StoredProcess {
    ProcessFacts facts;
    std::vector<StoredStatistic> stats; ///< paths without process/<number>/

    /// 0 where there is none of that name.
    [[nodiscard]] std::uint64_t count(std::string_view name) const;
};

struct StoredHistogram {
    std::string path;
    std::string unit;
    std::string description;
    std::uint64_t count = 0, sum = 0, max = 0, p50 = 0, p90 = 0, p99 = 0;
    std::vector<std::uint64_t> lower_edges;
    std::vector<std::uint64_t> counts;
};

/// The first rows of an event table, packed as `schema` says.
struct StoredEvents {
    EventSchema schema;
    std::uint64_t every = 0;
    std::uint64_t total = 0; ///< rows in the file
    std::uint64_t read = 0;  ///< rows here
    std::vector<std::byte> rows;

    /// Enumerations give their name. Contract: row < read, column < schema.columns.size().
    [[nodiscard]] std::string cell(std::uint64_t row, std::size_t column) const;
};

/// Is this a file that Pagewalk wrote results to, of any schema version?
[[nodiscard]] bool is_results_file(const std::filesystem::path& path);

/// Reads a results file. Whatever is absent or damaged is an InputError that names the file.
class RunReader {
public:
    /// Throws InputError for a file that is not there, is not HDF5, is cut short, is HDF5 of somebody else,
    /// or has another schema version than the one understood.
    explicit RunReader(std::filesystem::path path);

    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }
    [[nodiscard]] std::string status() const { return meta("status"); }
    [[nodiscard]] std::string status_text() const { return meta("status_text"); }
    [[nodiscard]] std::string config() const { return meta("config"); }
    /// A text of /meta, "" if absent: version, git_revision, workload, machine, command_line, ...
    [[nodiscard]] std::string meta(const std::string& name) const;
    /// The keys of /summary with host_seconds, host_mips (from /meta/host) and status, fixed keys first and
    /// in their order.
    [[nodiscard]] std::vector<SummaryValue> summary() const;
    /// Those whose path matches the glob, by path.
    [[nodiscard]] std::vector<StoredStatistic> stats(std::string_view glob = "*") const;
    /// The sum of the counter `name` of the components whose own name matches the glob: in the measured
    /// region, and from power-on; 0 where the file does not know.
    [[nodiscard]] double measured(std::string_view components, const char* name) const;
    [[nodiscard]] double total(std::string_view components, const char* name) const;
    /// What is below `group`, of those components.
    [[nodiscard]] std::vector<StoredStatistic> stats_of(std::string_view components, const char* group) const;
    /// By number; 0 is the kernel's own work.
    [[nodiscard]] std::vector<StoredProcess> processes() const;
    /// Those that ran side by side, by number; none where one ran alone.
    [[nodiscard]] std::vector<StoredProcess> programs() const;
    [[nodiscard]] std::vector<StoredHistogram> histograms(std::string_view glob = "*") const;
    [[nodiscard]] std::vector<std::string> proc_names() const;
    /// Throws InputError naming the texts there are.
    [[nodiscard]] std::string proc(const std::string& name) const;
    [[nodiscard]] std::vector<std::string> event_names() const;
    /// Throws InputError naming the tables there are.
    [[nodiscard]] StoredEvents events(const std::string& name, std::uint64_t most_rows) const;

private:
    friend std::vector<std::string> differences(const RunReader& a, const RunReader& b);

    /// Runs `action`; what HDF5 cannot do becomes an InputError naming the file.
    template <class Action>
    auto guarded(Action action) const {
        try {
            return action();
        } catch (const Hdf5Error& error) {
            throw InputError(m_path.string() + " cannot be read: " + error.what());
        }
    }
    /// Paths of the datasets below `group`, sorted, without the group's own.
    [[nodiscard]] const std::vector<std::string>& datasets_below(const std::string& group) const;
    [[nodiscard]] std::vector<StoredProcess> members(const std::string& group) const;
    [[nodiscard]] std::vector<SummaryValue> values_below(const char* group) const;
    [[nodiscard]] std::vector<StoredStatistic> stats_below(const char* group, std::string_view glob) const;
    [[nodiscard]] double sum_of(const char* root, std::string_view components, const char* name) const;
    [[nodiscard]] StoredStatistic read_statistic(const char* group, const std::string& path) const;
    [[nodiscard]] std::vector<std::string> components(const char* group, std::string_view glob) const;

    std::filesystem::path m_path;
    QuietHdf5 m_quiet;
    Hdf5Object m_file;
    mutable std::map<std::string, std::vector<std::string>> m_datasets; ///< by group, once listed
};

/// Paths at which two files differ in value, type or attribute, /meta/host left out. Empty: the same run.
[[nodiscard]] std::vector<std::string> differences(const RunReader& a, const RunReader& b);

} // namespace pagewalk::results
