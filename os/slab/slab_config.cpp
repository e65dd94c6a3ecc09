#include "os/slab/slab_config.h"

namespace pagewalk::os {

void ObjectAllocatorConfig::declare(OptionGroup os) {
    os.choice(
        "slab", kind, {{Kind::Slub, "slub"}, {Kind::Slab, "slab"}, {Kind::Slob, "slob"}},
        {Unit::None, "object allocator of the simulated kernel", "Linux 6.1 init/Kconfig; Debian uses SLUB"});
    OptionGroup group = os.group("slab");
    group.choice(
        "freelist_order", freelist_order,
        {{FreelistOrder::Ascending, "ascending"}, {FreelistOrder::Random, "random"}},
        {Unit::None, "order of a new slab's free objects", "CONFIG_SLAB_FREELIST_RANDOM, on in Debian"});
    group.choice("merging", merging,
                 {{SlabAllocator::Merging::Off, "off"}, {SlabAllocator::Merging::On, "on"}},
                 {Unit::None, "serve compatible caches from one", "slab_nomerge, kernel-parameters.txt"});
    group.number("slub_min_order", slub_min_order, {0, 10},
                 {Unit::Count, "smallest order of SLUB slabs", "slub_min_order, Documentation/mm/slub.rst"});
    group.number("slub_max_order", slub_max_order, {0, 10},
                 {Unit::Count, "largest order that SLUB tries for more objects",
                  "slub_max_order, Documentation/mm/slub.rst"});
    group.number("slub_min_objects", slub_min_objects, {0, 32767},
                 {Unit::Count, "objects a SLUB slab should hold; 0 = by the number of CPUs",
                  "slub_min_objects, Documentation/mm/slub.rst"});
    group.choice("cpu_partial", cpu_partial, {{Switch::Off, "off"}, {Switch::On, "on"}},
                 {Unit::None, "SLUB keeps partial slabs per CPU", "CONFIG_SLUB_CPU_PARTIAL, on in Debian"});
    group.choice("debug", debug, {{Switch::Off, "off"}, {Switch::On, "on"}},
                 {Unit::None, "red zones, poison, checks and tracking in every cache", "slub_debug=FZPU"});
    group.choice(
        "historical_sizes", historical_sizes, {{Switch::Off, "off"}, {Switch::On, "on"}},
        {Unit::None, "SLAB has kmalloc caches up to 128 KiB, as before Linux 6.1", "Linux 2.4 mm/slab"});
    group.number("remote_defrag_percent", remote_defrag_percent, {0, 100},
                 {Unit::Percent, "how often SLUB tries other nodes' partial slabs before new pages",
                  "remote_node_defrag_ratio, 100 in captures"});
}

std::unique_ptr<SlabAllocator> make_object_allocator(const ObjectAllocatorConfig& config, PageSource& pages,
                                                     std::uint64_t seed) {
    using Kind = ObjectAllocatorConfig::Kind;
    using Switch = ObjectAllocatorConfig::Switch;
    std::unique_ptr<SlabAllocator> allocator;
    const auto cpus = static_cast<unsigned>(pages.cpu_count());
    switch (config.kind) {
    case Kind::Slub: {
        SlubConfig slub;
        slub.parameters = {cpus, config.slub_min_order, config.slub_max_order, config.slub_min_objects,
                           config.cpu_partial == Switch::On ? SlubParameters::CpuPartial::On
                                                            : SlubParameters::CpuPartial::Off};
        slub.freelist_order = config.freelist_order;
        if (config.debug == Switch::On)
            slub.debug = slab_flag::consistency_checks | slab_flag::red_zone | slab_flag::poison |
                         slab_flag::store_user;
        slub.remote_defrag_ratio = config.remote_defrag_percent * 10;
        slub.seed = seed;
        allocator = std::make_unique<Slub>(pages, slub);
        break;
    }
    case Kind::Slab: {
        SlabConfig slab;
        slab.parameters.cpus = cpus;
        slab.freelist_order = config.freelist_order;
        slab.debugging = config.debug == Switch::On ? SlabConfig::Debugging::On : SlabConfig::Debugging::Off;
        slab.seed = seed;
        allocator = std::make_unique<Slab>(pages, slab);
        break;
    }
    case Kind::Slob:
        allocator = std::make_unique<Slob>(pages);
        break;
    }
    allocator->set_merging(config.merging);
    return allocator;
}

KmallocConfig kmalloc_config(const ObjectAllocatorConfig& config) {
    KmallocConfig made = KmallocConfig::for_kind(static_cast<KmallocConfig::Kind>(config.kind));
    if (config.kind == ObjectAllocatorConfig::Kind::Slab &&
        config.historical_sizes == ObjectAllocatorConfig::Switch::On)
        made.largest = 131072;
    return made;
}

} // namespace pagewalk::os
