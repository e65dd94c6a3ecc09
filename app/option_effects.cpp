#include "app/option_effects.h"

#include "base/printable.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace pagewalk::app {

namespace {

using Slabs = os::ObjectAllocatorConfig::Kind;
using Design = models::TranslationDesignKind;

bool any_program(const SystemConfig& config, std::string ProgramConfig::*what) {
    return std::ranges::any_of(config.programs,
                               [what](const auto& program) { return !(program.second.*what).empty(); });
}

bool runs_live(const SystemConfig& config) {
    if (!config.programs.empty()) return any_program(config, &ProgramConfig::command);
    return config.workload.kind == WorkloadKind::Program;
}

bool reads_trace(const SystemConfig& config) {
    if (!config.programs.empty()) return any_program(config, &ProgramConfig::trace);
    return config.workload.kind == WorkloadKind::Trace;
}

bool generates(const SystemConfig& config) {
    if (!config.programs.empty()) return any_program(config, &ProgramConfig::synthetic);
    return config.workload.kind == WorkloadKind::Synthetic;
}

bool generates(const SystemConfig& config, std::string_view name) {
    if (config.programs.empty()) return config.workload.synthetic == name;
    return std::ranges::any_of(config.programs,
                               [name](const auto& program) { return program.second.synthetic == name; });
}

/// The command line may name another workload than the file's: that is no mistake.
bool is_from_command_line(const SystemConfig& config) {
    return config.options.where("workload.kind").starts_with("--");
}

/// hugepage_init: machines whose free memory is less have none.
bool is_large_enough_for_huge_pages(const SystemConfig& config) {
    const std::vector<std::uint64_t> nodes = config.machine.node_bytes(config.options);
    return std::accumulate(nodes.begin(), nodes.end(), std::uint64_t{0}) > 512ULL << 20;
}

bool has_huge_pages(const SystemConfig& config) { return config.os.vm.thp.enabled != os::ThpEnabled::Never; }

/// Does a device move its data through the memory system?
bool moves_data(const SystemConfig& config) {
    return config.device.kind != models::BlockDeviceKind::Fixed || config.nic.present();
}

bool has_nic(const SystemConfig& config) { return config.nic.present(); }

bool has_iommu(const SystemConfig& config) {
    return moves_data(config) && os::translates(config.os.dma.iommu);
}

bool bounces(const SystemConfig& config) {
    return config.device.kind != models::BlockDeviceKind::Fixed && !has_iommu(config) &&
           config.device.dma_bits >= 32 && config.device.dma_bits < 64;
}

bool has_design(const SystemConfig& config, std::initializer_list<Design> kinds) {
    return std::ranges::find(kinds, config.cpu.mmu.design.kind) != kinds.end();
}

bool prefetches_regularly(const SystemConfig& config) {
    return has_design(config, {Design::SequentialPrefetch, Design::StridePrefetch});
}

bool prefetches_by_table(const SystemConfig& config) {
    return has_design(config, {Design::StridePrefetch, Design::DistancePrefetch, Design::FreePrefetch});
}

bool has_format_cache(const SystemConfig& config) {
    return config.os.page_table == PageTableKind::Flattened || config.os.page_table == PageTableKind::Cuckoo;
}

bool prefetches(const models::CacheConfig& cache) { return cache.prefetcher != models::PrefetcherKind::None; }

} // namespace

std::span<const EffectRule> effect_rules() {
    using C = const SystemConfig&;
    static constexpr std::array rules = std::to_array<EffectRule>({
        {"run.warming", "run.begin_at", [](C c) { return static_cast<bool>(c.run.begin); }},
        {"machine.memory", "an empty machine.node_memory", [](C c) { return c.machine.node_memory.empty(); }},
        {"machine.lowmem", "machine.layout = i386",
         [](C c) { return c.machine.layout == MachineLayout::I386; }},
        {"machine.firmware_tables", "machine.firmware = pc",
         [](C c) { return c.machine.firmware.kind == os::Firmware::Pc; }},
        {"core.branch_predictor.*", "core.perfect_branches = off",
         [](C c) { return !c.cpu.core.perfect_branches; }},
        {"core.decode_redirect_penalty", "core.perfect_branches = off",
         [](C c) { return !c.cpu.core.perfect_branches; }},
        {"core.branch_predictor.tagged_bits", "core.branch_predictor.direction = tage",
         [](C c) { return c.cpu.core.branch_predictor.direction == models::DirectionPredictor::Tage; }},
        {"mmu.champsim_seed", "mmu.champsim_frames", [](C c) { return c.cpu.mmu.champsim_frames != 0; }},
        {"mmu.champsim_fault", "mmu.champsim_frames and os.timing = off",
         [](C c) { return c.cpu.mmu.champsim_frames != 0 && c.os.timing == os::KernelTiming::Off; }},
        {"mmu.l1_latency", "mmu.perfect = off", [](C c) { return !c.cpu.mmu.perfect; }},
        {"mmu.l2_latency", "mmu.perfect = off", [](C c) { return !c.cpu.mmu.perfect; }},
        {"mmu.walkers", "mmu.perfect = off", [](C c) { return !c.cpu.mmu.perfect; }},
        {"mmu.l2_tlb.replacement", "mmu.l2_tlb.entries", [](C c) { return c.cpu.mmu.l2.entries != 0; }},
        {"mmu.victim_tlb.*", "mmu.design = victim_tlb",
         [](C c) { return has_design(c, {Design::VictimTlb}); }},
        {"mmu.tlb_prefetch.degree", "mmu.design = sequential_prefetch or stride_prefetch",
         prefetches_regularly},
        {"mmu.tlb_prefetch.table", "mmu.design = stride_prefetch, distance_prefetch or free_prefetch",
         prefetches_by_table},
        {"mmu.tlb_prefetch.*",
         "mmu.design = sequential_prefetch, stride_prefetch, distance_prefetch or free_prefetch",
         [](C c) { return prefetches_regularly(c) || prefetches_by_table(c); }},
        {"mmu.coalesced_tlb.*", "mmu.design = coalesced_tlb",
         [](C c) { return has_design(c, {Design::CoalescedTlb}); }},
        {"mmu.pom_tlb.*", "mmu.design = pom_tlb", [](C c) { return has_design(c, {Design::PomTlb}); }},
        {"mmu.victima.*", "mmu.design = victima", [](C c) { return has_design(c, {Design::Victima}); }},
        {"mmu.range_tlb.*", "mmu.design = range_tlb", [](C c) { return has_design(c, {Design::RangeTlb}); }},
        {"mmu.spot.*", "mmu.design = spot", [](C c) { return has_design(c, {Design::Spot}); }},
        {"mmu.asap.*", "mmu.design = asap", [](C c) { return has_design(c, {Design::Asap}); }},
        {"mmu.vm.tlb*", "mmu.vm.pages", [](C c) { return c.cpu.mmu.nested.enabled(); }},
        {"mmu.vm.violation_cycles", "mmu.vm.pages", [](C c) { return c.cpu.mmu.nested.enabled(); }},
        {"mmu.walk_cache.formats.entries", "os.page_table = flattened or cuckoo", has_format_cache},
        {"mmu.walk_cache.latency", "mmu.perfect = off", [](C c) { return !c.cpu.mmu.perfect; }},
        {"cache.l1i.sets", "cache.l1i.capacity = 0", [](C c) { return c.caches.l1i.capacity == 0; }},
        {"cache.l1d.sets", "cache.l1d.capacity = 0", [](C c) { return c.caches.l1d.capacity == 0; }},
        {"cache.l2.sets", "cache.l2.capacity = 0", [](C c) { return c.caches.l2.capacity == 0; }},
        {"llc.sets", "llc.capacity = 0", [](C c) { return c.llc.cache.capacity == 0; }},
        {"cache.l1i.port_span", "cache.l1i.ports", [](C c) { return c.caches.l1i.ports != 0; }},
        {"cache.l1d.port_span", "cache.l1d.ports", [](C c) { return c.caches.l1d.ports != 0; }},
        {"cache.l2.port_span", "cache.l2.ports", [](C c) { return c.caches.l2.ports != 0; }},
        {"cache.l1i.prefetch_*", "cache.l1i.prefetcher", [](C c) { return prefetches(c.caches.l1i); }},
        {"cache.l1d.prefetch_*", "cache.l1d.prefetcher", [](C c) { return prefetches(c.caches.l1d); }},
        {"cache.l2.prefetch_*", "cache.l2.prefetcher", [](C c) { return prefetches(c.caches.l2); }},
        {"llc.prefetch_*", "llc.prefetcher", [](C c) { return prefetches(c.llc.cache); }},
        {"dram.page_timeout", "dram.page_policy = timeout",
         [](C c) { return c.dram.page_policy == models::PagePolicy::Timeout; }},
        {"socket_link.*", "machine.sockets above 1", [](C c) { return c.machine.sockets > 1; }},
        {"cluster_link.*", "machine.clusters above 1", [](C c) { return c.machine.clusters > 1; }},
        {"cxl.*", "cxl.memory", [](C c) { return c.cxl.memory != 0; }},
        {"os.page_table_node", "machine.sockets or machine.clusters above 1 or cxl.memory",
         [](C c) { return c.nodes() > 1; }},
        {"os.numa_balancing.*", "machine.sockets or machine.clusters above 1 or cxl.memory",
         [](C c) { return c.nodes() > 1; }},
        {"os.numa_balancing.scan_*", "os.numa_balancing.enabled = on",
         [](C c) { return c.os.vm.numa_balancing.enabled; }},
        {"os.cost.*", "os.timing = on", [](C c) { return c.os.timing == os::KernelTiming::On; }},
        {"os.dirty_ratio", "os.dirty_bytes = 0", [](C c) { return c.os.writeback.dirty_bytes == 0; }},
        {"os.dirty_background_ratio", "os.dirty_background_bytes = 0",
         [](C c) { return c.os.writeback.dirty_background_bytes == 0; }},
        {"os.thp.*", "more than 512MiB of memory", is_large_enough_for_huge_pages},
        {"os.khugepaged.*", "more than 512MiB of memory", is_large_enough_for_huge_pages},
        {"os.thp.defrag", "os.thp.enabled = always or madvise", has_huge_pages},
        {"os.thp.use_zero_page", "os.thp.enabled = always or madvise", has_huge_pages},
        {"os.khugepaged.*", "os.thp.enabled = always or madvise", has_huge_pages},
        {"os.swappiness", "os.swap", [](C c) { return c.os.swap_bytes != 0; }},
        {"os.swap_device", "os.swap", [](C c) { return c.os.swap_bytes != 0; }},
        {"os.zram_ratio", "os.swap and os.swap_device = zram",
         [](C c) { return c.os.swap_bytes != 0 && c.os.swap_device == os::SwapDevice::Zram; }},
        {"os.slab.slub_*", "os.slab = slub", [](C c) { return c.os.objects.kind == Slabs::Slub; }},
        {"os.slab.cpu_partial", "os.slab = slub", [](C c) { return c.os.objects.kind == Slabs::Slub; }},
        {"os.slab.remote_defrag_percent", "os.slab = slub and machine.sockets or machine.clusters above 1",
         [](C c) { return c.os.objects.kind == Slabs::Slub && c.machine.cluster_count() > 1; }},
        {"os.slab.historical_sizes", "os.slab = slab", [](C c) { return c.os.objects.kind == Slabs::Slab; }},
        {"os.slab.freelist_order", "os.slab = slub or slab",
         [](C c) { return c.os.objects.kind != Slabs::Slob; }},
        {"os.slab.debug", "os.slab = slub or slab", [](C c) { return c.os.objects.kind != Slabs::Slob; }},
        {"os.swiotlb", "device.dma_bits from 32 to 63", bounces},
        {"iommu.mode", "a device.kind other than fixed, or nic.rate", moves_data},
        {"iommu.iotlb_*", "iommu.mode = lazy or strict", has_iommu},
        {"iommu.walk*", "iommu.mode = lazy or strict", has_iommu},
        {"iommu.latency", "iommu.mode = lazy or strict", has_iommu},
        {"iommu.fault_at", "iommu.mode = lazy or strict", has_iommu},
        {"llc.ddio_ways", "a device.kind other than fixed, or nic.rate", moves_data},
        {"nic.*", "nic.rate above 0", has_nic},
        {"os.net_*", "nic.rate above 0", has_nic},
        {"workload.program", "workload.kind = program",
         [](C c) { return is_from_command_line(c) || runs_live(c); }},
        {"workload.trace", "workload.kind = trace",
         [](C c) { return is_from_command_line(c) || reads_trace(c); }},
        {"workload.synthetic", "workload.kind = synthetic",
         [](C c) { return is_from_command_line(c) || generates(c); }},
        {"workload.directory", "a live program", runs_live},
        {"workload.scratch", "a live program", runs_live},
        {"workload.setup", "a live program", runs_live},
        {"workload.input", "a live program", runs_live},
        {"workload.output", "a live program", runs_live},
        {"trace.*", "a trace", reads_trace},
        {"synthetic.*", "a generator", [](C c) { return generates(c); }},
        {"synthetic.gups.*", "workload.synthetic = gups", [](C c) { return generates(c, "gups"); }},
        {"synthetic.stream.*", "workload.synthetic = stream", [](C c) { return generates(c, "stream"); }},
        {"synthetic.pointer_chase.*", "workload.synthetic = pointer_chase",
         [](C c) { return generates(c, "pointer_chase"); }},
        {"synthetic.alloc_churn.*", "workload.synthetic = alloc_churn",
         [](C c) { return generates(c, "alloc_churn"); }},
        {"synthetic.btree.*", "workload.synthetic = btree", [](C c) { return generates(c, "btree"); }},
        {"synthetic.file_reads.*", "workload.synthetic = file_reads",
         [](C c) { return generates(c, "file_reads"); }},
        {"synthetic.kernel_objects.*", "workload.synthetic = kernel_objects",
         [](C c) { return generates(c, "kernel_objects"); }},
        {"synthetic.net_receive.*", "workload.synthetic = net_receive",
         [](C c) { return generates(c, "net_receive"); }},
        {"synthetic.net_send.*", "workload.synthetic = net_send",
         [](C c) { return generates(c, "net_send"); }},
        {"synthetic.kvstore.*", "workload.synthetic = kvstore", [](C c) { return generates(c, "kvstore"); }},
    });
    return rules;
}

const EffectRule* rule_without_effect(const SystemConfig& config, std::string_view key) {
    const auto takes_it = [&](const EffectRule& rule) {
        return matches_glob(key, rule.options) && !rule.has_effect(config);
    };
    const auto found = std::ranges::find_if(effect_rules(), takes_it);
    return found == effect_rules().end() ? nullptr : &*found;
}

std::vector<std::string> options_without_effect(const SystemConfig& config) {
    std::vector<std::string> lines;
    std::vector<std::string_view> told; // by an earlier rule
    for (const EffectRule& rule : effect_rules()) {
        if (rule.has_effect(config)) continue;
        std::vector<const Option*> idle;
        for (const Option& option : config.options.all())
            if (matches_glob(option.key, rule.options) && option.where != "default" &&
                option.get() != option.default_text && std::ranges::find(told, option.key) == told.end())
                idle.push_back(&option);
        if (idle.empty()) continue;
        for (const Option* option : idle) told.emplace_back(option->key);
        const Option& first = *idle.front();
        std::string line = first.key + " = " + excerpt(first.get()) + " (" + first.where + ")";
        if (idle.size() > 1)
            line += " and " + std::to_string(idle.size() - 1) + " more of " + std::string(rule.options);
        line += idle.size() > 1 ? " have no effect: they want " : " has no effect: it wants ";
        lines.push_back(line + std::string(rule.wants));
    }
    return lines;
}

} // namespace pagewalk::app
