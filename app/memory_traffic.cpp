#include "app/memory_traffic.h"

#include "app/bare_hardware.h"
#include "base/rng.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <utility>

namespace pagewalk::app {

namespace {

constexpr std::uint64_t mib = 1ULL << 20;

/// A core that loads and stores lines of its place.
struct Agent {
    enum class Order : bool { Sequential, Random };
    CpuId cpu{};
    PhysAddr place{};
    std::uint64_t lines = 0;
    std::uint64_t next = 0; ///< line
    Order order = Order::Sequential;
    std::uint32_t store_every = 0; ///< of so many lines one is stored; 0: none
    std::uint32_t window = 1;      ///< lines under way
    Cycles gap{1};                 ///< from one access to the next, at least
    std::uint64_t done = 0;
    std::vector<Cycles> under_way = std::vector<Cycles>(window);
};

struct Result {
    double gb_s = 0;
    double first_ns = 0; ///< mean of the first agent's accesses
};

/// Lets agents run in the order of time.
class Traffic {
public:
    Traffic(BareHardware& hardware, std::vector<Agent> agents, std::uint64_t seed)
        : m_hardware(hardware), m_agents(std::move(agents)), m_rng(seed, "characterize") {
        for (std::size_t i = 0; i < m_agents.size(); ++i) m_turns.emplace(i % 64, i);
    }

    /// What happens from the moment at which all together have made `warm` accesses until `measured` more are
    /// made.
    Result run(std::uint64_t warm, std::uint64_t measured) {
        for (std::uint64_t i = 0; i < warm; ++i) step();
        const Cycles began = m_now;
        const std::uint64_t bytes = m_hardware.dram_bytes();
        m_first = {};
        for (std::uint64_t i = 0; i < measured; ++i) step();
        const double seconds =
            static_cast<double>((m_now - began).value()) / static_cast<double>(m_hardware.clock().hertz());
        return {static_cast<double>(m_hardware.dram_bytes() - bytes) / seconds / 1e9,
                m_first.second == 0
                    ? 0
                    : static_cast<double>(m_first.first) / static_cast<double>(m_first.second) * 1e9 /
                          static_cast<double>(m_hardware.clock().hertz())};
    }

private:
    using Turn = std::pair<std::uint64_t, std::size_t>; ///< cycle, agent

    void step() {
        const auto [cycle, index] = m_turns.top();
        m_turns.pop();
        Agent& agent = m_agents[index];
        m_now = Cycles(cycle);
        const std::uint64_t line =
            agent.order == Agent::Order::Random ? m_rng.below(agent.lines) : agent.next++ % agent.lines;
        const PhysAddr address = agent.place + line * line_size;
        models::PrivateHierarchy& caches = m_hardware.caches(agent.cpu);
        const bool store = agent.store_every != 0 && agent.done % agent.store_every == 0;
        const Cycles ready = store ? caches.store(address, m_now, VirtAddr()).ready
                                   : caches.load(address, m_now, VirtAddr()).ready;
        if (index == 0) {
            m_first.first += (ready - m_now).value();
            ++m_first.second;
        }
        Cycles& slot = agent.under_way[agent.done++ % agent.window];
        slot = ready;
        const Cycles oldest = agent.under_way[agent.done % agent.window];
        m_turns.emplace(std::max(m_now + agent.gap, oldest).value(), index);
    }

    BareHardware& m_hardware;
    std::vector<Agent> m_agents;
    Rng m_rng;
    std::priority_queue<Turn, std::vector<Turn>, std::greater<>> m_turns;
    Cycles m_now{};
    std::pair<std::uint64_t, std::uint64_t> m_first; ///< cycles, accesses
};

/// A stream over a place of its own, one of `streams` that caches do not hold together. They begin at
/// different rows and banks.
Agent stream(const SystemConfig& config, BareHardware& hardware, CpuId cpu, NodeId node, std::size_t streams,
             std::uint32_t store_every) {
    constexpr std::uint64_t prime = 4099;
    const std::uint64_t cached =
        (config.llc.cache.lines() * config.llc.slices / streams + config.caches.l2.lines()) * line_size;
    const std::uint64_t bytes = std::max(16 * mib, 4 * cached);
    return {.cpu = cpu,
            .place = hardware.take(node, bytes),
            .lines = bytes / line_size,
            .next = index_of(cpu) * prime,
            .store_every = store_every,
            .window = config.caches.l1d.mshrs};
}

std::vector<CpuId> cpus_of(const SystemConfig& config, NodeId node) {
    std::vector<CpuId> found;
    const auto& nodes = config.os.memory.cpus;
    for (std::size_t i = 0; i < nodes.size(); ++i)
        if (nodes[static_cast<CpuId>(i)] == node) found.push_back(static_cast<CpuId>(i));
    return found;
}

/// Accesses until every cache has what it holds in the steady state: write-backs leave as stores come.
std::uint64_t lines_to_fill(const SystemConfig& config, std::uint32_t store_every, std::size_t agents) {
    if (store_every == 0) return agents * 1000;
    const std::uint64_t llc = config.llc.cache.lines() * config.llc.slices * config.machine.cluster_count();
    return agents * (config.caches.l2.lines() + config.caches.l1d.lines()) + llc * 3 / 2;
}

double streams_gb_s(const SystemConfig& config, const std::vector<std::pair<CpuId, NodeId>>& streams,
                    std::uint32_t store_every) {
    BareHardware hardware(config);
    std::vector<Agent> agents;
    for (const auto& [cpu, node] : streams)
        agents.push_back(stream(config, hardware, cpu, node, streams.size(), store_every));
    const std::uint64_t measured = std::max<std::uint64_t>(100'000, agents.size() * 6000);
    const std::uint64_t warm = lines_to_fill(config, store_every, agents.size());
    return Traffic(hardware, std::move(agents), config.run.seed).run(warm, measured).gb_s;
}

} // namespace

std::vector<Measurement> bandwidths_by_mix(const SystemConfig& config) {
    std::vector<std::pair<CpuId, NodeId>> all;
    for (std::size_t i = 0; i < config.machine.cpus; ++i)
        all.emplace_back(static_cast<CpuId>(i), config.os.memory.cpus[static_cast<CpuId>(i)]);
    std::vector<Measurement> found;
    for (const auto& [name, store_every] :
         {std::pair{"reads", 0U}, std::pair{"3:1", 3U}, std::pair{"2:1", 2U}, std::pair{"1:1", 1U}})
        found.push_back({std::string("bandwidth.") + name, "GB/s", streams_gb_s(config, all, store_every)});
    return found;
}

std::vector<Measurement> bandwidths_by_node(const SystemConfig& config) {
    std::vector<Measurement> found;
    for (std::size_t from = 0; from < config.nodes(); ++from)
        for (std::size_t to = 0; to < config.nodes(); ++to) {
            std::vector<std::pair<CpuId, NodeId>> streams;
            for (const CpuId cpu : cpus_of(config, static_cast<NodeId>(from)))
                streams.emplace_back(cpu, static_cast<NodeId>(to));
            if (streams.empty()) continue;
            found.push_back({"node_bandwidth." + std::to_string(from) + "." + std::to_string(to), "GB/s",
                             streams_gb_s(config, streams, 0)});
        }
    return found;
}

std::vector<Measurement> bandwidths_by_cores(const SystemConfig& config) {
    const std::vector<CpuId> cpus = cpus_of(config, NodeId{0});
    std::vector<Measurement> found;
    for (const auto& [name, store_every] : {std::pair{"reads", 0U}, std::pair{"copy", 2U}})
        for (std::size_t cores = 1;; cores = std::min(2 * cores, cpus.size())) {
            std::vector<std::pair<CpuId, NodeId>> streams;
            for (std::size_t i = 0; i < cores; ++i) streams.emplace_back(cpus[i], NodeId{0});
            found.push_back({std::string("core_bandwidth.") + name + "." + std::to_string(cores), "GB/s",
                             streams_gb_s(config, streams, store_every)});
            if (cores == cpus.size()) break;
        }
    return found;
}

std::vector<LoadedLatency> loaded_latencies(const SystemConfig& config) {
    constexpr std::array<std::uint64_t, 14> gaps{5000, 2000, 1000, 500, 300, 200, 150,
                                                 120,  100,  80,   60,  45,  30,  1};
    constexpr std::uint64_t bytes = 512 * mib, loads = 2000;
    std::vector<LoadedLatency> curve;
    for (const std::uint64_t gap : gaps) {
        BareHardware hardware(config);
        std::vector<Agent> agents{{.cpu = CpuId{0},
                                   .place = hardware.take(NodeId{0}, bytes),
                                   .lines = bytes / line_size,
                                   .order = Agent::Order::Random}};
        for (std::size_t i = 1; i < config.machine.cpus; ++i) {
            const auto cpu = static_cast<CpuId>(i);
            agents.push_back(
                stream(config, hardware, cpu, config.os.memory.cpus[cpu], config.machine.cpus, 0));
            agents.back().gap = Cycles(gap);
        }
        // While the observer makes its loads, of 300 cycles or so, the others make an access every `gap`, or
        // as many as their windows allow.
        const std::uint64_t others = (agents.size() - 1) * loads * 300 / std::max<std::uint64_t>(gap, 40);
        const std::uint64_t measured = loads + others;
        const Result result =
            Traffic(hardware, std::move(agents), config.run.seed).run(measured / 4, measured);
        curve.push_back({result.gb_s, result.first_ns});
    }
    std::ranges::sort(curve, {}, &LoadedLatency::gb_s);
    return curve;
}

} // namespace pagewalk::app
