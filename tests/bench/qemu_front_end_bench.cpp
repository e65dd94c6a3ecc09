#include "workloads/qemu/live_program.h"

#include <string>

#include <benchmark/benchmark.h>

namespace pagewalk::workloads {
namespace {

/// The front end alone: QEMU with the plugin on one core, a consumer that only counts on another.
void live_program(benchmark::State& state, const std::string& name, const std::string& argument) {
    std::uint64_t instructions = 0, references = 0;
    for (auto _ : state) {
        LiveOptions options;
        options.argv = {std::string(PAGEWALK_PROGRAMS) + "/program_" + name, argument};
        options.stdout_file = "/dev/null";
        LiveProgram live(options);
        InstructionStream& stream = live.thread(ThreadIndex{0});
        for (StreamBatch batch = stream.fetch(); batch.status != StreamStatus::End; batch = stream.fetch()) {
            for (const BlockExecution& execution : batch.blocks) {
                instructions += execution.instruction_count;
                references += execution.reference_count;
            }
        }
    }
    state.counters["instructions"] = benchmark::Counter(static_cast<double>(instructions), benchmark::Counter::kIsRate);
    state.counters["references"] = benchmark::Counter(static_cast<double>(references), benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(live_program, compute_static, std::string("compute_static"), std::string("1000"))
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(live_program, compute_dynamic, std::string("compute"), std::string("1000"))
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

} // namespace
} // namespace pagewalk::workloads
