#pragma once

#include "os/path/costs/cost_row.h"

namespace pagewalk::os::costs {

/// Address spaces: mapping, unmapping, copies for fork.
inline constexpr std::array space = [] {
    using enum KernelFunction;
    return std::to_array<CostRow>({
        {SysMmap, {"__x64_sys_mmap", {272, 68, 40}, "__x64_sys_mmap - do_mmap", "__x64_sys_mmap", ""}},
        {DoMmap, {"do_mmap", {840, 210, 120}, "do_mmap - mmap_region", "do_mmap", ""}},
        {MmapRegion,
         {"mmap_region", {2832, 729, 425}, "mmap_region - do_mas_munmap - vm_area_alloc", "mmap_region", ""}},
        {DoMasMunmap, {"do_mas_munmap", {328, 85, 46}, "do_mas_munmap", "do_mas_munmap", "nothing to unmap"}},
        {VmAreaAlloc, {"vm_area_alloc", {24, 7, 5}, "vm_area_alloc - kmem_cache_alloc", "vm_area_alloc", ""}},
        {VmAreaDup, {"vm_area_dup", {32, 9, 5}, "vm_area_dup - kmem_cache_alloc", "vm_area_dup", ""}},
        {VmaMerge, {"vma_merge", {376, 90, 54}, "vma_merge", "vma_merge", ""}},
        {VmaAdjust, {"__vma_adjust", {2792, 712, 433}, "__vma_adjust", "__vma_adjust", ""}},
        {AnonVmaClone,
         {"anon_vma_clone", {176, 53, 37}, "anon_vma_clone - kmem_cache_alloc", "anon_vma_clone", ""}},
        {AnonVmaFork,
         {"anon_vma_fork",
          {144, 45, 31},
          "anon_vma_fork - anon_vma_clone - 2 * kmem_cache_alloc",
          "anon_vma_fork",
          ""}},
        {SysMprotect,
         {"__x64_sys_mprotect",
          {1592, 400, 250},
          "__x64_sys_mprotect - vma_merge - vm_area_dup - anon_vma_clone - __vma_adjust - tlb_finish_mmu@p10",
          "__x64_sys_mprotect",
          "the measured calls split an area"}},
        {ChangePte, {"change_pte", {132, 23, 9}, "mprotect_ro_whole:page", "mprotect_ro_whole:page", ""}},
        {TaskNumaWork,
         {"task_numa_work",
          {1293, 245, 16},
          "numa_scan:task_numa_work.rest",
          "numa_scan:task_numa_work.rest",
          "without the areas that it marks"}},
        {ChangeProtNuma,
         {"change_prot_numa",
          {380, 86, 13},
          "numa_scan:change_prot_numa@p10",
          "numa_scan:change_prot_numa@p10",
          "an area, or a part of it"}},
        {ChangeProtNumaPte,
         {"change_prot_numa_pte",
          {563, 107, 8},
          "numa_scan:change_prot_numa/pte",
          "numa_scan:change_prot_numa/pte",
          "an entry, with what is passed over before it (weak)"}},
        {DoNumaPage,
         {"do_numa_page",
          {486, 137, 67},
          "numa_fault:__handle_mm_fault - numa_fault:migrate_misplaced_page - ( reuse:__handle_mm_fault - "
          "reuse:do_wp_page )",
          "numa_fault:do_numa_page.rest",
          "with what the fault is counted for"}},
        {MigrateMisplacedPage,
         {"migrate_misplaced_page",
          {275, 74, 44},
          "numa_fault:migrate_misplaced_page.rest",
          "numa_fault:migrate_misplaced_page",
          "without isolating and moving the page"}},
        {SysMunmap,
         {"__x64_sys_munmap",
          {4674, 1227, 681},
          "munmap/64:__x64_sys_munmap - munmap/64:unmap_region + munmap/64:unmap_region.self + "
          "munmap/64:tlb_gather_mmu - munmap/64:vm_area_free - ( ( fork_vmas/513:exit_mmap.self - "
          "fork_vmas/1:exit_mmap.self ) / 512 + 2 * fork_vmas/513:__cond_resched + fork_vmas/513:vma_close + "
          "fork_vmas/513:vm_area_free.self + fork_vmas/513:mas_find + fork_vmas/513:__mt_destroy / 571 )",
          "munmap/64:__x64_sys_munmap",
          "one whole area"}},
        {RemoveVma,
         {"remove_vma",
          {220, 56, 28},
          "( fork_vmas/513:exit_mmap.self - fork_vmas/1:exit_mmap.self ) / 512 + 2 * "
          "fork_vmas/513:__cond_resched + fork_vmas/513:vma_close + fork_vmas/513:vm_area_free.self + "
          "fork_vmas/513:mas_find + fork_vmas/513:__mt_destroy / 571",
          "fork_vmas/513:exit_mmap",
          "an area of 571, with its part of the tree"}},
        {UnmapPageRange,
         {"unmap_page_range",
          {744, 190, 89},
          "unmap_page_range@p10 + fork_vmas/513:unmap_single_vma.self + fork_vmas/513:mas_find + ( "
          "fork_vmas/513:unmap_vmas.self - fork_vmas/1:unmap_vmas.self ) / 512",
          "fork_vmas/513:unmap_single_vma",
          "an area, without its pages"}},
        {ZapPte,
         {"zap_pte",
          {133, 38, 18},
          "( ( munmap/4096:unmap_page_range - unmap_page_range@p10 ) / 4096 - munmap/4096:page_remove_rmap )",
          "munmap/4096:unmap_page_range",
          "a page"}},
        {FreePgtables,
         {"free_pgtables",
          {174, 46, 25},
          "( fork_vmas/513:free_pgtables.self - fork_vmas/1:free_pgtables.self ) / 512 + "
          "fork_vmas/513:mas_find "
          "+ fork_vmas/513:unlink_file_vma",
          "fork_vmas/513:free_pgtables",
          "an area"}},
        {UnlinkAnonVma,
         {"unlink_anon_vmas",
          {128, 35, 20},
          "( fork_vmas/513:unlink_anon_vmas - 2 * fork_vmas/513:kmem_cache_free - "
          "fork_vmas/513:kmem_cache_free "
          ") / 2",
          "fork_vmas/513:unlink_anon_vmas",
          "a link of an area; two links and an anon_vma are freed"}},
        {FreePgdRange,
         {"free_pgd_range",
          {396, 101, 58},
          "munmap/64:free_pgd_range - free_pgtables:table",
          "munmap/64:free_pgd_range",
          "a run of areas"}},
        {FreeTable, {"free_table", {198, 47, 29}, "free_pgtables:table", "free_pgtables:table", ""}},
        {TlbFinish,
         {"tlb_finish_mmu", {57, 14, 9}, "munmap/64:tlb_finish_mmu.self", "munmap/64:tlb_finish_mmu", ""}},
        {ReleasePage,
         {"release_pages",
          {40, 11, 5},
          "( exit_mmap:page - ( ( munmap/4096:unmap_page_range - unmap_page_range@p10 ) / 4096 - "
          "munmap/4096:page_remove_rmap ) - fork_pages/4096:page_remove_rmap )",
          "exit_mmap:page",
          "a page that others still use"}},
        {ReleaseFreedPage,
         {"release_pages_free",
          {449, 112, 67},
          "munmap/4096:tlb_batch_pages_flush / 4106 - free_pcp_prepare - free_unref_page_commit - ( "
          "exit_mmap:page - ( ( munmap/4096:unmap_page_range - unmap_page_range@p10 ) / 4096 - "
          "munmap/4096:page_remove_rmap ) - fork_pages/4096:page_remove_rmap )",
          "munmap/4096:tlb_batch_pages_flush",
          "more, where it was the last user; 4096 pages and 10 batches"}},
        {TlbBatchFree,
         {"tlb_batch_pages_flush",
          {13, 3, 2},
          "( munmap/64:tlb_batch_pages_flush - 66 * munmap/4096:tlb_batch_pages_flush / 4106 ) / 2 - "
          "lru_add_drain",
          "munmap/64:tlb_batch_pages_flush",
          "a batch; 64 pages and 2 batches"}},
        {ExitMmap,
         {"exit_mmap",
          {215, 55, 27},
          "fork_vmas/1:exit_mmap.self - 59 * ( fork_vmas/513:exit_mmap.self - fork_vmas/1:exit_mmap.self ) / "
          "512 "
          "+ fork_vmas/1:down_read + fork_vmas/1:ldt_arch_exit_mmap + fork_vmas/1:down_write + "
          "fork_vmas/1:up_read + fork_vmas/1:up_write + fork_vmas/1:percpu_counter_add_batch + "
          "fork_vmas/1:tlb_gather_mmu_fullmm",
          "fork_vmas/513:exit_mmap",
          "without its 59 areas"}},
        {DupMmap,
         {"dup_mmap",
          {1902, 494, 259},
          "fork_vmas/1:dup_mmap.self - 59 * ( fork_vmas/513:dup_mmap.self - fork_vmas/1:dup_mmap.self ) / "
          "512 + "
          "fork_vmas/1:mas_expected_entries + fork_vmas/1:mas_destroy + fork_vmas/1:ldt_dup_context + "
          "fork_vmas/1:get_mm_exe_file",
          "fork_vmas/1:dup_mmap",
          "without its 59 areas"}},
        {DupVma,
         {"dup_mmap_vma",
          {1813, 463, 270},
          "( fork_vmas/513:dup_mmap.self - fork_vmas/1:dup_mmap.self ) / 512 + fork_vmas/129:mas_store + "
          "fork_vmas/129:mas_find + fork_vmas/129:security_vm_enough_memory_mm + "
          "fork_vmas/129:dup_userfaultfd + "
          "fork_vmas/129:vma_dup_policy + fork_vmas/129:mas_is_err",
          "dup_mmap:vma",
          "an area"}},
        {CopyPageRange,
         {"copy_page_range",
          {658, 175, 85},
          "fork_vmas/513:copy_page_range - dup_mmap:page",
          "fork_vmas/513:copy_page_range",
          "an area, with its share of new tables"}},
        {CopyPte, {"copy_pte", {117, 31, 12}, "dup_mmap:page", "dup_mmap:page", ""}},
        {SysBrk, {"__x64_sys_brk", {80, 22, 12}, "__x64_sys_brk@p10", "__x64_sys_brk", "a question"}},
        {BrkChange,
         {"do_brk_flags", {2440, 658, 355}, "__x64_sys_brk - __x64_sys_brk@p10", "__x64_sys_brk", ""}},
        {SysMadvise, {"__x64_sys_madvise", {1256, 294, 202}, "__x64_sys_madvise", "__x64_sys_madvise", ""}},
        {SysMremap,
         {"__x64_sys_mremap",
          {3481, 886, 486},
          "mremap_move/4096:__do_sys_mremap.self + mremap_move/4096:move_vma.self + "
          "mremap_move/4096:copy_vma - "
          "2 * kmem_cache_alloc",
          "mremap_move/4096:copy_vma",
          "with the copy of the area"}},
        {MovePte,
         {"move_ptes",
          {28, 5, 4},
          "mremap_move:page",
          "mremap_move:page",
          "a fit of move_page_tables over the pages"}},
    });
}();

} // namespace pagewalk::os::costs
