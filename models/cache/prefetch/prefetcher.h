#pragma once

#include "base/address.h"
#include "models/cache/cache_config.h"
#include "models/cache/prefetch/next_line.h"
#include "models/cache/prefetch/stride.h"

#include <cstdint>

namespace pagewalk::models {

/// The prefetcher of one cache: which lines to fetch after an access. Chosen by the configuration.
class Prefetcher {
public:
    explicit Prefetcher(const CacheConfig& config)
        : m_kind(config.prefetcher), m_degree(config.prefetch_degree), m_distance(config.prefetch_distance),
          m_stride(config.prefetcher == PrefetcherKind::Stride) {}

    [[nodiscard]] bool active() const { return m_kind != PrefetcherKind::None; }

    /// Calls `fetch(PhysAddr)` for each line to be prefetched after an access to `address` by the instruction
    /// at `pc`. Never leaves the 4 KiB page: what lies behind it physically is another matter.
    template <class Fetch>
    void train(PhysAddr address, VirtAddr pc, Fetch&& fetch) {
        switch (m_kind) {
        case PrefetcherKind::None:
            return;
        case PrefetcherKind::NextLine:
            prefetch::next_line(address, m_distance, m_degree, fetch);
            return;
        case PrefetcherKind::Stride:
            m_stride.train(address, pc, m_distance, m_degree, fetch);
            return;
        }
    }

private:
    PrefetcherKind m_kind;
    std::uint32_t m_degree;
    std::uint32_t m_distance;
    prefetch::Stride m_stride;
};

} // namespace pagewalk::models
