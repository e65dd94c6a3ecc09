#pragma once

#include "os/slab/slab.h"
#include "os/slab/slob.h"
#include "os/slab/slub.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace pagewalk::os {

/// Where each object of one slab is, each seen once.
class SeenObjects {
public:
    explicit SeenObjects(std::uint32_t objects) : m_seen(objects, false) {}

    /// False when it is out of range or has been seen already.
    [[nodiscard]] bool see(std::uint32_t object) {
        if (object >= m_seen.size() || m_seen[object]) return false;
        m_seen[object] = true;
        ++m_count;
        return true;
    }
    [[nodiscard]] std::uint32_t count() const { return m_count; }
    [[nodiscard]] bool all() const { return m_count == m_seen.size(); }

private:
    std::vector<bool> m_seen;
    std::uint32_t m_count = 0;
};

/// What is wrong with a SLUB cache; empty when nothing is. Every object is handed out or on one freelist,
/// every slab in one place, and the counters are those of the slabs.
inline std::string broken(const SlubCache& cache) {
    const std::set<const SlubSlab*> unused(cache.pool.begin(), cache.pool.end());
    std::map<const SlubSlab*, const SlubCpu*> loaded;
    std::set<const SlubSlab*> cpu_partial, node_partial;
    for (const SlubCpu& cpu : cache.cpus) {
        if (cpu.slab == nullptr && cpu.freelist != SlubSlab::none) return "a freelist without a slab";
        if (cpu.slab != nullptr && !loaded.emplace(cpu.slab, &cpu).second) return "two CPUs share a slab";
        for (const SlubSlab* slab = cpu.partial; slab != nullptr; slab = slab->next_partial)
            if (!cpu_partial.insert(slab).second) return "a slab is twice on CPUs' partial lists";
    }
    for (const SlubNode& node : cache.nodes)
        for (const SlubSlab* slab = node.partial.front(); slab != nullptr; slab = slab->list_next)
            if (!node_partial.insert(slab).second) return "a slab is twice on nodes' partial lists";
    std::uint64_t live = 0, slabs = 0, objects = 0;
    for (const auto& each : cache.slabs) {
        const SlubSlab& slab = *each;
        if (unused.contains(&slab)) continue;
        const auto cpu = loaded.find(&slab);
        const bool on_cpu = cpu != loaded.end() || cpu_partial.contains(&slab);
        if (cpu != loaded.end() && cpu_partial.contains(&slab)) return "a CPU's slab is partial, too";
        if (slab.frozen != on_cpu) return "frozen and not a CPU's, or the other way round";
        if (slab.on_partial != node_partial.contains(&slab))
            return "a node's list and the slab's mark differ";
        if (on_cpu && slab.on_partial) return "a CPU's slab is on its node's list";
        SeenObjects seen(slab.objects);
        for (std::uint32_t at = slab.freelist; at != SlubSlab::none; at = slab.next[at])
            if (!seen.see(at)) return "a freelist runs into itself";
        if (slab.inuse != slab.objects - seen.count()) return "a slab's objects in use are miscounted";
        if (cpu != loaded.end())
            for (std::uint32_t at = cpu->second->freelist; at != SlubSlab::none; at = slab.next[at])
                if (!seen.see(at)) return "an object is on two freelists";
        for (std::uint32_t at = 0; at < slab.objects; ++at) {
            if (!slab.is_allocated(at)) continue;
            if (!seen.see(at)) return "an object is handed out and free";
            ++live;
        }
        if (!seen.all()) return "an object is lost";
        if (!on_cpu && !slab.on_partial && slab.freelist != SlubSlab::none) return "a partial slab is lost";
        ++slabs;
        objects += slab.objects;
    }
    for (const SlubNode& node : cache.nodes) {
        slabs -= node.slabs;
        objects -= node.objects;
    }
    if (slabs != 0 || objects != 0) return "slabs or objects are miscounted";
    return live == cache.live ? "" : "live objects are miscounted";
}

/// The same for a SLAB cache; objects may also be in arrays. A slab that is being made is on no list.
inline std::string broken(const Slab& slab, const SlabCache& cache) {
    std::map<const SlabBlock*, SeenObjects> seen;
    const std::set<const SlabBlock*> unused(cache.pool.begin(), cache.pool.end());
    for (const auto& block : cache.blocks)
        if (!unused.contains(block.get())) seen.emplace(block.get(), SeenObjects(cache.geometry.objects));
    std::string problem;
    const auto look_into = [&](const ArrayCache& array) {
        if (array.avail > array.limit) problem = "an array is too full";
        for (std::uint32_t i = 0; i < array.avail; ++i) {
            const SlabBlock* block = slab.block_of(array.entries[i]);
            if (block == nullptr || block->cache != &cache)
                problem = "an array has something else";
            else if (!seen.at(block).see(slab.object_number(*block, array.entries[i])))
                problem = "an object is in two places";
        }
    };
    for (const ArrayCache& array : cache.cpus) look_into(array);
    for (const SlabNode& node : cache.nodes) {
        look_into(node.shared);
        for (const ArrayCache& alien : node.alien) look_into(alien);
        std::uint64_t slabs = 0, free = 0;
        const auto walk = [&](const LinkedList<SlabBlock>& list, SlabBlock::List name) {
            for (const SlabBlock* block = list.front(); block != nullptr; block = block->list_next) {
                if (block->list != name) problem = "a slab is on another list than it says";
                ++slabs;
                free += cache.geometry.objects - block->active;
            }
        };
        walk(node.partial, SlabBlock::List::Partial);
        walk(node.full, SlabBlock::List::Full);
        walk(node.free, SlabBlock::List::Free);
        if (slabs != node.total_slabs) problem = "slabs are miscounted";
        if (free != node.free_objects) problem = "free objects are miscounted";
    }
    std::uint64_t live = 0;
    for (auto& [block, objects] : seen) {
        const std::uint32_t most = cache.geometry.objects;
        const SlabBlock::List list = block->active == 0      ? SlabBlock::List::Free
                                     : block->active == most ? SlabBlock::List::Full
                                                             : SlabBlock::List::Partial;
        if (block->list == SlabBlock::List::None ? block->active != 0 : block->list != list)
            problem = "a slab is on the wrong list";
        if (block->list == SlabBlock::List::None) continue;
        for (std::uint32_t i = block->active; i < most; ++i)
            if (!objects.see(block->index[i])) problem = "an object is in its slab and elsewhere";
        for (std::uint32_t at = 0; at < most; ++at) {
            if (!block->is_allocated(at)) continue;
            if (!objects.see(at)) problem = "an object is handed out and free";
            ++live;
        }
        if (!objects.all()) problem = "an object is lost";
    }
    if (live != cache.live) problem = "live objects are miscounted";
    return problem;
}

/// The same for a page of SLOB's: its free blocks are in order, apart, and with the others fill it; it is on
/// a list while it has room.
inline std::string broken(const SlobPage& page) {
    std::uint32_t free = 0, end = 0, used = 0;
    for (const SlobRun& run : page.runs) {
        if (run.units == 0 || (free != 0 && run.offset <= end)) return "free blocks touch or overlap";
        end = run.offset + std::uint32_t{run.units};
        free += run.units;
    }
    for (const std::uint16_t bytes : page.block_bytes)
        used += (bytes + SlobPage::unit_bytes - 1) / SlobPage::unit_bytes;
    if (free != page.free_units) return "free units are miscounted";
    if (free + used != SlobPage::units_per_page) return "blocks do not fill the page";
    return (page.list == SlobPage::off_list) == (free == 0) ? "" : "a page is on the wrong list";
}

/// Of all pages on SLOB's lists.
inline std::string broken(const Slob& slob) {
    std::set<const SlobPage*> seen;
    for (std::size_t list = 0; list < Slob::list_count; ++list)
        for (const SlobPage* page = slob.list(list).front(); page != nullptr; page = page->list_next) {
            if (page->list != list || !seen.insert(page).second) return "a page is on another list";
            if (std::string problem = broken(*page); !problem.empty()) return problem;
        }
    return {};
}

/// Of everything that the allocator has.
inline std::string broken(const SlabAllocator& allocator) {
    if (const auto* slob = dynamic_cast<const Slob*>(&allocator)) return broken(*slob);
    for (const auto& cache : allocator.caches()) {
        const auto* slab = dynamic_cast<const Slab*>(&allocator);
        const std::string problem = slab != nullptr ? broken(*slab, static_cast<const SlabCache&>(*cache))
                                                    : broken(static_cast<const SlubCache&>(*cache));
        if (!problem.empty()) return cache->name + ": " + problem;
    }
    return {};
}

} // namespace pagewalk::os
