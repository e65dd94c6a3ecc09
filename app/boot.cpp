#include "app/boot.h"

#include "app/buddy_walk.h"
#include "app/command_line.h"
#include "app/system_config.h"
#include "base/config_file.h"
#include "os/kernel/boot.h"
#include "os/page/boot.h"
#include "os/proc/iomem.h"
#include "os/proc/page_files.h"
#include "os/replay/capture_files.h"
#include "os/replay/machine_capture.h"
#include "os/replay/sys_kernel_slab.h"
#include "os/slab/allocator_pages.h"
#include "os/slab/slab_sysfs.h"
#include "os/slab/slabinfo.h"
#include "os/slab/slub.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>

namespace pagewalk::app {

namespace {

namespace po = boost::program_options;

constexpr const char* usage = "pagewalk boot CONFIG|--from-capture DIR [--set key=value]... [--proc NAME]\n"
                              "       pagewalk boot [CONFIG] --walk STEPS";

/// What a booted machine can print.
struct ProcFile {
    const char* name;
    std::string (*text)(const os::PageAllocator&, const os::MemoryMap&);
};
constexpr std::array<ProcFile, 5> proc_files{{
    {"buddyinfo",
     [](const os::PageAllocator& allocator, const os::MemoryMap&) { return os::buddyinfo_text(allocator); }},
    {"iomem", [](const os::PageAllocator&, const os::MemoryMap& map) { return os::iomem_text(map); }},
    {"pagetypeinfo", [](const os::PageAllocator& allocator,
                        const os::MemoryMap&) { return os::pagetypeinfo_text(allocator); }},
    {"zoneinfo", [](const os::PageAllocator& allocator,
                    const os::MemoryMap&) { return os::zoneinfo_text(allocator, os::StatisticsSource()); }},
    {"zonelists", [](const os::PageAllocator& allocator,
                     const os::MemoryMap&) { return os::fallback_order_text(allocator); }},
}};

void print_proc(const os::PageAllocator& allocator, const os::MemoryMap& map, const std::string& name) {
    std::string known;
    for (const ProcFile& file : proc_files) {
        if (name == file.name) {
            std::cout << file.text(allocator, map);
            return;
        }
        known += (known.empty() ? "" : ", ") + std::string(file.name);
    }
    throw InputError("boot: there is no /proc/" + name + " before tasks run; there are: " + known +
                     ", and with --from-capture slabinfo, sys_kernel_slab");
}

/// What a machine with the caches of a real one can print.
enum class MergedNames : std::uint8_t { OfSysfs, OfSlabinfo };
struct SlabFile {
    const char* name;
    std::string (*text)(const os::SlabAllocator&);
    MergedNames names;
};
constexpr std::array<SlabFile, 2> slab_files{
    {{"slabinfo", os::slabinfo_text, MergedNames::OfSlabinfo},
     {"sys_kernel_slab", os::sys_kernel_slab_text, MergedNames::OfSysfs}}};

/// Their geometry is computed from name, size, alignment and flags.
void print_captured_slabs(os::PageAllocator& allocator, const os::CaptureFiles& files, const SlabFile& file) {
    os::AllocatorPages pages(allocator);
    os::SlubConfig config;
    config.parameters.cpus = static_cast<std::uint32_t>(allocator.cpus().size());
    os::Slub slub(pages, config);
    std::vector<os::SysSlabCache> caches =
        os::parse_sys_kernel_slab(files.read("sys_kernel_slab"), files.path());
    if (file.names == MergedNames::OfSlabinfo)
        os::name_as_slabinfo(caches, files.contains("slabinfo") ? files.read("slabinfo") : "");
    os::create_captured_caches(caches, slub);
    std::cout << file.text(slub);
}

void load(SystemConfig& config, const std::string& path, const std::vector<std::string>& settings) {
    if (!path.empty()) load_config_file(path, config.options);
    apply_settings(settings, config.options);
    config.validate();
}

/// A buddy walk; the configuration's kernel settings (vm.*) hold in it.
std::string walk_text(const std::string& steps, const std::string& config_path,
                      const std::vector<std::string>& settings) {
    SystemConfig config;
    load(config, config_path, settings);
    return buddy_walk_text(steps, config.os.pages);
}

} // namespace

int run_boot(std::span<const std::string> words) {
    std::string config_path, capture, proc, walk;
    std::vector<std::string> settings;
    po::options_description options("options");
    options.add_options()("from-capture", po::value(&capture),
                          "a real machine's files")("set,s", po::value(&settings)->composing(), "key=value")(
        "proc", po::value(&proc), "name of a /proc file")("walk", po::value(&walk), "steps of a buddy walk")(
        "config", po::value(&config_path), "configuration");
    read_command_line({"boot", usage, words}, options, "config");
    if (!walk.empty()) {
        if (!capture.empty() || !proc.empty())
            throw InputError(
                std::string("boot: --walk goes with neither --from-capture nor --proc\nusage: ") + usage);
        std::cout << walk_text(walk, config_path, settings);
        return 0;
    }
    if (config_path.empty() == capture.empty())
        throw InputError(std::string("boot: give a configuration or --from-capture, one of them\nusage: ") +
                         usage);

    if (!capture.empty() && !settings.empty())
        throw InputError(
            std::string("boot: --set goes with a configuration, not with --from-capture\nusage: ") + usage);

    os::MemoryMap map;
    os::PageSettings pages;
    std::optional<os::CaptureFiles> files;
    if (!capture.empty()) {
        files.emplace(capture);
        os::CapturedMachine machine = os::machine_from_capture(*files);
        map = std::move(machine.map);
        pages = machine.settings;
    } else {
        SystemConfig config;
        load(config, config_path, settings);
        map = os::lay_out_kernel(config.os.memory, config.os.levels, config.os.dma.swiotlb).map;
        pages = config.os.pages;
    }
    const std::unique_ptr<os::PageAllocator> allocator = os::boot_page_allocator(map, pages);
    const auto* const slab_file = std::ranges::find(slab_files, proc, &SlabFile::name);
    if (files && slab_file != slab_files.end()) {
        print_captured_slabs(*allocator, *files, *slab_file);
    } else if (proc.empty()) {
        for (const ProcFile& file : proc_files)
            std::cout << "==> /proc/" << file.name << " <==\n" << file.text(*allocator, map) << "\n";
    } else {
        print_proc(*allocator, map, proc);
    }
    return 0;
}

} // namespace pagewalk::app
