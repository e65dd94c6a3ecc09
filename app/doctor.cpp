#include "app/doctor.h"

#include "app/host_command.h"
#include "app/local_executor.h"
#include "base/error.h"
#include "results/text_table.h"

#include <filesystem>
#include <iostream>
#include <system_error>
#include <unistd.h>

namespace pagewalk::app {

namespace {

using State = Finding::State;

HostAnswer ask(const std::vector<std::string>& words) { return ask_host(words); }

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string gigabytes(std::uint64_t bytes) { return std::to_string(bytes >> 30) + " GiB"; }

/// This program would not have started on a processor without AVX2.
Finding processors() {
    return {State::Good, "processors", std::to_string(usable_cpus()) + " that this process may use"};
}

Finding memory() {
    constexpr std::uint64_t comfortable = 1ULL << 30;
    const std::uint64_t available = available_memory();
    if (available >= comfortable) return {State::Good, "memory", gigabytes(available) + " available"};
    return {State::Limited, "memory", "less than 1 GiB is available; runs on large machines may fail"};
}

Finding emulator() {
    const HostAnswer answer = ask({"qemu-x86_64", "--version"});
    if (answer.status == 0) return {State::Good, "live programs", first_line(answer.text)};
    return {State::Limited, "live programs",
            "qemu-x86_64 is not there (Debian: qemu-user); traces, recordings and generators run"};
}

/// A live program's children are followed by ptrace and a seccomp filter.
Finding tracing() {
    const HostAnswer answer = ask({"cat", "/proc/sys/kernel/yama/ptrace_scope"});
    if (answer.status == 0 && answer.text == "3")
        return {State::Limited, "children of programs",
                "kernel.yama.ptrace_scope = 3 forbids to follow execve; 2 and less allow it"};
    const HostAnswer seccomp = ask({"grep", "-c", "^Seccomp:", "/proc/self/status"});
    if (seccomp.status != 0)
        return {State::Limited, "children of programs",
                "this kernel has no seccomp, so execve is not followed"};
    return {State::Good, "children of programs", "can be followed"};
}

Finding shared_memory() {
    std::error_code error;
    const auto space = std::filesystem::space("/dev/shm", error);
    constexpr std::uint64_t wanted = 256ULL << 20; // rings of threads
    if (!error && space.available >= wanted)
        return {State::Good, "shared memory", gigabytes(space.available) + " in /dev/shm"};
    return {State::Limited, "shared memory",
            "/dev/shm has less than 256 MiB free; programs with many threads may fail"};
}

Finding python() {
    const HostAnswer answer = ask(
        {"/usr/bin/python3", "-c",
         "import h5py, pandas, matplotlib; print('h5py', h5py.__version__, 'pandas', pandas.__version__)"});
    if (answer.status == 0) return {State::Good, "analysis and reports", answer.text};
    return {State::Limited, "analysis and reports",
            "python3-h5py, python3-pandas or python3-matplotlib is missing; run, show and compare work"};
}

Finding slurm() {
    const HostAnswer answer = ask({"sbatch", "--version"});
    if (answer.status == 0) return {State::Good, "sweeps on a cluster", answer.text};
    if (answer.status == 127)
        return {State::Limited, "sweeps on a cluster", "no sbatch here; sweeps run on this host"};
    return {State::Limited, "sweeps on a cluster", "sbatch does not work: " + first_line(answer.text)};
}

Finding results_folder() {
    std::error_code error;
    const std::filesystem::path here = std::filesystem::current_path(error);
    const auto space = std::filesystem::space(here, error);
    if (::access(here.c_str(), W_OK) != 0)
        return {State::Missing, "results",
                here.string() + " cannot be written; run elsewhere, or name a file with -o"};
    if (!error && space.available < (1ULL << 30))
        return {State::Limited, "results", "less than 1 GiB is free in " + here.string()};
    return {State::Good, "results", gigabytes(space.available) + " free in " + here.string()};
}

} // namespace

std::vector<Finding> examine_host() {
    return {processors(),    memory(), emulator(), tracing(),
            shared_memory(), python(), slurm(),    results_folder()};
}

int print_findings(std::span<const Finding> findings, std::ostream& out) {
    results::TextTable table;
    bool any_missing = false;
    for (const Finding& finding : findings) {
        const bool missing = finding.state == State::Missing;
        any_missing |= missing;
        table.add({finding.state == State::Good ? "ok"
                   : missing                    ? "MISSING"
                                                : "limited",
                   finding.subject, finding.text});
    }
    out << table.text();
    return any_missing ? 1 : 0;
}

int run_doctor(std::span<const std::string> arguments) {
    if (!arguments.empty())
        throw InputError("doctor: '" + arguments.front() + "' is not understood; usage: pagewalk doctor");
    return print_findings(examine_host(), std::cout);
}

} // namespace pagewalk::app
