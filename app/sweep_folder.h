#pragma once

#include "app/sweep_journal.h"
#include "app/sweep_plan.h"
#include "base/output_claim.h"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pagewalk::app {

/// What a sweep's folder holds of a point before anything is run.
struct FoundPoint {
    enum class State : std::uint8_t {
        Missing,
        Finished,
        Unfinished,
        Damaged,
        Changed
    } state = State::Missing;
    std::string text;   ///< Damaged: why
    std::string config; ///< Changed: what it was run with
};

/// The folder of one sweep: sweep.cfg (what was run), points/NAME.{cfg,h5,log}, journal.tsv and index.h5. One
/// process at a time may have it.
class SweepFolder {
public:
    /// Makes or takes the folder. Throws InputError where it cannot be written, is in use, or holds what is
    /// no sweep.
    explicit SweepFolder(const std::filesystem::path& path);

    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }
    [[nodiscard]] std::filesystem::path index() const { return m_path / "index.h5"; }
    [[nodiscard]] std::filesystem::path config(const SweepPoint& point) const { return file(point, ".cfg"); }
    [[nodiscard]] std::filesystem::path results(const SweepPoint& point) const { return file(point, ".h5"); }
    [[nodiscard]] std::filesystem::path log(const SweepPoint& point) const { return file(point, ".log"); }
    [[nodiscard]] SweepJournal& journal() { return *m_journal; }
    /// Has a sweep been run here?
    [[nodiscard]] bool is_used() const { return m_is_used; }

    /// Whether the point's results are whole and of its configuration. Reads the file in a process of its
    /// own, so that a damaged one does no harm.
    [[nodiscard]] FoundPoint find(const SweepPoint& point) const;
    /// Names of results in the folder that are of no point of the plan.
    [[nodiscard]] std::vector<std::string> strangers(const SweepPlan& plan) const;
    /// Puts a damaged results file aside. Returns its new name.
    [[nodiscard]] std::filesystem::path put_aside(const SweepPoint& point) const;
    /// Writes sweep.cfg and each point's configuration. Throws InputError.
    void write_configs(const std::string& sweep_text, const SweepPlan& plan) const;
    /// The last lines of a point's log, at most `most`.
    [[nodiscard]] std::vector<std::string> last_log_lines(const SweepPoint& point, std::size_t most) const;

private:
    [[nodiscard]] std::filesystem::path file(const SweepPoint& point, const char* ending) const {
        return m_path / "points" / (point.name + ending);
    }

    std::filesystem::path m_path;
    bool m_is_used = false;
    std::unique_ptr<OutputClaim> m_claim;
    std::unique_ptr<SweepJournal> m_journal;
};

/// The options whose values differ between two configurations: "key: old -> new", a line each. One that
/// Pagewalk has got since and that has its default, or that it has lost, is no change.
[[nodiscard]] std::vector<std::string> changed_options(const std::string& before, const std::string& after);

} // namespace pagewalk::app
