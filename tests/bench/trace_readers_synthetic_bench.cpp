#include "workloads/synthetic/make_synthetic.h"

#include <string>

#include <benchmark/benchmark.h>

namespace pagewalk::workloads {
namespace {

void generate(benchmark::State& state, const char* name) {
    SyntheticConfig config;
    config.common.instructions = 50'000'000;
    config.common.first_touch = FirstTouch::Off;
    std::uint64_t instructions = 0;
    for (auto _ : state) {
        const auto workload = make_synthetic(name, config);
        InstructionStream& stream = workload->thread(ThreadIndex{0});
        for (StreamBatch batch = stream.fetch(); batch.status != StreamStatus::End; batch = stream.fetch())
            for (const BlockExecution& execution : batch.blocks) instructions += execution.instruction_count;
    }
    state.counters["instructions"] =
        benchmark::Counter(static_cast<double>(instructions), benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(generate, gups, "gups")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(generate, stream, "stream")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(generate, pointer_chase, "pointer_chase")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(generate, alloc_churn, "alloc_churn")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(generate, btree, "btree")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(generate, kvstore, "kvstore")->Unit(benchmark::kMillisecond);

} // namespace
} // namespace pagewalk::workloads
