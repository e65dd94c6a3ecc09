#pragma once

#include "os/replay/program_report.h"
#include "os/replay/step_capture.h"

#include <functional>
#include <string_view>

namespace pagewalk::os {

/// Does a counter repeat exactly from run to run on the real machine?
using IsExactCounter = std::function<bool(std::string_view)>;

/// Holds what a simulated kernel tells at a marker against what the real one told. Of counters and faults the
/// work since the marker before is compared, so that a difference is counted once; the first capture of a job
/// has areas and sizes only.
class StepComparison {
public:
    StepComparison(ProgramReport& report, IsExactCounter is_exact)
        : m_report(report), m_is_exact(std::move(is_exact)) {}

    void compare(const StepCapture& real, const StepCapture& ours);
    /// The marker was not reached: nothing of it is the same.
    void miss(const StepCapture& real);

private:
    void compare_process(const ProcessTexts& real, const ProcessTexts* ours);
    void compare_areas(const ProcessTexts& real, const ProcessTexts& ours);
    void compare_faults(const ProcessTexts& real, const ProcessTexts& ours);
    void compare_counters(const StepCapture& real, const StepCapture& ours);
    void differ(const std::string& field, const std::string& real, const std::string& ours);

    ProgramReport& m_report;
    IsExactCounter m_is_exact;
    std::string m_marker;
    StepCapture m_real, m_ours; ///< before
    bool m_is_first = true;
};

} // namespace pagewalk::os
