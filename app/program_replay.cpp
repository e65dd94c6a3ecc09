#include "app/program_replay.h"

#include "app/captured_machine.h"
#include "app/job_process.h"
#include "app/marker_stops.h"
#include "base/error.h"
#include "base/scratch_folder.h"
#include "os/proc/smaps.h"
#include "os/proc/vmstat.h"
#include "os/replay/file_trace.h"
#include "os/replay/inexact_counters.h"
#include "os/replay/list_comparison.h"
#include "os/replay/placement_frames.h"
#include "os/replay/process_walk.h"
#include "os/replay/step_capture.h"
#include "os/replay/step_comparison.h"
#include "os/replay/walk_comparison.h"
#include "workloads/qemu/live_program.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
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

    /// Of the program's first process, by its execve and before: its account here begins with what follows.
    void set_faults_before(const std::vector<os::ProcessTexts>& captured) {
        const auto first = std::ranges::find(captured, "P0", &os::ProcessTexts::who);
        if (first == captured.end()) return;
        m_minor_before = first->minor_faults;
        m_major_before = first->major_faults;
    }

    [[nodiscard]] StepCapture tell(std::string step) {
        StepCapture told{.step = std::move(step)};
        told.counters = os::parse_values(os::vmstat_text(m_kernel), "vmstat");
        for (const auto& task : m_kernel.processes().tasks()) {
            if (task == nullptr || task->program == nullptr || task->exited) continue;
            const TaskId id = task->id;
            const bool is_first = index_of(task->group) == m_first;
            told.processes.push_back(
                {.who = "P" + std::to_string(index_of(id) - m_first),
                 .minor_faults = task->account->minor_faults + (is_first ? m_minor_before : 0),
                 .major_faults = task->account->major_faults + (is_first ? m_major_before : 0),
                 .areas = os::parse_areas(os::smaps_text(m_kernel, id), "smaps")});
        }
        return told;
    }

private:
    os::Kernel& m_kernel;
    std::size_t m_first;
    std::uint64_t m_minor_before = 0, m_major_before = 0;
};

/// What was captured at each marker, each to be met once.
template <class Capture>
class Expected {
public:
    explicit Expected(std::vector<Capture> captures)
        : m_captures(std::move(captures)), m_met(m_captures.size()) {}

    /// The next capture of this marker; null where there is none (left).
    [[nodiscard]] const Capture* meet(const std::string& step) {
        for (std::size_t i = 0; i < m_captures.size(); ++i) {
            if (m_met[i] || m_captures[i].step != step) continue;
            m_met[i] = true;
            return &m_captures[i];
        }
        return nullptr;
    }
    /// Markers that were not reached.
    [[nodiscard]] std::vector<const Capture*> left() const {
        std::vector<const Capture*> captures;
        for (std::size_t i = 0; i < m_captures.size(); ++i) {
            const std::string& step = m_captures[i].step;
            if (!m_met[i] && step != "exec" && step != "gone") captures.push_back(&m_captures[i]);
        }
        return captures;
    }

private:
    std::vector<Capture> m_captures;
    std::vector<bool> m_met;
};

/// Runs the machine to the end of its program; at each marker `compare` is given what was captured there,
/// and `comparison` what was at those that it did not reach.
template <class Capture, class Comparison, class Compare>
void run_through(Machine& machine, Expected<Capture>& expected, ProgramReport& report, Comparison& comparison,
                 const Compare& compare) {
    MarkerStops stops(machine, [&](const os::ReachedMarker& marker) {
        const std::string step = std::to_string(marker.number);
        if (const Capture* real = expected.meet(step))
            compare(*real);
        else
            report.differ({step, "marker", "is not reached", "reached"});
    });
    stops.run();
    for (const Capture* missed : expected.left()) {
        report.differ({missed->step, "marker", "reached", "is not reached"});
        comparison.miss(*missed);
    }
}

/// The rows of one event table of the kernel's, until they are taken.
template <class Event>
class Rows final : public EventSink {
public:
    explicit Rows(os::Kernel& kernel) : m_table(kernel.journal().table<Event>()) {
        m_table.connect(this, {1});
    }
    ~Rows() override { m_table.connect(nullptr, {}); }
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;

    void append(const EventSchema&, std::span<const std::byte> rows) override {
        const std::size_t count = rows.size() / sizeof(Event);
        const std::size_t before = m_rows.size();
        m_rows.resize(before + count);
        std::memcpy(m_rows.data() + before, rows.data(), rows.size());
    }
    [[nodiscard]] std::vector<Event> take() {
        m_table.flush();
        return std::exchange(m_rows, {});
    }

private:
    EventLog<Event>& m_table;
    std::vector<Event> m_rows;
};

os::ProgramMachine shape_of(const os::CaptureFiles& files, const ProgramJob& job) {
    const std::string name = job.group + "capture.txt";
    return os::program_machine(files.read(name), name);
}

/// Gives the machine the swap area that the captured one had, its vm.swappiness and its LRU.
void configure_reclaim(os::KernelConfig& config, const os::CaptureFiles& files, const ProgramJob& job) {
    const std::string name = job.folder + "before.swaps";
    if (files.contains(name)) {
        std::istringstream text(files.read(name));
        std::string line, area, type;
        std::getline(text, line); // the head
        std::uint64_t kib = 0;
        if (text >> area >> type >> kib) config.swap_bytes = (kib << 10) + page_size; // the area's own header
    }
    constexpr std::string_view swappiness = "/proc/sys/vm/swappiness ";
    for (const std::string& setting : job.settings) {
        if (setting.starts_with(swappiness))
            config.swappiness = static_cast<unsigned>(std::stoul(setting.substr(swappiness.size())));
        if (setting == "/sys/kernel/mm/lru_gen/enabled y") config.reclaim = os::ReclaimPolicyKind::Mglru;
    }
}

TaskId first_task(Machine& machine) { return machine.kernel().processes().accounts().back().id; }

/// Does the job work on a file of the captured machine's disk or tmpfs?
bool uses_disk(const ProgramJob& job) {
    return std::ranges::any_of(job.command, [](const std::string& word) {
        return word.starts_with("/mnt/") || word.starts_with("/tmpfs/");
    });
}

ProgramReport run_steps(const os::CaptureFiles& files, const ProgramJob& job, const std::string& programs) {
    ProgramReport report{.name = job.name};
    Expected<StepCapture> expected(os::parse_steps(files.read(job.folder + "steps"), job.folder + "steps"));
    const os::InexactCounters inexact = os::InexactCounters::load();
    os::StepComparison comparison(report, [&, command = joined(job.command)](std::string_view counter) {
        return !inexact.contains(command, counter);
    });
    const ScratchFolder scratch;
    std::unique_ptr<Workload> workload; // outlives the machine
    SystemConfig config;
    configure_as_captured(config, shape_of(files, job), job, programs);
    configure_reclaim(config.os, files, job);
    configure_files(config, job, scratch.path().string());
    Machine machine(config);
    workload = start_captured_program(shape_of(files, job), job, programs, scratch.path().string());
    machine.kernel().start(*workload);
    Teller teller(machine.kernel(), first_task(machine));
    if (const StepCapture* exec = expected.meet("exec")) {
        if (const std::uint64_t* free = os::find_value(exec->counters, "nr_free_pages"))
            match_free_memory(machine.kernel(), *free);
        teller.set_faults_before(exec->processes);
        comparison.compare(*exec, teller.tell("exec"));
    }
    Rows<os::FilemapEvent> pages(machine.kernel());
    Rows<os::BlockEvent> requests(machine.kernel());
    os::FileTraceRecorder recorder;
    run_through(machine, expected, report, comparison, [&](const StepCapture& real) {
        comparison.compare(real, teller.tell(real.step));
        recorder.end_step(real.step, pages.take());
    });
    recorder.add_requests(requests.take());
    if (const std::string trace = job.folder + "trace.txt"; uses_disk(job) && files.contains(trace))
        os::compare_file_traces(os::parse_file_trace(files.read(trace), trace), recorder.take(), report);
    return report;
}

/// Pages of files that were in the page cache before the program did anything.
std::vector<os::SpaceImage::CachedPage> cached_pages(const std::vector<os::ProcessWalk>& walks,
                                                     const os::PlacementTrace& trace,
                                                     const std::string& folder) {
    std::set<Pfn> allocated;
    for (const os::PlacementOp& op : trace.ops)
        if (op.kind == os::PlacementOp::Kind::Allocate) allocated.insert(op.frame);
    std::vector<os::SpaceImage::CachedPage> pages;
    std::set<Pfn> known;
    for (const os::ProcessWalk& walk : walks)
        for (const os::WalkedProcess& process : walk.processes)
            for (const os::WalkedRun& run : process.runs) {
                const auto area = std::ranges::find_if(process.areas, [&](const os::WalkedArea& each) {
                    return each.start <= run.at && run.at < each.end;
                });
                if (area == process.areas.end() || !area->shows_file() || run.has('n') || run.has('z'))
                    continue;
                for (std::uint64_t i = 0; i < run.pages; ++i) {
                    const Pfn frame = run.frame + i;
                    if (allocated.contains(frame) || !known.insert(frame).second) continue;
                    pages.push_back({folder + area->name,
                                     area->page_offset + ((run.at - area->start) >> page_shift) + i, frame});
                }
            }
    return pages;
}

/// Did khugepaged give others' pages back? Which pages of the program those are the capture does not tell.
bool has_collapsed_pages(const os::PlacementTrace& trace) {
    return std::ranges::any_of(trace.ops, [](const os::PlacementOp& op) {
        return op.kind == os::PlacementOp::Kind::Allocate && op.order == os::HugePages::order &&
               op.owner == os::PlacementOp::Owner::Foreign;
    });
}

ProgramReport run_walks(const os::CaptureFiles& files, const ProgramJob& job, const std::string& programs) {
    ProgramReport report{.name = job.name};
    const auto read = [&](const char* name) { return files.read(job.folder + name); };
    std::vector<os::ProcessWalk> walks = os::parse_walks(read("walks"), job.folder + "walks");
    if (walks.empty() || walks.front().processes.empty())
        throw InputError(job.folder + "walks: does not begin with the program's memory");
    os::PlacementTrace trace = os::parse_ops(read("ops"), job.folder + "ops");
    if (has_collapsed_pages(trace)) throw CannotRun("khugepaged has replaced its pages");
    const std::string folder = std::filesystem::absolute(programs).string() + "/";
    os::SpaceImage image = os::image_of(walks.front().processes.front(), trace.onto_lru, folder);
    image.cached = cached_pages(walks, trace, folder);

    os::PlacementFrames frames(os::PageSnapshot::parse(read("snapA"), job.folder + "snapA"),
                               std::move(trace));
    const ScratchFolder scratch;
    std::unique_ptr<Workload> workload; // outlives the machine
    SystemConfig config;
    configure_as_captured(config, shape_of(files, job), job, programs);
    configure_reclaim(config.os, files, job);
    config.os.captured = &frames;
    configure_files(config, job, scratch.path().string());
    Machine machine(config);
    workload = start_captured_program(shape_of(files, job), job, programs, scratch.path().string());
    machine.kernel().start(*workload);
    const TaskId first = first_task(machine);
    machine.kernel().restore(first, image);
    frames.begin();

    Expected<os::ProcessWalk> expected(std::move(walks));
    os::WalkComparison comparison(report, machine.kernel(), first);
    if (const os::ProcessWalk* exec = expected.meet("exec")) comparison.compare(*exec);
    run_through(machine, expected, report, comparison,
                [&](const os::ProcessWalk& real) { comparison.compare(real); });
    frames.finish();
    if (!frames.first_difference().empty())
        report.differ({"end", "page allocator", "see ours", frames.first_difference()});
    const os::ListComparison lists = os::compare_lists(
        machine.kernel().allocator(), os::PageSnapshot::parse(read("snapB"), job.folder + "snapB"));
    report.lists = {lists.identical, lists.total};
    for (const std::string& difference : lists.differences)
        report.differ({"end", "list", "see ours", difference});
    return report;
}

ProgramReport run_job(const os::CaptureFiles& files, const ProgramJob& job, const std::string& programs) {
    return job.recorded == ProgramJob::Recorded::Walks ? run_walks(files, job, programs)
                                                       : run_steps(files, job, programs);
}

} // namespace

ProgramReport replay_program(const os::CaptureFiles& files, const ProgramJob& job,
                             const std::string& programs) {
    try {
        return ProgramReport::decode(in_job_process([&] {
            try {
                return run_job(files, job, programs).encode();
            } catch (const CannotRun& reason) {
                return ProgramReport{.name = job.name, .not_compared = reason.what()}.encode();
            }
        }));
    } catch (const RunError& error) { // the others may still go
        return {.name = job.name, .not_compared = error.what()};
    }
}

} // namespace pagewalk::app
