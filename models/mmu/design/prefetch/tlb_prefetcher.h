#pragma once

#include "base/address.h"
#include "models/mmu/design/design_config.h"
#include "models/mmu/translation_design.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pagewalk::models {

/// Numbers of 4 KiB pages.
[[nodiscard]] inline std::uint64_t page_number_of(VirtAddr address) { return address.value() >> page_shift; }
[[nodiscard]] inline VirtAddr address_of_page(std::uint64_t page) { return VirtAddr(page << page_shift); }

/// Pages whose translations a prefetcher wants. Those beyond `most` are not taken.
class WantedPages {
public:
    static constexpr std::size_t most = 16;

    void add(std::uint64_t page) {
        if (m_count < most) m_pages[m_count++] = page;
    }
    [[nodiscard]] std::span<const std::uint64_t> pages() const { return {m_pages.data(), m_count}; }

private:
    std::array<std::uint64_t, most> m_pages{};
    std::size_t m_count = 0;
};

/// Predicts from the misses of the second-level TLB which pages will miss next. Contract: never allocates.
class TlbPrefetcher {
public:
    /// How a miss was served: by a walk, or by what was prefetched.
    enum class ServedBy : std::uint8_t { Walk, Buffer };
    /// Where a prefetch gets its entry: by a walk of its own, or from the line that the miss's walk read.
    enum class Source : std::uint8_t { Walk, SameLine };

    virtual ~TlbPrefetcher() = default;
    /// Learns from a miss. Returns what is wanted after it.
    [[nodiscard]] virtual WantedPages train(const TlbMiss& miss, ServedBy served) = 0;
    [[nodiscard]] virtual Source source() const { return Source::Walk; }
};

} // namespace pagewalk::models
