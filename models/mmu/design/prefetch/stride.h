#pragma once

#include "models/mmu/design/prefetch/tlb_prefetcher.h"

#include <vector>

namespace pagewalk::models {

/// For each instruction the distance between the pages of its last misses; wanted where it has come twice.
/// Source: Kandiraju and Sivasubramaniam, ISCA 2002: arbitrary stride prefetching (after Baer and Chen).
class StrideTlbPrefetcher final : public TlbPrefetcher {
public:
    explicit StrideTlbPrefetcher(const TlbPrefetchConfig& config)
        : m_degree(config.degree), m_table(config.table) {}

    [[nodiscard]] WantedPages train(const TlbMiss& miss, ServedBy) override {
        const std::uint64_t page = page_number_of(miss.address);
        Row& row = m_table[miss.pc.value() % m_table.size()];
        if (row.pc != miss.pc) {
            row = {miss.pc, page, 0};
            return {};
        }
        const std::uint64_t stride = page - row.page; // modulo 2^64: may go down
        const bool steady = stride == row.stride && stride != 0;
        row.page = page;
        row.stride = stride;
        WantedPages wanted;
        if (steady)
            for (std::uint32_t i = 1; i <= m_degree; ++i) wanted.add(page + i * stride);
        return wanted;
    }

private:
    struct Row {
        VirtAddr pc{~0ULL};
        std::uint64_t page = 0;
        std::uint64_t stride = 0;
    };
    std::uint32_t m_degree;
    std::vector<Row> m_table;
};

} // namespace pagewalk::models
