#include "os/vm/hugetlb_config.h"

#include "base/error.h"
#include "base/printable.h"
#include "os/page/zonelist.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t most_pages = 1ULL << 32;

std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value > most_pages) return std::nullopt;
    return value;
}

void check(const char* key, const std::string& text, std::size_t nodes) {
    if (const auto pages = HugetlbPages::parse(text, nodes); !pages)
        throw ConfigError("os.hugetlb." + std::string(key) + " = '" + excerpt(text) + "': " + pages.error());
}

} // namespace

void HugetlbConfig::declare(OptionGroup hugetlb) {
    hugetlb.text("pages_2mib", pages_2mib,
                 {Unit::None,
                  "huge pages of 2 MiB in the pool that mappings with MAP_HUGETLB take from: a number, or "
                  "NODE:NUMBER,...",
                  "Linux 6.1: nr_hugepages = 0"});
    hugetlb.text("pages_1gib", pages_1gib, {Unit::None, "likewise of 1 GiB", "Linux 6.1: nr_hugepages = 0"});
    hugetlb.number("overcommit", overcommit, {0, most_pages},
                   {Unit::Count, "pages of 2 MiB that may be allocated beyond the pool while they are used",
                    "Linux 6.1: nr_overcommit_hugepages = 0"});
}

void HugetlbConfig::validate(std::size_t nodes) const {
    check("pages_2mib", pages_2mib, nodes);
    check("pages_1gib", pages_1gib, nodes);
}

bool HugetlbConfig::has_pages() const {
    const auto holds = [](const std::string& text) {
        const auto pages = HugetlbPages::parse(text, max_nodes);
        return pages && pages->sum() != 0;
    };
    return overcommit != 0 || holds(pages_2mib) || holds(pages_1gib);
}

std::uint64_t HugetlbPages::sum() const {
    return std::accumulate(per_node.begin(), per_node.end(), anywhere);
}

std::expected<HugetlbPages, std::string> HugetlbPages::parse(std::string_view text, std::size_t nodes) {
    const std::unexpected wanted("must be a number of pages, or NODE:NUMBER,... of nodes 0 to " +
                                 std::to_string(nodes - 1));
    HugetlbPages pages;
    if (const auto number = number_of(text)) {
        pages.anywhere = *number;
        return pages;
    }
    pages.per_node.assign(nodes, 0);
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        const std::string_view part = text.substr(at, end - at);
        const std::size_t colon = part.find(':');
        if (colon == std::string_view::npos) return wanted;
        const auto node = number_of(part.substr(0, colon)), number = number_of(part.substr(colon + 1));
        if (!node || !number || *node >= nodes) return wanted;
        pages.per_node[*node] += *number;
        at = end + 1;
    }
    return pages;
}

} // namespace pagewalk::os
