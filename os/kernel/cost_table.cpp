#include "os/kernel/cost_table.h"

#include "contract/kernel_layout.h"

#include <string>

namespace pagewalk::os {
namespace {

constexpr std::uint32_t bytes_per_instruction = 4; // assumed mean of kernel code

constexpr std::array<FunctionRecord, kernel_function_count> records{{
    {"asm_exc_page_fault",
     {160, 42, 25},
     "asm_exc_page_fault - do_user_addr_fault",
     "asm_exc_page_fault",
     ""},
    {"do_user_addr_fault", {424, 113, 65}, "do_user_addr_fault - handle_mm_fault", "do_user_addr_fault", ""},
    {"handle_mm_fault", {184, 51, 29}, "handle_mm_fault - __handle_mm_fault", "handle_mm_fault", ""},
    {"__handle_mm_fault",
     {217, 59, 34},
     "__handle_mm_fault@min - do_wp_page@min",
     "__handle_mm_fault",
     "the shortest fault is a reuse by do_wp_page"},
    {"do_anonymous_page",
     {343, 93, 53},
     "__handle_mm_fault - ( __handle_mm_fault@min - do_wp_page@min ) - vma_alloc_folio - __mem_cgroup_charge "
     "- page_add_new_anon_rmap - folio_add_lru",
     "__handle_mm_fault",
     ""},
    {"map_zero_page", {120, 32, 19}, "assumed 120", "__handle_mm_fault", "no read fault was measured apart"},
    {"vma_alloc_folio", {144, 36, 23}, "vma_alloc_folio - __alloc_pages", "vma_alloc_folio", ""},
    {"alloc_pages", {112, 27, 18}, "alloc_pages - __alloc_pages", "alloc_pages", ""},
    {"__alloc_pages", {112, 28, 19}, "__alloc_pages - get_page_from_freelist", "__alloc_pages", ""},
    {"get_page_from_freelist",
     {240, 63, 40},
     "get_page_from_freelist",
     "get_page_from_freelist",
     "served from a per-CPU list"},
    {"skip_zone",
     {60, 16, 10},
     "assumed 60",
     "get_page_from_freelist",
     "watermark check of a zone that is passed over"},
    {"__alloc_pages_slowpath",
     {424, 113, 66},
     "__alloc_pages_slowpath.constprop.0",
     "__alloc_pages_slowpath.constprop.0",
     ""},
    {"wakeup_kswapd", {24, 6, 4}, "wakeup_kswapd", "wakeup_kswapd", ""},
    {"steal_suitable_fallback", {256, 52, 14}, "steal_suitable_fallback", "steal_suitable_fallback", ""},
    {"rmqueue_bulk", {248, 54, 38}, "rmqueue_bulk@p10", "rmqueue_bulk", ""},
    {"rmqueue_bulk_block",
     {191, 42, 29},
     "( rmqueue_bulk - rmqueue_bulk@p10 ) / 31",
     "rmqueue_bulk",
     "batch of that machine: 31"},
    {"rmqueue_buddy",
     {358, 78, 55},
     "796 - 438",
     "rmqueue_bulk",
     "path_costs.txt: alloc_pages of order 4 against order 0, init_on_alloc off"},
    {"clear_page",
     {4, 1, 1},
     "clear_page_erms@min",
     "clear_page_erms",
     "the rep stosb itself is a step of its own"},
    {"__mem_cgroup_charge", {144, 49, 25}, "__mem_cgroup_charge", "__mem_cgroup_charge", ""},
    {"page_add_new_anon_rmap", {200, 61, 33}, "page_add_new_anon_rmap", "page_add_new_anon_rmap", ""},
    {"page_add_file_rmap", {232, 71, 36}, "page_add_file_rmap", "page_add_file_rmap", ""},
    {"page_remove_rmap", {232, 72, 36}, "page_remove_rmap", "page_remove_rmap", ""},
    {"folio_add_lru", {16, 4, 2}, "folio_add_lru", "folio_add_lru", ""},
    {"folio_batch_move_lru",
     {208, 57, 31},
     "lru_add_drain@p90 - lru_add_drain - lru_add_fn",
     "folio_add_lru",
     "a batch of one page"},
    {"folio_batch_move_page",
     {53, 14, 8},
     "( folio_add_lru@p99 - folio_add_lru - ( lru_add_drain@p90 - lru_add_drain - lru_add_fn ) ) / 15 - "
     "lru_add_fn",
     "folio_add_lru",
     "a full batch is 15 pages"},
    {"lru_add_fn", {288, 77, 45}, "lru_add_fn", "lru_add_fn", ""},
    {"lru_add_drain", {40, 12, 7}, "lru_add_drain", "lru_add_drain", ""},
    {"__pte_alloc", {192, 49, 33}, "__pte_alloc - alloc_pages", "__pte_alloc", ""},
    {"__pmd_alloc",
     {176, 45, 32},
     "__pmd_alloc - alloc_pages",
     "__pmd_alloc",
     "used for the levels above, too"},
    {"__anon_vma_prepare",
     {632, 167, 109},
     "__anon_vma_prepare - 2 * kmem_cache_alloc",
     "__anon_vma_prepare",
     ""},
    {"do_fault", {488, 130, 74}, "do_fault - filemap_map_pages", "do_fault", ""},
    {"filemap_map_pages", {138, 39, 18}, "filemap_map_pages@min", "filemap_map_pages", ""},
    {"filemap_map_page",
     {237, 67, 32},
     "( filemap_map_pages - filemap_map_pages@min ) / 16 - page_add_file_rmap",
     "filemap_map_pages",
     "16 pages around the fault"},
    {"filemap_fault",
     {200, 52, 32},
     "assumed 200",
     "filemap_fault",
     "every measured call read from the disk"},
    {"__filemap_get_folio", {208, 54, 33}, "__filemap_get_folio", "__filemap_get_folio", ""},
    {"finish_fault", {200, 53, 30}, "assumed 200", "do_fault", "lock the table, set the entry"},
    {"do_page_mkwrite", {400, 106, 61}, "assumed 400", "do_fault", "without the file system journal"},
    {"wp_page_copy",
     {456, 125, 72},
     "do_wp_page - vma_alloc_folio - __mem_cgroup_charge - page_add_new_anon_rmap - folio_add_lru - "
     "page_remove_rmap - flush_tlb_mm_range",
     "do_wp_page",
     ""},
    {"wp_page_reuse", {203, 56, 32}, "do_wp_page@min", "do_wp_page", ""},
    {"flush_tlb_mm_range", {184, 45, 30}, "flush_tlb_mm_range", "flush_tlb_mm_range", ""},
    {"syscall_entry", {341, 94, 54}, "getppid", "do_syscall_64", "path_costs.txt: a whole getppid"},
    {"__x64_sys_mmap", {272, 68, 40}, "__x64_sys_mmap - do_mmap", "__x64_sys_mmap", ""},
    {"do_mmap", {840, 210, 120}, "do_mmap - mmap_region", "do_mmap", ""},
    {"mmap_region", {2832, 729, 425}, "mmap_region - do_mas_munmap - vm_area_alloc", "mmap_region", ""},
    {"do_mas_munmap", {328, 85, 46}, "do_mas_munmap", "do_mas_munmap", "nothing to unmap"},
    {"vm_area_alloc", {24, 7, 5}, "vm_area_alloc - kmem_cache_alloc", "vm_area_alloc", ""},
    {"vm_area_dup", {32, 9, 5}, "vm_area_dup - kmem_cache_alloc", "vm_area_dup", ""},
    {"vma_merge", {376, 90, 54}, "vma_merge", "vma_merge", ""},
    {"__vma_adjust", {2792, 712, 433}, "__vma_adjust", "__vma_adjust", ""},
    {"anon_vma_clone", {176, 53, 37}, "anon_vma_clone - kmem_cache_alloc", "anon_vma_clone", ""},
    {"anon_vma_fork",
     {144, 45, 31},
     "anon_vma_fork - anon_vma_clone - 2 * kmem_cache_alloc",
     "anon_vma_fork",
     ""},
    {"__x64_sys_mprotect",
     {1592, 400, 250},
     "__x64_sys_mprotect - vma_merge - vm_area_dup - anon_vma_clone - __vma_adjust - tlb_finish_mmu@p10",
     "__x64_sys_mprotect",
     "the measured calls split an area"},
    {"change_pte", {40, 10, 6}, "assumed 40", "__x64_sys_mprotect", ""},
    {"__x64_sys_munmap",
     {4704, 1215, 666},
     "__x64_sys_munmap - unmap_page_range - unmap_page_range@p10 - free_pgtables - tlb_finish_mmu - "
     "lru_add_drain@p90 - 2 * 600",
     "__x64_sys_munmap",
     "the measured calls remove two areas and one page"},
    {"remove_vma",
     {312, 81, 44},
     "assumed 600 - 3 * kmem_cache_free",
     "__x64_sys_munmap",
     "600 an area with its three objects"},
    {"unmap_page_range", {544, 146, 72}, "unmap_page_range@p10", "unmap_page_range", ""},
    {"zap_pte",
     {120, 32, 16},
     "unmap_page_range - unmap_page_range@p10 - page_remove_rmap",
     "unmap_page_range",
     ""},
    {"free_pgtables",
     {536, 151, 86},
     "free_pgtables / 2",
     "free_pgtables",
     "the measured calls remove two areas"},
    {"free_table", {100, 28, 16}, "assumed 100", "free_pgtables", ""},
    {"tlb_finish_mmu", {72, 18, 10}, "tlb_finish_mmu@p10 - flush_tlb_mm_range", "tlb_finish_mmu", ""},
    {"release_pages",
     {514, 126, 71},
     "( munmap_600pages - __x64_sys_munmap ) / 600 - ( unmap_page_range - unmap_page_range@p10 ) - "
     "free_pcp_prepare - free_unref_page_commit",
     "release_pages",
     "path_costs.txt: munmap of 600 pages, which stay on the per-CPU list"},
    {"tlb_batch_pages_flush",
     {293, 71, 41},
     "tlb_finish_mmu - tlb_finish_mmu@p10 - ( ( munmap_600pages - __x64_sys_munmap ) / 600 - ( "
     "unmap_page_range - unmap_page_range@p10 ) - free_pcp_prepare - free_unref_page_commit ) - "
     "free_pcp_prepare - free_unref_page_commit - lru_add_drain",
     "tlb_finish_mmu",
     ""},
    {"free_unref_page", {136, 32, 15}, "free_pcp_prepare + free_unref_page_commit", "free_unref_page", ""},
    {"free_pcppages_bulk",
     {189, 42, 23},
     "free_pcppages_bulk / 31",
     "free_pcppages_bulk",
     "a page; that machine drains 31"},
    {"__free_pages",
     {120, 28, 10},
     "__free_pages - free_pcp_prepare - free_unref_page_commit",
     "__free_pages",
     ""},
    {"__free_pages_ok", {208, 47, 18}, "__free_pages_ok - __free_one_page", "__free_pages_ok", ""},
    {"__free_one_page", {168, 33, 20}, "__free_one_page", "__free_one_page", ""},
    {"exit_mmap",
     {4224, 1095, 551},
     "exit_mmap@p10 - free_pgtables - unmap_page_range@p10 - tlb_finish_mmu@p10",
     "exit_mmap",
     ""},
    {"do_exit",
     {6000, 1619, 822},
     "assumed 6000",
     "kernel_clone",
     "about as long as kernel_clone without memory"},
    {"kernel_clone",
     {6984, 1884, 956},
     "kernel_clone@p10 - kmem_cache_alloc - alloc_pages",
     "kernel_clone",
     "a thread"},
    {"mm_init", {136, 31, 24}, "mm_init@p10 - pgd_alloc@p10", "mm_init", ""},
    {"pgd_alloc", {200, 47, 33}, "pgd_alloc@p10 - __get_free_pages", "pgd_alloc", ""},
    {"dup_mmap", {1000, 270, 117}, "assumed 1000", "dup_mmap", ""},
    {"dup_mmap_vma",
     {455, 123, 53},
     "( dup_mmap - 1000 ) / 10.67 - copy_page_range - vm_area_dup - anon_vma_fork",
     "dup_mmap",
     "224 areas copied in 21 calls"},
    {"copy_page_range",
     {386, 103, 43},
     "copy_page_range - 4 * ( copy_page_range@max - copy_page_range@p90 ) / 4096",
     "copy_page_range",
     "less the few pages of the median call"},
    {"copy_pte",
     {127, 34, 14},
     "( copy_page_range@max - copy_page_range@p90 ) / 4096",
     "copy_page_range",
     "the longest call copies 16 MiB"},
    {"__x64_sys_brk", {80, 22, 12}, "__x64_sys_brk@p10", "__x64_sys_brk", "a question"},
    {"do_brk_flags", {2440, 658, 355}, "__x64_sys_brk - __x64_sys_brk@p10", "__x64_sys_brk", ""},
    {"__x64_sys_madvise", {1256, 294, 202}, "__x64_sys_madvise", "__x64_sys_madvise", ""},
    {"__x64_sys_mremap", {3000, 755, 439}, "assumed 3000", "__x64_sys_mmap", "between mmap and munmap"},
    {"move_ptes", {100, 27, 11}, "assumed 100", "copy_page_range", ""},
    {"__x64_sys_read", {88, 23, 14}, "__x64_sys_read@p10 - vfs_read@p10", "__x64_sys_read", ""},
    {"vfs_read", {440, 115, 69}, "vfs_read@p10 - filemap_get_pages@p10", "vfs_read", ""},
    {"filemap_get_pages", {304, 79, 48}, "filemap_get_pages@p10", "filemap_get_pages", ""},
    {"mark_page_accessed", {16, 5, 1}, "mark_page_accessed", "mark_page_accessed", ""},
    {"__x64_sys_write", {96, 27, 15}, "__x64_sys_write - vfs_write", "__x64_sys_write", ""},
    {"vfs_write", {500, 141, 80}, "assumed 500", "vfs_write", ""},
    {"generic_perform_write",
     {1085, 316, 180},
     "generic_perform_write@min - filemap_add_folio - alloc_pages",
     "generic_perform_write",
     ""},
    {"filemap_add_folio", {792, 215, 130}, "filemap_add_folio - folio_add_lru", "filemap_add_folio", ""},
    {"page_cache_ra_unbounded", {400, 107, 66}, "assumed 400", "page_cache_ra_unbounded", ""},
    {"submit_bio", {856, 201, 109}, "submit_bio", "submit_bio", ""},
    {"blk_mq_complete_request", {2392, 715, 380}, "blk_mq_complete_request", "blk_mq_complete_request", ""},
    {"kmem_cache_alloc", {128, 39, 19}, "kmem_cache_alloc", "kmem_cache_alloc", ""},
    {"kmem_cache_free", {96, 10, 6}, "kmem_cache_free", "kmem_cache_free", ""},
    {"___slab_alloc", {160, 39, 24}, "___slab_alloc", "___slab_alloc", ""},
    {"allocate_slab", {1864, 438, 271}, "allocate_slab - alloc_pages", "allocate_slab", ""},
    {"discard_slab", {88, 21, 13}, "discard_slab - __free_pages", "discard_slab", ""},
    {"do_sys_openat2",
     {4000, 1104, 629},
     "assumed 4000",
     "do_syscall_64",
     "a path of three components in the dentry cache"},
    {"__x64_sys_close", {800, 221, 126}, "assumed 800", "do_syscall_64", ""},
    {"__schedule", {1288, 262, 137}, "__schedule@p10", "__schedule", "to another task"},
    {"finish_task_switch", {48, 13, 7}, "finish_task_switch.isra.0", "finish_task_switch.isra.0", ""},
    {"try_to_wake_up", {1440, 218, 95}, "try_to_wake_up", "try_to_wake_up", ""},
    {"asm_sysvec_apic_timer_interrupt",
     {2456, 226, 116},
     "asm_sysvec_apic_timer_interrupt",
     "asm_sysvec_apic_timer_interrupt",
     ""},
    {"asm_sysvec_call_function",
     {400, 37, 19},
     "assumed 400",
     "asm_sysvec_apic_timer_interrupt",
     "entry and exit as a fault, flush of a few entries"},
    {"futex_wait", {600, 166, 94}, "assumed 600", "do_syscall_64", ""},
    {"futex_wake", {300, 83, 47}, "assumed 300", "do_syscall_64", ""},
    {"force_sig_fault", {2000, 552, 314}, "assumed 2000", "do_syscall_64", ""},
}};

} // namespace

CostTable::CostTable() {
    for (std::size_t i = 0; i < kernel_function_count; ++i) m_costs[i] = records[i].cost;
    finish();
}

const FunctionRecord& CostTable::record(KernelFunction function) {
    return records[static_cast<std::size_t>(function)];
}

void CostTable::declare(OptionGroup cost) {
    constexpr OptionRange range{0, 65'535}; // loads and stores of a step are 16 bits wide
    for (std::size_t i = 0; i < kernel_function_count; ++i) {
        const FunctionRecord& record = records[i];
        const OptionGroup group = cost.group(record.name);
        std::string source = "kernel_costs_6.1.csv: " + std::string(record.formula);
        if (!record.note.empty()) source += " (" + std::string(record.note) + ")";
        const std::string mix = "share of " + std::string(record.mix) + ", kernel_costs_6.1.csv";
        const std::string name(record.name);
        OptionGroup(group).number(
            "instructions", m_costs[i].instructions, range,
            {Unit::Instructions, "instructions of " + name + " without its callees", source});
        OptionGroup(group).number("loads", m_costs[i].loads, range,
                                  {Unit::Instructions, "loads among the instructions of " + name, mix});
        OptionGroup(group).number("stores", m_costs[i].stores, range,
                                  {Unit::Instructions, "stores among the instructions of " + name, mix});
    }
}

void CostTable::finish() {
    VirtAddr next = kernel_layout::text_base;
    for (std::size_t i = 0; i < kernel_function_count; ++i) {
        const FunctionCost& cost = m_costs[i];
        if (cost.loads + cost.stores > cost.instructions)
            throw ConfigError("os.cost." + std::string(records[i].name) + ": " + std::to_string(cost.loads) +
                              " loads and " + std::to_string(cost.stores) + " stores are more than its " +
                              std::to_string(cost.instructions) + " instructions");
        m_text[i] = next;
        const std::uint64_t bytes = std::uint64_t{cost.instructions} * bytes_per_instruction;
        next += (bytes + line_size) & ~(line_size - 1);
    }
}

} // namespace pagewalk::os
