#include "os/vm/thp_config.h"

#include "contract/page_table.h"

namespace pagewalk::os {

void ThpConfig::declare(OptionGroup thp) {
    thp.choice(
        "enabled", enabled,
        {{ThpEnabled::Always, "always"}, {ThpEnabled::Madvise, "madvise"}, {ThpEnabled::Never, "never"}},
        {Unit::None,
         "which areas have transparent huge pages: all, those with MADV_HUGEPAGE, none. Below 512 MiB of "
         "memory "
         "there are none",
         "Debian 6.1: CONFIG_TRANSPARENT_HUGEPAGE_ALWAYS; hugepage_init"});
    thp.choice(
        "defrag", defrag,
        {{ThpDefrag::Always, "always"},
         {ThpDefrag::Defer, "defer"},
         {ThpDefrag::DeferMadvise, "defer+madvise"},
         {ThpDefrag::Madvise, "madvise"},
         {ThpDefrag::Never, "never"}},
        {Unit::None,
         "what a page fault does where no huge page is free: compact and reclaim at once, wake kswapd and "
         "kcompactd, either only for areas with MADV_HUGEPAGE, nothing",
         "Linux 6.1 default"});
    thp.flag("use_zero_page", use_zero_page,
             {Unit::None, "whether reading untouched memory maps a huge zero page", "Linux 6.1 default"});
}

void KhugepagedConfig::declare(OptionGroup khugepaged) {
    constexpr std::uint64_t most_ptes = entries_per_table - 1;
    constexpr OptionRange times{1'000'000 * ticks_per_ns, 3600 * ticks_per_second};
    khugepaged.number("max_ptes_none", limits.none, {0, most_ptes},
                      {Unit::Count, "pages of 512 that may be missing where khugepaged makes a huge page",
                       "Linux 6.1 default"});
    khugepaged.number(
        "max_ptes_shared", limits.shared, {0, most_ptes},
        {Unit::Count, "pages of 512 that may be mapped by other processes too", "Linux 6.1 default"});
    khugepaged.number("pages_to_scan", pages_to_scan, {1, 1ULL << 32},
                      {Unit::Count, "pages that khugepaged looks at before it sleeps", "Linux 6.1 default"});
    khugepaged.number("scan_sleep", scan_sleep, times,
                      {Unit::Ticks, "how long khugepaged then sleeps", "Linux 6.1 default"});
    khugepaged.number("alloc_sleep", alloc_sleep, times,
                      {Unit::Ticks, "how long khugepaged sleeps where there was no huge page to be had",
                       "Linux 6.1 default"});
}

GfpMask ThpConfig::mask(bool advised) const {
    switch (defrag) {
    case ThpDefrag::Always:
        return advised ? gfp::transhuge : gfp::transhuge | gfp::noretry;
    case ThpDefrag::Defer:
        return gfp::transhuge_light | gfp::kswapd_reclaim;
    case ThpDefrag::DeferMadvise:
        return gfp::transhuge_light | (advised ? gfp::direct_reclaim : gfp::kswapd_reclaim);
    case ThpDefrag::Madvise:
        return advised ? gfp::transhuge : gfp::transhuge_light;
    case ThpDefrag::Never:
        break;
    }
    return gfp::transhuge_light;
}

} // namespace pagewalk::os
