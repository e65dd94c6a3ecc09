#include "app/machine_files.h"

#include "base/error.h"
#include "os/proc/meminfo.h"
#include "os/proc/page_files.h"
#include "os/proc/swaps.h"
#include "os/proc/vmstat.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace pagewalk::app {

namespace {

namespace fs = std::filesystem;

using Numbers = std::vector<std::size_t>;

/// As the kernel's %*pbl prints sets: "0-3,8".
std::string list_text(const Numbers& set) {
    std::string text;
    for (std::size_t i = 0; i < set.size();) {
        std::size_t last = i;
        while (last + 1 < set.size() && set[last + 1] == set[last] + 1) ++last;
        text += (text.empty() ? "" : ",") + std::to_string(set[i]);
        if (last != i) text += "-" + std::to_string(set[last]);
        i = last + 1;
    }
    return text + "\n";
}

/// As %*pb: words of 32 bits, the highest first.
std::string map_text(const Numbers& set, std::size_t size) {
    std::vector<std::uint32_t> words((size + 31) / 32);
    for (const std::size_t number : set) words[number / 32] |= 1U << number % 32;
    std::string text;
    for (std::size_t i = words.size(); i-- != 0;) {
        char word[10];
        std::snprintf(word, sizeof word, "%08x", words[i]);
        text += (text.empty() ? "" : ",") + std::string(word);
    }
    return text + "\n";
}

Numbers first_numbers(std::size_t count) {
    Numbers numbers(count);
    for (std::size_t i = 0; i < count; ++i) numbers[i] = i;
    return numbers;
}

std::string line(std::uint64_t number) { return std::to_string(number) + "\n"; }

/// What QEMU's default CPU has, which is what the program's cpuid instructions show.
/// Source: /proc/cpuinfo of Linux 6.1 under QEMU 7.2 with qemu64.
constexpr std::string_view cpu_flags = "fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 "
                                       "clflush mmx fxsr sse sse2 syscall nx "
                                       "lm nopl cpuid pni cx16 hypervisor lahf_lm svm 3dnowprefetch vmmcall";

struct MemoryOfNode {
    std::uint64_t managed = 0, free = 0; ///< frames
};

class Writer {
public:
    Writer(fs::path folder, const SystemConfig& config, const os::Kernel& kernel)
        : m_folder(std::move(folder)), m_config(config), m_kernel(kernel),
          m_cpus(first_numbers(config.machine.cpus)), m_nodes(first_numbers(config.os.memory.node_count())),
          m_cpus_of_node(m_nodes.size()), m_cpus_of_socket(config.machine.sockets), m_memory(m_nodes.size()) {
        for (const std::size_t cpu : m_cpus) {
            m_cpus_of_node[node_of(cpu)].push_back(cpu);
            m_cpus_of_socket[socket_of(cpu)].push_back(cpu);
        }
        for (const auto& zone : m_kernel.allocator().zones()) {
            MemoryOfNode& node = m_memory[index_of(zone->node)];
            node.managed += zone->managed;
            node.free += static_cast<std::uint64_t>(std::max<std::int64_t>(zone->exact_free_pages(), 0));
        }
    }

    workloads::SeenMachine write() const {
        write_proc();
        write_cpus();
        write_nodes();
        write_huge_pages();
        write_hugetlb();
        workloads::SeenMachine seen{.folder = m_folder.string()};
        for (const std::size_t cpu : m_cpus)
            seen.node_of_cpu.push_back(static_cast<std::uint32_t>(node_of(cpu)));
        for (const MemoryOfNode& node : m_memory) {
            seen.memory += node.managed * page_size;
            seen.free += node.free * page_size;
        }
        return seen;
    }

private:
    void put(const std::string& name, std::string_view text) const {
        const fs::path file = m_folder / name;
        std::error_code error;
        fs::create_directories(file.parent_path(), error);
        std::ofstream stream(file, std::ios::binary);
        if (!(stream << text).flush()) throw RunError(file.string() + ": cannot be written");
    }

    /// What is written there drops no caches of the host's. Root's alone, as Linux has it.
    void put_drop_caches() const {
        const char* const name = "proc/sys/vm/drop_caches";
        put(name, "");
        fs::permissions(m_folder / name, geteuid() == 0 ? fs::perms::owner_write : fs::perms::none);
    }

    [[nodiscard]] std::size_t node_of(std::size_t cpu) const {
        return index_of(m_config.os.memory.cpus[static_cast<CpuId>(cpu)]);
    }
    [[nodiscard]] std::size_t socket_of(std::size_t cpu) const {
        return node_of(cpu) / m_config.machine.clusters;
    }

    void write_proc() const {
        put("proc/meminfo", os::meminfo_text(m_kernel));
        put("proc/swaps", os::swaps_text(m_kernel));
        put("proc/vmstat", os::vmstat_text(m_kernel));
        put("proc/buddyinfo", os::buddyinfo_text(m_kernel.allocator()));
        put("proc/zoneinfo", os::zoneinfo_text(m_kernel.allocator(), os::StatisticsSource()));
        put_drop_caches();
        std::string info, times = "cpu  0 0 0 0 0 0 0 0 0 0\n";
        for (const std::size_t cpu : m_cpus) {
            info += cpu_text(cpu);
            times += "cpu" + std::to_string(cpu) + " 0 0 0 0 0 0 0 0 0 0\n";
        }
        put("proc/cpuinfo", info);
        put("proc/stat", times + "intr 0\nctxt 0\nbtime 0\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n");
    }

    [[nodiscard]] std::string cpu_text(std::size_t cpu) const {
        const Numbers& siblings = m_cpus_of_socket[socket_of(cpu)];
        const auto core = std::ranges::find(siblings, cpu) - siblings.begin();
        char mhz[32];
        std::snprintf(mhz, sizeof mhz, "%.3f", static_cast<double>(m_config.cpu.core.frequency) / 1e6);
        const auto row = [](std::string_view name, const std::string& value) {
            return std::string(name) + "\t: " + value + "\n";
        };
        return row("processor", std::to_string(cpu)) + row("vendor_id", "AuthenticAMD") +
               row("cpu family", "15") + row("model\t", "107") +
               row("model name", "QEMU Virtual CPU version 2.5+") + row("stepping", "1") +
               row("cpu MHz\t", mhz) + row("cache size", std::to_string(llc_bytes() / 1024) + " KB") +
               row("physical id", std::to_string(socket_of(cpu))) +
               row("siblings", std::to_string(siblings.size())) + row("core id\t", std::to_string(core)) +
               row("cpu cores", std::to_string(siblings.size())) + row("fpu\t", "yes") +
               row("flags\t", std::string(cpu_flags)) + row("clflush size", "64") +
               row("cache_alignment", "64") + row("address sizes", "40 bits physical, 48 bits virtual") +
               "\n";
    }

    [[nodiscard]] std::uint64_t llc_bytes() const {
        return m_config.llc.cache.lines() * m_config.llc.slices * 64;
    }

    void write_cpus() const {
        const std::string folder = "sys/devices/system/cpu/";
        for (const char* set : {"online", "possible", "present"}) put(folder + set, list_text(m_cpus));
        put(folder + "offline", "\n");
        put(folder + "isolated", "\n");
        put(folder + "kernel_max", line(max_cpus - 1));
        for (const std::size_t cpu : m_cpus) {
            const std::string own = folder + "cpu" + std::to_string(cpu) + "/";
            write_topology(own + "topology/", cpu);
            write_caches(own + "cache/", cpu);
            if (cpu != 0) put(own + "online", "1\n");
            const std::string node = "node" + std::to_string(node_of(cpu));
            fs::create_symlink("../../node/" + node, m_folder / (own + node));
        }
    }

    // A core has one thread; a socket is a package and a die.
    void write_topology(const std::string& folder, std::size_t cpu) const {
        const Numbers self{cpu};
        const Numbers& package = m_cpus_of_socket[socket_of(cpu)];
        const auto core = std::ranges::find(package, cpu) - package.begin();
        put(folder + "core_id", line(static_cast<std::uint64_t>(core)));
        put(folder + "physical_package_id", line(socket_of(cpu)));
        put(folder + "die_id", "0\n");
        for (const auto& [name, set] : {std::pair("core_cpus", &self),
                                        {"thread_siblings", &self},
                                        {"core_siblings", &package},
                                        {"package_cpus", &package},
                                        {"die_cpus", &package}}) {
            put(folder + name, map_text(*set, m_cpus.size()));
            put(folder + name + "_list", list_text(*set));
        }
    }

    void write_caches(const std::string& folder, std::size_t cpu) const {
        const Numbers self{cpu};
        write_cache(folder + "index0/", 1, "Data", m_config.caches.l1d, 1, self);
        write_cache(folder + "index1/", 1, "Instruction", m_config.caches.l1i, 1, self);
        write_cache(folder + "index2/", 2, "Unified", m_config.caches.l2, 1, self);
        write_cache(folder + "index3/", 3, "Unified", m_config.llc.cache, m_config.llc.slices,
                    m_cpus_of_node[node_of(cpu)]);
    }

    void write_cache(const std::string& folder, unsigned level, const char* type,
                     const models::CacheConfig& cache, unsigned slices, const Numbers& shared) const {
        put(folder + "level", line(level));
        put(folder + "type", std::string(type) + "\n");
        put(folder + "size", std::to_string(cache.lines() * slices * 64 / 1024) + "K\n");
        put(folder + "coherency_line_size", "64\n");
        put(folder + "ways_of_associativity", line(cache.ways));
        put(folder + "number_of_sets", line(std::uint64_t{cache.sets} * slices));
        put(folder + "physical_line_partition", "1\n");
        put(folder + "shared_cpu_list", list_text(shared));
        put(folder + "shared_cpu_map", map_text(shared, m_cpus.size()));
    }

    void write_nodes() const {
        const std::string folder = "sys/devices/system/node/";
        Numbers with_cpus;
        for (const std::size_t node : m_nodes)
            if (!m_cpus_of_node[node].empty()) with_cpus.push_back(node);
        for (const char* set : {"online", "possible", "has_memory", "has_normal_memory"})
            put(folder + set, list_text(m_nodes));
        put(folder + "has_cpu", list_text(with_cpus));
        for (const std::size_t node : m_nodes) {
            const std::string own = folder + "node" + std::to_string(node) + "/";
            put(own + "cpulist", list_text(m_cpus_of_node[node]));
            put(own + "cpumap", map_text(m_cpus_of_node[node], m_cpus.size()));
            put(own + "distance", distances(node));
            put(own + "meminfo", node_memory(node));
            for (const std::size_t cpu : m_cpus_of_node[node]) {
                const std::string name = "cpu" + std::to_string(cpu);
                fs::create_symlink("../../cpu/" + name, m_folder / (own + name));
            }
        }
    }

    [[nodiscard]] std::string distances(std::size_t from) const {
        std::string text;
        for (const std::size_t to : m_nodes)
            text += (text.empty() ? "" : " ") + std::to_string(m_config.os.memory.distance(
                                                    static_cast<NodeId>(from), static_cast<NodeId>(to)));
        return text + "\n";
    }

    [[nodiscard]] std::string node_memory(std::size_t node) const {
        const MemoryOfNode& memory = m_memory[node];
        std::string text;
        for (const auto& [name, frames] : {std::pair("MemTotal", memory.managed),
                                           {"MemFree", memory.free},
                                           {"MemUsed", memory.managed - memory.free}}) {
            char row[80];
            std::snprintf(row, sizeof row, "Node %zu %-15s %8llu kB\n", node,
                          (std::string(name) + ":").c_str(),
                          static_cast<unsigned long long>(frames * page_size / 1024));
            text += row;
        }
        return text;
    }

    void write_huge_pages() const {
        const std::string folder = "sys/kernel/mm/transparent_hugepage/";
        const os::ThpConfig& thp = m_kernel.memory().thp();
        put(folder + "enabled",
            choices({"always", "madvise", "never"}, static_cast<std::size_t>(thp.enabled)));
        put(folder + "defrag", choices({"always", "defer", "defer+madvise", "madvise", "never"},
                                       static_cast<std::size_t>(thp.defrag)));
        put(folder + "shmem_enabled", "always within_size advise [never] deny force\n");
        put(folder + "hpage_pmd_size", line(page_size << 9));
        put(folder + "use_zero_page", thp.use_zero_page ? "1\n" : "0\n");
    }

    void write_hugetlb() const {
        const os::HugetlbPools& pools = m_kernel.memory().hugetlb();
        for (const os::HugetlbSize size : {os::HugetlbSize::Page2M, os::HugetlbSize::Page1G}) {
            const os::HugetlbPool& pool = pools.pool(size);
            const std::string pages = "hugepages-" + std::to_string(os::bytes_of(size) >> 10) + "kB/";
            const std::string folder = "sys/kernel/mm/hugepages/" + pages;
            put_counts(folder, pool.counts());
            put(folder + "nr_hugepages_mempolicy", line(pool.counts().total));
            put(folder + "resv_hugepages", line(pool.reserved()));
            put(folder + "nr_overcommit_hugepages", line(pool.overcommit()));
            for (std::size_t node = 0; node < m_kernel.allocator().node_count(); ++node)
                put_counts("sys/devices/system/node/node" + std::to_string(node) + "/hugepages/" + pages,
                           pool.counts(static_cast<NodeId>(node)));
        }
    }
    void put_counts(const std::string& folder, const os::HugetlbPool::Counts& counts) const {
        put(folder + "nr_hugepages", line(counts.total));
        put(folder + "free_hugepages", line(counts.free));
        put(folder + "surplus_hugepages", line(counts.surplus));
    }

    /// The chosen one stands in brackets.
    static std::string choices(std::initializer_list<const char*> names, std::size_t chosen) {
        std::string text;
        std::size_t number = 0;
        for (const char* const name : names) {
            const std::string word = number++ == chosen ? "[" + std::string(name) + "]" : name;
            text += (text.empty() ? "" : " ") + word;
        }
        return text + "\n";
    }

    fs::path m_folder;
    const SystemConfig& m_config;
    const os::Kernel& m_kernel;
    Numbers m_cpus, m_nodes;
    std::vector<Numbers> m_cpus_of_node;
    std::vector<Numbers> m_cpus_of_socket;
    std::vector<MemoryOfNode> m_memory;
};

} // namespace

workloads::SeenMachine write_machine_files(const std::filesystem::path& folder, const SystemConfig& config,
                                           const os::Kernel& kernel) {
    // Programs that become other users read them too; nobody can list the folder.
    fs::permissions(folder, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
    return Writer(folder, config, kernel).write();
}

} // namespace pagewalk::app
