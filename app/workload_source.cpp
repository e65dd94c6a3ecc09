#include "app/workload_source.h"

#include "app/words.h"
#include "workloads/qemu/live_program.h"
#include "workloads/qemu/pwt_file.h"
#include "workloads/qemu/pwt_reader.h"
#include "workloads/trace/open_trace.h"

#include <cstdlib>

namespace pagewalk::app {

namespace {

std::unique_ptr<Workload> open_trace_file(const SystemConfig& config, const std::string& path) {
    if (workloads::is_pwt_file(path)) {
        auto recording = std::make_unique<workloads::PwtReader>(path);
        if (recording->expected_instructions() == 0)
            throw InputError(
                path +
                ": nothing of this recording can be run: it was cut off before its first whole chunk of "
                "instructions; record the program again");
        return recording;
    }
    return workloads::open_trace(path, workloads::Decompress::Background, config.trace);
}

std::unique_ptr<Workload> start_program(const WorkloadConfig& config, std::vector<std::string> argv,
                                        const std::string& directory,
                                        std::optional<workloads::SeenMachine> machine) {
    if (!config.setup.empty()) {
        const std::string command = directory.empty()
                                        ? config.setup
                                        : "cd " + shell_quoted(directory) + " && { " + config.setup + "; }";
        if (const int status = std::system(command.c_str()); status != 0)
            throw InputError("workload.setup = " + config.setup + ": the command failed on the host");
    }
    workloads::LiveOptions options;
    options.argv = std::move(argv);
    options.working_directory = directory;
    options.stdin_file = config.input;
    options.stdout_file = config.output;
    options.machine = std::move(machine);
    return std::make_unique<workloads::LiveProgram>(options);
}

} // namespace

std::unique_ptr<Workload> open_workload(const SystemConfig& config, std::span<const std::string> program,
                                        const std::string& trace, const std::string& scratch,
                                        std::optional<workloads::SeenMachine> machine) {
    const WorkloadConfig& workload = config.workload;
    const std::string& directory = scratch.empty() ? workload.directory : scratch;
    if (!program.empty() && !trace.empty())
        throw InputError("give either --trace FILE or -- PROGRAM ARGS, not both");
    if (!program.empty())
        return start_program(workload, {program.begin(), program.end()}, directory, std::move(machine));
    if (!trace.empty()) return open_trace_file(config, trace);
    switch (workload.kind) {
    case WorkloadKind::Program: {
        std::vector<std::string> argv = split_words(workload.program);
        if (argv.empty())
            throw InputError("no workload: give -- PROGRAM ARGS or --trace FILE, or set workload.program, or "
                             "workload.kind = synthetic");
        return start_program(workload, std::move(argv), directory, std::move(machine));
    }
    case WorkloadKind::Trace:
        if (workload.trace.empty())
            throw ConfigError(config.options.where("workload.kind"), "workload.kind", "trace",
                              "needs workload.trace = FILE");
        return open_trace_file(config, workload.trace);
    case WorkloadKind::Synthetic:
        return workloads::make_synthetic(workload.synthetic, config.synthetic);
    }
    return nullptr;
}

} // namespace pagewalk::app
