#pragma once

#include <cstdint>

namespace pagewalk::os {

/// Properties of an object cache: the bits of Linux 6.1, so that a real kernel's masks can be used as they
/// are. Source: sys/kernel/slab attributes and flag words of captured kernels; historical bits have numbers
/// of ours.
class SlabFlags {
public:
    constexpr SlabFlags() = default;
    explicit constexpr SlabFlags(std::uint32_t bits) : m_bits(bits) {}

    [[nodiscard]] constexpr std::uint32_t bits() const { return m_bits; }
    [[nodiscard]] constexpr bool any(SlabFlags other) const { return (m_bits & other.m_bits) != 0; }
    [[nodiscard]] constexpr bool all(SlabFlags other) const {
        return (m_bits & other.m_bits) == other.m_bits;
    }
    [[nodiscard]] constexpr SlabFlags without(SlabFlags other) const {
        return SlabFlags(m_bits & ~other.m_bits);
    }

    constexpr bool operator==(const SlabFlags&) const = default;
    friend constexpr SlabFlags operator|(SlabFlags a, SlabFlags b) { return SlabFlags(a.m_bits | b.m_bits); }
    friend constexpr SlabFlags operator&(SlabFlags a, SlabFlags b) { return SlabFlags(a.m_bits & b.m_bits); }
    constexpr SlabFlags& operator|=(SlabFlags other) {
        m_bits |= other.m_bits;
        return *this;
    }

private:
    std::uint32_t m_bits = 0;
};

namespace slab_flag {

inline constexpr SlabFlags no_reap{0x10};            ///< historical (2.4): periodic reaping passes it by
inline constexpr SlabFlags must_hwcache_align{0x20}; ///< historical (2.4): a whole line even for tiny objects
inline constexpr SlabFlags consistency_checks{0x100}; ///< check freelists and pointers on every free
inline constexpr SlabFlags red_zone{0x400};           ///< guard bytes around each object
inline constexpr SlabFlags poison{0x800};             ///< free objects hold a known pattern
inline constexpr SlabFlags kmalloc{0x1000};           ///< one of kmalloc's own caches
inline constexpr SlabFlags hwcache_align{0x2000};
inline constexpr SlabFlags cache_dma{0x4000};   ///< pages from ZONE_DMA
inline constexpr SlabFlags cache_dma32{0x8000}; ///< pages from ZONE_DMA32
inline constexpr SlabFlags store_user{0x10000}; ///< remember who allocated and freed
inline constexpr SlabFlags reclaim_account{0x20000};
inline constexpr SlabFlags panic{0x40000}; ///< creating it must not fail
inline constexpr SlabFlags typesafe_by_rcu{0x80000};
inline constexpr SlabFlags mem_spread{0x100000};
inline constexpr SlabFlags trace{0x200000};
inline constexpr SlabFlags debug_objects{0x400000};
inline constexpr SlabFlags noleaktrace{0x800000};
inline constexpr SlabFlags failslab{0x2000000};
inline constexpr SlabFlags account{0x4000000}; ///< charged to the memory cgroup
inline constexpr SlabFlags no_user_flags{0x10000000};
inline constexpr SlabFlags skip_kfence{0x20000000};

/// What a caller may pass; anything else is refused.
inline constexpr SlabFlags permitted = no_reap | must_hwcache_align | consistency_checks | red_zone | poison |
                                       kmalloc | hwcache_align | cache_dma | cache_dma32 | store_user |
                                       reclaim_account | panic | typesafe_by_rcu | mem_spread | trace |
                                       debug_objects | noleaktrace | failslab | account | no_user_flags;
/// Any of these takes a cache off the lock-free paths.
inline constexpr SlabFlags debugging = consistency_checks | red_zone | poison | store_user | trace;
inline constexpr SlabFlags never_merge =
    red_zone | poison | store_user | trace | typesafe_by_rcu | noleaktrace | failslab;
inline constexpr SlabFlags merge_same = reclaim_account | cache_dma | cache_dma32 | account;

} // namespace slab_flag
} // namespace pagewalk::os
