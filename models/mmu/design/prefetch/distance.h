#pragma once

#include "models/mmu/design/prefetch/tlb_prefetcher.h"

#include <array>
#include <utility>
#include <vector>

namespace pagewalk::models {

/// Which distances between successive misses follow a distance: a row for each of the last two that did.
/// Source: Kandiraju and Sivasubramaniam, "Going the Distance for TLB Prefetching", ISCA 2002.
class DistanceTlbPrefetcher final : public TlbPrefetcher {
public:
    explicit DistanceTlbPrefetcher(const TlbPrefetchConfig& config) : m_table(config.table) {}

    [[nodiscard]] WantedPages train(const TlbMiss& miss, ServedBy) override {
        const std::uint64_t page = page_number_of(miss.address);
        const std::uint64_t distance = page - std::exchange(m_page, page); // modulo 2^64: may go down
        learn(m_distance, distance);
        m_distance = distance;
        WantedPages wanted;
        if (const Row& row = row_of(distance); row.distance == distance)
            for (const std::uint64_t next : row.next)
                if (next != 0) wanted.add(page + next);
        return wanted;
    }

private:
    struct Row {
        std::uint64_t distance = 0;
        std::array<std::uint64_t, 2> next{}; ///< the latest first; 0: none
    };
    [[nodiscard]] Row& row_of(std::uint64_t distance) { return m_table[distance % m_table.size()]; }
    void learn(std::uint64_t before, std::uint64_t after) {
        Row& row = row_of(before);
        if (row.distance != before) row = {before, {}};
        if (row.next[0] == after) return;
        row.next[1] = std::exchange(row.next[0], after);
    }

    std::uint64_t m_page = 0;
    std::uint64_t m_distance = 0;
    std::vector<Row> m_table;
};

} // namespace pagewalk::models
