#pragma once

#include "models/mmu/design/prefetch/tlb_prefetcher.h"

#include <array>
#include <vector>

namespace pagewalk::models {

/// The entries that lie in the line of the entry that a walk has read cost no reference: wanted are those at
/// distances (-7 to 7 pages) at which free entries have been useful. Whether they would have been is learnt
/// from a sample of all of them. Source: Vavouliotis et al., "Exploiting Page Table Locality for Agile TLB
/// Prefetching", ISCA 2021: sampling-based free TLB prefetching, its threshold and counters of 10 bits.
///
/// Approximation: one sampler stands for the paper's sampler and prefetch queue; what hits counts once.
class FreeTlbPrefetcher final : public TlbPrefetcher {
public:
    explicit FreeTlbPrefetcher(const TlbPrefetchConfig& config) : m_sampled(config.table) {}

    [[nodiscard]] Source source() const override { return Source::SameLine; }
    [[nodiscard]] WantedPages train(const TlbMiss& miss, ServedBy served) override {
        const std::uint64_t page = page_number_of(miss.address);
        if (Sample& sample = sample_of(page); sample.page == page) {
            reward(sample.place);
            sample = {};
        }
        WantedPages wanted;
        if (served == ServedBy::Buffer) return wanted;
        const std::uint64_t first = page & ~(entries_a_line - 1);
        for (std::uint64_t other = first; other < first + entries_a_line; ++other) {
            if (other == page) continue;
            const auto place = static_cast<std::size_t>(other + entries_a_line - page);
            sample_of(other) = {other, place};
            if (m_useful[place] >= threshold) wanted.add(other);
        }
        return wanted;
    }

private:
    static constexpr std::uint64_t entries_a_line = 8;
    static constexpr std::uint16_t threshold = 100;
    static constexpr std::uint16_t most = 1023;
    struct Sample {
        std::uint64_t page = ~0ULL;
        std::size_t place = 0;
    };

    [[nodiscard]] Sample& sample_of(std::uint64_t page) { return m_sampled[page % m_sampled.size()]; }
    void reward(std::size_t place) {
        if (++m_useful[place] < most) return;
        for (std::uint16_t& useful : m_useful) useful /= 2;
    }

    std::array<std::uint16_t, 2 * entries_a_line> m_useful{}; ///< by distance + 8
    std::vector<Sample> m_sampled;
};

} // namespace pagewalk::models
