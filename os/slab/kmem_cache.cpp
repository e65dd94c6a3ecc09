#include "os/slab/kmem_cache.h"

#include "base/error.h"

#include <algorithm>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr int einval = -22;
constexpr int enosys = -38;

constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; }

bool unmergeable(const KmemCache& cache) {
    return cache.flags.any(slab_flag::never_merge) || cache.constructor == Constructor::Yes ||
           cache.usersize != 0;
}

} // namespace

std::expected<KmemCache*, CacheError> SlabAllocator::create(const CacheSpec& spec) {
    const auto fail = [&](CacheError error, int number) -> std::expected<KmemCache*, CacheError> {
        if (spec.flags.any(slab_flag::panic)) {
            report(SlabFault::PanicOnCreate, Noticed::ByKernel, nullptr, {},
                   "Kernel panic - not syncing: kmem_cache_create_usercopy: Failed to create slab '" +
                       spec.name + "'. Error " + std::to_string(number) + "\n");
            return std::unexpected(CacheError::Panic);
        }
        report(SlabFault::CreateFailed, Noticed::ByKernel, nullptr, {},
               "kmem_cache_create_usercopy(" + spec.name + ") failed with error " + std::to_string(number) +
                   "\n");
        return std::unexpected(error);
    };
    if (spec.name.empty() || spec.size == 0 || spec.size > kmalloc_max_size ||
        spec.align > kmalloc_max_size || (spec.align & (spec.align - 1)) != 0) {
        report(SlabFault::CreateFailed, Noticed::ByKernel, nullptr, {},
               "kmem_cache_create(" + spec.name + ") integrity check failed\n");
        return fail(CacheError::Invalid, einval);
    }
    if (spec.flags.without(slab_flag::permitted).bits() != 0) return fail(CacheError::Invalid, einval);

    CacheSpec checked = spec;
    const bool bad_window = (spec.usersize == 0 && spec.useroffset != 0) || spec.usersize > spec.size ||
                            spec.size - spec.usersize < spec.useroffset;
    if (bad_window) checked.usersize = checked.useroffset = 0;
    if (checked.usersize == 0)
        if (KmemCache* cache = mergeable(checked)) {
            ++cache->references;
            cache->aliases.push_back(checked.name);
            grow_for_alias(*cache, static_cast<std::uint32_t>(checked.size));
            return cache;
        }
    auto cache = open(checked, align_for(checked.flags, checked.align, checked.size));
    if (!cache) return fail(CacheError::TooBig, enosys);
    return &adopt(std::move(*cache));
}

KmemCache* SlabAllocator::create_at_boot(const CacheSpec& spec) {
    auto cache = open(spec, align_for(spec.flags, spec.align, spec.size));
    PAGEWALK_INVARIANT(cache.has_value());
    return &adopt(std::move(*cache));
}

KmemCache* SlabAllocator::mergeable(const CacheSpec& spec) const {
    if (m_merging == Merging::Off || !may_merge() || spec.constructor == Constructor::Yes ||
        spec.flags.any(slab_flag::never_merge))
        return nullptr;
    std::uint64_t size = align_up(spec.size, word_bytes);
    const std::uint32_t align = align_for(spec.flags, spec.align, size);
    size = align_up(size, align);
    for (const auto& cache : m_caches) {
        if (unmergeable(*cache) || size > cache->size || cache->size - size >= word_bytes) continue;
        if ((spec.flags & slab_flag::merge_same) != (cache->flags & slab_flag::merge_same)) continue;
        if (alignment_fits(*cache, align)) return cache.get();
    }
    return nullptr;
}

bool SlabAllocator::destroy(KmemCache& cache) {
    if (--cache.references > 0) return true;
    if (cache.growing != 0 || !shut_down(cache)) {
        report(SlabFault::ObjectsRemain, Noticed::ByKernel, &cache, {},
               "kmem_cache_destroy " + cache.name +
                   ": Slab cache still has objects when called from destroy\n");
        // The kernel leaks the cache; here it stays in use so that its objects remain accounted for.
        cache.references = 1;
        return false;
    }
    const auto found = std::ranges::find_if(m_caches, [&](const auto& each) { return each.get() == &cache; });
    PAGEWALK_INVARIANT(found != m_caches.end());
    m_caches.erase(found);
    return true;
}

std::size_t SlabAllocator::allocate_bulk(KmemCache& cache, const SlabRequest& request,
                                         std::span<VirtAddr> objects) {
    SlabRequest here = request;
    for (std::size_t i = 0; i < objects.size(); ++i) {
        const auto object = allocate(cache, here);
        if (m_trace.path != SlabPath::AllocFast) here.cpu = m_pages.current_cpu(here.cpu);
        if (!object) {
            free_bulk(cache, objects.first(i), here.cpu);
            return 0;
        }
        objects[i] = *object;
    }
    return objects.size();
}

void SlabAllocator::free_bulk(KmemCache& cache, std::span<VirtAddr> objects, CpuId cpu) {
    for (const VirtAddr object : objects) free(cache, object, cpu);
}

std::expected<VirtAddr, SlabError> SlabAllocator::allocate_sized(std::uint64_t, const SlabRequest&) {
    return std::unexpected(SlabError::TooLarge);
}

bool SlabAllocator::free_sized(VirtAddr, CpuId) { return false; }

void SlabAllocator::grace_period_ended(CpuId cpu) {
    for (const RcuBlock& block : std::exchange(m_rcu_blocks, {})) m_pages.free(block.frame, block.order, cpu);
}

KmemCache* SlabAllocator::find(std::string_view name) const {
    for (const auto& cache : m_caches)
        if (cache->name == name || std::ranges::find(cache->aliases, name) != cache->aliases.end())
            return cache.get();
    return nullptr;
}

KmemCache& SlabAllocator::adopt(std::unique_ptr<KmemCache> cache) {
    m_caches.push_back(std::move(cache));
    return *m_caches.back();
}

void SlabAllocator::release_pages(const KmemCache& cache, Pfn frame, unsigned order, CpuId cpu) {
    ++m_trace.slabs_freed;
    if (cache.flags.any(slab_flag::typesafe_by_rcu))
        m_rcu_blocks.push_back({frame, order});
    else
        m_pages.free(frame, order, cpu);
}

void SlabAllocator::report(SlabFault fault, Noticed noticed, const KmemCache* cache, VirtAddr object,
                           std::string text) {
    m_reports.add({fault, noticed, cache == nullptr ? std::string() : cache->name, object, std::move(text)});
}

GfpMask SlabAllocator::page_gfp_of(SlabFlags flags) {
    GfpMask mask;
    if (flags.any(slab_flag::cache_dma)) mask = mask | gfp::dma_zone;
    if (flags.any(slab_flag::cache_dma32)) mask = mask | gfp::dma32_zone;
    if (flags.any(slab_flag::reclaim_account)) mask = mask | gfp::reclaimable;
    return mask;
}

} // namespace pagewalk::os
