#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace pagewalk::app {

/// How a point ended. Stopped: by the user, with the sweep.
enum class PointOutcome : std::uint8_t { Finished, Failed, TimedOut, Stopped };

[[nodiscard]] std::string_view name_of(PointOutcome outcome);

/// What is known of a point that was run.
struct PointEnd {
    PointOutcome outcome = PointOutcome::Finished;
    double seconds = 0;            ///< host time
    std::uint64_t peak_memory = 0; ///< bytes, of its processes together; 0: not measured
    std::string text;              ///< why it did not finish, in one line
};

/// The ends of a sweep's points, a line each, in the order in which they came. A line is appended with one
/// write, so a killed sweep leaves whole lines and perhaps a cut one at the end, which is overlooked.
class SweepJournal {
public:
    /// Reads what there is. Throws RunError where it cannot be read.
    explicit SweepJournal(std::filesystem::path file);

    /// Throws RunError where it cannot be written.
    void add(const std::string& point, const PointEnd& end);
    /// The last end of each point.
    [[nodiscard]] const std::map<std::string, PointEnd>& ends() const { return m_ends; }
    /// Largest of all points, 0 where none was measured.
    [[nodiscard]] std::uint64_t peak_memory() const;
    /// Mean of the points that finished, 0 where none did.
    [[nodiscard]] double mean_seconds() const;

private:
    std::filesystem::path m_file;
    std::map<std::string, PointEnd> m_ends;
};

} // namespace pagewalk::app
