#include "app/run.h"

#include "app/command.h"
#include "app/command_line.h"
#include "app/machine.h"
#include "app/machine_files.h"
#include "app/option_effects.h"
#include "app/programs.h"
#include "app/progress.h"
#include "app/repeated_run.h"
#include "app/run_inputs.h"
#include "app/run_outcome.h"
#include "app/simulation.h"
#include "app/system_config.h"
#include "app/version.h"
#include "app/words.h"
#include "app/workload_source.h"
#include "base/config_file.h"
#include "base/scratch_folder.h"
#include "contract/marker_call.h"
#include "results/run_file.h"
#include "results/run_reader.h"
#include "results/summary_text.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <numeric>
#include <optional>
#include <unistd.h>

namespace pagewalk::app {

namespace {

namespace po = boost::program_options;

constexpr const char* usage = "pagewalk run CONFIG [--set key=value]... [-o FILE.h5] [--trace FILE... | -- "
                              "PROGRAM ARGS...] | --from FILE.h5 [-o "
                              "FILE.h5]";

struct Arguments {
    std::string config;
    std::string from;
    std::vector<std::string> settings;
    std::string output;
    std::vector<std::string> traces;
    std::vector<std::string> program;
};

Arguments parse(std::span<const std::string> words) {
    Arguments arguments;
    const auto dashes = std::ranges::find(words, "--");
    if (dashes != words.end()) {
        arguments.program.assign(dashes + 1, words.end());
        if (arguments.program.empty())
            throw InputError("-- is not followed by a program\nusage: " + std::string(usage));
    }
    po::options_description visible("options");
    visible.add_options()("set,s", po::value(&arguments.settings)->composing(),
                          "key=value")("output,o", po::value(&arguments.output), "results file")(
        "trace,t", po::value(&arguments.traces)->composing(),
        "trace file")("from", po::value(&arguments.from), "results of the run to repeat")(
        "config", po::value(&arguments.config), "configuration");
    const po::variables_map values =
        read_command_line({"run", usage, words.first(dashes - words.begin())}, visible, "config");
    if (std::ranges::find(arguments.traces, "") != arguments.traces.end())
        throw InputError("--trace names no file\nusage: " + std::string(usage));
    if (values.count("output") != 0 && arguments.output.empty())
        throw InputError("-o names no file\nusage: " + std::string(usage));
    if (!arguments.from.empty()) {
        if (!arguments.config.empty() || !arguments.settings.empty() || !arguments.traces.empty() ||
            !arguments.program.empty())
            throw InputError("--from repeats a run as it was: nothing but -o goes with it\nusage: " +
                             std::string(usage));
        if (!arguments.output.empty())
            arguments.output = std::filesystem::absolute(arguments.output).string();
        arguments.config = arguments.from;
        return arguments;
    }
    if (arguments.config.empty()) throw InputError("no configuration given\nusage: " + std::string(usage));
    return arguments;
}

/// results/runs/<config>-<time>.h5 beside the program's source, or the working directory's; the second and
/// later ones of a second carry their number.
std::filesystem::path default_output(const std::string& config, unsigned number) {
    const std::time_t now = std::time(nullptr);
    char stamp[32];
    std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", std::localtime(&now));
    std::filesystem::path folder = std::filesystem::path("results") / "runs";
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) folder = ".";
    const std::string suffix = number == 1 ? "" : "-" + std::to_string(number);
    return folder / (std::filesystem::path(config).stem().string() + "-" + stamp + suffix + ".h5");
}

std::unique_ptr<results::RunFile> make_results(const Arguments& arguments, const results::RunMeta& meta) {
    if (!arguments.output.empty()) return std::make_unique<results::RunFile>(arguments.output, meta);
    for (unsigned number = 1;; ++number) {
        try {
            return std::make_unique<results::RunFile>(
                default_output(arguments.config, number), meta,
                results::RunFileOptions{.existing = OutputClaim::Existing::IsRefused});
        } catch (const results::ResultsTaken&) {
            // A run that began in the same second has the name.
        }
    }
}

/// Of several traces: CPUs in turn, one trace each as far as they go round.
void store_traces(const std::vector<std::string>& traces, SystemConfig& config) {
    for (std::size_t i = 0; i < traces.size(); ++i) {
        const std::string section = "program." + std::to_string(i + 1);
        config.options.set(section + ".trace", traces[i], "--trace");
        config.options.set(section + ".cpus", std::to_string(i % config.machine.cpus), "--trace");
    }
}

/// What the command line says to run becomes options too, so that the stored configuration runs the same.
void store_workload(const Arguments& arguments, SystemConfig& config) {
    OptionSet& options = config.options;
    if (!config.programs.empty() && (!arguments.program.empty() || !arguments.traces.empty()))
        throw InputError(
            "the configuration has [program.N] sections; --trace and -- PROGRAM are for one that has none");
    if (!arguments.program.empty()) {
        std::string program;
        for (const std::string& word : arguments.program)
            program += (program.empty() ? "" : " ") + shell_quoted(word);
        options.set("workload.kind", "program", "--");
        options.set("workload.program", program, "--");
    } else if (arguments.traces.size() == 1) {
        options.set("workload.kind", "trace", "--trace");
        options.set("workload.trace", arguments.traces.front(), "--trace");
    } else {
        store_traces(arguments.traces, config);
    }
}

std::string machine_line(const SystemConfig& config) {
    const std::vector<std::uint64_t> nodes = config.machine.node_bytes(config.options);
    return config.machine.name + ": " + std::to_string(config.machine.sockets) + " socket(s), " +
           std::to_string(config.machine.cpus) + " CPU(s) at " +
           format_quantity(config.cpu.core.frequency, Unit::Hertz) + ", " +
           format_quantity(std::accumulate(nodes.begin(), nodes.end(), std::uint64_t{0}), Unit::Bytes) +
           " of memory";
}

/// Says so of options that were set in vain; a line each.
std::string report_no_effect(const SystemConfig& config) {
    std::string text;
    for (const std::string& line : options_without_effect(config)) {
        std::fprintf(stderr, "pagewalk: %s\n", line.c_str());
        text += line + "\n";
    }
    return text;
}

/// The kernel tells of programs it killed on their stderr; so do we.
void report_kills(const os::Kernel& kernel) {
    for (const os::KillRecord& kill : kernel.kills())
        std::fprintf(stderr, "pagewalk: the simulated kernel at %.6f s: %s\n",
                     static_cast<double>(kill.time.value()) / 1e12, os::to_string(kill).c_str());
}

/// Where the OS layer's idea of the program's memory was wrong.
void report_unexplained(const os::UnexplainedAccesses& accesses) {
    if (accesses.count() == 0) return;
    std::fprintf(
        stderr,
        "pagewalk: %llu pages were touched by the program that the simulated kernel did not know to be "
        "mapped (a system call that is not modelled); they were mapped then. The first:\n",
        static_cast<unsigned long long>(accesses.count()));
    for (const os::UnexplainedAccess& access : accesses.first())
        std::fprintf(stderr, "pagewalk:   %s\n", os::to_string(access).c_str());
}

/// Misuse of kernel objects, in the words of the kernel's log; all of it is in the results.
void report_objects(const os::SlabReports& reports) {
    constexpr std::size_t most = 10;
    for (std::size_t i = 0; i < std::min(most, reports.kept().size()); ++i) {
        const os::SlabReport& report = reports.kept()[i];
        std::fprintf(stderr, "pagewalk: the simulated kernel%s: %s%s%s\n%s",
                     report.noticed == os::Noticed::ByKernel ? "" : " did not notice",
                     std::string(os::name_of(report.fault)).c_str(), report.cache.empty() ? "" : " in ",
                     report.cache.c_str(), report.text.c_str());
    }
    if (reports.count() > most)
        std::fprintf(stderr, "pagewalk: %llu more such reports\n",
                     static_cast<unsigned long long>(reports.count() - most));
}

void report_markers(const os::Kernel& kernel, const MarkerLog& markers) {
    if (const std::uint64_t count = kernel.markers_out_of_range(); count != 0)
        std::fprintf(stderr, "pagewalk: %llu markers had a number beyond %llu and were ignored\n",
                     static_cast<unsigned long long>(count),
                     static_cast<unsigned long long>(marker_call::max_marker));
    if (const std::uint64_t count = markers.snapshots_left_out(); count != 0)
        std::fprintf(
            stderr,
            "pagewalk: statistics and /proc texts were saved for the first %zu markers, not for %llu "
            "more; events.markers = N saves those of every Nth\n",
            MarkerLog::most_snapshots, static_cast<unsigned long long>(count));
}

void report_region(Simulation::Region region, const RunConfig& config) {
    if (region == Simulation::Region::NeverBegan)
        std::fprintf(stderr,
                     "pagewalk: the run ended before its measurement began (run.begin_at = %s, run.warmup = "
                     "%llu): the figures are of all of it\n",
                     config.begin_at.c_str(), static_cast<unsigned long long>(config.warmup));
    if (region == Simulation::Region::NeverEnded)
        std::fprintf(stderr, "pagewalk: the run ended before its region did (run.end_at = %s)\n",
                     config.end_at.c_str());
}

void report_driver(const os::AllocationDriver& driver) {
    for (const std::string& report : driver.reports()) std::fprintf(stderr, "pagewalk: %s\n", report.c_str());
}

/// The run's page: a live program's standard output is its own.
void print_page(const std::filesystem::path& file, bool is_live) {
    const int fd = is_live ? STDERR_FILENO : STDOUT_FILENO;
    const auto colour = isatty(fd) != 0 ? results::Colour::On : results::Colour::Off;
    (is_live ? std::cerr : std::cout)
        << results::summary_page(results::RunReader(file), colour) << std::flush;
}

Programs open_programs(const SystemConfig& config, const Arguments& arguments,
                       const ProgramSurroundings& surroundings) {
    if (!config.programs.empty()) return {config, surroundings};
    const std::string trace = arguments.traces.empty() ? "" : arguments.traces.front();
    return {config, open_workload(config, arguments.program, trace, surroundings)};
}

bool has_live_program(const SystemConfig& config) {
    if (config.programs.empty()) return config.workload.kind == WorkloadKind::Program;
    return std::ranges::any_of(config.programs,
                               [](const auto& program) { return !program.second.command.empty(); });
}

/// Notes in `state` how the programs and their processes ended.
RunOutcome tell_outcome(Simulation::End end, const Simulation& simulation, const Programs& programs,
                        std::span<const os::KillRecord> kills, results::RunState& state) {
    std::vector<ProgramOutcome> outcomes;
    bool any_process = false;
    for (const Programs::Program& program : programs.all()) {
        const std::size_t index = outcomes.size();
        const bool ended = simulation.programs() != nullptr && simulation.programs()->has_ended(index);
        std::vector<os::KillRecord> own;
        std::ranges::copy_if(kills, std::back_inserter(own), [&](const os::KillRecord& kill) {
            return kill.program == static_cast<std::uint32_t>(program.placement.number);
        });
        const std::vector<ProcessRecord> processes = program.workload().processes();
        any_process |= !processes.empty();
        outcomes.push_back({index_of(program.placement.number),
                            outcome_of({.simulation = ended ? Simulation::End::Finished : end,
                                        .kills = own,
                                        .processes = processes,
                                        .missing = program.workload().missing(),
                                        .is_measuring = simulation.is_measuring(),
                                        .region = simulation.region()})});
    }
    if (any_process) state.processes = process_table_text(state.process_statistics.facts);
    if (!programs.side_by_side()) return std::move(outcomes.front().outcome);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        results::ProcessFacts& facts = state.program_statistics.facts[i];
        const RunOutcome& outcome = outcomes[i].outcome;
        if (outcome.exit_status) facts.exit_status = static_cast<std::uint64_t>(*outcome.exit_status);
        facts.died_of = outcome.died_of;
        facts.killed_by = outcome.killed_by;
    }
    return outcome_of(
        {.simulation = end, .is_measuring = simulation.is_measuring(), .region = simulation.region()},
        outcomes);
}

} // namespace

int run_run(std::span<const std::string> words) {
    const Arguments arguments = parse(words);
    SystemConfig config;
    std::optional<RepeatedRun> repeated;
    if (arguments.from.empty()) {
        load_config_file(arguments.config, config.options);
        apply_settings(arguments.settings, config.options);
        store_workload(arguments, config);
    } else {
        repeated.emplace(arguments.from);
        repeated->prepare(config.options);
    }
    config.validate();

    catch_interrupts();                   // from here on there is something to be removed
    std::optional<ScratchFolder> scratch; // removed after the program has ended
    if (config.workload.scratch) scratch.emplace();
    std::optional<ScratchFolder> machine_files; // likewise
    std::optional<Programs> programs;           // outlive the machine, whose tasks read them
    Machine machine(config);
    ProgramSurroundings surroundings{scratch ? scratch->path().string() : config.workload.directory, {}};
    if (has_live_program(config)) {
        machine_files.emplace();
        surroundings.machine = write_machine_files(machine_files->path(), config, machine.kernel());
    }
    const std::vector<results::SummaryValue> facts =
        surrounding_facts(config, surroundings.directory, scratch ? scratch->path() : std::filesystem::path(),
                          has_live_program(config));
    programs.emplace(open_programs(config, arguments, surroundings));
    programs->start(machine.kernel());

    results::RunMeta meta{.version = std::string(version()),
                          .git_revision = std::string(git_revision()),
                          .config = config.options.resolved(),
                          .command_line = command_line(),
                          .workload = programs->description(),
                          .machine = machine_line(config),
                          .no_effect = report_no_effect(config),
                          .seed = config.run.seed};
    Progress progress(programs->expected_instructions());
    if (isatty(STDERR_FILENO) != 0)
        std::fprintf(stderr, "%s\n%s\n", meta.workload.c_str(), meta.machine.c_str());
    // Only now: where the input is wrong nothing is written, no folder either.
    const std::unique_ptr<results::RunFile> results = make_results(arguments, meta);
    results::RunFile& file = *results;
    std::filesystem::path output;
    Simulation simulation(config, machine, *programs, file, progress);

    const auto start = std::chrono::steady_clock::now();
    auto host_facts = [&](results::RunState state) {
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        std::ranges::copy(facts, std::back_inserter(state.host));
        state.host.push_back({"simulation_seconds", seconds, "s", "wall clock of the simulation itself"});
        state.host.push_back({"simulation_mips",
                              static_cast<double>(machine.user_instructions()) / seconds / 1e6, "1",
                              "program instructions simulated per second, in millions, warm-up included"});
        state.host.push_back(
            {"simulation_mips_with_kernel",
             static_cast<double>(machine.user_instructions() + machine.kernel_instructions()) / seconds / 1e6,
             "1", "program and kernel instructions simulated per second, in millions"});
        return state;
    };
    RunOutcome outcome;
    try {
        const Simulation::End end = simulation.run();
        results::RunState state = host_facts(simulation.state());
        state.process_statistics = simulation.processes(ProcessEnds::Known);
        outcome = tell_outcome(end, simulation, *programs, machine.kernel().kills(), state);
        state.ending = outcome.summary();
        output = file.finish(outcome.status, outcome.text, state);
    } catch (const std::exception& error) {
        progress.clear();
        const std::filesystem::path kept = file.fail(error.what(), host_facts(simulation.state()));
        throw RunError(std::string(error.what()) +
                       (kept.empty() ? "" : "; what was measured until then is in " + kept.string()));
    }
    report_kills(machine.kernel());
    report_unexplained(machine.kernel().unexplained());
    for (const std::string& line : machine.iommu_faults())
        std::fprintf(stderr, "pagewalk: %s\n", line.c_str());
    report_objects(machine.kernel().objects().reports());
    report_driver(machine.kernel().driver());
    report_markers(machine.kernel(), simulation.markers());
    report_region(simulation.region(), config.run);
    if (!simulation.is_measuring() && !config.run.begin)
        std::fprintf(stderr,
                     "pagewalk: the run ended within its warm-up (run.warmup = %llu instructions): the "
                     "figures are of all of it\n",
                     static_cast<unsigned long long>(config.run.warmup));
    if (output.extension() == ".partial")
        std::fprintf(stderr, "pagewalk: %s keeps its earlier results; those of this run are in %s\n",
                     file.path().c_str(), output.c_str());
    print_page(output, programs->is_live());
    const int difference =
        repeated ? repeated->compare(output, programs->is_live() ? std::cerr : std::cout) : 0;
    return std::max(outcome.exit_code(), difference);
}

} // namespace pagewalk::app
