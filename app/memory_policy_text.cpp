#include "app/memory_policy_text.h"

#include "app/cpu_list.h"

#include <utility>

namespace pagewalk::app {

std::expected<os::MemoryPolicy, std::string> parse_memory_policy(std::string_view text, std::size_t nodes) {
    using Mode = os::MemoryPolicy::Mode;
    if (text == "local") return os::MemoryPolicy();
    for (const auto& [name, mode] : {std::pair<std::string_view, Mode>{"preferred:", Mode::Preferred},
                                     {"bind:", Mode::Bind},
                                     {"interleave:", Mode::Interleave}}) {
        if (!text.starts_with(name)) continue;
        const auto numbers = parse_number_list(text.substr(name.size()), nodes);
        if (!numbers || (mode == Mode::Preferred && numbers->size() != 1)) break;
        os::NodeMask mask;
        for (const std::size_t node : *numbers) mask.insert(static_cast<NodeId>(node));
        return os::MemoryPolicy(mode, mask);
    }
    return std::unexpected(
        "wants local, preferred:NODE, bind:NODES or interleave:NODES, with nodes from 0 to " +
        std::to_string(nodes - 1) +
        " (machine.sockets x machine.clusters, then a CXL expander), such as interleave:0-1");
}

} // namespace pagewalk::app
