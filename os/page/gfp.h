#pragma once

#include "os/page/migratetype.h"
#include "os/page/zone_type.h"

#include <cstdint>
#include <expected>
#include <string>

namespace pagewalk::os {

/// An allocation request's flags: the bits of Linux 6.1 without KASAN_HW_TAGS and LOCKDEP, so that masks of a
/// real trace can be used as they are. Source: Documentation/core-api/memory-allocation.rst, tracepoint
/// format files.
class GfpMask {
public:
    constexpr GfpMask() = default;
    explicit constexpr GfpMask(std::uint32_t bits) : m_bits(bits) {}

    [[nodiscard]] constexpr std::uint32_t bits() const { return m_bits; }
    /// Any of `other`'s bits is set.
    [[nodiscard]] constexpr bool any(GfpMask other) const { return (m_bits & other.m_bits) != 0; }
    [[nodiscard]] constexpr bool all(GfpMask other) const { return (m_bits & other.m_bits) == other.m_bits; }
    [[nodiscard]] constexpr GfpMask without(GfpMask other) const { return GfpMask(m_bits & ~other.m_bits); }

    constexpr bool operator==(const GfpMask&) const = default;
    friend constexpr GfpMask operator|(GfpMask a, GfpMask b) { return GfpMask(a.m_bits | b.m_bits); }
    friend constexpr GfpMask operator&(GfpMask a, GfpMask b) { return GfpMask(a.m_bits & b.m_bits); }

private:
    std::uint32_t m_bits = 0;
};

namespace gfp {

inline constexpr GfpMask dma_zone{0x1};
inline constexpr GfpMask highmem{0x2};
inline constexpr GfpMask dma32_zone{0x4};
inline constexpr GfpMask movable{0x8};
inline constexpr GfpMask reclaimable{0x10};
inline constexpr GfpMask high{0x20};
inline constexpr GfpMask io{0x40};
inline constexpr GfpMask fs{0x80};
inline constexpr GfpMask zero{0x100};
inline constexpr GfpMask atomic_bit{0x200};
inline constexpr GfpMask direct_reclaim{0x400};
inline constexpr GfpMask kswapd_reclaim{0x800};
inline constexpr GfpMask write{0x1000};
inline constexpr GfpMask nowarn{0x2000};
inline constexpr GfpMask retry_mayfail{0x4000};
inline constexpr GfpMask nofail{0x8000};
inline constexpr GfpMask noretry{0x10000};
inline constexpr GfpMask memalloc{0x20000};
inline constexpr GfpMask comp{0x40000};
inline constexpr GfpMask nomemalloc{0x80000};
inline constexpr GfpMask hardwall{0x100000};
inline constexpr GfpMask thisnode{0x200000};
inline constexpr GfpMask account{0x400000};
inline constexpr GfpMask zerotags{0x800000};
inline constexpr GfpMask known_bits{0xffffff};

inline constexpr GfpMask reclaim = direct_reclaim | kswapd_reclaim;
inline constexpr GfpMask atomic = high | atomic_bit | kswapd_reclaim;
inline constexpr GfpMask kernel = reclaim | io | fs;
inline constexpr GfpMask kernel_account = kernel | account;
inline constexpr GfpMask nowait = kswapd_reclaim;
inline constexpr GfpMask noio = reclaim;
inline constexpr GfpMask nofs = reclaim | io;
inline constexpr GfpMask user = reclaim | io | fs | hardwall;
inline constexpr GfpMask dma = dma_zone;
inline constexpr GfpMask dma32 = dma32_zone;
inline constexpr GfpMask highuser = user | highmem;
inline constexpr GfpMask highuser_movable = highuser | movable;
inline constexpr GfpMask transhuge_light = (highuser_movable | comp | nomemalloc | nowarn).without(reclaim);
inline constexpr GfpMask transhuge = transhuge_light | direct_reclaim;

} // namespace gfp

/// The list a request is served from.
[[nodiscard]] constexpr Migratetype migratetype_of(GfpMask mask) {
    return static_cast<Migratetype>((mask.bits() >> 3) & 3);
}

/// The highest zone a request may use in `layout`: a zone selector that the layout lacks means Normal.
[[nodiscard]] constexpr ZoneType highest_zone(GfpMask mask, ZoneLayout layout) {
    if (mask.any(gfp::dma_zone)) return has_zone(layout, ZoneType::Dma) ? ZoneType::Dma : ZoneType::Normal;
    if (mask.any(gfp::dma32_zone))
        return has_zone(layout, ZoneType::Dma32) ? ZoneType::Dma32 : ZoneType::Normal;
    if (mask.all(gfp::highmem | gfp::movable)) return ZoneType::Movable;
    if (mask.any(gfp::highmem))
        return has_zone(layout, ZoneType::HighMem) ? ZoneType::HighMem : ZoneType::Normal;
    return ZoneType::Normal;
}

/// At most one zone selector, at most one kind of mobility.
[[nodiscard]] constexpr bool is_consistent(GfpMask mask) {
    const std::uint32_t selectors = mask.bits() & 0x7;
    return (selectors & (selectors - 1)) == 0 && !mask.all(gfp::movable | gfp::reclaimable);
}

/// Says why the kernel would refuse or warn about `mask`: unknown bits, two zone selectors, both mobility
/// bits.
[[nodiscard]] std::expected<void, std::string> check(GfpMask mask);

/// As the kernel's tracepoints print it: composite names first, left-over bits in hexadecimal, `none` for
/// zero.
[[nodiscard]] std::string to_string(GfpMask mask);

} // namespace pagewalk::os
