#pragma once

#include "os/replay/capture_files.h"
#include "os/replay/program_job.h"
#include "os/replay/program_report.h"

#include <string>

namespace pagewalk::app {

/// Runs a captured job's program live, from the folder `programs`, on a machine like the captured one, and
/// holds what the simulated kernel tells at each marker against the capture. In a process of its own: a
/// process simulates one machine. What keeps the job from being run is in the report. Errors: InputError for
/// a capture that is damaged.
[[nodiscard]] os::ProgramReport replay_program(const os::CaptureFiles& files, const os::ProgramJob& job,
                                               const std::string& programs);

} // namespace pagewalk::app
