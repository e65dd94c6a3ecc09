#include "os/proc/meminfo.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t kib_per_page = page_size / 1024;
constexpr std::uint64_t vmalloc_total_kib = 34'359'738'367; // 32 TiB less one byte
constexpr std::uint64_t overcommit_percent = 50;            // vm.overcommit_ratio

class Lines {
public:
    void kib(std::string_view name, std::uint64_t value) { add(name, value, " kB\n"); }
    void pages(std::string_view name, std::uint64_t value) { kib(name, value * kib_per_page); }
    void count(std::string_view name, std::uint64_t value) { add(name, value, "\n"); }
    [[nodiscard]] std::string take() { return std::move(m_text); }

private:
    void add(std::string_view name, std::uint64_t value, std::string_view unit) {
        const std::string label = std::string(name) + ":";
        const std::string number = std::to_string(value);
        m_text += label + std::string(16 - std::min<std::size_t>(label.size(), 16), ' ');
        m_text += std::string(8 - std::min<std::size_t>(number.size(), 8), ' ') + number;
        m_text += unit;
    }
    std::string m_text;
};

struct Zones {
    std::uint64_t managed = 0, free = 0, low = 0, reserve = 0;
};

Zones sum_up(const PageAllocator& allocator) {
    Zones sum;
    for (const auto& zone : allocator.zones()) {
        sum.managed += zone->managed;
        sum.free += static_cast<std::uint64_t>(std::max<std::int64_t>(zone->exact_free_pages(), 0));
        sum.low += zone->watermark(Watermark::Low);
        const std::uint64_t lowmem = *std::ranges::max_element(zone->lowmem_reserve);
        sum.reserve += std::min(lowmem + zone->watermark(Watermark::High), zone->managed);
    }
    return sum;
}

} // namespace

std::string meminfo_text(const Kernel& kernel) {
    const KernelCounters& counters = kernel.counters();
    const Zones zones = sum_up(kernel.allocator());
    const std::uint64_t file_lru = counters.nr_lru_file;
    const std::uint64_t cache = file_lru - std::min(file_lru / 2, zones.low);
    const std::uint64_t available = zones.free + cache - std::min(zones.free + cache, zones.reserve);
    const KernelObjects& objects = kernel.objects();

    Lines lines;
    lines.pages("MemTotal", zones.managed);
    lines.pages("MemFree", zones.free);
    lines.pages("MemAvailable", available);
    lines.kib("Buffers", 0);
    lines.pages("Cached", counters.nr_file_pages - counters.reclaim.nr_swapcached);
    lines.pages("SwapCached", counters.reclaim.nr_swapcached);
    const std::uint64_t active = counters.nr_active_anon + counters.nr_active_file;
    lines.pages("Active", active);
    lines.pages("Inactive", counters.nr_lru_anon + file_lru - active);
    lines.pages("Active(anon)", counters.nr_active_anon);
    lines.pages("Inactive(anon)", counters.nr_lru_anon - counters.nr_active_anon);
    lines.pages("Active(file)", counters.nr_active_file);
    lines.pages("Inactive(file)", file_lru - counters.nr_active_file);
    lines.pages("Unevictable", counters.nr_unevictable);
    lines.pages("Mlocked", counters.nr_mlock);
    lines.pages("SwapTotal", kernel.swap().area().total());
    lines.pages("SwapFree", kernel.swap().area().free());
    for (const char* name : {"Zswap", "Zswapped"}) lines.kib(name, 0);
    lines.pages("Dirty", counters.nr_dirty);
    lines.pages("Writeback", counters.nr_writeback + counters.reclaim.nr_swap_writeback);
    lines.pages("AnonPages", counters.nr_anon_pages);
    lines.pages("Mapped", counters.nr_mapped);
    lines.pages("Shmem", counters.nr_shmem);
    lines.pages("KReclaimable", objects.reclaimable_pages());
    lines.pages("Slab", objects.pages());
    lines.pages("SReclaimable", objects.reclaimable_pages());
    lines.pages("SUnreclaim", objects.unreclaimable_pages());
    lines.pages("KernelStack", counters.nr_kernel_stack);
    lines.pages("PageTables", counters.nr_page_table_pages);
    for (const char* name : {"SecPageTables", "NFS_Unstable", "Bounce", "WritebackTmp"}) lines.kib(name, 0);
    lines.pages("CommitLimit", zones.managed * overcommit_percent / 100 + kernel.swap().area().total());
    lines.pages("Committed_AS", counters.nr_anon_pages + counters.nr_shmem);
    lines.kib("VmallocTotal", vmalloc_total_kib);
    lines.pages("VmallocUsed", kernel.vmalloc().pages());
    lines.kib("VmallocChunk", 0);
    lines.kib("Percpu", kernel.boot_layout().addresses.percpu.size() * KernelAddresses::percpu_bytes / 1024);
    lines.kib("HardwareCorrupted", 0);
    lines.pages("AnonHugePages", counters.nr_anon_thps * HugePages::frames);
    for (const char* name : {"ShmemHugePages", "ShmemPmdMapped", "FileHugePages", "FilePmdMapped"})
        lines.kib(name, 0);
    const HugetlbPools& hugetlb = kernel.memory().hugetlb();
    const HugetlbPool& pool = hugetlb.pool(HugetlbSize::Page2M); // of the default size
    lines.count("HugePages_Total", pool.counts().total);
    lines.count("HugePages_Free", pool.counts().free);
    lines.count("HugePages_Rsvd", pool.reserved());
    lines.count("HugePages_Surp", pool.counts().surplus);
    lines.kib("Hugepagesize", 2048);
    std::uint64_t all = 0;
    for (const HugetlbSize size : {HugetlbSize::Page2M, HugetlbSize::Page1G})
        all += hugetlb.pool(size).counts().total * frames_of(size);
    lines.pages("Hugetlb", all);
    lines.kib("DirectMap4k", 0);
    lines.kib("DirectMap2M", kernel.boot_layout().direct_map_bytes[0] / 1024);
    lines.kib("DirectMap1G", kernel.boot_layout().direct_map_bytes[1] / 1024);
    return lines.take();
}

} // namespace pagewalk::os
