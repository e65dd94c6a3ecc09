#include "app/command.h"

#include "app/boot.h"
#include "app/characterize.h"
#include "app/compare.h"
#include "app/doctor.h"
#include "app/list_events.h"
#include "app/list_options.h"
#include "app/list_statistics.h"
#include "app/python_command.h"
#include "app/read_apart.h"
#include "app/record.h"
#include "app/replay.h"
#include "app/run.h"
#include "app/shell_pages.h"
#include "app/show.h"
#include "app/sweep.h"
#include "app/words.h"

#include <algorithm>
#include <array>
#include <iostream>

namespace pagewalk::app {

namespace {

// main() runs inside SystemC's, which passes no context through.
std::string remembered;

} // namespace

std::span<const Command> commands() {
    static const std::array<Command, 16> table{{
        {"run",
         "CONFIG [--set key=value]... [-o FILE.h5] [--trace FILE... | -- PROGRAM ARGS...] | --from FILE.h5 "
         "[-o FILE.h5]",
         "simulate a program, a trace or a generator; or repeat a run from its results and compare", run_run},
        {"record", "-o FILE.pwt -- PROGRAM ARGS...", "record a program's instruction stream", run_record},
        {"sweep",
         "FILE.cfg [-o DIR] [-j N] [--executor local|slurm] [--dry-run] [--resume [--rerun-changed]]",
         "run a configuration at many points: axes of options, programs or machines", run_sweep},
        {"show",
         "FILE.h5 [--json | --stats [GLOB] | --histograms [GLOB] | --proc NAME|slabtop | --config | --events "
         "NAME | "
         "--function-graph]",
         "print what a run measured",
         [](std::span<const std::string> a) { return read_apart("show", a, run_show); }},
        {"compare", "A B [--all] [--stats GLOB] [--least PERCENT]",
         "say what differs between two runs, sweeps or sets of repeats; exit status 1: something moved "
         "beyond noise",
         [](std::span<const std::string> a) { return read_apart("compare", a, run_compare); }},
        {"report", report_command().usage,
         "write one HTML page with plots of a run, a sweep, or a real machine's /proc texts", run_report},
        {"export", export_command().usage, "write events or a table as other tools read them", run_export},
        {"characterize", "MACHINE.cfg [--set key=value]... [--only TABLE,...] [-o FILE.h5]",
         "measure a machine's latencies and bandwidths beside those of the real one", run_characterize},
        {"boot", "CONFIG|--from-capture DIR [--set key=value]... [--proc NAME] | --walk STEPS",
         "boot the OS layer alone and print /proc text", run_boot},
        {"replay", "PACK|FOLDER [--job NAME]... [--programs DIR] [--first-difference]",
         "hold allocators, or programs run live, against a real kernel's capture", run_replay},
        {"options", "[GLOB] [--markdown]", "list every option: default, range, unit, meaning, source",
         run_options},
        {"stats", "[GLOB] [--markdown]", "list every statistic: unit, description", run_stats},
        {"events", "[GLOB] [--markdown]", "list every event table: columns, units, meaning", run_events},
        {"doctor", "", "say whether this host has what Pagewalk needs", run_doctor},
        {"completion", "", "print a completion script for bash and zsh: source <(pagewalk completion)",
         run_completion},
        {"man", "", "print the manual page: pagewalk man | man -l -", run_manual},
    }};
    return table;
}

int run_command(const Command& command, std::span<const std::string> arguments) {
    const std::span own(arguments.begin(), std::ranges::find(arguments, "--"));
    for (const std::string& word : own) {
        if (word != "--help" && word != "-h") continue;
        std::cout << "usage: pagewalk " << command.name << " " << command.usage << "\n    " << command.summary
                  << std::endl;
        return 0;
    }
    return command.run(arguments);
}

void remember_command_line(int argc, char** argv) {
    remembered.clear();
    for (int i = 0; i < argc; ++i) remembered += (i == 0 ? "" : " ") + shell_quoted(argv[i]);
}

const std::string& command_line() { return remembered; }

} // namespace pagewalk::app
