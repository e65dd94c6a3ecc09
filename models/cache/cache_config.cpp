#include "models/cache/cache_config.h"

#include "base/address.h"

#include <bit>

namespace pagewalk::models {

void CacheConfig::declare(OptionGroup group, const char* source, Scope scope) {
    group.number(
        "capacity", capacity, {},
        {Unit::Bytes, "size; where set, sets follow from it and ways; 0 = sets x ways x 64 bytes", source});
    group.number("sets", sets, {1, 1U << 24, OptionRange::Shape::PowerOfTwo}, {Unit::Count, "sets", source});
    group.number("ways", ways, {1, 32}, {Unit::Count, "lines per set", source});
    group.number("latency", latency, {1, 10000},
                 {Unit::Cycles,
                  "look-up in this level; a hit's load-to-use time is the sum down to its level", source});
    group.number("fill_latency", fill_latency, {0, 10000},
                 {Unit::Cycles, "from a line's arrival at this level until who missed it is served",
                  "measured load-to-use times have it in the latency of the level below"});
    group.number("mshrs", mshrs, {1, 4096}, {Unit::Count, "misses under way at a time", source});
    if (scope == Scope::Private) {
        group.number("ports", ports, {0, 64},
                     {Unit::Count,
                      "accesses that begin in each port_span cycles: loads, stores, walks, prefetches, "
                      "write-backs (0: no limit "
                      "but the core's)",
                      "assumed"});
        group.number("port_span", port_span, {1, 16},
                     {Unit::Cycles, "cycles that the ports are shared by", "assumed"});
    }
    group.choice("replacement", replacement,
                 {{Replacement::Lru, "lru"},
                  {Replacement::TreePlru, "tree_plru"},
                  {Replacement::Srrip, "srrip"},
                  {Replacement::Random, "random"}},
                 {Unit::None, "which line of a set makes room", "assumed"});
    group.choice("prefetcher", prefetcher,
                 {{PrefetcherKind::None, "none"},
                  {PrefetcherKind::NextLine, "next_line"},
                  {PrefetcherKind::Stride, "stride"}},
                 {Unit::None, "prefetcher trained by the accesses to this level", "assumed"});
    group.number("prefetch_degree", prefetch_degree, {1, 16},
                 {Unit::Count, "lines prefetched per trigger", "assumed"});
    group.number("prefetch_distance", prefetch_distance, {1, 64},
                 {Unit::Count, "how many lines or strides ahead the first of them is", "assumed"});
}

void CacheConfig::validate(const char* section) {
    if (capacity == 0) return;
    const std::uint64_t bytes_a_set = ways * line_size;
    if (capacity % bytes_a_set != 0 || !std::has_single_bit(capacity / bytes_a_set))
        throw ConfigError(std::string(section) + ".capacity = " + format_quantity(capacity, Unit::Bytes) +
                          " with " + std::string(section) + ".ways = " + std::to_string(ways) +
                          ": the number of sets, capacity / (ways x 64 bytes), must be a power of two");
    sets = static_cast<std::uint32_t>(capacity / bytes_a_set);
}

CacheConfig CacheConfig::l1i() {
    CacheConfig config;
    config.sets = 64;
    config.ways = 8;
    config.latency = Cycles(4);
    config.mshrs = 8;
    return config;
}

CacheConfig CacheConfig::l1d() {
    CacheConfig config;
    config.sets = 64;
    config.ways = 12;
    config.latency = Cycles(5);
    config.mshrs = 16;
    return config;
}

CacheConfig CacheConfig::l2() {
    CacheConfig config;
    config.sets = 1024;
    config.ways = 20;
    config.latency = Cycles(9);
    config.mshrs = 48;
    return config;
}

void PrivateHierarchyConfig::declare(OptionGroup group) {
    l1i.declare(group.group("l1i"), "Intel optimization manual (248966), Ice Lake client: 32 KiB, 8-way; "
                                    "latency and MSHRs as ChampSim's default");
    l1d.declare(group.group("l1d"), "Intel optimization manual (248966), Ice Lake client: 48 KiB, 12-way, 5 "
                                    "cycles; 16 fill buffers as Golden Cove");
    l2.declare(group.group("l2"), "Intel optimization manual (248966), Ice Lake server: 1.25 MiB, 20-way, 14 "
                                  "cycles load to use = 5 + 9; 48 outstanding misses as Golden Cove");
    group.flag(
        "perfect_l2", perfect_l2,
        {Unit::None, "every access that reaches L2 hits it (what if nothing missed L2); one CPU", "user"});
    group.choice("walks_through", walks_through,
                 {{WalksThrough::L1d, "l1d"}, {WalksThrough::L2, "l2"}, {WalksThrough::Llc, "llc"}},
                 {Unit::None,
                  "cache that page-walk loads look up first; with llc, what the core's own caches hold comes "
                  "from there",
                  "assumed"});
    group.choice("l1_inclusion", l1_inclusion,
                 {{L1Inclusion::NonInclusive, "non_inclusive"}, {L1Inclusion::Inclusive, "inclusive"}},
                 {Unit::None, "whether what L2 drops leaves L1 too",
                  "Intel optimization manual (248966): L2 does not include L1"});
}

void PrivateHierarchyConfig::validate() {
    l1i.validate("l1i");
    l1d.validate("l1d");
    l2.validate("l2");
}

LlcConfig::LlcConfig() {
    cache.sets = 2048;
    cache.ways = 12;
    cache.latency = Cycles(40);
    cache.mshrs = 48;
}

void LlcConfig::declare(OptionGroup group) {
    cache.declare(group,
                  "Intel optimization manual (248966), Ice Lake server: 1.5 MiB, 12-way per core; latency "
                  "assumed (about 70 core cycles load to use at 3.4 GHz), MSHRs assumed",
                  CacheConfig::Scope::Shared);
    group.number("slices", slices, {1, 256},
                 {Unit::Count, "slices, each with its own sets, port and MSHRs; lines are spread by a hash",
                  "Ice Lake server has one per core; here 1, set it to the number of cores"});
    group.number("frequency", frequency, {1'000'000, 10'000'000'000},
                 {Unit::Hertz, "clock of the cache and its interconnect", "assumed"});
    group.choice("policy", policy,
                 {{LlcPolicy::NonInclusive, "non_inclusive"},
                  {LlcPolicy::Inclusive, "inclusive"},
                  {LlcPolicy::Victim, "victim"}},
                 {Unit::None,
                  "non_inclusive and inclusive fill on a miss, inclusive drops private copies with the line; "
                  "victim takes only what L2 drops",
                  "ChampSim's default"});
    group.number("port", port, {1, 1000},
                 {Unit::Cycles, "how long a request occupies its slice's port", "assumed"});
    group.number("snoop", snoop, {0, 10000},
                 {Unit::Cycles, "from the look-up to another core's private caches and back", "assumed"});
    group.number(
        "ddio_ways", ddio_ways, {0, 32},
        {Unit::Count,
         "ways that lines written by devices may take (Intel DDIO); 0: they go to memory; all of them "
         "where the cache has fewer",
         "assumed: 2"});
}

void LlcConfig::validate() { cache.validate("llc"); }

} // namespace pagewalk::models
