#include "app/captured_machine.h"

#include "workloads/qemu/live_program.h"
#include "workloads/qemu/placed_program.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <sstream>
#include <string_view>

namespace pagewalk::app {

namespace {

namespace fs = std::filesystem;

/// Where the captured machines have their file systems: ext4 on a disk, and memory.
constexpr std::array<std::string_view, 2> mounts{"/mnt/", "/tmpfs/"};

/// QEMU's user mode takes half a minute to map 1 TiB.
constexpr std::chrono::minutes most_of_a_call{5};

/// What is written before a job to a file of the kernel's, where it is an option here.
struct Setting {
    std::string_view file;
    const char* option;
    const char* unit = "";
};
constexpr std::array settings = std::to_array<Setting>({
    {"/sys/kernel/mm/transparent_hugepage/enabled", "os.thp.enabled"},
    {"/sys/kernel/mm/transparent_hugepage/defrag", "os.thp.defrag"},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none", "os.khugepaged.max_ptes_none"},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_shared", "os.khugepaged.max_ptes_shared"},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/pages_to_scan", "os.khugepaged.pages_to_scan"},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs", "os.khugepaged.scan_sleep", "ms"},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/alloc_sleep_millisecs", "os.khugepaged.alloc_sleep",
     "ms"},
});

/// The same file below `scratch`.
std::string moved(const std::string& word, const std::string& scratch) {
    if (std::ranges::none_of(mounts, [&](std::string_view mount) { return word.starts_with(mount); }))
        return word;
    const fs::path path = scratch + word;
    fs::create_directories(path.parent_path());
    return path.string();
}

/// The value of NAME=VALUE on a kernel's command line; empty where it is not there.
std::string boot_parameter(const std::string& command_line, std::string_view name) {
    std::istringstream words(command_line);
    const std::string wanted = std::string(name) + "=";
    for (std::string word; words >> word;)
        if (word.starts_with(wanted)) return word.substr(wanted.size());
    return {};
}

} // namespace

void configure_as_captured(SystemConfig& config, const os::ProgramMachine& machine, const os::ProgramJob& job,
                           const std::string& programs) {
    if (machine.nodes > 1)
        throw CannotRun("a machine of " + std::to_string(machine.nodes) +
                        " nodes: mbind and its like are not simulated");
    const auto set = [&](const char* key, const std::string& value) {
        config.options.set(key, value, "capture.txt");
    };
    set("machine.name", "captured");
    set("machine.cpus", std::to_string(machine.cpus));
    set("machine.sockets", "1");
    set("machine.memory", std::to_string(machine.memory));
    set("machine.firmware", "pc");
    set("os.timing", "off");
    constexpr std::string_view thp = "transparent_hugepage";
    if (const std::string value = boot_parameter(machine.command_line, thp); !value.empty())
        set("os.thp.enabled", value);
    for (const std::string& setting : job.settings) {
        const std::size_t blank = setting.find(' ');
        const auto known = std::ranges::find(settings, setting.substr(0, blank), &Setting::file);
        if (blank != std::string::npos && known != settings.end())
            set(known->option, setting.substr(blank + 1) + known->unit);
    }
    config.os.stocked_objects = true;
    config.os.initramfs = programs.empty() ? "" : fs::absolute(programs).string();
    config.validate();
}

std::unique_ptr<Workload> start_captured_program(const os::ProgramJob& job, const std::string& programs,
                                                 const std::string& scratch) {
    const fs::path program = fs::path(programs) / fs::path(job.command.front()).filename();
    std::error_code error;
    if (!fs::is_regular_file(program, error)) throw CannotRun("there is no program " + program.string());
    workloads::LiveOptions options;
    options.argv.push_back(fs::absolute(program).string());
    for (std::size_t i = 1; i < job.command.size(); ++i)
        options.argv.push_back(moved(job.command[i], scratch));
    options.environment.emplace();
    options.working_directory = scratch;
    options.stall_limit = most_of_a_call;
    options.stdin_file = options.stdout_file = "/dev/null";
    return std::make_unique<workloads::PlacedProgram>(std::make_unique<workloads::LiveProgram>(options));
}

} // namespace pagewalk::app
