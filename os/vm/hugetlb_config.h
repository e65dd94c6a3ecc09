#pragma once

#include "base/option.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// What the pools of hugetlbfs hold from boot on. Source: Documentation/admin-guide/mm/hugetlbpage.rst of
/// Linux 6.1.
struct HugetlbConfig {
    std::string pages_2mib = "0"; ///< as the boot parameter hugepages= has it
    std::string pages_1gib = "0";
    std::uint64_t overcommit = 0; ///< surplus pages of 2 MiB at most

    void declare(OptionGroup hugetlb);
    /// Throws ConfigError where a number of pages is not one, or names nodes that are not there.
    void validate(std::size_t nodes) const;
    /// Is there any, or may there be?
    [[nodiscard]] bool has_pages() const;
};

/// A pool's pages at boot.
struct HugetlbPages {
    std::uint64_t anywhere = 0;          ///< to be spread over the nodes
    std::vector<std::uint64_t> per_node; ///< empty where `anywhere` says it

    [[nodiscard]] std::uint64_t sum() const;

    /// Reads a number, or NODE:NUMBER,... of `nodes` nodes. Errors: what is wanted.
    [[nodiscard]] static std::expected<HugetlbPages, std::string> parse(std::string_view text,
                                                                        std::size_t nodes);
};

} // namespace pagewalk::os
