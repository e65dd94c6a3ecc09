#include "workloads/qemu/initial_map.h"

#include "base/error.h"
#include "workloads/qemu/memory_file.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace pagewalk::workloads {

namespace {

struct HostRange {
    std::uint64_t start = 0, end = 0, offset = 0;
    std::string file;
};

std::uint64_t hex(std::string_view text) {
    std::uint64_t value = 0;
    if (text.starts_with("0x")) text.remove_prefix(2);
    std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return value;
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (true) {
        const auto first = line.find_first_not_of(" \t");
        if (first == std::string_view::npos) return words;
        line.remove_prefix(first);
        const auto last = std::min(line.find_first_of(" \t"), line.size());
        words.push_back(line.substr(0, last));
        line.remove_prefix(last);
    }
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

/// File-backed ranges of a /proc/<pid>/maps text.
std::vector<HostRange> file_ranges(std::string_view maps) {
    std::vector<HostRange> ranges;
    for (const std::string_view line : lines_of(maps)) {
        const auto words = words_of(line);
        const auto slash = line.find('/');
        if (words.size() < 6 || slash == std::string_view::npos || words[4] == "0") continue;
        const auto dash = words[0].find('-');
        ranges.push_back({hex(words[0].substr(0, dash)), hex(words[0].substr(dash + 1)), hex(words[2]),
                          std::string(line.substr(slash))});
    }
    return ranges;
}

struct LoadedProgram {
    std::vector<InitialMapping> ranges;
    std::optional<std::uint64_t> start_stack, end_data, brk;
};

/// execve clears the rest of the page in which the initialised data end, where more follow; and it has put
/// the arguments on the stack.
void note_written(InitialMapping& mapping, const LoadedProgram& loaded) {
    const auto contains = [&](std::uint64_t at) {
        return mapping.start.value() <= at && at < mapping.end.value();
    };
    if (contains(*loaded.start_stack)) {
        mapping.grows_down = true;
        mapping.written_from = VirtAddr(*loaded.start_stack);
        mapping.written_to = mapping.end;
    }
    if (!loaded.end_data || !contains(*loaded.end_data) || *loaded.brk <= *loaded.end_data) return;
    const VirtAddr end_data(*loaded.end_data);
    if (end_data.page_offset() == 0) return;
    mapping.written_from = end_data;
    mapping.written_to = end_data.page() + page_size;
}

/// Splits a range where file-backed memory begins or ends.
void append_split(std::vector<InitialMapping>& mappings, const InitialMapping& mapping,
                  const std::vector<HostRange>& files) {
    std::uint64_t at = mapping.start.value();
    const std::uint64_t end = mapping.end.value();
    while (at < end) {
        InitialMapping piece = mapping;
        std::uint64_t stop = end;
        for (const HostRange& file : files) {
            if (file.start <= at && at < file.end) {
                piece.file = file.file;
                piece.file_offset = file.offset + (at - file.start);
                stop = std::min(stop, file.end);
            } else if (file.start > at) {
                stop = std::min(stop, file.start);
            }
        }
        piece.start = VirtAddr(at);
        piece.end = VirtAddr(stop);
        piece.written_from = std::clamp(mapping.written_from, piece.start, piece.end);
        piece.written_to = std::clamp(mapping.written_to, piece.start, piece.end);
        mappings.push_back(std::move(piece));
        at = stop;
    }
}

LoadedProgram read_log(std::string_view log) {
    const auto section = log.find("following binary load");
    if (section == std::string_view::npos)
        throw RunError("QEMU's page log does not show the program being loaded");
    LoadedProgram loaded;
    for (const std::string_view line : lines_of(log.substr(section))) {
        const auto words = words_of(line);
        if (words.size() == 2 && words[0] == "start_stack") loaded.start_stack = hex(words[1]);
        if (words.size() == 2 && words[0] == "end_data") loaded.end_data = hex(words[1]);
        if (words.size() == 2 && words[0] == "brk") loaded.brk = hex(words[1]);
        if (words.size() == 2 && words[0] == "entry") break;
        if (words.size() != 3 || words[2].size() != 3 || words[0].find('-') == std::string_view::npos)
            continue;
        const auto dash = words[0].find('-');
        InitialMapping mapping;
        mapping.start = VirtAddr(hex(words[0].substr(0, dash)));
        mapping.end = VirtAddr(hex(words[0].substr(dash + 1)));
        mapping.readable = words[2][0] == 'r';
        mapping.writable = words[2][1] == 'w';
        mapping.executable = words[2][2] == 'x';
        loaded.ranges.push_back(std::move(mapping));
    }
    return loaded;
}

} // namespace

std::vector<InitialMapping> parse_initial_map(std::string_view qemu_log, std::string_view host_maps) {
    const LoadedProgram loaded = read_log(qemu_log);
    if (!loaded.start_stack || !loaded.brk || loaded.ranges.empty()) {
        throw RunError("QEMU's page log does not name the program's stack and break");
    }
    const std::vector<HostRange> files = file_ranges(host_maps);
    std::vector<InitialMapping> mappings;
    for (InitialMapping mapping : loaded.ranges) {
        const bool vsyscall = mapping.start.value() >> 63 != 0;
        if (vsyscall || (!mapping.readable && !mapping.writable && !mapping.executable)) continue;
        note_written(mapping, loaded);
        append_split(mappings, mapping, files);
    }
    InitialMapping heap;
    heap.start = heap.end = VirtAddr((*loaded.brk + page_size - 1) & ~(page_size - 1));
    heap.writable = true;
    heap.heap = true;
    const auto place = std::ranges::find_if(mappings, [&](const auto& m) { return m.start >= heap.start; });
    mappings.insert(place, heap);
    return mappings;
}

std::vector<InitialMapping> probe_initial_map(ProcessSetup setup, const std::string& plugin_option,
                                              const std::vector<std::string>& qemu_arguments) {
    const MemoryFile log("pagewalk-log"), maps("pagewalk-maps"), errors("pagewalk-errors");
    setup.argv = {setup.path,
                  "-d",
                  "page",
                  "-D",
                  "/dev/fd/" + std::to_string(log.descriptor()),
                  "-plugin",
                  plugin_option + ",probe=" + std::to_string(maps.descriptor())};
    setup.argv.insert(setup.argv.end(), qemu_arguments.begin(), qemu_arguments.end());
    setup.stdin_file = setup.stdout_file = "/dev/null";
    setup.stderr_file.clear();
    setup.stderr_descriptor = errors.descriptor();
    setup.inherited = {log.descriptor(), maps.descriptor()};
    const int status = GuestProcess(setup).wait();
    const std::string host_maps = maps.text();
    if (status != 0 || host_maps.empty()) {
        std::string message = errors.text();
        while (!message.empty() && message.back() == '\n') message.pop_back();
        throw InputError(setup.path + " cannot load the program (exit status " + std::to_string(status) +
                         "): " + (message.empty() ? "no message" : message));
    }
    return parse_initial_map(log.text(), host_maps);
}

} // namespace pagewalk::workloads
