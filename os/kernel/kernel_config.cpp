#include "os/kernel/kernel_config.h"

#include "base/error.h"
#include "base/printable.h"

namespace pagewalk::os {

void KernelConfig::declare(OptionGroup os) {
    os.choice("timing", timing, {{KernelTiming::Off, "off"}, {KernelTiming::On, "on"}},
              {Unit::None, "whether kernel paths are executed; off: the operating system takes no time",
               "Pagewalk"});
    os.choice("init_on_alloc", init_on_alloc, {{InitOnAlloc::Off, "off"}, {InitOnAlloc::On, "on"}},
              {Unit::None, "whether every page is cleared when it is allocated",
               "Debian 6.1, dmesg: heap alloc:on"});
    os.choice("file_cache", file_cache, {{FileCache::Warm, "warm"}, {FileCache::Cold, "cold"}},
              {Unit::None, "whether files are in the page cache before the program starts", "assumed"});
    os.number("read_ahead_kb", read_ahead_kb, {0, 1U << 20},
              {Unit::Count, "largest readahead window of a file, in KiB; 0: no readahead",
               "Linux 6.1: /sys/block/*/queue/read_ahead_kb"});
    block.declare(os);
    dma.declare(os);
    net.declare(os);
    writeback.declare(os);
    // Less than two task switches take, and nobody would get any work done.
    os.number("time_slice", time_slice, {100'000 * ticks_per_ns, ticks_per_second},
              {Unit::Ticks, "how long a task runs while others wait for its CPU",
               "CONFIG_HZ=250: one tick, the granularity at which CFS preempts"});
    os.number("fault_around_bytes", vm.fault_around_bytes,
              {page_size, 1ULL << 21, OptionRange::Shape::PowerOfTwo},
              {Unit::Bytes, "page cache pages mapped around a read fault", "Linux 6.1: fault_around_bytes"});
    os.number("stack_limit", vm.stack_limit, {page_size, 1ULL << 40},
              {Unit::Bytes, "how far a stack may grow", "Debian's RLIMIT_STACK"});
    os.choice(
        "page_table", page_table, page_table_names,
        {Unit::None,
         "how the entries of programs' pages are found: radix tables, radix tables of merged levels, a "
         "hash table with open addressing, elastic cuckoo tables; all but radix want mmu.levels = 4",
         "Park et al., ASPLOS 2022; Yaniv and Tsafrir, SIGMETRICS 2016; Skarlatos et al., ASPLOS 2020"});
    os.text("page_table_node", page_table_node,
            {Unit::None,
             "node of programs' page tables: first_touch (as the policy of the task that needs a table first "
             "says), a node's number, or replicated (a copy on each node, which its CPUs walk)",
             "Linux 6.1: first_touch; Achermann et al., \"Mitosis\", ASPLOS 2020"});
    vm.thp.declare(os.group("thp"));
    vm.khugepaged.declare(os.group("khugepaged"));
    vm.hugetlb.declare(os.group("hugetlb"));
    vm.numa_balancing.declare(os.group("numa_balancing"));
    os.number("swap", swap_bytes, {0, 1ULL << 40},
              {Unit::Bytes, "size of the swap area, of its pages before compression; 0: none", "user"});
    os.choice("swap_device", swap_device, {{SwapDevice::Disk, "disk"}, {SwapDevice::Zram, "zram"}},
              {Unit::None, "what the swap area is on: the block device, or memory that holds it compressed",
               "user"});
    os.number("zram_ratio", zram_ratio, {Zram::least_percent, Zram::most_percent},
              {Unit::Percent, "how many times smaller a page becomes by compression",
               "Linux 6.1, admin-guide/blockdev/zram: a 2:1 compression ratio is expected"});
    os.choice("reclaim", reclaim,
              {{ReclaimPolicyKind::Lru, "lru"},
               {ReclaimPolicyKind::Mglru, "mglru"},
               {ReclaimPolicyKind::Clock, "clock"},
               {ReclaimPolicyKind::Lfu, "lfu"},
               {ReclaimPolicyKind::S3Fifo, "s3fifo"}},
              {Unit::None, "which pages reclaim takes first; mglru: lru_gen of Linux 6.1",
               "Linux 6.1 default: lru"});
    os.number(
        "swappiness", swappiness, {0, 200},
        {Unit::Count,
         "vm.swappiness: how readily anonymous pages are reclaimed, against file pages at 200 less that",
         "Linux 6.1 default"});
    os.number(
        "watermark_boost_factor", pages.watermark_boost_factor, {0, 1'000'000},
        {Unit::Count, "vm.watermark_boost_factor, in 1/10000 of the high watermark", "Linux 6.1 default"});
    os.number("watermark_scale_factor", pages.watermark_scale_factor, {1, 3000},
              {Unit::Count, "vm.watermark_scale_factor, in 1/10000 of a zone", "Linux 6.1 default"});
    os.flag("page_group_by_mobility", pages.group_by_mobility,
            {Unit::None,
             "pages that can be moved, reclaimed or neither are allocated from pageblocks of their own",
             "Linux 6.1: on but on machines too small for it"});
    objects.declare(os);
    os.choice("huge_vmalloc", huge_vmalloc,
              {{VmallocConfig::HugeMappings::Off, "off"}, {VmallocConfig::HugeMappings::On, "on"}},
              {Unit::None, "vmalloc of 2 MiB and more tries huge pages, as vmalloc_huge does",
               "Linux 6.1: only vmalloc_huge"});
    os.number("percpu_pagelist_high_fraction", pages.percpu_pagelist_high_fraction, {0, 1'000'000},
              {Unit::Count,
               "vm.percpu_pagelist_high_fraction: part of a zone that the per-CPU lists may hold, as 1/n (0: "
               "its low watermark)",
               "Linux 6.1 default"});
    costs.declare(os.group("cost"));
}

void KernelConfig::validate() {
    dma.validate();
    memory.validate();
    constexpr std::uint64_t least_swap = 1ULL << 20; // a smaller area has no room for what goes out together
    if (swap_bytes != 0 && swap_bytes < least_swap)
        throw ConfigError("os.swap = " + format_quantity(swap_bytes, Unit::Bytes) +
                          ": must be 0 or at least 1MiB");
    vm.hugetlb.validate(memory.node_count());
    vm.numa_balancing.validate();
    const auto placement = PageTablePlacement::parse(page_table_node, memory.node_count());
    if (!placement)
        throw ConfigError("os.page_table_node = '" + excerpt(page_table_node) + "': " + placement.error());
    if (placement->kind == PageTablePlacement::Kind::Replicated && captured != nullptr)
        throw ConfigError("os.page_table_node = replicated: a captured kernel has one copy of each table");
    if (page_table != PageTableKind::Radix) {
        if (*placement != PageTablePlacement{})
            throw ConfigError("os.page_table_node = " + page_table_node + ": wants os.page_table = radix");
        const std::string chosen = "os.page_table = " + std::string(page_table_names[page_table]);
        if (vm.hugetlb.has_pages())
            throw ConfigError(chosen + ": has no pages of hugetlbfs; set os.hugetlb.* = 0");
        if (levels != PagingLevels::Four)
            throw ConfigError(chosen + ": has addresses of 48 bits; set mmu.levels = 4");
        if (captured != nullptr)
            throw ConfigError(chosen + ": a captured kernel has radix tables; set os.page_table = radix");
    }
    // khugepaged does not run: it asks for no memory to be kept free.
    if (vm.thp.enabled == ThpEnabled::Never) memory.transparent_hugepages = false;
    costs.finish();
}

} // namespace pagewalk::os
