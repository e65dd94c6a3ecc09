#pragma once

#include "base/enum_table.h"
#include "base/option.h"
#include "base/time.h"
#include "models/mmu/tlb.h"

#include <cstdint>

namespace pagewalk::models {

enum class TranslationDesignKind : std::uint8_t {
    None,
    VictimTlb,
    SequentialPrefetch,
    StridePrefetch,
    DistancePrefetch,
    FreePrefetch,
    CoalescedTlb,
    PomTlb,
    Victima,
    RangeTlb,
    Spot,
    Asap,
};

struct VictimTlbConfig {
    TlbConfig tlb{64, 64};
    Cycles latency{2};

    void declare(OptionGroup group);
};

struct TlbPrefetchConfig {
    TlbConfig buffer{64, 64};
    Cycles latency{2};
    std::uint32_t degree = 1;
    std::uint32_t table = 64;

    void declare(OptionGroup group);
};

struct CoalescedTlbConfig {
    TlbConfig tlb{2048, 16};
    std::uint32_t pages = 8;

    void declare(OptionGroup group);
};

struct PomTlbConfig {
    std::uint64_t size = 16ULL << 20;
    std::uint64_t base = 0; ///< physical, of this and all other CPUs' tables; not an option: the machine says

    void declare(OptionGroup group);
};

struct VictimaConfig {
    Cycles costly_walk{30};

    void declare(OptionGroup group);
};

struct RangeTlbConfig {
    std::uint32_t entries = 32;
    Cycles walk{40};

    void declare(OptionGroup group);
};

struct SpotConfig {
    std::uint32_t entries = 32;
    Cycles wrong{20};

    void declare(OptionGroup group);
};

struct AsapConfig {
    std::uint32_t levels = 2;

    void declare(OptionGroup group);
};

/// Which translation design a core's MMU has, and the options of each.
struct DesignConfig {
    TranslationDesignKind kind = TranslationDesignKind::None;
    VictimTlbConfig victim_tlb;
    TlbPrefetchConfig prefetch;
    CoalescedTlbConfig coalesced_tlb;
    PomTlbConfig pom_tlb;
    VictimaConfig victima;
    RangeTlbConfig range_tlb;
    SpotConfig spot;
    AsapConfig asap;

    void declare(OptionGroup mmu);
    /// Throws ConfigError where a table is out of shape.
    void validate(const OptionSet& options) const;
};

} // namespace pagewalk::models
