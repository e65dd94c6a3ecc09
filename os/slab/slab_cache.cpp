#include "os/slab/slab.h"

#include <algorithm>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr std::uint32_t alien_limit = 12;

} // namespace

void Slab::drain_array(SlabCache& cache, ArrayCache& array, NodeId node, CpuId cpu) {
    if (array.avail == 0) return;
    if (array.touched) {
        array.touched = false;
        return;
    }
    std::uint32_t count = (array.limit + 4) / 5;
    if (count > array.avail) count = (array.avail + 1) / 2;
    drain_oldest(cache, array, count, node, cpu);
}

void Slab::drain_oldest(SlabCache& cache, ArrayCache& array, std::uint32_t count, NodeId node, CpuId cpu) {
    std::vector<SlabBlock*> empty;
    m_trace.lock(cache.places.node(node));
    free_block(cache, std::span(array.entries).first(count), node, empty);
    m_trace.unlock(cache.places.node(node));
    std::copy(array.entries.begin() + count, array.entries.begin() + array.avail, array.entries.begin());
    array.avail -= count;
    destroy_blocks(empty, cpu);
}

std::uint64_t Slab::drain_free_slabs(SlabCache& cache, SlabNode& node, std::uint64_t most, CpuId cpu) {
    std::uint64_t freed = 0;
    for (; freed < most && !node.free.empty(); ++freed) {
        SlabBlock& block = *node.free.back();
        move_to(block, SlabBlock::List::None, At::Front);
        --node.total_slabs;
        node.free_objects -= cache.geometry.objects;
        destroy_block(block, cpu);
    }
    return freed;
}

void Slab::reap(SlabCache& cache, CpuId cpu, ReapScope scope) {
    if (cache.flags.any(slab_flag::no_reap)) return;
    const NodeId id = m_pages.node_of(cpu);
    SlabNode& node = cache.nodes[id];
    if (node.alien.contains(m_reap_node[cpu]))
        drain_alien(cache, node.alien[m_reap_node[cpu]], m_reap_node[cpu], cpu);
    drain_array(cache, cache.cpus[cpu], id, cpu);
    if (scope == ReapScope::CpuArrays) return;
    drain_array(cache, node.shared, id, cpu);
    if (std::exchange(node.free_touched, false)) return;
    const std::uint64_t objects = cache.geometry.objects;
    cache.stats.reaped +=
        drain_free_slabs(cache, node, (node.free_limit + 5 * objects - 1) / (5 * objects), cpu);
}

void Slab::reap_all(CpuId cpu, ReapScope scope) {
    m_trace.begin(SlabPath::None);
    // The kernel's list has the newest cache first.
    for (std::size_t i = caches().size(); i-- != 0;) reap(static_cast<SlabCache&>(*caches()[i]), cpu, scope);
    const std::size_t next = index_of(m_reap_node[cpu]) + 1;
    m_reap_node[cpu] = static_cast<NodeId>(next < m_pages.node_count() ? next : 0);
}

void Slab::drain_arrays(SlabCache& cache, CpuId by) {
    for (std::size_t i = 0; i < cache.cpus.size(); ++i) {
        const auto cpu = static_cast<CpuId>(i);
        drain_oldest(cache, cache.cpus[cpu], cache.cpus[cpu].avail, m_pages.node_of(cpu), cpu);
    }
    for (SlabNode& node : cache.nodes)
        for (std::size_t home = 0; home < node.alien.size(); ++home)
            drain_alien(cache, node.alien[static_cast<NodeId>(home)], static_cast<NodeId>(home), by);
    for (std::size_t i = 0; i < cache.nodes.size(); ++i) {
        SlabNode& node = cache.nodes[static_cast<NodeId>(i)];
        drain_oldest(cache, node.shared, node.shared.avail, static_cast<NodeId>(i), by);
    }
}

void Slab::shrink(KmemCache& base, CpuId cpu) {
    auto& cache = static_cast<SlabCache&>(base);
    m_trace.begin(SlabPath::None);
    drain_arrays(cache, cpu);
    for (SlabNode& node : cache.nodes) (void)drain_free_slabs(cache, node, ~std::uint64_t{0}, cpu);
}

bool Slab::shut_down(KmemCache& base) {
    shrink(base, CpuId{});
    for (const SlabNode& node : static_cast<SlabCache&>(base).nodes)
        if (node.total_slabs != 0) return false;
    return true;
}

void Slab::destroy_blocks(std::span<SlabBlock* const> blocks, CpuId cpu) {
    for (SlabBlock* block : blocks) destroy_block(*block, cpu);
}

void Slab::destroy_block(SlabBlock& block, CpuId cpu) {
    SlabCache& cache = *block.cache;
    m_trace.work(AllocatorWork::DestroySlab);
    m_frames.set(block.frame, 1ULL << cache.geometry.order, nullptr);
    block.damage.reset();
    cache.pool.push_back(&block);
    release_pages(cache, block.frame, cache.geometry.order, cpu);
    if (block.index_object != VirtAddr{}) {
        const VirtAddr index = std::exchange(block.index_object, VirtAddr{});
        if (KmemCache* owner = cache_of(index)) {
            const SlabSummary outer = m_trace.summary();
            m_trace.work(AllocatorWork::NestedFree);
            m_trace.store(owner->places.cpu(cpu));
            free(*owner, index, cpu);
            m_trace.summary() = outer;
        }
    }
}

bool Slab::tune(SlabCache& cache, std::uint32_t limit, std::uint32_t batchcount, std::uint32_t shared,
                CpuId cpu) {
    if (limit < 1 || batchcount < 1 || batchcount > limit) return false;
    drain_arrays(cache, cpu);
    cache.geometry.limit = limit;
    cache.geometry.batchcount = batchcount;
    cache.geometry.shared = shared;
    set_up_arrays(cache);
    return true;
}

void Slab::set_up_arrays(SlabCache& cache) {
    const SlabGeometry& geometry = cache.geometry;
    cache.cpus.resize(m_pages.cpu_count());
    cache.nodes.resize(m_pages.node_count());
    for (ArrayCache& array : cache.cpus) array.resize(geometry.limit, geometry.batchcount);
    for (std::size_t i = 0; i < cache.nodes.size(); ++i) {
        SlabNode& node = cache.nodes[static_cast<NodeId>(i)];
        std::uint64_t cpus = 0;
        for (std::size_t cpu = 0; cpu < cache.cpus.size(); ++cpu)
            if (m_pages.node_of(static_cast<CpuId>(cpu)) == static_cast<NodeId>(i)) ++cpus;
        node.free_limit = (1 + cpus) * geometry.batchcount + geometry.objects;
        node.shared.resize(geometry.shared * geometry.batchcount, 0);
        if (cache.nodes.size() > 1) {
            node.alien.resize(cache.nodes.size());
            for (ArrayCache& alien : node.alien)
                if (alien.entries.empty()) alien.resize(geometry.limit > 1 ? alien_limit : geometry.limit, 0);
        }
    }
}

std::uint64_t Slab::usable_size(VirtAddr object) const {
    const SlabBlock* block = block_of(object);
    return block == nullptr ? 0 : block->cache->object_size;
}

KmemCache* Slab::cache_of(VirtAddr object) const {
    const SlabBlock* block = block_of(object);
    return block == nullptr ? nullptr : block->cache;
}

CacheUsage Slab::usage(const KmemCache& base) const {
    const auto& cache = static_cast<const SlabCache&>(base);
    CacheUsage usage;
    for (const SlabNode& node : cache.nodes) {
        usage.slabs += node.total_slabs;
        usage.active_slabs += node.total_slabs - node.free.size();
        usage.objects += node.total_slabs * cache.geometry.objects;
        usage.active_objects += node.total_slabs * cache.geometry.objects - node.free_objects;
        usage.shared_available += node.shared.avail;
    }
    return usage;
}

std::expected<std::unique_ptr<KmemCache>, GeometryError> Slab::open(const CacheSpec& spec,
                                                                    std::uint32_t align) {
    SlabFlags flags = spec.flags;
    if (m_config.debugging == SlabConfig::Debugging::Off) flags = flags.without(slab_flag::debugging);
    const auto geometry = slab_geometry(
        {static_cast<std::uint32_t>(spec.size), align, flags, spec.constructor}, m_config.parameters);
    if (!geometry) return std::unexpected(geometry.error());
    auto cache = std::make_unique<SlabCache>();
    cache->name = spec.name;
    cache->object_size = static_cast<std::uint32_t>(spec.size);
    cache->align = geometry->align;
    cache->flags = geometry->flags;
    cache->constructor = spec.constructor;
    cache->usersize = spec.usersize;
    cache->page_gfp = page_gfp_of(flags);
    cache->geometry = *geometry;
    if (m_config.freelist_order == FreelistOrder::Random)
        cache->random_sequence = random_sequence(m_rng, geometry->objects);
    cache->size = geometry->size;
    cache->reciprocal = Reciprocal(cache->size);
    set_up_arrays(*cache);
    return cache;
}

SlabCache& Slab::restore_cache(std::unique_ptr<SlabCache> cache) {
    cache->size = cache->geometry.size;
    cache->reciprocal = Reciprocal(cache->size);
    set_up_arrays(*cache);
    return static_cast<SlabCache&>(adopt(std::move(cache)));
}

void Slab::correct(VirtAddr predicted, VirtAddr actual, CpuId cpu) {
    if (KmemCache* cache = cache_of(predicted)) free(*cache, predicted, cpu);
    SlabBlock* block = block_of(actual);
    if (block == nullptr) return;
    const std::uint32_t number = object_number(*block, actual);
    SlabCache& cache = *block->cache;
    if (number >= cache.geometry.objects || block->is_allocated(number)) return;
    const auto remove = [&](ArrayCache& array) {
        const auto end = array.entries.begin() + array.avail;
        const auto found = std::find(array.entries.begin(), end, actual);
        if (found == end) return false;
        std::copy(found + 1, end, found);
        --array.avail;
        return true;
    };
    bool found = false;
    for (ArrayCache& array : cache.cpus) found = found || remove(array);
    for (SlabNode& node : cache.nodes) found = found || remove(node.shared);
    if (!found) {
        for (std::uint32_t i = block->active; i < cache.geometry.objects; ++i)
            if (block->index[i] == number)
                std::swap(block->index[i], block->index[block->active]), found = true;
        if (!found) return;
        ++block->active;
        --cache.nodes[block->node].free_objects;
        settle(*block);
    }
    block->mark_allocated(number);
    ++cache.live;
}

} // namespace pagewalk::os
