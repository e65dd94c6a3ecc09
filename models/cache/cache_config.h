#pragma once

#include "base/option.h"

#include <cstdint>

namespace pagewalk::models {

enum class Replacement : std::uint8_t { Lru, TreePlru, Srrip, Random };
enum class PrefetcherKind : std::uint8_t { None, NextLine, Stride };

/// One level of cache. Latency is that of a look-up in this level alone, counted from when the access reaches
/// it: the load-to-use time of a hit at a level is the sum of the latencies down to it and of the fills of
/// the levels above.
struct CacheConfig {
    std::uint64_t capacity = 0; ///< bytes; 0 = sets x ways x 64
    std::uint32_t sets = 64;
    std::uint32_t ways = 8;
    Cycles latency{5};
    Cycles fill_latency{0}; ///< from a line's arrival until it and who missed it can be served
    std::uint32_t mshrs = 16;
    std::uint32_t ports = 0; ///< accesses that begin in each port_span cycles; 0: no limit of its own
    std::uint32_t port_span = 1;
    Replacement replacement = Replacement::Lru;
    PrefetcherKind prefetcher = PrefetcherKind::None;
    std::uint32_t prefetch_degree = 1;   ///< lines a trigger
    std::uint32_t prefetch_distance = 1; ///< strides ahead of the access

    /// A shared cache's slices have a port of their own kind.
    enum class Scope : std::uint8_t { Private, Shared };
    void declare(OptionGroup group, const char* source, Scope scope = Scope::Private);
    /// Derives sets from capacity. Throws ConfigError naming `section` when they do not fit together.
    void validate(const char* section);
    [[nodiscard]] std::uint64_t lines() const { return std::uint64_t{sets} * ways; }

    [[nodiscard]] static CacheConfig l1i();
    [[nodiscard]] static CacheConfig l1d();
    [[nodiscard]] static CacheConfig l2();
};

/// Through which cache the page walker's loads go. Llc: what the core's own caches hold comes from there all
/// the same; what they do not hold comes into none of them.
enum class WalksThrough : std::uint8_t { L1d, L2, Llc };
/// Whether a line leaves the L1 caches when L2 drops it.
enum class L1Inclusion : std::uint8_t { NonInclusive, Inclusive };

/// The private caches of one core.
struct PrivateHierarchyConfig {
    CacheConfig l1i = CacheConfig::l1i();
    CacheConfig l1d = CacheConfig::l1d();
    CacheConfig l2 = CacheConfig::l2();
    WalksThrough walks_through = WalksThrough::L1d;
    L1Inclusion l1_inclusion = L1Inclusion::NonInclusive;
    bool perfect_l2 = false;

    void declare(OptionGroup group);
    void validate();
    [[nodiscard]] std::uint64_t lines() const { return l1i.lines() + l1d.lines() + l2.lines(); }
};

/// Which lines the last-level cache takes.
enum class LlcPolicy : std::uint8_t {
    NonInclusive, ///< fills from memory and write-backs; dropping one leaves the private copies alone
    Inclusive,    ///< as above, but dropping one drops the private copies
    Victim,       ///< only what L2 drops
};

struct LlcConfig {
    CacheConfig cache; ///< of one slice
    std::uint32_t slices = 1;
    std::uint64_t frequency = 2'400'000'000; ///< Hz
    LlcPolicy policy = LlcPolicy::NonInclusive;
    Cycles port{1};              ///< how long a request occupies its slice's port
    Cycles snoop{30};            ///< from the look-up to a private cache and back
    std::uint32_t ddio_ways = 2; ///< that devices' writes may take; 0: they go to memory

    LlcConfig();
    void declare(OptionGroup group);
    void validate();
};

} // namespace pagewalk::models
