#include "models/mmu/mmu_config.h"

#include "models/mmu/champsim_frames.h"

#include <bit>
#include <utility>

namespace pagewalk::models {

namespace {
constexpr const char* ice_lake =
    "Intel 64 and IA-32 Optimization Reference Manual (2023), table 2-11, Ice Lake client";
constexpr std::array<const char*, 4> cache_names{"pde", "pdpte", "pml4e", "pml5e"};
} // namespace

void MmuConfig::declare(OptionGroup group) {
    l1i_4k.declare(group.group("l1i_4k"), "first-level instruction TLB for 4 KiB pages", ice_lake);
    l1i_2m.declare(group.group("l1i_2m"), "first-level instruction TLB for 2 MiB pages", ice_lake);
    l1d_4k.declare(group.group("l1d_4k"), "first-level data TLB for 4 KiB pages", ice_lake);
    l1d_2m.declare(group.group("l1d_2m"), "first-level data TLB for 2 MiB pages", ice_lake);
    l1d_1g.declare(group.group("l1d_1g"), "first-level data TLB for 1 GiB pages", ice_lake);
    l2.declare(group.group("l2_tlb"), "second-level TLB shared by 4 KiB and 2 MiB pages", ice_lake);
    group.group("l2_tlb").choice(
        "replacement", l2_replacement, tlb_replacement_names,
        {Unit::None,
         "which translation leaves a full set: the least recent, one by re-reference interval prediction, "
         "one "
         "at random, or one that control-flow history says will not be used",
         "srrip: Jaleel et al., ISCA 2010; chirp: after Mirbagher-Ajorpaz et al., MICRO 2020"});
    l2_1g.declare(group.group("l2_tlb_1g"), "second-level TLB for 1 GiB pages", "assumed");
    group.number("l1_latency", l1_latency, {0, 100},
                 {Unit::Cycles, "cycles that a first-level TLB hit adds to an access",
                  "looked up in parallel with the cache"});
    group.number("l2_latency", l2_latency, {0, 100},
                 {Unit::Cycles, "cycles that a second-level TLB hit adds",
                  "7-cpu.com, Skylake: STLB hit adds 7 cycles"});
    group.number("walkers", walkers, {1, 64},
                 {Unit::Count, "page walks that may be under way at once",
                  "Ice Lake: 4, Intel optimization manual 2.2"});
    group.number("levels", levels, {4, 5},
                 {Unit::Count, "levels of the radix page table", "Intel SDM vol. 3A, 4.5"});
    group.flag(
        "perfect", perfect,
        {Unit::None, "translations take no time and read no table entry (what if no TLB missed)", "user"});
    group.number("champsim_frames", champsim_frames, {0, ChampSimFrames::most_frames},
                 {Unit::Count,
                  "frames of memory, a power of two, over which pages and page tables are scattered as "
                  "ChampSim does; a walk then reads "
                  "the entries that ChampSim's would (0: the OS layer's frames, x86-64's walks)",
                  "to compare with ChampSim"});
    group.number(
        "champsim_seed", champsim_seed, {0, 1U << 16},
        {Unit::None, "which draw of frames champsim_frames makes: ChampSim's randomization", "its default"});
    group.number("champsim_fault", champsim_fault, {0, 100'000},
                 {Unit::Cycles,
                  "what a page's first touch adds to its walk, and each table's on the way to it, instead of "
                  "an exception (0: it is an exception)",
                  "ChampSim's minor_fault_penalty: 200"});
    for (std::size_t i = 0; i < cache_names.size(); ++i) {
        OptionGroup cache = group.group("walk_cache").group(cache_names[i]);
        cache.number(
            "entries", walk_cache.entries[i], {0, 4096},
            {Unit::Count,
             std::string("entries of the paging-structure cache for ") + cache_names[i] + " (0: none)",
             "assumed; Intel SDM vol. 3A, 4.10.3 describes but does not size them"});
        cache.number("ways", walk_cache.ways[i], {1, 4096}, {Unit::Count, "its associativity", "assumed"});
    }
    group.number(
        "walk_cache.formats.entries", format_memory, {0, 4096},
        {Unit::Count,
         "entries of the walk cache of page tables that are not radix (os.page_table): upper entries "
         "of flattened tables, sections of cuckoo tables",
         "Skarlatos et al., ASPLOS 2020: 16"});
    design.declare(group);
    nested.declare(group.group("vm"));
    group.number("walk_cache.latency", walk_cache_latency, {0, 10000},
                 {Unit::Cycles, "cycles of a look-up in all paging-structure caches", "assumed"});
}

void MmuConfig::validate(const OptionSet& options) const {
    if (champsim_frames != 0 &&
        (!std::has_single_bit(champsim_frames) || champsim_frames <= ChampSimFrames::first_frame))
        throw ConfigError(options.where("mmu.champsim_frames"), "mmu.champsim_frames",
                          std::to_string(champsim_frames), "wants 0 or a power of two above 256");
    if (design.kind != TranslationDesignKind::None)
        for (const auto& [on, key] :
             {std::pair{perfect, "mmu.perfect"}, std::pair{champsim_frames != 0, "mmu.champsim_frames"}})
            if (on)
                throw ConfigError(options.where("mmu.design"), "mmu.design",
                                  options.find("mmu.design")->get(),
                                  std::string("is not possible with ") + key);
    if (nested.enabled())
        for (const auto& [on, key] :
             {std::pair{perfect, "mmu.perfect"}, std::pair{champsim_frames != 0, "mmu.champsim_frames"}})
            if (on)
                throw ConfigError(options.where("mmu.vm.pages"), "mmu.vm.pages",
                                  options.find("mmu.vm.pages")->get(),
                                  std::string("is not possible with ") + key);
    design.validate(options);
    nested.validate(options);
    l1i_4k.validate(options, "mmu.l1i_4k");
    l1i_2m.validate(options, "mmu.l1i_2m");
    l1d_4k.validate(options, "mmu.l1d_4k");
    l1d_2m.validate(options, "mmu.l1d_2m");
    l1d_1g.validate(options, "mmu.l1d_1g");
    l2.validate(options, "mmu.l2_tlb");
    l2_1g.validate(options, "mmu.l2_tlb_1g");
    for (std::size_t i = 0; i < cache_names.size(); ++i)
        TlbConfig{walk_cache.entries[i], walk_cache.ways[i]}.validate(
            options, std::string("mmu.walk_cache.") + cache_names[i]);
}

} // namespace pagewalk::models
