#include "app/memory_chase.h"

#include "app/bare_hardware.h"
#include "base/rng.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>

namespace pagewalk::app {

namespace {

using models::PageSize;

constexpr VirtAddr space{0x10'0000'0000};
constexpr std::uint64_t kib = 1024, mib = 1024 * kib;

std::string size_name(std::uint64_t bytes) {
    return bytes < mib ? std::to_string(bytes / kib) + "KiB" : std::to_string(bytes / mib) + "MiB";
}

/// Loads one line after the other from one CPU.
class Chase {
public:
    Chase(BareHardware& hardware, CpuId cpu) : m_hardware(hardware), m_cpu(cpu) {}

    void load(VirtAddr address) {
        const models::Translation translation = m_hardware.mmu(m_cpu).translate_load(address, m_now);
        m_now = m_hardware.caches(m_cpu).load(translation.address, translation.ready, VirtAddr()).ready;
        ++m_loads;
    }
    void begin() {
        m_began = m_now;
        m_loads = 0;
    }
    [[nodiscard]] double cycles() const {
        return static_cast<double>((m_now - m_began).value()) / static_cast<double>(m_loads);
    }
    [[nodiscard]] double ns() const {
        return cycles() * 1e9 / static_cast<double>(m_hardware.clock().hertz());
    }
    [[nodiscard]] Cycles now() const { return m_now; }
    void wait_until(Cycles cycle) { m_now = std::max(m_now, cycle); }

private:
    BareHardware& m_hardware;
    CpuId m_cpu;
    Cycles m_now{};
    Cycles m_began{};
    std::uint64_t m_loads = 0;
};

std::uint64_t cached_lines(const SystemConfig& config) {
    return config.caches.l2.lines() + config.llc.cache.lines() * config.llc.slices;
}

double footprint_ns(const SystemConfig& config, std::uint64_t bytes, PageSize size) {
    BareHardware hardware(config);
    hardware.map(space, hardware.take(NodeId{0}, bytes), bytes, size);
    std::vector<std::uint32_t> order(bytes / line_size);
    std::iota(order.begin(), order.end(), 0U);
    Rng rng(config.run.seed, "characterize");
    for (std::size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[rng.below(i + 1)]);
    Chase chase(hardware, CpuId{0});
    const std::uint64_t warm =
        std::min<std::uint64_t>(2 * order.size(), 2 * cached_lines(config) + order.size() / 8);
    const std::uint64_t measured =
        std::max<std::uint64_t>(20'000, std::min<std::uint64_t>(order.size(), 200'000));
    for (std::uint64_t i = 0; i < warm + measured; ++i) {
        if (i == warm) chase.begin();
        chase.load(space + std::uint64_t{order[i % order.size()]} * line_size);
    }
    return chase.ns();
}

/// Cycles of a load of one line in each of `pages`, the lines spread over the cache's sets.
double page_cycles(const SystemConfig& config, std::uint64_t pages, PageSize size) {
    BareHardware hardware(config);
    hardware.map(space, hardware.take(NodeId{0}, pages * page_size), pages * page_size, size);
    const std::uint64_t lines_a_page = page_size / line_size;
    Chase chase(hardware, CpuId{0});
    for (int round = 0; round < 6; ++round) {
        if (round == 4) chase.begin();
        for (std::uint64_t page = 0; page < pages; ++page)
            chase.load(space + page * page_size + (page + page / lines_a_page) % lines_a_page * line_size);
    }
    return chase.cycles();
}

/// What translations of 4 KiB pages add to that.
double translation_cycles(const SystemConfig& config, std::uint64_t pages) {
    return page_cycles(config, pages, PageSize::Page4K) - page_cycles(config, pages, PageSize::Page2M);
}

/// The most pages, a multiple of `step`, of which a load adds less than `cycles`.
std::uint64_t most_pages(const SystemConfig& config, std::uint64_t least, std::uint64_t most, double cycles) {
    while (most - least > 1) {
        const std::uint64_t middle = (least + most) / 2;
        (translation_cycles(config, middle) < cycles ? least : most) = middle;
    }
    return least;
}

std::optional<CpuId> cpu_of(const SystemConfig& config, NodeId node, unsigned skip = 0) {
    const auto& cpus = config.os.memory.cpus;
    for (std::size_t i = 0; i < cpus.size(); ++i)
        if (const auto cpu = static_cast<CpuId>(i); cpus[cpu] == node && skip-- == 0) return cpu;
    return std::nullopt;
}

enum class Held : bool { Clean, Modified };

/// ns of `reader`'s loads of lines that `writer`'s L2 holds, of memory of `home`.
double transfer_ns(const SystemConfig& config, CpuId writer, CpuId reader, NodeId home, Held held) {
    BareHardware hardware(config);
    const std::uint64_t lines = std::min<std::uint64_t>(2048, config.caches.l2.lines() / 4);
    const PhysAddr place = hardware.take(home, lines * line_size);
    hardware.map(space, place, lines * line_size, PageSize::Page2M);
    Cycles filled{};
    for (std::uint64_t i = 0; i < lines; ++i) {
        const PhysAddr line = place + i * line_size;
        models::PrivateHierarchy& caches = hardware.caches(writer);
        filled = held == Held::Modified ? caches.store(line, filled, VirtAddr()).ready
                                        : caches.load(line, filled, VirtAddr()).ready;
    }
    Chase chase(hardware, reader);
    chase.wait_until(filled + Cycles(100'000));
    chase.load(space); // the translation
    chase.begin();
    // Every line once, far from its neighbours.
    for (std::uint64_t i = 1; i < lines; ++i) chase.load(space + i * 677 % lines * line_size);
    return chase.ns();
}

} // namespace

std::vector<Measurement> footprint_latencies(const SystemConfig& config) {
    std::vector<Measurement> found;
    for (const PageSize size : {PageSize::Page4K, PageSize::Page2M})
        for (std::uint64_t bytes = 16 * kib; bytes <= 128 * mib; bytes *= 2)
            found.push_back({(size == PageSize::Page4K ? "latency.4k." : "latency.2m.") + size_name(bytes),
                             "ns", footprint_ns(config, bytes, size)});
    return found;
}

std::vector<Measurement> tlb_reach(const SystemConfig& config) {
    constexpr double nothing = 0.2; // cycles a load
    const std::uint64_t l1 = most_pages(config, 1, 1024, nothing);
    const double hit = translation_cycles(config, 4 * l1);
    const std::uint64_t l2 = most_pages(config, l1 + 1, 16384, hit + 0.04);
    return {{"tlb.l1_4k", "pages", static_cast<double>(l1)},
            {"tlb.l2_4k", "pages", static_cast<double>(l2)},
            {"tlb.l2_hit", "cycles", hit},
            {"tlb.walk", "cycles", translation_cycles(config, 4 * l2) - hit}};
}

std::vector<Measurement> idle_latencies(const SystemConfig& config) {
    constexpr std::uint64_t loads = 20'000, bytes = 512 * mib;
    std::vector<Measurement> found;
    for (std::size_t from = 0; from < config.nodes(); ++from) {
        const auto cpu = cpu_of(config, static_cast<NodeId>(from));
        if (!cpu) continue;
        for (std::size_t to = 0; to < config.nodes(); ++to) {
            BareHardware hardware(config);
            hardware.map(space, hardware.take(static_cast<NodeId>(to), bytes), bytes, PageSize::Page2M);
            Rng rng(config.run.seed, "characterize");
            Chase chase(hardware, *cpu);
            for (std::uint64_t i = 0; i < 2 * loads; ++i) {
                if (i == loads) chase.begin();
                chase.load(space + rng.below(bytes / line_size) * line_size);
            }
            found.push_back(
                {"idle_latency." + std::to_string(from) + "." + std::to_string(to), "ns", chase.ns()});
        }
    }
    return found;
}

std::vector<Measurement> cache_to_cache_latencies(const SystemConfig& config) {
    std::vector<Measurement> found;
    const auto add = [&](const char* name, std::optional<CpuId> writer, NodeId home, Held held) {
        if (writer)
            found.push_back({std::string("cache_to_cache.") + name, "ns",
                             transfer_ns(config, *writer, CpuId{0}, home, held)});
    };
    add("local_hit", cpu_of(config, NodeId{0}, 1), NodeId{0}, Held::Clean);
    add("local_hitm", cpu_of(config, NodeId{0}, 1), NodeId{0}, Held::Modified);
    const auto other_socket = static_cast<NodeId>(config.machine.clusters);
    const auto remote = config.machine.sockets > 1 ? cpu_of(config, other_socket) : std::nullopt;
    add("remote_hitm_writer", remote, other_socket, Held::Modified);
    add("remote_hitm_reader", remote, NodeId{0}, Held::Modified);
    return found;
}

} // namespace pagewalk::app
