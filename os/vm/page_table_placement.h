#pragma once

#include "base/ids.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace pagewalk::os {

/// On which node programs' page tables lie.
struct PageTablePlacement {
    enum class Kind : std::uint8_t {
        FirstTouch, ///< where Linux has them: as the policy of the task says that needs the table first
        Node,       ///< on one node first, whoever needs them
        Replicated, ///< as FirstTouch, with a copy on each other node that has memory for it
    };
    Kind kind = Kind::FirstTouch;
    NodeId node{}; ///< of Kind::Node

    bool operator==(const PageTablePlacement&) const = default;

    /// Reads "first_touch", "replicated" or the number of one of `nodes` nodes. Errors: what is wanted.
    [[nodiscard]] static std::expected<PageTablePlacement, std::string> parse(std::string_view text,
                                                                              std::size_t nodes);
};

} // namespace pagewalk::os
