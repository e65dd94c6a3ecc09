#include "app/system_config.h"

#include "contract/kernel_path.h"

#include <algorithm>

namespace pagewalk::app {

void MachineConfig::declare(OptionGroup group) {
    group.text("name", name, {Unit::None, "name of the machine in reports", "user"});
    group.number("cpus", cpus, {1, max_cpus},
                 {Unit::Count, "CPUs, dealt to the sockets in equal runs", "user"});
    group.number("sockets", sockets, {1, 64}, {Unit::Count, "sockets; each is a NUMA node", "user"});
    group.number("memory", memory, {64ULL << 20, 64ULL << 40},
                 {Unit::Bytes, "memory of all sockets together", "user"});
    group.text(
        "node_memory", node_memory,
        {Unit::None, "memory of each node, comma-separated (empty: equal shares of machine.memory)", "user"});
}

std::vector<std::uint64_t> MachineConfig::node_bytes(const OptionSet& options) const {
    std::vector<std::uint64_t> sizes;
    if (node_memory.empty()) {
        if (memory / sockets % (2ULL << 20) != 0)
            throw ConfigError(options.where("machine.memory"), "machine.memory",
                              format_quantity(memory, Unit::Bytes),
                              "each of the " + std::to_string(sockets) + " nodes needs a multiple of 2MiB");
        sizes.assign(sockets, memory / sockets);
        return sizes;
    }
    for (std::size_t begin = 0; begin <= node_memory.size();) {
        const std::size_t comma = std::min(node_memory.find(',', begin), node_memory.size());
        const auto size =
            parse_quantity(std::string_view(node_memory).substr(begin, comma - begin), Unit::Bytes);
        if (!size || *size == 0 || *size % (2ULL << 20) != 0)
            throw ConfigError(options.where("machine.node_memory"), "machine.node_memory",
                              "'" + node_memory + "'",
                              "wants a multiple of 2MiB for each node, such as 3GiB,5GiB");
        sizes.push_back(*size);
        begin = comma + 1;
    }
    if (sizes.size() != sockets)
        throw ConfigError(
            options.where("machine.node_memory"), "machine.node_memory", "'" + node_memory + "'",
            "names " + std::to_string(sizes.size()) + " nodes, machine.sockets = " + std::to_string(sockets));
    return sizes;
}

SystemConfig::SystemConfig() {
    const OptionGroup root = options.group("");
    run.declare(root.group("run"));
    machine.declare(root.group("machine"));
    cpu.declare(root);
    caches.declare(root.group("cache"));
    llc.declare(root.group("llc"));
    dram.declare(root.group("dram"));
    link.declare(root.group("socket_link"));
    os.declare(root.group("os"));
    events.declare(root.group("events"));
    workload.declare(root.group("workload"));
    synthetic.declare(root.group("synthetic"));
}

void SystemConfig::validate() {
    if (machine.cpus % machine.sockets != 0)
        throw ConfigError(options.where("machine.cpus"), "machine.cpus", std::to_string(machine.cpus),
                          "must be a multiple of machine.sockets = " + std::to_string(machine.sockets));
    cpu.core.validate(options);
    cpu.mmu.validate(options);
    caches.validate();
    llc.validate();
    dram.validate();
    os.levels = cpu.mmu.levels == 5 ? os::PagingLevels::Five : os::PagingLevels::Four;
    os.memory = os::pc_memory_map(machine.node_bytes(options), machine.cpus);
    os.validate();
    synthetic.common.seed = run.seed;
}

} // namespace pagewalk::app
