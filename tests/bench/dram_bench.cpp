#include "base/rng.h"
#include "models/memory/dram_controller.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

namespace pagewalk::models {
namespace {

constexpr std::size_t address_count = 1 << 16;

std::vector<PhysAddr> random_lines() {
    Rng rng(1, "bench");
    std::vector<PhysAddr> addresses(address_count);
    for (PhysAddr& address : addresses) address = PhysAddr(rng.below(1ULL << 26) * line_size);
    return addresses;
}

std::vector<PhysAddr> consecutive_lines() {
    std::vector<PhysAddr> addresses(address_count);
    for (std::size_t i = 0; i < address_count; ++i) addresses[i] = PhysAddr(i * line_size);
    return addresses;
}

/// A reader that has at most `width` lines under way.
template <std::size_t width>
void read_as_they_come(benchmark::State& state, const std::vector<PhysAddr>& addresses) {
    DramController dram(DramConfig{});
    std::array<Tick, width> ready{};
    std::size_t i = 0;
    for (auto _ : state) {
        Tick& slot = ready[i % width];
        slot = dram.access({addresses[i++ % address_count], CpuId{0}, AccessKind::Load, slot});
    }
    state.counters["ns a line"] = static_cast<double>(std::ranges::max(ready).value()) / 1000.0 /
                                  static_cast<double>(state.iterations());
}

/// A read every `gap` ticks, at a time up to `disorder` earlier; a write after each of a share of them.
void read_and_write(benchmark::State& state, std::uint64_t gap, std::uint64_t disorder,
                    std::uint64_t writes_of_four) {
    DramController dram(DramConfig{});
    const std::vector<PhysAddr> addresses = random_lines();
    Rng rng(2, "bench");
    std::vector<std::uint64_t> early(address_count);
    for (std::uint64_t& e : early) e = disorder == 0 ? 0 : rng.below(disorder);
    std::uint64_t time = 1'000'000;
    std::size_t i = 0;
    for (auto _ : state) {
        time += gap;
        const std::size_t k = i++ % address_count;
        benchmark::DoNotOptimize(
            dram.access({addresses[k], CpuId{0}, AccessKind::Load, Tick(time - early[k])}));
        if (i % 4 < writes_of_four)
            dram.access({addresses[(k + address_count / 2) % address_count], CpuId{0}, AccessKind::WriteBack,
                         Tick(time - early[k])});
    }
    state.counters["mean ns"] = dram.stats().read_latency.mean() / 1000.0;
}

void random_reads(benchmark::State& state) { read_and_write(state, 20'000, 0, 0); }
BENCHMARK(random_reads);

void random_reads_saturated(benchmark::State& state) { read_as_they_come<48>(state, random_lines()); }
BENCHMARK(random_reads_saturated);

void stream(benchmark::State& state) { read_as_they_come<48>(state, consecutive_lines()); }
BENCHMARK(stream);

void reads_with_writes(benchmark::State& state) { read_and_write(state, 20'000, 0, 4); }
BENCHMARK(reads_with_writes);

void reads_with_writes_out_of_order(benchmark::State& state) { read_and_write(state, 20'000, 250'000, 4); }
BENCHMARK(reads_with_writes_out_of_order);

void random_reads_out_of_order(benchmark::State& state) { read_and_write(state, 10'000, 250'000, 0); }
BENCHMARK(random_reads_out_of_order);

} // namespace
} // namespace pagewalk::models
