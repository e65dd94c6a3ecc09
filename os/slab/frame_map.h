#pragma once

#include "base/address.h"

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace pagewalk::os {

/// Which owner each frame belongs to. Grows by chunks of 4096 frames (16 MiB of memory) as frames are set.
template <class Owner>
class FrameMap {
public:
    /// Null for a frame that was never set.
    [[nodiscard]] Owner* find(Pfn frame) const {
        const std::size_t chunk = static_cast<std::size_t>(frame.value() >> chunk_bits);
        if (chunk >= m_chunks.size() || !m_chunks[chunk]) return nullptr;
        return (*m_chunks[chunk])[frame.value() & chunk_mask];
    }
    void set(Pfn first, std::size_t frames, Owner* owner) {
        for (std::size_t i = 0; i < frames; ++i) slot(first + i) = owner;
    }

private:
    static constexpr unsigned chunk_bits = 12;
    static constexpr std::uint64_t chunk_mask = (1ULL << chunk_bits) - 1;
    using Chunk = std::array<Owner*, 1ULL << chunk_bits>;

    Owner*& slot(Pfn frame) {
        const std::size_t chunk = static_cast<std::size_t>(frame.value() >> chunk_bits);
        if (chunk >= m_chunks.size()) m_chunks.resize(chunk + 1);
        if (!m_chunks[chunk]) m_chunks[chunk] = std::make_unique<Chunk>();
        return (*m_chunks[chunk])[frame.value() & chunk_mask];
    }

    std::vector<std::unique_ptr<Chunk>> m_chunks;
};

} // namespace pagewalk::os
