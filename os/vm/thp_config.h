#pragma once

#include "base/option.h"
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

} // namespace pagewalk::os
