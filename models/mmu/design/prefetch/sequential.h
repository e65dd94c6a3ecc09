#pragma once

#include "models/mmu/design/prefetch/tlb_prefetcher.h"

namespace pagewalk::models {

/// The pages that follow. Source: Kandiraju and Sivasubramaniam, "Going the Distance for TLB Prefetching",
/// ISCA 2002: sequential prefetching.
class SequentialTlbPrefetcher final : public TlbPrefetcher {
public:
    explicit SequentialTlbPrefetcher(const TlbPrefetchConfig& config) : m_degree(config.degree) {}

    [[nodiscard]] WantedPages train(const TlbMiss& miss, ServedBy) override {
        WantedPages wanted;
        for (std::uint32_t i = 1; i <= m_degree; ++i) wanted.add(page_number_of(miss.address) + i);
        return wanted;
    }

private:
    std::uint32_t m_degree;
};

} // namespace pagewalk::models
