#include "os/page/boot.h"
#include "os/replay/page_replay.h"
#include "tests/support/evidence.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace pagewalk::os {
namespace {

MemoryMap machine(std::size_t nodes, std::uint64_t bytes_per_node) {
    MemoryMap map;
    map.cpus = IndexedVec<CpuId, NodeId>();
    map.usable.push_back({PhysAddr(0x1000), PhysAddr(0x9f000)});
    for (std::size_t node = 0; node < nodes; ++node) {
        const std::uint64_t begin = node * bytes_per_node;
        const PhysRange range{PhysAddr(begin), PhysAddr(begin + bytes_per_node)};
        map.usable.push_back({PhysAddr(node == 0 ? 1ULL << 20 : begin), range.end});
        map.numa.push_back({static_cast<NodeId>(node), range});
        map.cpus.push_back(static_cast<NodeId>(node));
    }
    // Page descriptors of the simulated kernel: 64 bytes a frame, at the end of each node.
    for (std::size_t node = 0; node < nodes; ++node) {
        const std::uint64_t end = (node + 1) * bytes_per_node;
        map.reserved.push_back({PhysAddr(end - bytes_per_node / 64), PhysAddr(end)});
    }
    return map;
}

void order_0_pairs(benchmark::State& state) {
    const auto allocator = boot_page_allocator(machine(1, 4ULL << 30));
    TouchSteps touched;
    touched.record(true);
    AllocTrace trace;
    const bool traced = state.range(0) != 0;
    for (auto _ : state) {
        touched.clear();
        trace = AllocTrace(touched);
        AllocTrace* const wanted = traced ? &trace : nullptr;
        const auto frame = allocator->allocate({.mask = gfp::highuser_movable}, wanted);
        benchmark::DoNotOptimize(allocator->free(*frame, 0, CpuId{0}, wanted));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(order_0_pairs)->Arg(0)->Arg(1)->ArgName("traced");

/// Enough frames at once that refills, drains, splits and merges are part of the price.
void order_0_bursts(benchmark::State& state) {
    const auto allocator = boot_page_allocator(machine(1, 4ULL << 30));
    std::vector<Pfn> frames(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        for (Pfn& frame : frames) frame = *allocator->allocate({.mask = gfp::highuser_movable});
        for (const Pfn frame : frames) benchmark::DoNotOptimize(allocator->free(frame, 0, CpuId{0}));
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(order_0_bursts)->Arg(100)->Arg(10'000)->Arg(200'000)->ArgName("frames");

void huge_page_pairs(benchmark::State& state) {
    const auto allocator = boot_page_allocator(machine(1, 4ULL << 30));
    for (auto _ : state) {
        const auto frame = allocator->allocate({.mask = gfp::transhuge, .order = 9});
        benchmark::DoNotOptimize(allocator->free(*frame, 9, CpuId{0}));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(huge_page_pairs);

void boot_one_terabyte(benchmark::State& state) {
    const MemoryMap map = machine(8, 128ULL << 30);
    for (auto _ : state) {
        const auto allocator = boot_page_allocator(map);
        state.counters["host_MiB"] = static_cast<double>(allocator->pages().host_bytes()) / (1 << 20);
    }
}
BENCHMARK(boot_one_terabyte)->Unit(benchmark::kMillisecond);

void replay_events(benchmark::State& state, const char* capture) {
    const auto path = test::evidence("linux/" + std::string(capture) + ".tar.xz");
    if (!std::filesystem::exists(path)) {
        state.SkipWithError("the capture is not there");
        return;
    }
    double seconds = 0;
    std::uint64_t events = 0;
    for (auto _ : state) {
        const ReplayReport report = replay_capture(path.string());
        seconds += report.replay_seconds;
        events += report.events;
    }
    // Only the replaying: unpacking and parsing the capture is counted in the time column.
    state.counters["replayed_events/s"] = static_cast<double>(events) / seconds;
}
BENCHMARK_CAPTURE(replay_events, a_w1, "a-w1")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replay_events, c1_w7f, "c1-w7f")->Unit(benchmark::kMillisecond);

} // namespace
} // namespace pagewalk::os
