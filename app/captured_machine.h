#pragma once

#include "app/system_config.h"
#include "contract/instruction_stream.h"
#include "os/kernel/kernel.h"
#include "os/replay/program_job.h"

#include <memory>
#include <stdexcept>
#include <string>

namespace pagewalk::app {

/// Why a captured job cannot be run here.
class CannotRun : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A machine of the captured one's shape, set up as it was for the job, whose kernel takes no time, with the
/// programs of the folder `programs` in its initramfs. Errors: CannotRun for a shape that is not simulated.
void configure_as_captured(SystemConfig& config, const os::ProgramMachine& machine, const os::ProgramJob& job,
                           const std::string& programs);

/// The files and limits of dirty pages that the job finds, and where it may make others: in the folder
/// `scratch`, which stands for the captured machine's disk and its tmpfs. Errors: InputError for a file that
/// cannot be understood.
void configure_files(SystemConfig& config, const os::ProgramJob& job, const std::string& scratch);

/// Takes pages from the kernel until no more than `wanted` are free, to within 16: the captured machine had
/// other users of memory (trace buffers above all), and when reclaim begins depends on them.
void match_free_memory(os::Kernel& kernel, std::uint64_t wanted);

/// Starts the job's program, found by its name in the folder `programs`; the files that it names lie in
/// `scratch`. Errors: CannotRun where it is not there.
[[nodiscard]] std::unique_ptr<Workload> start_captured_program(const os::ProgramMachine& machine,
                                                               const os::ProgramJob& job,
                                                               const std::string& programs,
                                                               const std::string& scratch);

} // namespace pagewalk::app
