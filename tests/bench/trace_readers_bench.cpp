#include "base/scratch_folder.h"
#include "contract/instruction_stream.h"
#include "tests/support/evidence.h"
#include "workloads/trace/open_trace.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include <benchmark/benchmark.h>

namespace pagewalk::workloads {
namespace {

const std::filesystem::path traces = test::evidence("champsim");

std::uint64_t drain(Workload& workload) {
    std::uint64_t instructions = 0;
    InstructionStream& stream = workload.thread(ThreadIndex{0});
    for (;;) {
        const StreamBatch batch = stream.fetch();
        for (const BlockExecution& execution : batch.blocks) instructions += execution.instruction_count;
        if (batch.status == StreamStatus::End) return instructions;
    }
}

void read_champsim(benchmark::State& state, const std::filesystem::path& path, Decompress where) {
    if (!std::filesystem::exists(path)) {
        state.SkipWithError("no such trace in tests/data");
        return;
    }
    std::uint64_t instructions = 0;
    for (auto _ : state) instructions += drain(*open_trace(path, where));
    state.counters["instructions"] =
        benchmark::Counter(static_cast<double>(instructions), benchmark::Counter::kIsRate);
}

void champsim_xz(benchmark::State& state, const char* program) {
    read_champsim(state, traces / (std::string(program) + ".champsimtrace.xz"), Decompress::Background);
}

void champsim_xz_in_place(benchmark::State& state, const char* program) {
    read_champsim(state, traces / (std::string(program) + ".champsimtrace.xz"), Decompress::InPlace);
}

/// A temporary file that a benchmark reads; gone with it.
class Scratch {
public:
    explicit Scratch(const std::string& name) : m_path(m_folder / name) {}
    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }

private:
    ScratchFolder m_folder;
    std::filesystem::path m_path;
};

void champsim_plain(benchmark::State& state, const char* program) {
    const std::filesystem::path packed = traces / (std::string(program) + ".champsimtrace.xz");
    if (!std::filesystem::exists(packed)) {
        state.SkipWithError("no such trace in tests/data");
        return;
    }
    // A multiple of the record size that the page cache holds easily.
    constexpr std::size_t bytes = 256UL << 20;
    const Scratch scratch("pagewalk_bench_champsim");
    std::vector<std::byte> data(bytes);
    InputBytes input = open_bytes(packed);
    std::size_t filled = 0;
    while (filled < bytes) {
        const std::size_t got = input.source->read(std::span(data).subspan(filled));
        if (got == 0) break;
        filled += got;
    }
    std::ofstream(scratch.path(), std::ios::binary)
        .write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(filled));
    read_champsim(state, scratch.path(), Decompress::InPlace);
}

void lackey_plain(benchmark::State& state) {
    const Scratch scratch("pagewalk_bench_lackey");
    {
        std::ofstream out(scratch.path());
        for (unsigned i = 0; i < 500'000; ++i)
            out << "I  00401000,3\nI  00401003,4\n L 1ffe" << std::hex << 0x10000 + i % 4096 * 8 << std::dec
                << ",8\nI  00401007,2\n";
    }
    read_champsim(state, scratch.path(), Decompress::InPlace);
}

BENCHMARK_CAPTURE(champsim_plain, gzip, "gzip")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(champsim_plain, btree, "btree")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(champsim_xz, gzip, "gzip")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(champsim_xz, gups, "gups")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(champsim_xz, btree, "btree")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(champsim_xz_in_place, gzip, "gzip")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(lackey_plain)->UseRealTime()->Unit(benchmark::kMillisecond);

} // namespace
} // namespace pagewalk::workloads
