#include "tests/unit/results/sample_run.h"

#include "results/summary_keys.h"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <unistd.h>
#include <vector>

namespace pagewalk::results {

EventSchema sample_fault_schema() {
    EventSchema schema{"page_faults", "page faults of user programs", sizeof(SampleFault), {}};
    const auto add = [&schema]<class T>(const char* name, T SampleFault::*, std::size_t offset,
                                        const char* unit, const char* text,
                                        std::vector<std::string> names = {}) {
        schema.columns.push_back({name, column_type_of<T>(), offset, unit, text, std::move(names)});
    };
    add("time", &SampleFault::time, offsetof(SampleFault, time), "ps", "when the fault was raised");
    add("address", &SampleFault::address, offsetof(SampleFault, address), "address", "that faulted");
    add("latency", &SampleFault::latency, offsetof(SampleFault, latency), "cycles", "until the return");
    add("node", &SampleFault::node, offsetof(SampleFault, node), "node", "the page came from, -1 none");
    add("kind", &SampleFault::kind, offsetof(SampleFault, kind), "kind", "what it took",
        {"minor", "major", "spurious"});
    return schema;
}

SampleRun::SampleRun() {
    const StatGroup core = m_registry.group("core0");
    StatGroup(core).counter("instructions", m_instructions, "instructions", "committed instructions");
    StatGroup(core).counter("cycles", m_cycles, "cycles", "core cycles");
    StatGroup(core).ratio("ipc", "instructions", "cycles", 1, "instructions/cycle", "committed a cycle");
    StatGroup tlb = core.group("mmu").group("l2_tlb");
    tlb.counter("instructions", m_instructions, "instructions", "committed instructions");
    tlb.counter("misses", m_misses, "count", "look-ups that missed");
    tlb.counter("never", m_never, "count", "what never happens");
    tlb.ratio("mpki", "misses", "instructions", 1000, "1/kinstr", "misses a thousand instructions");
    tlb.ratio("undefined", "misses", "never", 1, "1", "has no value");
    tlb.histogram("walk_cycles", m_walk_cycles, "cycles", "latency of page walks");
    tlb.histogram("empty", m_empty, "cycles", "of nothing");
    StatGroup stack = core.group("cpi_stack");
    stack.counter("base", m_stall_base, "cycles", "commit slots used");
    stack.counter("page_walk", m_stall_walk, "cycles", "waiting for page walks");
}

RunMeta SampleRun::meta() {
    return {.version = "0.1.0",
            .git_revision = "0123456789abcdef",
            .config = "[mmu.l2_tlb]\nentries = 1536\n[run]\nseed = 42\n",
            .command_line = "pagewalk run sample.cfg",
            .workload = "gups",
            .machine = "sample machine, 1 core",
            .seed = 42};
}

void SampleRun::advance(std::uint64_t instructions) {
    m_instructions += instructions;
    m_cycles += instructions * 2;
    m_stall_base += instructions * 3 / 2;
    m_stall_walk += instructions / 2;
    m_misses += instructions / 100;
    for (std::uint64_t i = 0; i < instructions / 100; ++i) m_walk_cycles.add(20 + (i * 7919) % 200);
}

RunState SampleRun::state() const {
    RunState state{.registry = &m_registry, .measured = m_registry.snapshot()};
    state.total = m_registry.snapshot();
    const auto ratio = [](std::uint64_t a, std::uint64_t b) {
        return b == 0 ? 0.0 : static_cast<double>(a) / static_cast<double>(b);
    };
    state.summary = {
        summary_value("instructions", m_instructions),
        summary_value("cycles", m_cycles),
        summary_value("ipc", ratio(m_instructions, m_cycles)),
        summary_value("stlb_mpki", 1000 * ratio(m_misses, m_instructions)),
        summary_value("walks", m_walk_cycles.count()),
        summary_value("walk_cycles_mean", m_walk_cycles.mean()),
        summary_value("page_faults", m_misses),
        summary_value("fault_cycles_p50", std::uint64_t{1200}),
        summary_value("fault_cycles_p99", std::uint64_t{9000}),
        summary_value("dram_read_bytes", m_misses * 64),
        summary_value("dram_row_hit_rate", 0.5),
    };
    state.host = {{"builder", std::string("unit test"), "text", "who ran it"}};
    state.proc = {{"meminfo", "MemTotal:        1024 kB\n"},
                  {"node0/numastat", "numa_hit 7\n"},
                  {"slabinfo", "slabinfo - version: 2.1\n# name\n"
                               "filp 3 16 256 16 1 : tunables 0 0 0 : slabdata 1 1 0\n"}};
    state.simulated_time = Tick(m_cycles * 312);
    state.ending = {summary_value("exit_status", std::uint64_t{0})};
    state.processes = "process\tparent\texit_status\tsignal\tcommand\n1\t0\t0\t\tgups\n";
    return state;
}

SampleFault SampleRun::fault(std::uint64_t n) {
    SampleFault fault;
    std::memset(&fault, static_cast<int>(n * 37 & 0xff), sizeof fault); // padding holds rubbish, as it does
    fault.time = n * 1000;
    fault.address = 0x7f0000000000 + n * 4096;
    fault.latency = static_cast<std::uint32_t>(500 + n % 1000);
    fault.node = static_cast<std::int16_t>(static_cast<int>(n % 3) - 1);
    fault.kind = static_cast<SampleKind>(n % 3);
    return fault;
}

void SampleRun::append_faults(RunFile& file, std::uint64_t first, std::uint64_t count) {
    std::vector<SampleFault> faults;
    for (std::uint64_t n = first; n < first + count; ++n) {
        SampleFault& fault = faults.emplace_back();
        const SampleFault made = SampleRun::fault(n);
        std::memcpy(&fault, &made, sizeof fault);
    }
    file.append(sample_fault_schema(), std::as_bytes(std::span(faults)));
}

void SampleRun::write(const std::filesystem::path& path, std::uint64_t faults,
                      std::uint64_t checkpoint_every) {
    RunFile file(path, meta());
    file.declare_events(sample_fault_schema(), {1});
    const IntervalsId series = file.declare_intervals({"progress",
                                                       "progress of the run",
                                                       {{"time", "ps", "simulated time"},
                                                        {"instructions", "instructions", "committed"},
                                                        {"misses", "count", "second-level TLB misses"}}});
    for (std::uint64_t i = 0; i < 10; ++i) {
        advance(10000);
        file.append_interval(series, std::array<std::uint64_t, 3>{i * 1000, 10000, 100});
    }
    for (std::uint64_t n = 0; n < faults; ++n) {
        append_faults(file, n, 1);
        if (checkpoint_every != 0 && n % checkpoint_every == 0) file.checkpoint(state());
    }
    file.finish(RunStatus::Complete, "ran to its end", state());
}

} // namespace pagewalk::results
