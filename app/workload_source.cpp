#include "app/workload_source.h"

#include "app/words.h"
#include "base/printable.h"
#include "workloads/qemu/live_program.h"
#include "workloads/qemu/pwt_file.h"
#include "workloads/qemu/pwt_reader.h"
#include "workloads/trace/open_trace.h"

#include <cstdlib>

namespace pagewalk::app {

namespace {

std::unique_ptr<Workload> start_program(std::vector<std::string> argv, const std::string& input,
                                        const std::string& output, const ProgramSurroundings& surroundings) {
    workloads::LiveOptions options;
    options.argv = std::move(argv);
    options.working_directory = surroundings.directory;
    options.stdin_file = input;
    options.stdout_file = output;
    options.machine = surroundings.machine;
    return std::make_unique<workloads::LiveProgram>(options);
}

std::unique_ptr<Workload> set_up_and_start(const WorkloadConfig& config, std::vector<std::string> argv,
                                           const ProgramSurroundings& surroundings) {
    run_setup(config, surroundings.directory);
    return start_program(std::move(argv), config.input, config.output, surroundings);
}

} // namespace

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

void run_setup(const WorkloadConfig& config, const std::string& directory) {
    if (config.setup.empty()) return;
    const std::string command =
        directory.empty() ? config.setup : "cd " + shell_quoted(directory) + " && { " + config.setup + "; }";
    if (std::system(command.c_str()) != 0)
        throw InputError("workload.setup = " + excerpt(config.setup) + ": the command failed on the host");
}

std::unique_ptr<Workload> start_command(const ProgramConfig& program,
                                        const ProgramSurroundings& surroundings) {
    ProgramSurroundings own = surroundings;
    if (own.machine) own.machine->allowed = program.allowed;
    return start_program(split_words(program.command), program.input, program.output, own);
}

std::unique_ptr<Workload> open_workload(const SystemConfig& config, std::span<const std::string> program,
                                        const std::string& trace, const ProgramSurroundings& surroundings) {
    const WorkloadConfig& workload = config.workload;
    if (!program.empty() && !trace.empty())
        throw InputError("give either --trace FILE or -- PROGRAM ARGS, not both");
    if (!program.empty()) return set_up_and_start(workload, {program.begin(), program.end()}, surroundings);
    if (!trace.empty()) return open_trace_file(config, trace);
    switch (workload.kind) {
    case WorkloadKind::Program: {
        std::vector<std::string> argv = split_words(workload.program);
        if (argv.empty())
            throw InputError("no workload: give -- PROGRAM ARGS or --trace FILE, or set workload.program, or "
                             "workload.kind = synthetic");
        return set_up_and_start(workload, std::move(argv), surroundings);
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
