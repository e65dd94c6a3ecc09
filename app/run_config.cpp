#include "app/run_config.h"

#include "app/cpu_list.h"
#include "app/memory_policy_text.h"
#include "base/printable.h"
#include "base/units.h"

#include <algorithm>

namespace pagewalk::app {

namespace {

constexpr const char* policy_meaning =
    "NUMA policy of its tasks: local (the node of the CPU first), preferred:NODE, bind:NODES (no others) or "
    "interleave:NODES (in turn, by page)";

os::MemoryPolicy memory_policy(const OptionSet& options, const std::string& key, const std::string& text,
                               std::size_t nodes) {
    const auto policy = parse_memory_policy(text, nodes);
    if (!policy) throw ConfigError(options.where(key), key, "'" + excerpt(text) + "'", policy.error());
    return *policy;
}

} // namespace

void RunConfig::declare(OptionGroup group) {
    group.number(
        "instructions", instructions, {},
        {Unit::Instructions, "program instructions measured after the warm-up (0: to the end)", "user"});
    group.number("warmup", warmup, {},
                 {Unit::Instructions, "program instructions executed before statistics begin", "user"});
    group.text(
        "begin_at", begin_at,
        {Unit::None,
         "where measurement (with the warm-up before it) begins: marker:N, pc:0xADDRESS, either with @K "
         "for the K-th time, or instructions:N from power-on; programs are executed fast until then "
         "(empty: at once)",
         "user"});
    group.text("end_at", end_at,
               {Unit::None,
                "where it ends, as run.begin_at; markers and addresses count from its begin (empty: see "
                "run.instructions)",
                "user"});
    group.choice("warming", warming, {{Warming::None, "none"}, {Warming::TlbAndCaches, "tlb_and_caches"}},
                 {Unit::None,
                  "what sees the accesses before run.begin_at: none has TLBs empty at the begin and caches "
                  "almost so",
                  "SMARTS, ISCA 2003: functional warming"});
    group.number("quantum", quantum, {1'000, 1'000'000'000},
                 {Unit::Ticks, "simulated time for which each CPU runs ahead of the others in one go",
                  "docs/accuracy.md shows what it moves"});
    group.number("seed", seed, {}, {Unit::Count, "seed of every random choice", "user"});
    group.number("interval", interval, {0, ~0ULL},
                 {Unit::Instructions, "program instructions between rows of /intervals (0: none)", "user"});
}

void RunConfig::validate(const OptionSet& options) {
    const auto read = [&](const char* key, const std::string& text) {
        const auto position = parse_run_position(text);
        if (!position)
            throw ConfigError(options.where(key), key, "'" + excerpt(text) + "'", position.error());
        return *position;
    };
    begin = read("run.begin_at", begin_at);
    end = read("run.end_at", end_at);
    constexpr auto count = RunPosition::Kind::Instructions;
    if (begin.kind == count && end.kind == count && end.value <= begin.value)
        throw ConfigError(options.where("run.end_at"), "run.end_at", "'" + end_at + "'",
                          "must come after run.begin_at = " + begin_at);
}

EventConfig::EventConfig(const std::vector<EventSchema>& tables) {
    for (const EventSchema& schema : tables) m_tables.push_back({schema.name, schema.kept, schema.sampling});
}

void EventConfig::declare(OptionGroup group) {
    for (Table& table : m_tables)
        group.number(table.name, table.sampling.every, {},
                     {Unit::Count, table.kept + " kept as events: 0 none, 1 all, N every Nth", "user"});
}

EventSampling EventConfig::sampling(std::string_view table) const {
    const auto found = std::ranges::find(m_tables, table, &Table::name);
    return found == m_tables.end() ? EventSampling{} : found->sampling;
}

void ProgramConfig::declare(OptionGroup group) {
    group.text("command", command, {Unit::None, "command line of a live program", "user"});
    group.text("trace", trace, {Unit::None, "trace file, instead of a command", "user"});
    group.text("synthetic", synthetic,
               {Unit::None, "name of a synthetic generator, instead of a command or a trace", "user"});
    group.text("cpus", cpus,
               {Unit::None, "CPUs that it and its children may run on, such as 0,2-3 (empty: all)", "user"});
    group.number("start", start, {0, 3600 * ticks_per_second},
                 {Unit::Ticks, "simulated time at which it begins", "user"});
    group.text("input", input, {Unit::None, "file for a command's standard input", "user"});
    group.text("output", output,
               {Unit::None, "file for a command's standard output (empty: the terminal)", "user"});
    group.text("mempolicy", mempolicy, {Unit::None, policy_meaning, "user"});
    memory.declare(group);
}

void ProgramConfig::validate(const OptionSet& options, const std::string& key, std::size_t machine_cpus,
                             std::size_t machine_nodes) {
    const auto refuse = [&](const char* name, const std::string& value, const std::string& allowed) {
        const std::string option = key + "." + name;
        throw ConfigError(options.where(option), option, "'" + excerpt(value) + "'", allowed);
    };
    const int given = static_cast<int>(!command.empty()) + static_cast<int>(!trace.empty()) +
                      static_cast<int>(!synthetic.empty());
    if (given != 1) {
        const auto is_given = [&](const Option& option) {
            return option.key.starts_with(key + ".") && option.where != "default";
        };
        throw ConfigError(std::ranges::find_if(options.all(), is_given)->where + ": [" + key +
                          "] wants one of command, trace and synthetic, and has " +
                          (given == 0 ? "none" : "several"));
    }
    if (command.empty() && !input.empty()) refuse("input", input, "only a command has a standard input");
    if (command.empty() && !output.empty()) refuse("output", output, "only a command has a standard output");
    policy = memory_policy(options, key + ".mempolicy", mempolicy, machine_nodes);
    memory.validate(options, key);
    allowed.set();
    if (cpus.empty()) return;
    const auto list = parse_cpu_list(cpus, machine_cpus);
    if (!list) refuse("cpus", cpus, list.error());
    allowed = *list;
}

void WorkloadConfig::declare(OptionGroup group) {
    group.choice("kind", kind,
                 {{WorkloadKind::Program, "program"},
                  {WorkloadKind::Trace, "trace"},
                  {WorkloadKind::Synthetic, "synthetic"}},
                 {Unit::None, "where instructions come from", "user"});
    group.text("program", program, {Unit::None, "command line of a live x86-64 Linux program", "user"});
    group.text("directory", directory, {Unit::None, "working directory of the program", "user"});
    group.flag("scratch", scratch,
               {Unit::None,
                "setup and program run in a new folder in TMPDIR that is removed after the run, instead of "
                "workload.directory",
                "user"});
    group.text("setup", setup,
               {Unit::None, "shell command run on the host before the program, not simulated", "user"});
    group.text("input", input, {Unit::None, "file for the program's standard input", "user"});
    group.text("output", output,
               {Unit::None, "file for the program's standard output (empty: the terminal)", "user"});
    group.text("trace", trace,
               {Unit::None, "trace file: .pwt, ChampSim or lackey, plain or compressed", "user"});
    group.text("synthetic", synthetic, {Unit::None, "name of a synthetic generator", "user"});
    group.text("mempolicy", mempolicy, {Unit::None, policy_meaning, "user"});
    memory.declare(group);
}

void WorkloadConfig::validate(const OptionSet& options, std::size_t machine_nodes) {
    policy = memory_policy(options, "workload.mempolicy", mempolicy, machine_nodes);
    memory.validate(options, "workload");
}

} // namespace pagewalk::app
