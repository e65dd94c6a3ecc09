#include "app/captured_machine.h"

#include "workloads/qemu/live_program.h"
#include "workloads/qemu/placed_program.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

namespace pagewalk::app {

namespace {

namespace fs = std::filesystem;

/// Where the captured machines have their file systems: ext4 on a disk, and memory.
constexpr std::array<std::string_view, 2> mounts{"/mnt/", "/tmpfs/"};

/// A file that a job reads, where the capture does not tell its size; assumed: as large as its author's.
constexpr const char* stand_in_mib = " 32";

/// QEMU's user mode takes half a minute to map 1 TiB.
constexpr std::chrono::minutes most_of_a_call{5};

/// Stands for a unit: 0 is off, all else on.
constexpr const char* on_or_off = "on or off";

/// What is written before a job to a file of the kernel's, where it is an option here.
struct Setting {
    std::string_view file;
    const char* option;
    const char* unit = "";
};
constexpr std::array settings = std::to_array<Setting>({
    {"/proc/sys/kernel/numa_balancing", "os.numa_balancing.enabled", on_or_off},
    {"/sys/kernel/debug/sched/numa_balancing/scan_delay_ms", "os.numa_balancing.scan_delay", "ms"},
    {"/sys/kernel/debug/sched/numa_balancing/scan_period_min_ms", "os.numa_balancing.scan_period_min", "ms"},
    {"/sys/kernel/debug/sched/numa_balancing/scan_period_max_ms", "os.numa_balancing.scan_period_max", "ms"},
    {"/sys/kernel/debug/sched/numa_balancing/scan_size_mb", "os.numa_balancing.scan_size", "MiB"},
    {"/proc/sys/vm/nr_hugepages", "os.hugetlb.pages_2mib"},
    {"/proc/sys/vm/nr_overcommit_hugepages", "os.hugetlb.overcommit"},
    {"/sys/kernel/mm/transparent_hugepage/enabled", "os.thp.enabled"},
    {"/sys/kernel/mm/transparent_hugepage/defrag", "os.thp.defrag"},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none", "os.khugepaged.max_ptes_none"},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_shared", "os.khugepaged.max_ptes_shared"},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/pages_to_scan", "os.khugepaged.pages_to_scan"},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs", "os.khugepaged.scan_sleep", "ms"},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/alloc_sleep_millisecs", "os.khugepaged.alloc_sleep",
     "ms"},
});

bool is_moved(const std::string& word) {
    return std::ranges::any_of(mounts, [&](std::string_view mount) { return word.starts_with(mount); });
}

/// The same file below `scratch`.
std::string moved(const std::string& word, const std::string& scratch) {
    if (!is_moved(word)) return word;
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

/// "/mnt/r 32", MiB: the file below `scratch`, made of zeroes.
os::KernelConfig::KnownFile make_file(const std::string& line, const std::string& scratch) {
    constexpr unsigned mib_shift = 20;
    std::istringstream in(line);
    std::string path;
    std::uint64_t mib = 0;
    if (!(in >> path >> mib) || !is_moved(path))
        throw InputError("a job's config: file " + line + " is not PATH MIB below /mnt or /tmpfs");
    const os::KernelConfig::KnownFile file{moved(path, scratch), mib << mib_shift};
    std::ofstream(file.path, std::ios::binary).close();
    fs::resize_file(file.path, file.bytes);
    return file;
}

/// What was written to /proc/sys/vm/dirty_* before the job.
void configure_writeback(os::WritebackConfig& writeback, const os::ProgramJob& job) {
    using Config = os::WritebackConfig;
    struct Limit {
        std::string_view name;
        std::uint64_t Config::*value;
    };
    constexpr std::array limits{Limit{"dirty_ratio", &Config::dirty_ratio},
                                Limit{"dirty_background_ratio", &Config::dirty_background_ratio},
                                Limit{"dirty_bytes", &Config::dirty_bytes},
                                Limit{"dirty_background_bytes", &Config::dirty_background_bytes}};
    for (const std::string& setting : job.settings)
        for (const Limit& limit : limits) {
            const std::string file = "/proc/sys/vm/" + std::string(limit.name) + ' ';
            if (setting.starts_with(file)) writeback.*limit.value = std::stoull(setting.substr(file.size()));
        }
}

} // namespace

void configure_as_captured(SystemConfig& config, const os::ProgramMachine& machine, const os::ProgramJob& job,
                           const std::string& programs) {
    const auto set = [&](const char* key, const std::string& value) {
        config.options.set(key, value, "capture.txt");
    };
    set("machine.name", "captured");
    set("machine.cpus", std::to_string(machine.cpus));
    const std::size_t nodes = std::max<std::size_t>(1, machine.node_memory.size());
    set("machine.sockets", std::to_string(nodes));
    std::string sizes;
    for (const std::uint64_t bytes : machine.node_memory)
        sizes += (sizes.empty() ? "" : ",") + std::to_string(bytes);
    set("machine.node_memory", sizes);
    set("os.numa_balancing.enabled", nodes > 1 ? "on" : "off");
    set("machine.memory", std::to_string(machine.memory));
    set("machine.firmware", "pc");
    set("os.timing", "off");
    constexpr std::string_view thp = "transparent_hugepage";
    if (const std::string value = boot_parameter(machine.command_line, thp); !value.empty())
        set("os.thp.enabled", value);
    for (const std::string& setting : job.settings) {
        const std::size_t blank = setting.find(' ');
        const auto known = std::ranges::find(settings, setting.substr(0, blank), &Setting::file);
        if (blank == std::string::npos || known == settings.end()) continue;
        const std::string value = setting.substr(blank + 1);
        if (known->unit == std::string_view(on_or_off))
            set(known->option, value == "0" ? "off" : "on");
        else
            set(known->option, value + known->unit);
    }
    set("os.file_cache", "cold");
    config.os.stocked_objects = true;
    config.os.initramfs = programs.empty() ? "" : fs::absolute(programs).string();
    config.validate();
}

void configure_files(SystemConfig& config, const os::ProgramJob& job, const std::string& scratch) {
    config.os.tmpfs = scratch + "/tmpfs/";
    configure_writeback(config.os.writeback, job);
    std::vector<std::string> files = job.files;
    // A capture need not say what the disk held. Programs that make their file truncate it.
    if (files.empty())
        for (const std::string& word : job.command)
            if (word.starts_with(mounts.front())) files.push_back(word + stand_in_mib);
    for (const std::string& file : files) config.os.files.push_back(make_file(file, scratch));
}

void match_free_memory(os::Kernel& kernel, std::uint64_t wanted) {
    os::PageAllocator& pages = kernel.frames().allocator();
    const auto free = [&pages] {
        std::int64_t sum = 0;
        for (const auto& zone : pages.zones()) sum += zone->free_pages;
        return static_cast<std::uint64_t>(sum);
    };
    constexpr os::GfpMask mask = os::gfp::kernel.without(os::gfp::reclaim);
    constexpr unsigned smallest = 4; // of less, the per-CPU lists take more than is asked for
    for (unsigned order = os::max_order - 1; order >= smallest;)
        if (free() < wanted + (std::uint64_t{1} << order) || !pages.allocate({.mask = mask, .order = order}))
            --order;
}

std::unique_ptr<Workload> start_captured_program(const os::ProgramMachine& machine, const os::ProgramJob& job,
                                                 const std::string& programs, const std::string& scratch) {
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
    options.cpus = machine.cpus == 1 ? workloads::HostCpus::One : workloads::HostCpus::All;
    return std::make_unique<workloads::PlacedProgram>(std::make_unique<workloads::LiveProgram>(options));
}

} // namespace pagewalk::app
