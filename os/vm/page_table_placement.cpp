#include "os/vm/page_table_placement.h"

#include <charconv>

namespace pagewalk::os {

std::expected<PageTablePlacement, std::string> PageTablePlacement::parse(std::string_view text,
                                                                         std::size_t nodes) {
    if (text == "first_touch") return PageTablePlacement{};
    if (text == "replicated") return PageTablePlacement{.kind = Kind::Replicated};
    std::size_t node = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), node);
    if (error == std::errc{} && end == text.data() + text.size() && node < nodes)
        return PageTablePlacement{.kind = Kind::Node, .node = static_cast<NodeId>(node)};
    return std::unexpected("wants first_touch, replicated or a node from 0 to " + std::to_string(nodes - 1) +
                           " (machine.sockets x machine.clusters, then a CXL expander)");
}

} // namespace pagewalk::os
