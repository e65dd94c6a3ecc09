#include "models/core/cpu.h"
#include "tests/unit/models/mmu/paging_rig.h"
#include "workloads/synthetic/make_synthetic.h"

#include <memory>
#include <string_view>

#include <benchmark/benchmark.h>

namespace pagewalk::models {
namespace {

/// One task; a page fault maps the next frame at no cost but the exception's.
class FlatKernel final : public KernelInterface {
public:
    FlatKernel(rig::PageTables& space, InstructionStream& stream) : m_space(space), m_stream(stream) {}

    KernelPath& page_fault(CpuId, VirtAddr address, FaultAccess, Tick) override {
        m_space.map(address.page(), Pfn(m_next_frame++));
        return cleared();
    }
    KernelPath& system_call(CpuId, const SyscallRecord&, Tick) override { return cleared(); }
    KernelPath& system_call_entered(CpuId, const SyscallRecord&, Tick) override { return cleared(); }
    KernelPath& stream_ended(CpuId, Tick) override {
        m_over = true;
        KernelPath& path = cleared();
        path.outcome = PathOutcome::Exit;
        return path;
    }
    KernelPath& stream_not_ready(CpuId, Tick) override { return cleared(); }
    KernelPath& interrupt(CpuId, const Interrupt&, Tick) override { return cleared(); }
    void effect(CpuId, KernelPath&, std::uint32_t, Tick) override {}
    void path_completed(CpuId, KernelPath&, Tick) override {}
    Pick pick(CpuId, Tick, ScheduledTask& next) override {
        if (m_over) return Pick::Idle;
        next = {TaskId{1}, {m_space.root(), 1}, &m_stream, nullptr, Tick(ticks_per_second)};
        return Pick::Same;
    }
    Tick next_wakeup(CpuId) const override { return no_time; }
    std::size_t live_tasks() const override { return m_over ? 0 : 1; }

private:
    KernelPath& cleared() {
        m_path.clear();
        return m_path;
    }
    rig::PageTables& m_space;
    InstructionStream& m_stream;
    KernelPath m_path;
    std::uint64_t m_next_frame = 0x100000;
    bool m_over = false;
};

/// The default core, MMU and caches over a memory of 100 ns.
struct Machine {
    Machine(std::string_view name, const workloads::SyntheticConfig& config)
        : workload(workloads::make_synthetic(name, config)),
          llc(LlcConfig{}, {.cpus = 1, .private_lines = PrivateHierarchyConfig{}.lines()}, memory, 1, "llc"),
          caches(PrivateHierarchyConfig{}, CpuId{0}, Clock(CoreConfig{}.frequency), llc, 1),
          space(tables, Pfn(0x1000), 4), kernel(space, workload->thread(ThreadIndex{0})),
          cpu(CpuId{0}, CpuConfig{}, L1Latencies{}, caches, tables, kernel, commons) {}

    /// Runs so many more instructions; false when the program is over.
    bool run(std::uint64_t instructions) {
        cpu.core().set_instruction_limit(cpu.core().stats().user_instructions + instructions);
        return cpu.advance(cpu.now(), cpu.now() + Tick(ticks_per_second)).state == Cpu::State::LimitReached;
    }

    std::unique_ptr<Workload> workload;
    rig::FixedMemory memory;
    SharedCache llc;
    PrivateHierarchy caches;
    PageTableMemory tables;
    rig::PageTables space;
    FlatKernel kernel;
    CpuCommons commons;
    Cpu cpu;
};

void measure(benchmark::State& state, std::string_view name, const workloads::SyntheticConfig& config) {
    constexpr std::uint64_t piece = 1'000'000;
    Machine machine(name, config);
    machine.run(4 * piece); // past the first touch
    const std::uint64_t begin = machine.cpu.core().stats().user_instructions;
    const std::uint64_t walks = machine.cpu.mmu().walker().stats().walks;
    const std::uint64_t cycles = machine.cpu.core().cycle().value();
    for (auto _ : state)
        if (!machine.run(piece)) {
            state.SkipWithError("the program ended");
            break;
        }
    const auto done = static_cast<double>(machine.cpu.core().stats().user_instructions - begin);
    state.counters["MIPS"] = benchmark::Counter(done / 1e6, benchmark::Counter::kIsRate);
    state.counters["IPC"] = done / static_cast<double>(machine.cpu.core().cycle().value() - cycles);
    state.counters["walks_per_1000"] =
        static_cast<double>(machine.cpu.mmu().walker().stats().walks - walks) * 1000 / done;
}

workloads::SyntheticConfig endless() {
    workloads::SyntheticConfig config;
    config.common.instructions = 0;
    config.common.first_touch = workloads::FirstTouch::Pages;
    return config;
}

void in_cache_loop(benchmark::State& state) {
    workloads::SyntheticConfig config = endless();
    config.stream = {.array_bytes = 4096, .repeats = 1'000'000'000};
    measure(state, "stream", config);
}
void streaming(benchmark::State& state) {
    workloads::SyntheticConfig config = endless();
    config.stream = {.array_bytes = 64 << 20, .repeats = 1'000'000};
    measure(state, "stream", config);
}
void random_beyond_tlb(benchmark::State& state) {
    workloads::SyntheticConfig config = endless();
    config.gups = {.table_bytes = 256 << 20, .updates_per_word = 1'000};
    measure(state, "gups", config);
}

BENCHMARK(in_cache_loop)->Unit(benchmark::kMillisecond);
BENCHMARK(streaming)->Unit(benchmark::kMillisecond);
BENCHMARK(random_beyond_tlb)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace pagewalk::models
