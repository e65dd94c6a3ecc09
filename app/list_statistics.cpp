#include "app/list_statistics.h"

#include "app/machine.h"
#include "app/program_regions.h"
#include "base/enum_table.h"
#include "base/error.h"
#include "base/option.h"
#include "models/mmu/mmu.h"
#include "os/task/process_account.h"

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <memory>
#include <vector>

namespace pagewalk::app {

namespace {

/// Components that a machine has several of, by the name before their number.
constexpr std::array<std::string_view, 9> numbered_components{"cpu",  "core",    "llc",    "dram", "node",
                                                              "link", "channel", "socket", "rank"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string part_pattern(std::string_view part) {
    std::size_t name = part.size();
    while (name > 0 && is_digit(part[name - 1])) --name;
    const std::string_view kind = part.substr(0, name);
    if (name == part.size() || std::ranges::find(numbered_components, kind) == numbered_components.end())
        return std::string(part);
    return std::string(kind) + "N";
}

struct Row {
    std::string name, unit, description;
    bool operator==(const Row&) const = default;
};

/// Statistics by path pattern, in the order of their declaration; instances of a component fall together.
class Catalogue {
public:
    explicit Catalogue(const StatRegistry& registry) {
        for (const Statistic& counter : registry.counters())
            add(counter.path, {counter.name, counter.unit, counter.description});
        for (const RatioStatistic& ratio : registry.ratios())
            add(ratio.path, {ratio.name, ratio.unit, ratio.description + " (" + ratio.formula + ")"});
        for (const HistogramStatistic& histogram : registry.histograms())
            add(histogram.path, {histogram.name, histogram.unit, histogram.description + " (histogram)"});
    }

    struct Component {
        std::string path;
        std::vector<Row> rows;
    };
    [[nodiscard]] const std::vector<Component>& components() const { return m_components; }

private:
    void add(std::string_view path, Row row) {
        const std::string pattern = path_pattern(path);
        const auto [place, is_new] = m_places.try_emplace(pattern, m_components.size());
        if (is_new) m_components.push_back({pattern, {}});
        std::vector<Row>& rows = m_components[place->second].rows;
        if (std::ranges::find(rows, row) == rows.end()) rows.push_back(std::move(row));
    }

    std::vector<Component> m_components;
    std::map<std::string, std::size_t> m_places;
};

/// Two sockets of two clusters and a CXL expander, so that what only such a machine has is listed too.
void configure_sample(SystemConfig& config) {
    config.machine.sockets = 2;
    config.machine.clusters = 2;
    config.machine.cpus = 2;
    config.machine.memory = 1ULL << 30;
    config.cxl.memory = 1ULL << 30;
    config.validate();
}

/// Memory for MMUs that are listed, not run.
class NoMemory final : public models::CoherentMemory {
public:
    LineResponse request(const LineRequest& request) override { return {.ready = request.time}; }
    void evict(const LineRequest&, SnoopTarget::Dirty, models::Retained) override {}
    [[nodiscard]] bool wants_clean_victims() const override { return false; }
    void attach(CpuId, SnoopTarget&) override {}
};

/// An MMU of each translation design: a machine has but one. The first is a virtual machine's.
class DesignSamples {
public:
    explicit DesignSamples(SystemConfig& config)
        : m_clock(config.cpu.core.frequency), m_caches(config.caches, CpuId{0}, m_clock, m_memory, 0) {
        for (std::size_t i = 1; i < enum_count<models::TranslationDesignKind>; ++i) {
            config.cpu.mmu.design.kind = static_cast<models::TranslationDesignKind>(i);
            m_mmus.push_back(
                std::make_unique<models::Mmu>(config.cpu.mmu, CpuId{0}, m_clock, m_caches, m_tables));
        }
        m_mmus.front()->use_host(m_host);
    }
    /// Each as another CPU's.
    void declare(StatRegistry& registry) const {
        for (std::size_t i = 0; i < m_mmus.size(); ++i)
            m_mmus[i]->declare(registry.group("cpu" + std::to_string(max_cpus + i)).group("mmu"));
    }

private:
    Clock m_clock;
    NoMemory m_memory;
    models::PrivateHierarchy m_caches;
    PageTableMemory m_tables;
    models::HostTables m_host{{.pages = models::HostPages::Small, .bytes = page_size}};
    std::vector<std::unique_ptr<models::Mmu>> m_mmus;
};

} // namespace

std::string path_pattern(std::string_view path) {
    constexpr std::string_view object_caches = "kernel/slab/";
    constexpr std::string_view translated_devices = "kernel/dma/iommu/";
    if (path.starts_with(object_caches)) return std::string(object_caches) + "CACHE";
    if (path.starts_with(translated_devices)) return std::string(translated_devices) + "DEVICE";
    std::string pattern;
    while (true) {
        const std::size_t slash = path.find('/');
        pattern += part_pattern(path.substr(0, slash));
        if (slash == std::string_view::npos) return pattern;
        pattern += '/';
        path = path.substr(slash + 1);
    }
}

void print_statistic_tables(std::ostream& out, const StatRegistry& registry) {
    out << "# Statistics\n\nGenerated by `pagewalk stats --markdown`. Each is at `/stats/<component>/<name>` "
           "of a results "
           "file; N is the number of a CPU, socket, node, process or program, CACHE the name of an object "
           "cache, DEVICE that of a device (disk, nic).\n";
    const Catalogue catalogue(registry);
    for (const Catalogue::Component& component : catalogue.components()) {
        out << "\n## " << component.path << "\n\n| name | unit | description |\n| --- | --- | --- |\n";
        for (const Row& row : component.rows)
            out << "| " << row.name << " | " << row.unit << " | " << row.description << " |\n";
    }
}

void print_statistics(std::ostream& out, const StatRegistry& registry, std::string_view glob) {
    bool any = false;
    const Catalogue catalogue(registry);
    for (const Catalogue::Component& component : catalogue.components()) {
        for (const Row& row : component.rows) {
            const std::string path = component.path + "/" + row.name;
            if (!matches_glob(path, glob)) continue;
            any = true;
            out << path << " [" << row.unit << "]\n    " << row.description << "\n";
        }
    }
    if (!any)
        throw InputError("no statistic matches '" + std::string(glob) + "'; try '*" + std::string(glob) +
                         "*'");
}

int run_stats(std::span<const std::string> arguments) {
    std::string glob = "*";
    bool markdown = false;
    for (const std::string& argument : arguments) {
        if (argument == "--markdown")
            markdown = true;
        else if (argument.starts_with("-"))
            throw InputError("stats: '" + argument +
                             "' is not understood\nusage: pagewalk stats [GLOB] [--markdown]");
        else
            glob = argument;
    }
    SystemConfig config;
    configure_sample(config);
    Machine machine(config);
    StatRegistry registry = machine.stats();
    const DesignSamples designs(config);
    designs.declare(registry);
    const models::BlockControllerStats disk; // of a device.kind other than the sample's
    disk.declare(registry.group("disk"));
    const models::NicStats nic;
    nic.declare(registry.group("nic"));
    const models::IommuStats iommu;
    iommu.declare(registry.group("iommu"));
    const os::ProcessAccount process;
    process.declare(registry.group("process/N"));
    const ProgramAccount program;
    program.declare(registry.group("program/N"));
    if (markdown)
        print_statistic_tables(std::cout, registry);
    else
        print_statistics(std::cout, registry, glob);
    return 0;
}

} // namespace pagewalk::app
