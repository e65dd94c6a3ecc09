// What event tables cost: the simulation's thread, which collects rows, and the spool's, which compresses and
// writes them.

#include "base/event_table.h"
#include "base/scratch_folder.h"
#include "results/chunk_spool.h"

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

namespace pagewalk::results {
namespace {

/// As /events/allocations: the widest table that is kept whole.
struct Allocation {
    std::uint64_t time = 0, latency = 0, pfn = 0;
    std::uint32_t task = 0, gfp = 0;
    std::uint16_t cpu = 0;
    std::uint8_t node = 0, zone = 0, order = 0, migratetype = 0, purpose = 0, source = 0;
};

RowLayout layout() {
    return {sizeof(Allocation),
            {{offsetof(Allocation, time), 8},
             {offsetof(Allocation, latency), 8},
             {offsetof(Allocation, pfn), 8},
             {offsetof(Allocation, task), 4},
             {offsetof(Allocation, gfp), 4},
             {offsetof(Allocation, cpu), 2},
             {offsetof(Allocation, node), 1},
             {offsetof(Allocation, zone), 1},
             {offsetof(Allocation, order), 1},
             {offsetof(Allocation, migratetype), 1},
             {offsetof(Allocation, purpose), 1},
             {offsetof(Allocation, source), 1}}};
}

/// Latencies and steps of time vary as in a run's, frames come from two lists.
std::vector<Allocation> rows(std::size_t count) {
    std::mt19937_64 random(1);
    std::vector<Allocation> made(count);
    std::uint64_t time = 0;
    for (std::size_t i = 0; i < count; ++i) {
        time += 500'000 + random() % 2'000'000;
        made[i] = {.time = time,
                   .latency = 100'000 + 312 * (random() % 64),
                   .pfn = 0x100000 + (i % 2 == 0 ? i : random() % 262144),
                   .task = static_cast<std::uint32_t>(6 + random() % 3),
                   .gfp = random() % 8 == 0 ? 0xcc0U : 0x140ccaU,
                   .cpu = static_cast<std::uint16_t>(random() % 4),
                   .zone = 2,
                   .migratetype = 1,
                   .source = static_cast<std::uint8_t>(random() % 16 == 0)};
    }
    return made;
}

void Compressed(benchmark::State& state) {
    const std::vector<Allocation> events = rows(chunk_rows);
    const RowLayout places = layout();
    ChunkCompressor compressor;
    std::size_t bytes = 0;
    for (auto _ : state) bytes = compressor.compress(places, std::as_bytes(std::span(events))).size();
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(chunk_rows));
    state.counters["bytes_an_event"] = static_cast<double>(bytes) / static_cast<double>(chunk_rows);
}
BENCHMARK(Compressed);

/// The CPU time of the thread that submits; the spool's own thread compresses meanwhile, and now and then is
/// waited for.
void Submitted(benchmark::State& state) {
    const ScratchFolder folder;
    const std::vector<Allocation> events = rows(chunk_rows);
    const auto bytes = std::as_bytes(std::span(events));
    const RowLayout places = layout();
    ChunkSpool spool(folder / "run.h5");
    std::vector<SpooledChunk> index;
    std::vector<std::byte> buffer;
    for (auto _ : state) {
        buffer.insert(buffer.end(), bytes.begin(), bytes.end());
        spool.submit(places, buffer, index);
    }
    spool.drain();
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(chunk_rows));
}
BENCHMARK(Submitted);

} // namespace
} // namespace pagewalk::results
