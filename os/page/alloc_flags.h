#pragma once

#include <cstdint>

namespace pagewalk::os {

/// What one pass over the zones may do; values as the kernel numbers them (they show in traces).
class AllocFlags {
public:
    constexpr AllocFlags() = default;
    explicit constexpr AllocFlags(std::uint32_t bits) : m_bits(bits) {}

    [[nodiscard]] constexpr std::uint32_t bits() const { return m_bits; }
    [[nodiscard]] constexpr bool any(AllocFlags other) const { return (m_bits & other.m_bits) != 0; }
    [[nodiscard]] constexpr AllocFlags without(AllocFlags other) const {
        return AllocFlags(m_bits & ~other.m_bits);
    }
    /// Index of the watermark to hold: 0 min, 1 low, 2 high.
    [[nodiscard]] constexpr unsigned watermark() const { return m_bits & 3; }

    constexpr bool operator==(const AllocFlags&) const = default;
    friend constexpr AllocFlags operator|(AllocFlags a, AllocFlags b) {
        return AllocFlags(a.m_bits | b.m_bits);
    }
    friend constexpr AllocFlags operator&(AllocFlags a, AllocFlags b) {
        return AllocFlags(a.m_bits & b.m_bits);
    }

private:
    std::uint32_t m_bits = 0;
};

namespace alloc {

inline constexpr AllocFlags wmark_min{0};
inline constexpr AllocFlags wmark_low{1};
inline constexpr AllocFlags wmark_high{2};
inline constexpr AllocFlags no_watermarks{0x4};
inline constexpr AllocFlags oom{0x8};          ///< an OOM victim: half of the reserve
inline constexpr AllocFlags non_block{0x10};   ///< cannot sleep: a quarter more of the reserve
inline constexpr AllocFlags min_reserve{0x20}; ///< __GFP_HIGH: half of the reserve
inline constexpr AllocFlags cpuset{0x40};
inline constexpr AllocFlags cma{0x80};
inline constexpr AllocFlags nofragment{0x100}; ///< do not mix mobility types in a pageblock
inline constexpr AllocFlags highatomic{0x200}; ///< may use and fill the high-order atomic reserve
inline constexpr AllocFlags kswapd{0x800};
inline constexpr AllocFlags reserves = non_block | min_reserve | highatomic | oom;

} // namespace alloc
} // namespace pagewalk::os
