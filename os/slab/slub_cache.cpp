#include "os/slab/slub.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace pagewalk::os {
namespace {

constexpr std::uint16_t none = SlubSlab::none;
constexpr std::size_t shrink_promote_max = 32;

} // namespace

void Slub::shrink(KmemCache& base, CpuId cpu) {
    auto& cache = static_cast<SlubCache&>(base);
    m_trace.begin(SlabPath::None);
    for (std::size_t i = 0; i < cache.cpus.size(); ++i) flush_cpu(cache, static_cast<CpuId>(i));
    for (SlubNode& node : cache.nodes) {
        // The fullest go first, so that the emptiest can empty.
        std::array<std::vector<SlubSlab*>, shrink_promote_max> promoted;
        std::vector<SlubSlab*> empty;
        for (SlubSlab* slab = node.partial.front(); slab != nullptr;) {
            SlubSlab& each = *std::exchange(slab, slab->list_next);
            const std::uint32_t free = each.objects - each.inuse;
            if (free == each.objects) {
                remove_partial(each);
                empty.insert(empty.begin(), &each);
            } else if (free <= shrink_promote_max) {
                remove_partial(each);
                promoted[free - 1].insert(promoted[free - 1].begin(), &each);
            }
        }
        for (std::size_t i = shrink_promote_max; i-- != 0;)
            for (std::size_t k = promoted[i].size(); k-- != 0;) add_partial(*promoted[i][k], false);
        for (SlubSlab* slab : empty) discard(*slab, cpu);
    }
}

bool Slub::shut_down(KmemCache& base) {
    auto& cache = static_cast<SlubCache&>(base);
    m_trace.begin(SlabPath::None);
    for (std::size_t i = 0; i < cache.cpus.size(); ++i) flush_cpu(cache, static_cast<CpuId>(i));
    bool empty = true;
    for (SlubNode& node : cache.nodes) {
        std::vector<SlubSlab*> unused;
        for (SlubSlab* slab = node.partial.front(); slab != nullptr;) {
            SlubSlab& each = *std::exchange(slab, slab->list_next);
            if (each.inuse == 0) {
                remove_partial(each);
                unused.push_back(&each);
                continue;
            }
            std::string text =
                object_report(each, 0, "Objects remaining in " + cache.name + " on __kmem_cache_shutdown()",
                              ObjectState::Active);
            for (std::uint32_t object = 0; object < each.objects; ++object)
                if (each.is_allocated(object))
                    text += "Object " + pointer_text(address_of(each, object)) + " @offset=" +
                            std::to_string(std::uint64_t{object} * cache.size + cache.geometry.red_left_pad) +
                            "\n";
            report(SlabFault::ObjectsRemain, Noticed::ByKernel, &cache, each.first_object, std::move(text));
        }
        for (std::size_t i = unused.size(); i-- != 0;) discard(*unused[i], CpuId{});
        if (node.slabs != 0) empty = false;
    }
    return empty;
}

std::uint64_t Slub::usable_size(VirtAddr object) const {
    const KmemCache* base = cache_of(object);
    if (base == nullptr) return 0;
    const auto& cache = static_cast<const SlubCache&>(*base);
    if (cache.flags.any(slab_flag::red_zone | slab_flag::poison)) return cache.object_size;
    if (cache.flags.any(slab_flag::typesafe_by_rcu | slab_flag::store_user)) return cache.geometry.inuse;
    return cache.size;
}

KmemCache* Slub::cache_of(VirtAddr object) const {
    if (object < kernel_layout::direct_map_base || object >= kernel_layout::vmalloc_base) return nullptr;
    const SlubSlab* slab = m_frames.find(Pfn((object - kernel_layout::direct_map_base) >> page_shift));
    return slab == nullptr ? nullptr : slab->cache;
}

CacheUsage Slub::usage(const KmemCache& base) const {
    const auto& cache = static_cast<const SlubCache&>(base);
    CacheUsage usage;
    for (const SlubNode& node : cache.nodes) {
        usage.slabs += node.slabs;
        usage.objects += node.objects;
        usage.active_objects += node.objects;
        for (const SlubSlab* slab = node.partial.front(); slab != nullptr; slab = slab->list_next)
            usage.active_objects -= slab->objects - slab->inuse;
    }
    usage.active_slabs = usage.slabs;
    return usage;
}

std::expected<std::unique_ptr<KmemCache>, GeometryError> Slub::open(const CacheSpec& spec,
                                                                    std::uint32_t align) {
    const SlabFlags flags = spec.flags | m_config.debug;
    const auto geometry = slub_geometry(
        {static_cast<std::uint32_t>(spec.size), align, flags, spec.constructor}, m_config.parameters);
    if (!geometry) return std::unexpected(geometry.error());
    auto cache = std::make_unique<SlubCache>();
    cache->name = spec.name;
    cache->object_size = geometry->object_size;
    cache->align = align;
    cache->flags = flags;
    cache->constructor = spec.constructor;
    cache->usersize = spec.usersize;
    cache->page_gfp = page_gfp_of(flags);
    cache->geometry = *geometry;
    if (m_config.freelist_order == FreelistOrder::Random)
        cache->random_sequence = random_sequence(m_rng, geometry->objects);
    cache->size = geometry->size;
    cache->reciprocal = Reciprocal(cache->size);
    cache->cpus.resize(m_pages.cpu_count());
    cache->nodes.resize(m_pages.node_count());
    return cache;
}

SlubCache& Slub::restore_cache(std::unique_ptr<SlubCache> cache) {
    cache->size = cache->geometry.size;
    cache->reciprocal = Reciprocal(cache->size);
    cache->cpus.resize(m_pages.cpu_count());
    cache->nodes.resize(m_pages.node_count());
    return static_cast<SlubCache&>(adopt(std::move(cache)));
}

void Slub::grow_for_alias(KmemCache& base, std::uint32_t object_size) {
    auto& cache = static_cast<SlubCache&>(base);
    cache.object_size = cache.geometry.object_size = std::max(cache.object_size, object_size);
    cache.geometry.inuse =
        std::max(cache.geometry.inuse, (object_size + word_bytes - 1) / word_bytes * word_bytes);
}

void Slub::correct(VirtAddr predicted, VirtAddr actual, CpuId cpu) {
    KmemCache* cache = cache_of(predicted);
    if (cache != nullptr) free(*cache, predicted, cpu);
    SlubSlab* slab = cache_of(actual) == nullptr
                         ? nullptr
                         : m_frames.find(Pfn((actual - kernel_layout::direct_map_base) >> page_shift));
    if (slab == nullptr) return;
    const auto number = static_cast<std::uint16_t>(object_number(*slab, actual));
    if (number >= slab->objects || slab->is_allocated(number)) return;
    const auto unlink = [&](std::uint16_t& head) {
        for (std::uint16_t* link = &head; *link != none; link = &slab->next[*link])
            if (*link == number) {
                *link = slab->next[number];
                return true;
            }
        return false;
    };
    bool found = false;
    for (SlubCpu& each : slab->cache->cpus)
        if (each.slab == slab) found = found || unlink(each.freelist);
    if (!found && unlink(slab->freelist)) {
        found = true;
        ++slab->inuse;
        if (slab->freelist == none && slab->on_partial) remove_partial(*slab);
        if (slab->freelist == none)
            for (SlubCpu& each : slab->cache->cpus)
                for (SlubSlab** link = &each.partial; *link != nullptr; link = &(*link)->next_partial)
                    if (*link == slab) {
                        *link = std::exchange(slab->next_partial, nullptr);
                        slab->frozen = false;
                        break;
                    }
    }
    if (!found) return;
    slab->mark_allocated(number);
    ++slab->cache->live;
}

} // namespace pagewalk::os
