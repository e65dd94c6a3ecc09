#include "results/summary_text.h"

#include "base/time.h"
#include "base/units.h"
#include "results/text_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <span>
#include <sstream>
#include <string_view>
#include <utility>

namespace pagewalk::results {

namespace {

struct Line {
    const char* label;
    const char* key;
};

class Page {
public:
    Page(const RunReader& run, Colour colour) : m_run(run), m_summary(run.summary()), m_colour(colour) {}

    std::string text() {
        head();
        values("Execution", {{"instructions", "instructions"}, {"cycles", "cycles"}, {"IPC", "ipc"}});
        cpi_stack();
        values("Misses per thousand instructions", {{"L1I", "l1i_mpki"},
                                                    {"L1D", "l1d_mpki"},
                                                    {"L2", "l2_mpki"},
                                                    {"LLC", "llc_mpki"},
                                                    {"L1 data TLB", "dtlb_mpki"},
                                                    {"L2 TLB", "stlb_mpki"},
                                                    {"branches", "branch_mpki"}});
        values("Page walks", {{"walks", "walks"},
                              {"mean latency", "walk_cycles_mean"},
                              {"mean references", "walk_refs_mean"}});
        latencies();
        reclaim();
        block_requests();
        programs();
        processes();
        memory();
        host();
        return std::move(m_text);
    }

private:
    const SummaryValue* find(std::string_view key) const {
        const auto found = std::ranges::find(m_summary, key, &SummaryValue::name);
        return found == m_summary.end() ? nullptr : &*found;
    }

    std::string cell(std::string_view key) const {
        const SummaryValue* value = find(key);
        return value == nullptr ? "-" : format_value(value->value);
    }

    std::string painted(std::string_view text, const char* code) const {
        if (m_colour == Colour::Off) return std::string(text);
        return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
    }

    void title(std::string_view text) { m_text += "\n" + painted(text, "1") + "\n"; }

    void head() {
        TextTable table;
        const auto add = [&](const char* label, const std::string& value) {
            if (!value.empty()) table.add({label, value});
        };
        add("run", m_run.path().string());
        add("workload", m_run.meta("workload"));
        add("machine", m_run.meta("machine"));
        m_text += table.text() + in_vain();
        const std::string status = m_run.status();
        const bool good = status == "complete" || status == "instruction_limit" || status == "region_end";
        m_text += "status    " + painted(status, good ? "32" : "31");
        if (status != "complete" && !m_run.status_text().empty()) m_text += ": " + m_run.status_text();
        m_text += "\n";
        ending();
    }

    /// Options that were set and have no effect.
    std::string in_vain() const {
        std::istringstream lines(m_run.meta("no_effect"));
        std::string text;
        for (std::string line; std::getline(lines, line);) text += "no effect " + line + "\n";
        return text;
    }

    /// How the program itself ended, where that is not by exit status 0.
    void ending() {
        TextTable table;
        for (const char* key : {"exit_status", "died_of", "killed_by", "region"}) {
            const SummaryValue* value = find(key);
            if (value == nullptr || value->value == decltype(value->value){std::uint64_t{0}}) continue;
            table.add({key, format_value(value->value)});
        }
        m_text += table.text();
    }

    void values(std::string_view section, std::initializer_list<Line> lines) {
        TextTable table;
        for (const Line& line : lines)
            if (const SummaryValue* value = find(line.key)) {
                const bool unit_says_more = value->unit != line.label && value->unit != "1" &&
                                            value->unit != "count" && !value->unit.starts_with("1/");
                table.add({line.label, format_value(value->value), unit_says_more ? value->unit : ""});
            }
        if (table.empty()) return;
        title(section);
        m_text += table.text("  ");
    }

    void cpi_stack() {
        std::map<std::string, double> causes;
        double total = 0;
        for (const StoredStatistic& stat : m_run.stats_of("*", "cpi_stack")) {
            if (!std::holds_alternative<std::uint64_t>(stat.value)) continue;
            // User and kernel stacks keep their names apart: core0/cpi_stack/user/base is user/base.
            causes[stat.path.substr(stat.path.find("cpi_stack/") + 10)] += stat.number();
            total += stat.number();
        }
        if (total == 0) return;
        std::vector<std::pair<std::string, double>> sorted(causes.begin(), causes.end());
        std::ranges::stable_sort(sorted, std::greater{}, &std::pair<std::string, double>::second);
        const SummaryValue* instructions = find("instructions");
        const auto* count =
            instructions == nullptr ? nullptr : std::get_if<std::uint64_t>(&instructions->value);
        TextTable table;
        for (const auto& [cause, cycles] : sorted) {
            if (cycles / total < 0.0005) continue;
            constexpr double width = 40;
            const auto length = static_cast<std::size_t>(std::lround(cycles / total * width));
            std::array<char, 32> share{};
            std::snprintf(share.data(), share.size(), "%.1f %%", 100 * cycles / total);
            std::array<char, 32> cpi{};
            if (count != nullptr && *count != 0)
                std::snprintf(cpi.data(), cpi.size(), "%.4f", cycles / static_cast<double>(*count));
            table.add({cause, cpi.data(), share.data(), std::string(length, '#')});
        }
        title(count != nullptr && *count != 0 ? "Cycles per instruction, by cause" : "Cycles, by cause");
        m_text += table.text("  ");
    }

    void latencies() {
        TextTable table;
        const auto add = [&](const char* label, const char* number, const char* median, const char* tail) {
            if (find(number) != nullptr) table.add({label, cell(number), cell(median), cell(tail)});
        };
        table.add({"", "number", "p50 cycles", "p99 cycles"});
        add("page faults", "page_faults", "fault_cycles_p50", "fault_cycles_p99");
        add("allocations", "allocations", "alloc_cycles_p50", "alloc_cycles_p99");
        if (find("page_faults") == nullptr && find("allocations") == nullptr) return;
        title("Operating system");
        m_text += table.text("  ");
        latencies_by("Page faults by kind", "kernel/fault_latency_");
        latencies_by("Page allocations by path", "kernel/allocation_latency_");
        latencies_by("Object allocations and frees by path", "kernel/object_latency_");
    }

    /// What reclaim and swapping have done, where they have done anything.
    void reclaim() {
        constexpr std::array rows = std::to_array<std::pair<const char*, const char*>>({
            {"scanned by kswapd", "pgscan_kswapd"},
            {"scanned directly", "pgscan_direct"},
            {"reclaimed by kswapd", "pgsteal_kswapd"},
            {"reclaimed directly", "pgsteal_direct"},
            {"written to swap", "pswpout"},
            {"read from swap", "pswpin"},
            {"file pages read again", "workingset_refault_file"},
        });
        TextTable table;
        double any = 0;
        for (const auto& [label, name] : rows)
            for (const StoredStatistic& stat : m_run.stats(std::string("kernel/") + name)) {
                any += stat.number();
                table.add({label, std::to_string(static_cast<std::uint64_t>(stat.number())), "pages"});
            }
        if (any == 0) return;
        title("Reclaim");
        m_text += table.text("  ");
        latencies_by("Reclaim passes", "kernel/reclaim_latency_");
    }

    /// Where there were any, by kind: how many, at which rate, how long they took.
    void block_requests() {
        const double seconds = measured_seconds();
        TextTable table;
        table.add({"", "number", "per second", "p50 us", "p99 us"});
        bool any = false;
        const auto microseconds = [](std::uint64_t ticks) {
            return format_number(static_cast<double>(ticks) / (1000.0 * ticks_per_ns));
        };
        constexpr std::string_view prefix = "kernel/block/", suffix = "_latency";
        for (const StoredHistogram& kind : m_run.histograms("kernel/block/*_latency")) {
            if (kind.count == 0) continue;
            any = true;
            const std::string label =
                kind.path.substr(prefix.size(), kind.path.size() - prefix.size() - suffix.size());
            table.add({label, std::to_string(kind.count),
                       seconds > 0 ? format_number(static_cast<double>(kind.count) / seconds) : "-",
                       microseconds(kind.p50), microseconds(kind.p99)});
        }
        if (!any) return;
        title("Block requests");
        m_text += table.text("  ");
        if (seconds <= 0) return;
        std::array<char, 96> line{};
        std::snprintf(line.data(), line.size(), "  bandwidth     %.1f MB/s read, %.1f MB/s written\n",
                      m_run.measured("kernel", "pgpgin") * 1024 / seconds / 1e6,
                      m_run.measured("kernel", "pgpgout") * 1024 / seconds / 1e6);
        m_text += line.data();
    }

    /// One row a histogram that has values, its name's rest as the label.
    void latencies_by(std::string_view section, const std::string& prefix) {
        TextTable table;
        table.add({"", "number", "p50 ns", "p99 ns"});
        bool any = false;
        for (const StoredHistogram& histogram : m_run.histograms(prefix + "*")) {
            if (histogram.count == 0) continue;
            any = true;
            table.add({histogram.path.substr(prefix.size()), std::to_string(histogram.count),
                       std::to_string(histogram.p50 / ticks_per_ns),
                       std::to_string(histogram.p99 / ticks_per_ns)});
        }
        if (!any) return;
        title(section);
        m_text += table.text("  ");
    }

    static std::string end_of(const ProcessFacts& facts) {
        if (!facts.died_of.empty()) return facts.died_of;
        return facts.exit_status ? "exit " + std::to_string(*facts.exit_status) : "-";
    }

    /// Where several ran side by side, each in its own measurement.
    void programs() {
        const std::vector<StoredProcess> all = m_run.programs();
        if (all.empty()) return;
        TextTable table;
        table.add({"", "instructions", "IPC", "minor faults", "major", "restarts", "ms", "end", "command"});
        for (const StoredProcess& program : all) {
            const auto count = [&](const char* name) { return std::to_string(program.count(name)); };
            const auto cycles =
                static_cast<double>(program.count("user_cycles") + program.count("kernel_cycles"));
            const double ipc = cycles == 0 ? 0 : static_cast<double>(program.count("instructions")) / cycles;
            table.add({std::to_string(program.facts.number), count("instructions"), format_number(ipc),
                       count("minor_faults"), count("major_faults"), count("restarts"),
                       format_number(static_cast<double>(program.count("time")) / 1e9), end_of(program.facts),
                       shortened(program.facts.command)});
        }
        title("Programs");
        m_text += table.text("  ");
    }

    /// Where there are several: those with most instructions, as program/process where programs run side by
    /// side.
    void processes() {
        std::vector<StoredProcess> all = m_run.processes();
        std::erase_if(all, [](const StoredProcess& process) { return process.facts.number == 0; });
        if (all.size() < 2) return;
        const auto instructions = [](const StoredProcess& process) { return process.count("instructions"); };
        std::ranges::stable_sort(all, std::greater{}, instructions);
        constexpr std::size_t most = 10;
        TextTable table;
        table.add({"", "instructions", "minor faults", "major", "peak RSS", "end", "command"});
        for (const StoredProcess& process : std::span(all).first(std::min(most, all.size()))) {
            const ProcessFacts& facts = process.facts;
            const std::string program = facts.program ? std::to_string(*facts.program) + "/" : "";
            table.add({program + std::to_string(facts.number), std::to_string(instructions(process)),
                       std::to_string(process.count("minor_faults")),
                       std::to_string(process.count("major_faults")),
                       format_quantity(process.count("peak_rss"), Unit::Bytes), end_of(facts),
                       shortened(facts.command)});
        }
        title("Processes");
        m_text += table.text("  ");
        if (all.size() > most) m_text += "  and " + std::to_string(all.size() - most) + " more\n";
    }

    static std::string shortened(std::string command) {
        constexpr std::size_t most = 60;
        std::ranges::replace_if(
            command, [](unsigned char c) { return c < ' '; }, ' ');
        return command.size() <= most ? command : command.substr(0, most - 3) + "...";
    }

    /// Simulated seconds of the measurement, from CPU 0's cycles; 0 where they are not known.
    double measured_seconds() const {
        double cycles = 0;
        for (const char* name : {"user_cycles", "kernel_cycles", "idle_cycles"})
            cycles += m_run.measured("cpu0", name);
        const std::string config = m_run.config();
        const std::string key = "[core]\nfrequency = ";
        const std::size_t at = config.find(key);
        if (at == std::string::npos) return 0;
        const std::size_t begin = at + key.size();
        const auto hertz =
            parse_quantity(config.substr(begin, config.find('\n', begin) - begin), Unit::Hertz);
        return hertz && *hertz != 0 ? cycles / static_cast<double>(*hertz) : 0;
    }

    void memory() {
        values("Memory", {{"read", "dram_read_bytes"},
                          {"written", "dram_write_bytes"},
                          {"row hit rate", "dram_row_hit_rate"}});
        const double seconds = measured_seconds();
        const auto bytes = [&](std::string_view key) {
            const SummaryValue* value = find(key);
            const auto* count = value == nullptr ? nullptr : std::get_if<std::uint64_t>(&value->value);
            return count == nullptr ? 0.0 : static_cast<double>(*count);
        };
        if (seconds <= 0 || find("dram_read_bytes") == nullptr) return;
        std::array<char, 96> line{};
        std::snprintf(line.data(), line.size(),
                      "  bandwidth     %.3f GB/s read, %.3f GB/s written over %.3f ms\n",
                      bytes("dram_read_bytes") / seconds / 1e9, bytes("dram_write_bytes") / seconds / 1e9,
                      seconds * 1e3);
        m_text += line.data();
    }

    void host() {
        const auto number = [&](std::string_view key) {
            const SummaryValue* const value = find(key);
            const double* const real = value == nullptr ? nullptr : std::get_if<double>(&value->value);
            return real == nullptr ? 0.0 : *real;
        };
        const double seconds = number("host_seconds");
        TextTable table;
        table.add({"wall clock", format_value(seconds), "s"});
        table.add({"speed", format_value(number("host_mips")), "MIPS"});
        if (const double kernel = m_run.total("cpu*", "kernel_instructions"); kernel != 0 && seconds > 0) {
            const double all = kernel + m_run.total("cpu*", "user_instructions");
            table.add({"with kernel", format_value(all / seconds / 1e6), "MIPS"});
        }
        title("Host");
        m_text += table.text("  ");
    }

    const RunReader& m_run;
    std::vector<SummaryValue> m_summary;
    Colour m_colour;
    std::string m_text;
};

} // namespace

std::string summary_page(const RunReader& run, Colour colour) { return Page(run, colour).text(); }

} // namespace pagewalk::results
