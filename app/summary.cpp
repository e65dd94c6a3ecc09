#include "app/summary.h"

#include "base/option.h"
#include "results/summary_keys.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace pagewalk::app {

namespace {

class Summary {
public:
    Summary(const StatRegistry& registry, const StatSnapshot& measured, std::uint64_t hertz)
        : m_registry(registry), m_measured(measured), m_hertz(hertz) {}

    std::vector<results::SummaryValue> make() {
        const std::uint64_t instructions = sum("cpu*", "user_instructions");
        const std::uint64_t cycles = sum("cpu*", "user_cycles") + sum("cpu*", "kernel_cycles");
        add("instructions", instructions);
        add("cycles", cycles);
        add("ipc", quotient(instructions, cycles));
        auto mpki = [&](const char* key, std::uint64_t misses) {
            add(key, 1000 * quotient(misses, instructions));
        };
        mpki("l1i_mpki", sum("cpu*/l1i", "misses"));
        mpki("l1d_mpki", sum("cpu*/l1d", "misses"));
        mpki("l2_mpki", sum("cpu*/l2", "misses"));
        mpki("llc_mpki", sum("llc*", "misses"));
        mpki("dtlb_mpki", sum("cpu*/mmu", "dtlb_misses"));
        mpki("stlb_mpki", sum("cpu*/mmu", "l2_tlb_misses"));
        mpki("branch_mpki", sum("cpu*", "branch_misses"));
        const std::uint64_t walks = sum("cpu*/mmu", "walks");
        add("walks", walks);
        add("walk_cycles_mean", quotient(sum("cpu*/mmu", "walk_cycles"), walks));
        add("walk_refs_mean", quotient(sum("cpu*/mmu", "walk_references"), walks));
        latency("page_faults", "fault_cycles_p50", "fault_cycles_p99", "fault_latency");
        latency("allocations", "alloc_cycles_p50", "alloc_cycles_p99", "allocation_latency");
        add("dram_read_bytes", sum("dram*", "read_bytes"));
        add("dram_write_bytes", sum("dram*", "write_bytes"));
        const std::uint64_t hits = sum("dram*", "row_hits");
        add("dram_row_hit_rate",
            quotient(hits, hits + sum("dram*", "row_misses") + sum("dram*", "row_conflicts")));
        return std::move(m_values);
    }

private:
    [[nodiscard]] std::uint64_t sum(const char* glob, const char* name) const {
        // A star must not reach into sub-components: "cpu*" means the CPUs themselves.
        std::uint64_t total = 0;
        const std::string_view pattern = glob;
        for (std::size_t i = 0; i < m_registry.counters().size(); ++i) {
            const Statistic& counter = m_registry.counters()[i];
            if (counter.name == name && matches_glob(counter.path, pattern) &&
                std::ranges::count(counter.path, '/') == std::ranges::count(pattern, '/'))
                total += m_measured.counters[i];
        }
        return total;
    }
    [[nodiscard]] static double quotient(std::uint64_t a, std::uint64_t b) {
        return b == 0 ? 0.0 : static_cast<double>(a) / static_cast<double>(b);
    }
    void add(const char* key, std::variant<std::uint64_t, double, std::string> value) {
        m_values.push_back(results::summary_value(key, std::move(value)));
    }
    void latency(const char* count, const char* median, const char* tail, const char* name) {
        for (std::size_t i = 0; i < m_registry.histograms().size(); ++i)
            if (m_registry.histograms()[i].path == "kernel" && m_registry.histograms()[i].name == name) {
                const Histogram& histogram = m_measured.histograms[i];
                auto cycles = [&](unsigned percent) {
                    return static_cast<double>(histogram.percentile(percent)) * static_cast<double>(m_hertz) /
                           1e12;
                };
                add(count, histogram.count());
                add(median, cycles(50));
                add(tail, cycles(99));
            }
    }

    const StatRegistry& m_registry;
    const StatSnapshot& m_measured;
    std::uint64_t m_hertz;
    std::vector<results::SummaryValue> m_values;
};

} // namespace

std::vector<results::SummaryValue> summarise(const StatRegistry& registry, const StatSnapshot& measured,
                                             std::uint64_t core_hertz) {
    return Summary(registry, measured, core_hertz).make();
}

} // namespace pagewalk::app
