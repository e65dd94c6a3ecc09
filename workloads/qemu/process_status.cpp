#include "workloads/qemu/process_status.h"

namespace pagewalk::workloads {
namespace {

constexpr std::size_t longest_name = 15; // TASK_COMM_LEN - 1

/// The line of `text` that begins with `key`, its end included; empty where there is none.
std::string_view line_of(std::string_view text, std::string_view key) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        const std::string_view line = text.substr(at, end == std::string_view::npos ? end : end - at + 1);
        if (line.starts_with(key)) return line;
        at += line.size();
    }
    return {};
}

} // namespace

std::string joined_status(std::string_view hosts, std::string_view simulated, std::string_view name) {
    std::string joined;
    while (!hosts.empty()) {
        const std::size_t end = hosts.find('\n');
        const std::string_view line = hosts.substr(0, end == std::string_view::npos ? end : end + 1);
        hosts.remove_prefix(line.size());
        const std::string_view key = line.substr(0, line.find(':') + 1);
        const std::string_view instead = line_of(simulated, key);
        if (key == "Name:" && !name.empty())
            joined += "Name:\t" + std::string(name.substr(0, longest_name)) + "\n";
        else
            joined += instead.empty() ? line : instead;
    }
    return joined;
}

} // namespace pagewalk::workloads
