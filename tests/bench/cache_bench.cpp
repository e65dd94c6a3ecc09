#include "base/rng.h"
#include "models/cache/private_hierarchy.h"
#include "models/cache/shared_cache.h"
#include "models/memory/dram_controller.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

namespace pagewalk::models {
namespace {

/// One core with the default caches and DDR4-3200.
struct Machine {
    explicit Machine(std::size_t cpus = 1)
        : dram(DramConfig{}),
          llc(LlcConfig{}, {.cpus = cpus, .private_lines = PrivateHierarchyConfig{}.lines() * cpus}, dram, 1,
              "llc") {
        for (std::size_t i = 0; i < cpus; ++i)
            cores.push_back(std::make_unique<PrivateHierarchy>(
                PrivateHierarchyConfig{}, static_cast<CpuId>(i), Clock(3'400'000'000), llc, 1));
    }
    DramController dram;
    SharedCache llc;
    std::vector<std::unique_ptr<PrivateHierarchy>> cores;
};

/// Addresses of a random walk over `bytes`, prepared so that only the caches are timed.
std::vector<PhysAddr> random_lines(std::uint64_t bytes, std::size_t count) {
    Rng rng(1, "bench");
    std::vector<PhysAddr> addresses(count);
    for (PhysAddr& address : addresses) address = PhysAddr(rng.below(bytes / line_size) * line_size);
    return addresses;
}

/// Loads of a core that has at most 12 under way. `gap`: core cycles between accesses.
class Loads {
public:
    Loads(Machine& machine, std::uint64_t gap) : m_core(*machine.cores[0]), m_gap(gap) {}
    std::uint64_t load(PhysAddr address) {
        m_cycle = std::max(m_cycle + m_gap, m_ready[m_next]);
        const std::uint64_t ready = m_core.load(address, Cycles(m_cycle), VirtAddr(4)).ready.value();
        m_ready[m_next] = ready;
        m_next = m_next == m_ready.size() - 1 ? 0 : m_next + 1;
        return ready;
    }

private:
    PrivateHierarchy& m_core;
    std::uint64_t m_gap;
    std::uint64_t m_cycle = 1000;
    std::array<std::uint64_t, 12> m_ready{};
    std::size_t m_next = 0;
};

void run(benchmark::State& state, Machine& machine, const std::vector<PhysAddr>& addresses,
         std::uint64_t gap) {
    Loads loads(machine, gap);
    for (PhysAddr address : addresses) loads.load(address);
    std::uint64_t sum = 0;
    std::size_t i = 0;
    for (auto _ : state) {
        sum += loads.load(addresses[i]);
        if (++i == addresses.size()) i = 0;
    }
    benchmark::DoNotOptimize(sum);
}

void l1_hit(benchmark::State& state) {
    Machine machine;
    run(state, machine, random_lines(32 << 10, 1 << 14), 1);
}
BENCHMARK(l1_hit);

void l1_hit_same_line(benchmark::State& state) {
    Machine machine;
    run(state, machine, std::vector<PhysAddr>(64, PhysAddr(4096)), 1);
}
BENCHMARK(l1_hit_same_line);

void l2_hit(benchmark::State& state) {
    Machine machine;
    run(state, machine, random_lines(768 << 10, 1 << 16), 10);
}
BENCHMARK(l2_hit);

void llc_hit(benchmark::State& state) {
    Machine machine;
    std::vector<PhysAddr> addresses;
    // A cyclic sweep larger than L2 and smaller than the LLC: LRU misses L2 every time.
    for (std::uint64_t line = 0; line < (1408 << 10) / line_size; ++line)
        addresses.push_back(PhysAddr(line * line_size));
    run(state, machine, addresses, 20);
}
BENCHMARK(llc_hit);

void dram_random(benchmark::State& state) {
    Machine machine;
    run(state, machine, random_lines(1ULL << 32, 1 << 20), static_cast<std::uint64_t>(state.range(0)));
}
BENCHMARK(dram_random)->Arg(20)->Arg(100);

void dram_stream(benchmark::State& state) {
    Machine machine;
    std::vector<PhysAddr> addresses;
    for (std::uint64_t line = 0; line < 1 << 20; ++line) addresses.push_back(PhysAddr(line * line_size));
    run(state, machine, addresses, 10);
}
BENCHMARK(dram_stream);

/// A page of whole-line stores: nothing is read, 64 modified lines move down through every level.
void page_clear(benchmark::State& state) {
    Machine machine(static_cast<std::size_t>(state.range(0)));
    PrivateHierarchy& core = *machine.cores[0];
    Rng rng(1, "bench");
    std::uint64_t cycle = 1000;
    const auto clear = [&] {
        const PhysAddr page(rng.below(1 << 18) << page_shift);
        std::uint64_t ready = 0;
        for (std::uint64_t line = 0; line < page_size; line += line_size)
            ready = core.store_line(page + line, Cycles(cycle += 4)).ready.value();
        return ready;
    };
    for (int i = 0; i < 2000; ++i) clear();
    for (auto _ : state) benchmark::DoNotOptimize(clear());
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * (page_size / line_size)));
}
BENCHMARK(page_clear)->Arg(1)->Arg(4);

void dram_random_directory(benchmark::State& state) {
    Machine machine(2);
    run(state, machine, random_lines(1ULL << 32, 1 << 20), 100);
}
BENCHMARK(dram_random_directory);

void dram_controller_random(benchmark::State& state) {
    DramController dram(DramConfig{});
    const std::vector<PhysAddr> addresses = random_lines(1ULL << 32, 1 << 16);
    std::uint64_t time = 0;
    std::size_t i = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(
            dram.access({addresses[i++ & 0xffff], CpuId{0}, AccessKind::Load, Tick(time += 20'000)}));
}
BENCHMARK(dram_controller_random);

} // namespace
} // namespace pagewalk::models
