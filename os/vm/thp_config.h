#pragma once

#include "base/option.h"
#include "base/time.h"
#include "os/page/gfp.h"

#include <cstdint>

namespace pagewalk::os {

/// Which areas may have transparent huge pages.
enum class ThpEnabled : std::uint8_t {
    Always,
    Madvise, ///< those with MADV_HUGEPAGE
    Never,
};
/// What page faults do where no huge page is free.
enum class ThpDefrag : std::uint8_t {
    Always,
    Defer,        ///< let kswapd and kcompactd make some
    DeferMadvise, ///< compact and reclaim for areas with MADV_HUGEPAGE, otherwise as Defer
    Madvise,      ///< compact and reclaim for areas with MADV_HUGEPAGE alone
    Never,
};

/// Transparent huge pages, as /sys/kernel/mm/transparent_hugepage has them.
struct ThpConfig {
    ThpEnabled enabled = ThpEnabled::Always;
    ThpDefrag defrag = ThpDefrag::Madvise;
    bool use_zero_page = true;

    void declare(OptionGroup thp);
    /// vma_thp_gfp_mask. `advised`: the area has MADV_HUGEPAGE.
    [[nodiscard]] GfpMask mask(bool advised) const;
};

/// How many of the 512 pages may be of a kind that makes a huge page of them less worthwhile.
struct CollapseLimits {
    std::uint64_t none = 511;   ///< not there, or the zero page
    std::uint64_t shared = 256; ///< mapped elsewhere too
};

/// As /sys/kernel/mm/transparent_hugepage/khugepaged has it.
struct KhugepagedConfig {
    CollapseLimits limits;
    std::uint64_t pages_to_scan = 4096;
    Tick scan_sleep{10'000'000'000 * ticks_per_ns};
    Tick alloc_sleep{60'000'000'000 * ticks_per_ns};

    void declare(OptionGroup khugepaged);
};

} // namespace pagewalk::os
