#include "os/reclaim/scan_balance.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr std::size_t anon = 0, file = 2; // the inactive list of each kind; the active one follows

} // namespace

ListPages pages_to_scan(const ScanInputs& inputs) {
    // Shares of anonymous and file lists.
    std::array<std::uint64_t, 2> share{1, 1};
    std::uint64_t whole = 1;
    if (!inputs.swaps) {
        share = {0, 1};
    } else if (inputs.priority == 0 && inputs.swappiness != 0) {
        share = {1, 1}; // close to out of memory: everything
    } else if (inputs.no_file) {
        share = {1, 0};
    } else if (inputs.trims_cache) {
        share = {0, 1};
    } else {
        const std::uint64_t both = inputs.cost[0] + inputs.cost[1];
        const std::uint64_t anon_cost = both + inputs.cost[0], file_cost = both + inputs.cost[1];
        const std::uint64_t total = anon_cost + file_cost;
        share[0] = inputs.swappiness * (total + 1) / (anon_cost + 1);
        share[1] = (200 - inputs.swappiness) * (total + 1) / (file_cost + 1);
        whole = share[0] + share[1];
    }
    ListPages pages{};
    for (std::size_t list = 0; list < pages.size(); ++list)
        pages[list] = (inputs.sizes[list] >> inputs.priority) * share[list / 2] / whole;
    return pages;
}

bool adjust_targets(ListPages& left, const ListPages& targets) {
    const std::uint64_t left_anon = left[anon] + left[anon + 1], left_file = left[file] + left[file + 1];
    if (left_anon == 0 || left_file == 0) return false;
    const std::size_t done = left_file > left_anon ? anon : file;
    const std::size_t other = done == anon ? file : anon;
    const std::uint64_t target = targets[done] + targets[done + 1] + 1;
    const std::uint64_t percentage = (done == anon ? left_anon : left_file) * 100 / target;
    left[done] = left[done + 1] = 0;
    for (const std::size_t list : {other, other + 1}) {
        const std::uint64_t scanned = targets[list] - left[list];
        const std::uint64_t goal = targets[list] * (100 - percentage) / 100;
        left[list] = goal - std::min(goal, scanned);
    }
    return true;
}

} // namespace pagewalk::os
