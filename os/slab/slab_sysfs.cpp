#include "os/slab/slab_sysfs.h"

#include "os/slab/slub.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace pagewalk::os {
namespace {

using Print = std::string (*)(const SlubCache&);

struct Attribute {
    std::string_view name;
    Print print;
};

/// A total, then each node that has some.
template <class Count>
std::string by_node(const SlubCache& cache, const Count& count) {
    std::uint64_t total = 0;
    std::string nodes;
    for (std::size_t i = 0; i < cache.nodes.size(); ++i) {
        const std::uint64_t here = count(static_cast<NodeId>(i));
        total += here;
        if (here != 0) nodes += " N" + std::to_string(i) + "=" + std::to_string(here);
    }
    return std::to_string(total) + nodes;
}

template <class Count>
std::uint64_t over_partial(const SlubNode& node, const Count& count) {
    std::uint64_t sum = 0;
    for (const SlubSlab* slab = node.partial.front(); slab != nullptr; slab = slab->list_next)
        sum += count(*slab);
    return sum;
}

template <auto Bit>
std::string flag(const SlubCache& cache) {
    return cache.flags.any(*Bit) ? "1" : "0";
}

std::string objects(const SlubCache& cache) {
    return by_node(cache, [&](NodeId id) {
        const SlubNode& node = cache.nodes[id];
        return node.objects - over_partial(node, [](const SlubSlab& slab) {
                   return std::uint64_t{slab.objects - slab.inuse};
               });
    });
}

std::string objects_partial(const SlubCache& cache) {
    return by_node(cache, [&](NodeId id) {
        return over_partial(cache.nodes[id], [](const SlubSlab& slab) { return std::uint64_t{slab.inuse}; });
    });
}

std::string cpu_slabs(const SlubCache& cache) {
    IndexedVec<NodeId, std::uint64_t> slabs(cache.nodes.size());
    for (const SlubCpu& cpu : cache.cpus) {
        if (cpu.slab == nullptr) continue;
        ++slabs[cpu.slab->node];
        if (cpu.partial != nullptr) slabs[cpu.partial->node] += cpu.partial->slabs;
    }
    return by_node(cache, [&](NodeId id) { return slabs[id]; });
}

/// The kernel takes the slabs on CPUs' partial lists to be half full.
std::string slabs_cpu_partial(const SlubCache& cache) {
    const auto text = [&](std::uint64_t slabs) {
        return std::to_string(slabs * cache.geometry.objects / 2) + "(" + std::to_string(slabs) + ")";
    };
    std::uint64_t total = 0;
    std::string cpus;
    for (std::size_t i = 0; i < cache.cpus.size(); ++i) {
        const SlubSlab* partial = cache.cpus[static_cast<CpuId>(i)].partial;
        if (partial == nullptr) continue;
        total += partial->slabs;
        cpus += " C" + std::to_string(i) + "=" + text(partial->slabs);
    }
    return text(total) + cpus;
}

constexpr std::array attributes{
    Attribute{"slab_size", [](const SlubCache& c) { return std::to_string(c.size); }},
    Attribute{"object_size", [](const SlubCache& c) { return std::to_string(c.object_size); }},
    Attribute{"objs_per_slab", [](const SlubCache& c) { return std::to_string(c.geometry.objects); }},
    Attribute{"order", [](const SlubCache& c) { return std::to_string(c.geometry.order); }},
    Attribute{"min_partial", [](const SlubCache& c) { return std::to_string(c.geometry.min_partial); }},
    Attribute{"cpu_partial", [](const SlubCache& c) { return std::to_string(c.geometry.cpu_partial); }},
    Attribute{"objects", objects},
    Attribute{"objects_partial", objects_partial},
    Attribute{"partial",
              [](const SlubCache& c) {
                  return by_node(c, [&](NodeId id) { return std::uint64_t{c.nodes[id].partial.size()}; });
              }},
    Attribute{"cpu_slabs", cpu_slabs},
    Attribute{"aliases", [](const SlubCache& c) { return std::to_string(std::max(0, c.references - 1)); }},
    Attribute{"align", [](const SlubCache& c) { return std::to_string(c.align); }},
    Attribute{"hwcache_align", flag<&slab_flag::hwcache_align>},
    Attribute{"reclaim_account", flag<&slab_flag::reclaim_account>},
    Attribute{"destroy_by_rcu", flag<&slab_flag::typesafe_by_rcu>},
    Attribute{"slabs_cpu_partial", slabs_cpu_partial},
    Attribute{"total_objects",
              [](const SlubCache& c) { return by_node(c, [&](NodeId id) { return c.nodes[id].objects; }); }},
    Attribute{"slabs",
              [](const SlubCache& c) { return by_node(c, [&](NodeId id) { return c.nodes[id].slabs; }); }},
    Attribute{"sanity_checks", flag<&slab_flag::consistency_checks>},
    Attribute{"trace", flag<&slab_flag::trace>},
    Attribute{"red_zone", flag<&slab_flag::red_zone>},
    Attribute{"poison", flag<&slab_flag::poison>},
    Attribute{"store_user", flag<&slab_flag::store_user>},
    Attribute{"cache_dma", flag<&slab_flag::cache_dma>},
    Attribute{"usersize", [](const SlubCache& c) { return std::to_string(c.usersize); }},
};

constexpr auto names = [] {
    std::array<std::string_view, attributes.size()> list{};
    for (std::size_t i = 0; i < list.size(); ++i) list[i] = attributes[i].name;
    return list;
}();

/// Columns of the captures' table.
constexpr std::array<std::string_view, 18> columns{
    "object_size", "slab_size", "order",           "objs_per_slab", "align",          "min_partial",
    "cpu_partial", "slabs",     "objects",         "partial",       "cpu_slabs",      "slabs_cpu_partial",
    "aliases",     "usersize",  "reclaim_account", "hwcache_align", "destroy_by_rcu", "cache_dma"};

} // namespace

std::span<const std::string_view> slab_attribute_names() { return names; }

std::string slab_attribute(const KmemCache& base, std::string_view name) {
    const auto* cache = dynamic_cast<const SlubCache*>(&base);
    const auto found = std::ranges::find(attributes, name, &Attribute::name);
    return cache == nullptr || found == attributes.end() ? std::string{} : found->print(*cache);
}

std::string sys_kernel_slab_text(const SlabAllocator& allocator) {
    if (dynamic_cast<const Slub*>(&allocator) == nullptr) return {};
    std::string text = "#name";
    for (const std::string_view column : columns) text.append("|").append(column);
    text += "\n";
    for (const auto& cache : allocator.caches()) {
        text += cache->name;
        for (const std::string_view column : columns) text += "|" + slab_attribute(*cache, column);
        text += "\n";
        for (const std::string& alias : cache->aliases) text += alias + " -> " + cache->name + "\n";
    }
    return text;
}

} // namespace pagewalk::os
