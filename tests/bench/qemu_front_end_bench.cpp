#include "base/scratch_folder.h"
#include "workloads/qemu/live_program.h"
#include "workloads/qemu/recorder.h"

#include <filesystem>
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
    state.counters["instructions"] =
        benchmark::Counter(static_cast<double>(instructions), benchmark::Counter::kIsRate);
    state.counters["references"] =
        benchmark::Counter(static_cast<double>(references), benchmark::Counter::kIsRate);
}

void recorder(benchmark::State& state) {
    std::uint64_t instructions = 0, bytes = 0;
    for (auto _ : state) {
        RecordOptions options;
        options.live.argv = {std::string(PAGEWALK_PROGRAMS) + "/program_compute_static", "100"};
        options.live.stdout_file = "/dev/null";
        const ScratchFolder folder;
        options.file = folder / "program.pwt";
        const RecordSummary summary = record(options);
        instructions += summary.instructions;
        bytes += summary.file_bytes;
    }
    state.counters["instructions"] =
        benchmark::Counter(static_cast<double>(instructions), benchmark::Counter::kIsRate);
    state.counters["bytes_an_instruction"] = static_cast<double>(bytes) / static_cast<double>(instructions);
}

BENCHMARK(recorder)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(live_program, compute_static, std::string("compute_static"), std::string("1000"))
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(live_program, compute_dynamic, std::string("compute"), std::string("1000"))
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

} // namespace
} // namespace pagewalk::workloads
