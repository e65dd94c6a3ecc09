#include "app/system_config.h"

#include "app/marker_log.h"
#include "base/printable.h"
#include "contract/kernel_path.h"
#include "models/mmu/mmu.h"
#include "os/path/path_journal.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <sstream>

namespace pagewalk::app {

namespace {

/// Numbers of frames have 32 bits, which 16 TiB fill; some of that is holes of the memory map.
constexpr std::uint64_t most_memory = 15ULL << 40;
constexpr std::uint32_t most_nodes = 64; ///< that the kernel knows
constexpr std::uint64_t node_multiple = 2ULL << 20;
/// What a node's equal share may not go below: the first one holds the kernel's image.
constexpr std::uint64_t least_node_memory = 16ULL << 20;

} // namespace

void MachineConfig::declare(OptionGroup group) {
    group.text("name", name, {Unit::None, "name of the machine in reports", "user"});
    group.number("cpus", cpus, {1, max_cpus},
                 {Unit::Count, "CPUs, divided among the nodes in equal runs", "user"});
    group.number("sockets", sockets, {1, most_nodes},
                 {Unit::Count, "sockets; each is a NUMA node, or as many as it has clusters", "user"});
    group.number("clusters", clusters, {1, 8},
                 {Unit::Count,
                  "clusters of each socket: NUMA nodes with a last-level cache [llc] and memory controllers "
                  "[dram] of their own, as AMD's nodes per socket and Intel's sub-NUMA clusters are",
                  "user"});
    group.number("memory", memory, {128ULL << 20, most_memory},
                 {Unit::Bytes, "memory of all sockets together", "user"});
    group.text(
        "node_memory", node_memory,
        {Unit::None, "memory of each node, comma-separated (empty: equal shares of machine.memory)", "user"});
    group.text(
        "distances", distances,
        {Unit::None,
         "distance of each node to each node, rows separated by ';', such as 10,21;21,10 (empty: 10 to "
         "itself, 20 to others)",
         "ACPI SLIT; without one Linux assumes 10 and 20"});
    group.choice(
        "layout", layout, {{MachineLayout::X86_64, "x86_64"}, {MachineLayout::I386, "i386"}},
        {Unit::None, "zones of the kernel; i386 has HighMem and is for 'pagewalk boot' alone", "user"});
    group.number("lowmem", lowmem, {128ULL << 20, 3ULL << 30},
                 {Unit::Bytes, "where HighMem begins (i386)", "x86: 1 GiB less VMALLOC_RESERVE of 128 MiB"});
    group.number("kernelcore", kernelcore, {0, most_memory},
                 {Unit::Bytes, "kernelcore= of the kernel's command line: what is not movable (0: not given)",
                  "Documentation/admin-guide/kernel-parameters.txt"});
    group.number("movablecore", movablecore, {0, most_memory},
                 {Unit::Bytes,
                  "movablecore= of the kernel's command line: size of ZONE_MOVABLE (0: not given)",
                  "Documentation/admin-guide/kernel-parameters.txt"});
    group.choice("firmware", firmware.kind, {{os::Firmware::Bare, "bare"}, {os::Firmware::Pc, "pc"}},
                 {Unit::None, "memory map: all memory usable, or that of QEMU's pc machine with SeaBIOS",
                  "e820 of QEMU 7.2"});
    group.number("firmware_tables", firmware.tables, {0, 16ULL << 20},
                 {Unit::Bytes, "ACPI tables at the end of the memory below 4 GiB (firmware = pc)",
                  "e820 of QEMU 7.2: 140 KiB with qemu-system-x86_64, 128 KiB with qemu-system-i386"});
}

std::vector<std::vector<unsigned>> MachineConfig::node_distances(const OptionSet& options,
                                                                 std::size_t nodes) const {
    std::vector<std::vector<unsigned>> rows;
    if (distances.empty()) return rows;
    const auto refuse = [&](const std::string& allowed) {
        throw ConfigError(options.where("machine.distances"), "machine.distances",
                          "'" + excerpt(distances) + "'", allowed);
    };
    std::string text = distances;
    std::erase(text, ' ');
    std::istringstream table(text);
    for (std::string row; std::getline(table, row, ';');) {
        rows.emplace_back();
        std::istringstream words(row);
        for (std::string word; std::getline(words, word, ',');) {
            const auto value = parse_quantity(word, Unit::Count);
            const bool local = rows.back().size() + 1 == rows.size();
            if (!value || *value > 254 || (local ? *value != 10 : *value <= 10))
                refuse("'" + excerpt(word) +
                       "' is not 10 (a node to itself) or 11 to 254 (to others), as ACPI wants");
            rows.back().push_back(static_cast<unsigned>(*value));
        }
    }
    const auto is_whole = [&](const std::vector<unsigned>& row) { return row.size() == nodes; };
    if (rows.size() != nodes || !std::ranges::all_of(rows, is_whole))
        refuse("wants " + std::to_string(nodes) + " rows of " + std::to_string(nodes) +
               " distances: one of each node, machine.sockets x machine.clusters and a CXL expander");
    return rows;
}

os::MemoryMap MachineConfig::memory_map(const OptionSet& options, std::uint64_t cxl_bytes) const {
    std::vector<std::uint64_t> nodes = node_bytes(options);
    if (cxl_bytes != 0) nodes.push_back(cxl_bytes);
    os::MemoryMap map = os::pc_memory_map(nodes, cpus, firmware, nodes.size() - cluster_count());
    map.distances = node_distances(options, nodes.size());
    if (kernelcore != 0 && movablecore != 0)
        throw ConfigError(options.where("machine.movablecore"), "machine.movablecore",
                          format_quantity(movablecore, Unit::Bytes), "excludes machine.kernelcore; give one");
    if (kernelcore != 0) map.kernelcore_bytes = kernelcore;
    if (movablecore != 0) map.movablecore_bytes = movablecore;
    if (layout == MachineLayout::I386) {
        if (nodes.size() != 1)
            throw ConfigError(options.where("machine.sockets"), "machine.sockets", std::to_string(sockets),
                              "machine.layout = i386 has one node");
        map.layout = os::ZoneLayout::I386;
        map.lowmem_bytes = lowmem;
        map.numa.clear();
        // QEMU's i386 CPUs have 36 address bits: nothing is reserved beyond.
        std::erase_if(map.resources, [](const os::PhysicalResource& resource) {
            return resource.range.begin >= PhysAddr(1ULL << 36);
        });
    }
    return map;
}

std::vector<std::uint64_t> MachineConfig::node_bytes(const OptionSet& options) const {
    std::vector<std::uint64_t> sizes;
    if (node_memory.empty()) {
        const std::uint64_t share = memory / cluster_count();
        if (share % node_multiple != 0 || share < least_node_memory)
            throw ConfigError(
                options.where("machine.memory"), "machine.memory", format_quantity(memory, Unit::Bytes),
                "each of the " + std::to_string(cluster_count()) +
                    " nodes (machine.sockets x machine.clusters) needs a multiple of 2MiB and at least " +
                    format_quantity(least_node_memory, Unit::Bytes));
        sizes.assign(cluster_count(), share);
        return sizes;
    }
    for (std::size_t begin = 0; begin <= node_memory.size();) {
        const std::size_t comma = std::min(node_memory.find(',', begin), node_memory.size());
        const auto size =
            parse_quantity(std::string_view(node_memory).substr(begin, comma - begin), Unit::Bytes);
        if (!size || *size == 0 || *size % node_multiple != 0 || *size > most_memory)
            throw ConfigError(options.where("machine.node_memory"), "machine.node_memory",
                              "'" + excerpt(node_memory) + "'",
                              "wants a multiple of 2MiB for each node, such as 3GiB,5GiB");
        sizes.push_back(*size);
        begin = comma + 1;
    }
    if (std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0}) > most_memory)
        throw ConfigError(options.where("machine.node_memory"), "machine.node_memory",
                          "'" + excerpt(node_memory) + "'",
                          "is more than " + format_quantity(most_memory, Unit::Bytes) + " together");
    if (sizes.size() != cluster_count())
        throw ConfigError(
            options.where("machine.node_memory"), "machine.node_memory", "'" + excerpt(node_memory) + "'",
            "names " + std::to_string(sizes.size()) +
                " nodes, machine.sockets x machine.clusters = " + std::to_string(cluster_count()));
    return sizes;
}

std::vector<EventSchema> event_schemas() {
    std::vector<EventSchema> schemas = os::PathJournal::Events::schemas();
    std::ranges::move(models::Mmu::Events::schemas(), std::back_inserter(schemas));
    schemas.push_back(MarkerEvent::schema());
    return schemas;
}

SystemConfig::SystemConfig() {
    const OptionGroup root = options.group("");
    run.declare(root.group("run"));
    machine.declare(root.group("machine"));
    cpu.declare(root);
    caches.declare(root.group("cache"));
    llc.declare(root.group("llc"));
    dram.declare(root.group("dram"));
    links.declare(root);
    cxl.declare(root.group("cxl"));
    os.declare(root.group("os"));
    disk.declare(root.group("os"));
    device.declare(root.group("device"));
    os.dma.declare_iommu(root.group("iommu"));
    iommu.declare(root.group("iommu"));
    nic.declare(root.group("nic"));
    events.declare(root.group("events"));
    workload.declare(root.group("workload"));
    options.numbered("program", most_programs, [this](OptionGroup group, std::uint64_t number) {
        programs[number].declare(std::move(group));
    });
    trace.declare(root.group("trace"));
    synthetic.declare(root.group("synthetic"));
}

void SystemConfig::validate() {
    const std::uint32_t clusters = machine.cluster_count();
    if (clusters > most_nodes)
        throw ConfigError(options.where("machine.clusters"), "machine.clusters",
                          std::to_string(machine.clusters),
                          "times machine.sockets = " + std::to_string(machine.sockets) +
                              " is more than the kernel's " + std::to_string(most_nodes) + " nodes");
    if (machine.cpus > clusters && machine.cpus % clusters != 0)
        throw ConfigError(options.where("machine.cpus"), "machine.cpus", std::to_string(machine.cpus),
                          "must be at most, or a multiple of, machine.sockets x machine.clusters = " +
                              std::to_string(clusters));
    if (workload.scratch && !workload.directory.empty())
        throw ConfigError(options.where("workload.scratch"), "workload.scratch", "on",
                          "excludes workload.directory; give one");
    for (auto& [number, program] : programs)
        program.validate(options, "program." + std::to_string(number), machine.cpus, nodes());
    workload.validate(options, nodes());
    for (const char* key :
         {"workload.kind", "workload.program", "workload.trace", "workload.synthetic", "workload.input",
          "workload.output", "workload.mempolicy", "workload.memory_limit", "workload.memory_high",
          "workload.memory_low", "workload.memory_min", "workload.swap_limit"})
        if (const Option& option = *options.find(key);
            !programs.empty() && option.get() != option.default_text)
            throw ConfigError(option.where, key, "'" + excerpt(option.get()) + "'",
                              "has no effect beside [program.N] sections; give either");
    if (caches.perfect_l2 && machine.cpus != 1)
        throw ConfigError(
            options.where("cache.perfect_l2"), "cache.perfect_l2", "on",
            "wants machine.cpus = 1: lines that nobody asked the others for would be theirs too");
    const std::uint64_t frames = machine.memory / page_size;
    if (cpu.mmu.champsim_frames > frames)
        throw ConfigError(options.where("mmu.champsim_frames"), "mmu.champsim_frames",
                          std::to_string(cpu.mmu.champsim_frames),
                          "is more than machine.memory has: " + std::to_string(frames));
    // A kernel that takes time raises exceptions.
    if (cpu.mmu.champsim_frames != 0 && os.timing == os::KernelTiming::Off)
        cpu.mmu.first_touch = cpu.mmu.champsim_fault;
    run.validate(options);
    cpu.core.validate(options);
    cpu.mmu.validate(options);
    caches.validate();
    llc.validate();
    dram.validate();
    cxl.validate(options, machine.sockets, clusters);
    device.validate(options);
    iommu.validate(options);
    nic.validate(options, machine.cpus);
    require_nic();
    os.levels = cpu.mmu.levels == 5 ? os::PagingLevels::Five : os::PagingLevels::Four;
    os.memory = machine.memory_map(options, cxl.memory);
    place_tables();
    os.seed = run.seed;
    os.validate();
    validate_page_tables();
    if (synthetic.common.hugetlb && !os.vm.hugetlb.has_pages())
        throw ConfigError(options.where("synthetic.hugetlb"), "synthetic.hugetlb", "on",
                          "wants pages: set os.hugetlb.pages_2mib or os.hugetlb.overcommit");
    synthetic.common.seed = run.seed;
}

void SystemConfig::validate_page_tables() const {
    if (os.page_table != PageTableKind::Radix && cpu.mmu.champsim_frames != 0)
        throw ConfigError(options.where("mmu.champsim_frames"), "mmu.champsim_frames",
                          std::to_string(cpu.mmu.champsim_frames), "wants os.page_table = radix");
}

/// Generators that receive or send have something to do it with.
void SystemConfig::require_nic() const {
    if (nic.present()) return;
    const auto look_at = [this](const std::string& key, const std::string& generator) {
        if (generator == "net_receive" || generator == "net_send")
            throw ConfigError(options.where(key), key, generator, "wants a NIC: set nic.rate");
    };
    for (const auto& [number, program] : programs)
        look_at("program." + std::to_string(number) + ".synthetic", program.synthetic);
    if (programs.empty() && workload.kind == WorkloadKind::Synthetic)
        look_at("workload.synthetic", workload.synthetic);
}

void SystemConfig::place_tables() {
    models::PomTlbConfig& pom = cpu.mmu.design.pom_tlb;
    if (cpu.mmu.design.kind == models::TranslationDesignKind::PomTlb)
        pom.base = reserve_memory(pom.size * machine.cpus,
                                  {"mmu.design", "pom_tlb", "mmu.pom_tlb.size", pom.size, "for each CPU "});
    models::NestedConfig& host = cpu.mmu.nested;
    if (!host.enabled()) return;
    host.bytes = models::NestedConfig::table_bytes(machine.memory);
    host.base = reserve_memory(host.bytes, {"mmu.vm.pages", options.find("mmu.vm.pages")->get(),
                                            "machine.memory", machine.memory, "for the host's tables "});
}

std::uint64_t SystemConfig::reserve_memory(std::uint64_t bytes, const TableOwner& owner) {
    if (cxl.memory != 0)
        throw ConfigError(options.where(owner.key), owner.key, owner.value,
                          "has its table at memory's end, which is the expander's; set cxl.memory = 0");
    os::PhysRange& last = os.memory.usable.back();
    if (bytes >= (last.end - last.begin) / 2)
        throw ConfigError(options.where(owner.size_key), owner.size_key,
                          format_quantity(owner.size, Unit::Bytes),
                          owner.what + "is more than half of the last range of memory, " +
                              format_quantity(last.end - last.begin, Unit::Bytes));
    const PhysAddr begin(last.end.value() - bytes);
    std::vector<os::PhysicalResource>& resources = os.memory.resources;
    if (const auto ram = std::ranges::find(resources, last.end, [](const auto& r) { return r.range.end; });
        ram != resources.end()) {
        const os::PhysRange taken{begin, last.end};
        ram->range.end = begin;
        resources.push_back({taken, "Reserved"});
    }
    last.end = begin;
    return begin.value();
}

} // namespace pagewalk::app
