#include "results/function_graph.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <map>

namespace pagewalk::results {

namespace {

constexpr std::uint64_t ps_per_ns = 1000, ps_per_us = 1'000'000;

/// A line to be: the entry or exit of a call.
struct Moment {
    std::uint64_t time = 0;
    const TracedCall* call = nullptr;
    enum class Kind : std::uint8_t { Entry, Exit, Leaf } kind = Kind::Entry;
};

/// Entries and exits of one CPU's calls, in order.
std::vector<Moment> moments(const std::vector<const TracedCall*>& calls) {
    std::vector<Moment> result;
    std::vector<const TracedCall*> open;
    const auto close_down_to = [&](std::uint64_t depth) {
        while (!open.empty() && open.back()->depth >= depth) {
            const TracedCall* call = open.back();
            open.pop_back();
            if (result.back().call == call)
                result.back().kind = Moment::Kind::Leaf;
            else
                result.push_back({call->time + call->duration, call, Moment::Kind::Exit});
        }
    };
    for (const TracedCall* call : calls) {
        close_down_to(call->depth);
        result.push_back({call->time, call, Moment::Kind::Entry});
        open.push_back(call);
    }
    close_down_to(0);
    return result;
}

char mark(std::uint64_t duration) {
    constexpr std::array<std::pair<std::uint64_t, char>, 6> marks{
        {{1'000'000, '$'}, {100'000, '@'}, {10'000, '*'}, {1000, '#'}, {100, '!'}, {10, '+'}}};
    for (const auto& [us, sign] : marks)
        if (duration > us * ps_per_us) return sign;
    return ' ';
}

/// 14 characters: mark, microseconds in 7 digits at most, unit, and blanks.
std::string duration_text(std::uint64_t duration) {
    constexpr std::size_t digits = 7, width = digits + 1;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%llu.%03llu",
                  static_cast<unsigned long long>(duration / ps_per_us),
                  static_cast<unsigned long long>(duration % ps_per_us / ps_per_ns));
    std::string number = text.data();
    const std::size_t point = number.find('.');
    if (point >= digits)
        number.resize(point);
    else if (number.size() > width)
        number.resize(width);
    const std::string blanks(number.size() < width ? width - number.size() : 0, ' ');
    return std::string(1, mark(duration)) + " " + number + " us " + blanks;
}

std::string task_text(std::uint64_t task) {
    constexpr std::size_t width = 14;
    const std::string name = "task-" + std::to_string(task);
    const std::size_t blanks = name.size() < width ? width - name.size() : 0;
    return std::string(blanks / 2, ' ') + name + std::string(blanks - blanks / 2, ' ');
}

std::uint64_t number(const std::string& text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

} // namespace

std::string function_graph_text(std::span<const TracedCall> calls) {
    std::map<std::uint64_t, std::vector<const TracedCall*>> by_cpu;
    for (const TracedCall& call : calls) by_cpu[call.cpu].push_back(&call);
    std::vector<Moment> all;
    for (const auto& [cpu, made] : by_cpu) {
        const std::vector<Moment> of_cpu = moments(made);
        all.insert(all.end(), of_cpu.begin(), of_cpu.end());
    }
    std::ranges::stable_sort(all, {}, &Moment::time);

    const int cpu_width =
        static_cast<int>(std::to_string(by_cpu.empty() ? 0 : by_cpu.rbegin()->first).size());
    std::string text = "# tracer: function_graph\n#\n"
                       "# CPU  DURATION                  FUNCTION CALLS\n"
                       "# |     |   |                     |   |   |   |\n";
    std::map<std::uint64_t, std::uint64_t> last_task;
    for (const Moment& moment : all) {
        const TracedCall& call = *moment.call;
        std::array<char, 32> cpu{};
        std::snprintf(cpu.data(), cpu.size(), " %*llu) ", cpu_width,
                      static_cast<unsigned long long>(call.cpu));
        if (const auto last = last_task.find(call.cpu); last != last_task.end() && last->second != call.task)
            text += " ------------------------------------------\n" + std::string(cpu.data()) +
                    task_text(last->second) + " => " + task_text(call.task) +
                    "\n ------------------------------------------\n\n";
        last_task[call.cpu] = call.task;
        const bool entry = moment.kind == Moment::Kind::Entry;
        text += cpu.data();
        text += entry ? std::string(14, ' ') : duration_text(call.duration);
        text += "|  " + std::string(call.depth * 2, ' ');
        text += moment.kind == Moment::Kind::Exit ? "}" : call.function + (entry ? "() {" : "();");
        text += '\n';
    }
    return text;
}

std::vector<TracedCall> traced_calls(const RunReader& run, std::uint64_t most) {
    const StoredEvents events = run.events("functions", most);
    const auto column = [&](std::string_view name) {
        const auto found = std::ranges::find(events.schema.columns, name, &EventColumn::name);
        if (found == events.schema.columns.end())
            throw InputError(run.path().string() + ": /events/functions has no column " + std::string(name));
        return static_cast<std::size_t>(found - events.schema.columns.begin());
    };
    const std::size_t time = column("time"), duration = column("duration"), task = column("task"),
                      cpu = column("cpu"), depth = column("depth"), function = column("function");
    std::vector<TracedCall> calls;
    calls.reserve(events.read);
    for (std::uint64_t row = 0; row < events.read; ++row)
        calls.push_back({.time = number(events.cell(row, time)),
                         .duration = number(events.cell(row, duration)),
                         .task = number(events.cell(row, task)),
                         .cpu = number(events.cell(row, cpu)),
                         .depth = number(events.cell(row, depth)),
                         .function = events.cell(row, function)});
    return calls;
}

} // namespace pagewalk::results
