#pragma once

#include "os/path/costs/cost_row.h"

namespace pagewalk::os::costs {

/// Transparent huge pages.
inline constexpr std::array huge = [] {
    using enum KernelFunction;
    return std::to_array<CostRow>({
        {HugeAnonymousPage,
         {"do_huge_pmd_anonymous_page",
          {1178, 263, 180},
          "thp_fault:do_huge_pmd_anonymous_page - thp_fault:vma_alloc_folio - thp_fault:clear_huge_page - "
          "thp_fault:pte_alloc_one - fault:__mem_cgroup_charge - fault:page_add_new_anon_rmap - "
          "fault:folio_add_lru",
          "thp_fault:do_huge_pmd_anonymous_page",
          ""}},
        {ClearSubpage,
         {"clear_huge_page",
          {18, 4, 2},
          "( thp_fault:clear_huge_page - 512 * clear_page_erms@min ) / 512",
          "thp_fault:clear_huge_page",
          "one of its 4 KiB pages; the clearing itself is clear_page"}},
        {MapHugeZeroPage,
         {"set_huge_zero_page",
          {217, 58, 35},
          "thp_zero_read:do_huge_pmd_anonymous_page - thp_fault:pte_alloc_one",
          "thp_zero_read:do_huge_pmd_anonymous_page",
          ""}},
        {WpHugePage,
         {"do_huge_pmd_wp_page",
          {215, 53, 24},
          "thp_wp_reuse:do_huge_pmd_wp_page",
          "thp_wp_reuse:do_huge_pmd_wp_page",
          ""}},
        {SplitHugePmd,
         {"__split_huge_pmd",
          {79, 18, 4},
          "thp_mprotect_part:__split_huge_pmd / 512",
          "thp_mprotect_part:__split_huge_pmd",
          "one of the 512 entries"}},
        {SplitHugeZeroPmd,
         {"__split_huge_zero_page_pmd",
          {52, 9, 2},
          "thp_zero_wp:__split_huge_pmd / 512",
          "thp_zero_wp:__split_huge_pmd",
          "one of the 512 entries"}},
        {SplitHugePage,
         {"split_huge_page_to_list",
          {1498, 375, 173},
          "( thp_free_part:split_huge_page_to_list - thp_mprotect_part:__split_huge_pmd ) / 512",
          "thp_free_part:split_huge_page_to_list",
          "one of the 512 pages: its entry is taken out and put back; the mapping was split before"}},
        {ZapHugePmd,
         {"zap_huge_pmd", {346, 91, 55}, "thp_munmap:zap_huge_pmd", "thp_munmap:zap_huge_pmd", ""}},
        {CopyHugePmd,
         {"copy_huge_pmd",
          {292, 74, 49},
          "thp_fork:copy_huge_pmd - thp_fault:pte_alloc_one",
          "thp_fork:copy_huge_pmd",
          ""}},
        {CollapseScan,
         {"hpage_collapse_scan_pmd",
          {117, 23, 16},
          "khugepaged:hpage_collapse_scan_pmd",
          "khugepaged:hpage_collapse_scan_pmd",
          "a huge page already, or nothing"}},
        {CollapseScanPte,
         {"collapse_scan_pte",
          {14, 3, 2},
          "( madv_collapse:hpage_collapse_scan_pmd - madv_collapse:collapse_huge_page ) / 512",
          "khugepaged:hpage_collapse_scan_pmd",
          "one of the 512 entries"}},
        {CollapsePte,
         {"__collapse_huge_page_copy",
          {1430, 373, 208},
          "madv_collapse:page - isolate_lru_folios / 32 - fault:folio_add_lru - "
          "fork_pages/4096:page_remove_rmap - free_unref_page",
          "madv_collapse:page",
          "one of the 512 entries, where a page is there"}},
    });
}();

} // namespace pagewalk::os::costs
