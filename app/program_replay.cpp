#include "app/program_replay.h"

#include "app/captured_machine.h"
#include "app/job_process.h"
#include "app/marker_stops.h"
#include "base/error.h"
#include "base/scratch_folder.h"
#include "os/proc/smaps.h"
#include "os/proc/vmstat.h"
#include "os/replay/inexact_counters.h"
#include "os/replay/step_capture.h"
#include "os/replay/step_comparison.h"
#include "workloads/qemu/live_program.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

namespace pagewalk::app {

namespace {

using os::ProgramJob;
using os::ProgramReport;
using os::StepCapture;

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

/// What the simulated kernel tells of the program's processes and of itself.
class Teller {
public:
    /// `first`: the program's first task; its children and threads have the numbers that follow.
    Teller(os::Kernel& kernel, TaskId first) : m_kernel(kernel), m_first(index_of(first)) {}

    [[nodiscard]] StepCapture tell(std::string step) {
        StepCapture told{.step = std::move(step)};
        told.counters = os::parse_values(os::vmstat_text(m_kernel), "vmstat");
        for (const auto& task : m_kernel.processes().tasks()) {
            if (task == nullptr || task->program == nullptr || task->exited) continue;
            const TaskId id = task->id;
            told.processes.push_back({.who = "P" + std::to_string(index_of(id) - m_first),
                                      .minor_faults = task->account->minor_faults,
                                      .major_faults = task->account->major_faults,
                                      .areas = os::parse_areas(os::smaps_text(m_kernel, id), "smaps")});
        }
        return told;
    }

private:
    os::Kernel& m_kernel;
    std::size_t m_first;
};

/// The captures of a job, each to be met once.
class Expected {
public:
    explicit Expected(std::vector<StepCapture> steps) : m_steps(std::move(steps)), m_met(m_steps.size()) {}

    /// The next capture of this marker; null where there is none (left).
    [[nodiscard]] const StepCapture* meet(const std::string& step) {
        for (std::size_t i = 0; i < m_steps.size(); ++i) {
            if (m_met[i] || m_steps[i].step != step) continue;
            m_met[i] = true;
            return &m_steps[i];
        }
        return nullptr;
    }
    /// Markers that were not reached.
    [[nodiscard]] std::vector<const StepCapture*> left() const {
        std::vector<const StepCapture*> steps;
        for (std::size_t i = 0; i < m_steps.size(); ++i)
            if (!m_met[i] && m_steps[i].step != "exec" && m_steps[i].step != "gone")
                steps.push_back(&m_steps[i]);
        return steps;
    }

private:
    std::vector<StepCapture> m_steps;
    std::vector<bool> m_met;
};

ProgramReport run_steps(const os::CaptureFiles& files, const ProgramJob& job, const std::string& programs) {
    ProgramReport report{.name = job.name};
    Expected expected(os::parse_steps(files.read(job.folder + "steps"), job.folder + "steps"));
    const os::InexactCounters inexact = os::InexactCounters::load();
    os::StepComparison comparison(report, [&, command = joined(job.command)](std::string_view counter) {
        return !inexact.contains(command, counter);
    });
    const ScratchFolder scratch;
    const os::ProgramMachine shape =
        os::program_machine(files.read(job.group + "capture.txt"), job.group + "capture.txt");
    std::unique_ptr<Workload> workload; // outlives the machine
    SystemConfig config;
    configure_as_captured(config, shape);
    Machine machine(config);
    workload = start_captured_program(job, programs, scratch.path().string());
    machine.kernel().start(*workload);
    const TaskId first = machine.kernel().processes().accounts().back().id;
    Teller teller(machine.kernel(), first);
    if (const StepCapture* exec = expected.meet("exec")) comparison.compare(*exec, teller.tell("exec"));
    MarkerStops stops(machine, [&](const os::ReachedMarker& marker) {
        const std::string step = std::to_string(marker.number);
        if (const StepCapture* real = expected.meet(step))
            comparison.compare(*real, teller.tell(step));
        else
            report.differ({step, "marker", "is not reached", "reached"});
    });
    stops.run();
    for (const StepCapture* step : expected.left())
        report.differ({step->step, "marker", "reached", "is not reached"});
    return report;
}

} // namespace

ProgramReport replay_program(const os::CaptureFiles& files, const ProgramJob& job,
                             const std::string& programs) {
    return ProgramReport::decode(in_job_process([&] {
        try {
            return run_steps(files, job, programs).encode();
        } catch (const CannotRun& reason) {
            return ProgramReport{.name = job.name, .not_compared = reason.what()}.encode();
        }
    }));
}

} // namespace pagewalk::app
