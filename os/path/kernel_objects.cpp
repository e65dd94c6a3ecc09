#include "os/path/kernel_objects.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

// struct kmem_cache of SLUB; SLAB's and SLOB's are taken to be as large. Source: slabinfo of Debian 6.1.192.
constexpr std::uint64_t descriptor_bytes = 224;
constexpr std::uint64_t node_bytes = 64;        // struct kmem_cache_node of SLUB. Source: the same
constexpr std::uint64_t slab_node_bytes = 120;  // of SLAB: a lock, three lists, counters, two pointers
constexpr std::uint64_t cpu_bytes = 32;         // struct kmem_cache_cpu
constexpr Tick grace_period{12'000'000'000ULL}; // 12 ms, assumed: a tick of 4 ms on every CPU, thrice

Operation untimed(KernelPath& path, PathLog& log, const CostTable& costs) {
    return {.path = {path, costs, KernelTiming::Off}, .log = log};
}

} // namespace

KernelObjects::KernelObjects(FrameAllocator& frames, const ObjectAllocatorConfig& config,
                             InitOnAlloc init_on_alloc, std::uint64_t seed)
    : m_frames(frames), m_init(init_on_alloc), m_pages(frames),
      m_allocator(make_object_allocator(config, m_pages, seed)), m_writer(*m_allocator) {
    m_pages.attach(m_writer, m_allocator->trace());
    m_allocator->reports().listen([this](const SlabReport&) { ++m_report_count; });
    KernelPath path;
    PathLog path_log;
    const CostTable costs;
    Operation op = untimed(path, path_log, costs);
    const FrameAllocator::Scope serving(m_frames, op);
    m_counters.push_back({"pages", {}});
    const bool slub = config.kind == ObjectAllocatorConfig::Kind::Slub;
    if (slub)
        m_nodes = m_allocator->create_at_boot(
            {"kmem_cache_node", node_bytes, 0, slab_flag::hwcache_align, Constructor::No, 0, 0});
    m_descriptors = m_allocator->create_at_boot(
        {"kmem_cache", descriptor_bytes, 0, slab_flag::hwcache_align, Constructor::No, 0, 0});
    m_kmalloc = std::make_unique<Kmalloc>(*m_allocator, kmalloc_config(config));
    // Places first: what is allocated below is not timed, but what follows is.
    for (std::size_t i = 0; i < m_allocator->caches().size(); ++i) place(op, *m_allocator->caches()[i]);
    for (std::size_t i = 0; i < object_kind_count; ++i) {
        const auto created = create(op, cache_spec(static_cast<ObjectKind>(i)));
        if (!created) throw RunError("out of simulated memory for the kernel's caches");
        m_caches[i] = *created;
    }
    m_boot_caches = static_cast<std::uint16_t>(m_counters.size());
}

VirtAddr KernelObjects::boot_object(Operation& op, std::uint64_t bytes, NodeId node, KmemCache* from) {
    const SlabRequest request{gfp::kernel | gfp::zero, op.cpu, node, {}};
    const auto object =
        from != nullptr ? m_allocator->allocate(*from, request) : m_kmalloc->allocate(bytes, request);
    if (!object) throw RunError("out of simulated memory for the kernel's caches");
    return *object;
}

void KernelObjects::place(Operation& op, KmemCache& cache) {
    CachePlaces& places = cache.places;
    if (auto* slob = dynamic_cast<Slob*>(m_allocator.get())) {
        places.descriptor = m_frames.addresses().slob_globals();
        slob->set_globals(places.descriptor);
    } else {
        places.descriptor = boot_object(op, descriptor_bytes, any_node, m_descriptors);
        std::uint64_t bytes = cpu_bytes;
        if (const auto* slab = dynamic_cast<const SlabCache*>(&cache))
            bytes = Slab::array_header + slab->geometry.limit * std::uint64_t{word_bytes};
        if (m_percpu_used + bytes > KernelAddresses::slab_percpu_bytes)
            throw RunError("the simulated kernel has no per-CPU memory left for another cache");
        places.cpus.resize(m_pages.cpu_count());
        for (std::size_t i = 0; i < places.cpus.size(); ++i)
            places.cpus[static_cast<CpuId>(i)] =
                m_frames.addresses().slab_percpu(static_cast<CpuId>(i)) + m_percpu_used;
        m_percpu_used += bytes;
        places.nodes.resize(m_pages.node_count());
        for (std::size_t i = 0; i < places.nodes.size(); ++i)
            places.nodes[static_cast<NodeId>(i)] =
                boot_object(op, slab_node_bytes, static_cast<NodeId>(i), m_nodes);
        place_slab_arrays(op, cache);
    }
    places.number = static_cast<std::uint16_t>(m_counters.size());
    m_counters.push_back({cache.name, {}});
}

void KernelObjects::place_slab_arrays(Operation& op, KmemCache& cache) {
    const auto* slab = dynamic_cast<const SlabCache*>(&cache);
    if (slab == nullptr) return;
    const std::size_t nodes = m_pages.node_count();
    const std::uint64_t entries = std::uint64_t{slab->geometry.shared} * slab->geometry.batchcount;
    CachePlaces& places = cache.places;
    if (entries != 0) places.shared.resize(nodes);
    if (nodes > 1) places.alien.resize(nodes);
    for (std::size_t i = 0; i < nodes; ++i) {
        const auto node = static_cast<NodeId>(i);
        if (entries != 0)
            places.shared[node] = boot_object(op, Slab::array_header + entries * word_bytes, node, nullptr);
        if (nodes > 1) places.alien[node] = boot_object(op, nodes * CachePlaces::alien_bytes, node, nullptr);
    }
}

std::expected<KmemCache*, CacheError> KernelObjects::create(Operation& op, const CacheSpec& spec) {
    const FrameAllocator::Scope serving(m_frames, op);
    const AtomicSection unseen(op); // under slab_mutex: nobody uses a cache that has no places yet
    const std::size_t before = m_allocator->caches().size();
    m_allocator->trace().record(false);
    const auto cache = m_allocator->create(spec);
    if (cache && m_allocator->caches().size() != before) place(op, **cache);
    return cache;
}

bool KernelObjects::destroy(Operation& op, KmemCache& cache) {
    const FrameAllocator::Scope serving(m_frames, op);
    m_allocator->trace().record(op.path.timed());
    // rcu_barrier: SLOB's freed objects still count.
    if (cache.flags.any(slab_flag::typesafe_by_rcu)) m_allocator->grace_period_ended(op.cpu);
    const bool done = m_allocator->destroy(cache);
    m_writer.flush(op);
    return done;
}

void KernelObjects::stock(Operation& op) {
    constexpr std::size_t bytes = 24 << 10; // of each kind; SLUB keeps five empty slabs of a cache
    for (std::size_t i = 0; i < object_kind_count; ++i) {
        const auto kind = static_cast<ObjectKind>(i);
        if (kind == ObjectKind::KhugepagedSlot) continue; // nobody has used huge pages
        std::vector<VirtAddr> objects(bytes / m_caches[i]->size + 1);
        for (VirtAddr& object : objects) object = allocate(op, kind);
        for (const VirtAddr object : objects) free(op, kind, object);
    }
}

void KernelObjects::end_grace_period(Operation& op) {
    const FrameAllocator::Scope serving(m_frames, op);
    m_allocator->trace().record(op.path.timed());
    m_allocator->grace_period_ended(op.cpu);
    m_writer.flush(op);
    m_grace_end = no_time;
}

std::uint16_t KernelObjects::number_of(const KmemCache* cache) const {
    return cache == nullptr ? no_cache : cache->places.number;
}

bool KernelObjects::clears(const KmemCache* cache, GfpMask mask) const {
    if (mask.any(gfp::zero)) return true;
    if (m_init == InitOnAlloc::Off) return false;
    return cache == nullptr || (cache->constructor == Constructor::No &&
                                !cache->flags.any(slab_flag::typesafe_by_rcu | slab_flag::poison));
}

void KernelObjects::log(Operation& op, KmemEvent event, const KmemCache* cache, std::uint32_t begin) {
    const SlabPath path = m_allocator->last_trace().path;
    event.time = op.now.value();
    event.path = path;
    event.cache = std::min(number_of(cache), m_boot_caches);
    event.task = static_cast<std::uint32_t>(op.task);
    event.cpu = static_cast<std::uint16_t>(op.cpu);
    ++m_counters[number_of(cache)].paths[static_cast<std::size_t>(path)];
    if (event.call == KmemCall::Kmalloc || event.call == KmemCall::Kfree)
        ++m_kmalloc_counters.paths[static_cast<std::size_t>(path)];
    op.log.objects.push_back({event, begin, op.path.mark()});
    if (m_grace_end == no_time && m_allocator->waiting_for_grace_period() != 0)
        m_grace_end = op.now + grace_period;
}

std::expected<VirtAddr, SlabError> KernelObjects::allocate(Operation& op, KmemCache& cache, GfpMask mask,
                                                           KernelFunction caller) {
    const FunctionScope scope = in(op, TracedFunction::KmemCacheAlloc);
    const FrameAllocator::Scope serving(m_frames, op);
    const std::uint32_t begin = op.path.mark();
    m_writer.begin_allocation(op, &cache, ObjectCall::KmemCache);
    const VirtAddr text = op.path.text(caller);
    const auto object = m_allocator->allocate(cache, {mask, op.cpu, any_node, text});
    if (object)
        m_writer.end_allocation(op, &cache, *object, cache.object_size,
                                clears(&cache, mask) ? ClearObject::Yes : ClearObject::No);
    else
        m_writer.flush(op);
    log(op,
        {.ptr = object.value_or(VirtAddr{}).value(),
         .call_site = text.value(),
         .bytes_req = cache.object_size,
         .bytes_alloc = cache.size,
         .gfp_flags = mask.bits(),
         .call = KmemCall::KmemCacheAlloc},
        &cache, begin);
    return object;
}

void KernelObjects::free(Operation& op, KmemCache& cache, VirtAddr object, KernelFunction caller) {
    const FunctionScope scope = in(op, TracedFunction::KmemCacheFree);
    const FrameAllocator::Scope serving(m_frames, op);
    const std::uint32_t begin = op.path.mark();
    m_writer.begin_free(op, &cache, object, ObjectCall::KmemCache);
    m_allocator->free(cache, object, op.cpu);
    m_writer.end_free(op, &cache, ObjectCall::KmemCache);
    log(op,
        {.ptr = object.value(), .call_site = op.path.text(caller).value(), .call = KmemCall::KmemCacheFree},
        &cache, begin);
}

VirtAddr KernelObjects::allocate(Operation& op, ObjectKind kind) {
    const ObjectType& type = object_type(kind);
    const auto object = allocate(op, *m_caches[index(kind)], type.gfp, type.caller);
    if (!object) throw RunError("out of simulated memory for kernel objects; give the machine more memory");
    ++m_live[index(kind)];
    return *object;
}

void KernelObjects::free(Operation& op, ObjectKind kind, VirtAddr object) {
    --m_live[index(kind)];
    free(op, *m_caches[index(kind)], object, object_type(kind).caller);
}

std::expected<VirtAddr, SlabError> KernelObjects::kmalloc(Operation& op, std::uint64_t bytes, GfpMask mask,
                                                          KernelFunction caller) {
    const FunctionScope scope = in(op, TracedFunction::Kmalloc);
    const FrameAllocator::Scope serving(m_frames, op);
    const std::uint32_t begin = op.path.mark();
    KmemCache* cache = m_kmalloc->cache_for(bytes, mask);
    m_writer.begin_allocation(op, cache, ObjectCall::Kmalloc);
    // Where no object allocator is asked.
    m_allocator->trace().begin(SlabPath::AllocPages);
    const VirtAddr text = op.path.text(caller);
    const auto object = m_kmalloc->allocate(bytes, {mask, op.cpu, any_node, text});
    const std::uint64_t usable = object ? m_kmalloc->usable_size(*object) : 0;
    if (object && *object > Kmalloc::zero_size)
        m_writer.end_allocation(op, cache, *object, usable,
                                cache != nullptr && clears(cache, mask) ? ClearObject::Yes : ClearObject::No);
    else
        m_writer.flush(op);
    log(op,
        {.ptr = object.value_or(VirtAddr{}).value(),
         .call_site = text.value(),
         .bytes_req = static_cast<std::uint32_t>(bytes),
         .bytes_alloc = static_cast<std::uint32_t>(usable),
         .gfp_flags = mask.bits(),
         .call = KmemCall::Kmalloc},
        cache, begin);
    return object;
}

void KernelObjects::kfree(Operation& op, VirtAddr object, KernelFunction caller) {
    if (object <= Kmalloc::zero_size) return;
    const FunctionScope scope = in(op, TracedFunction::Kfree);
    const FrameAllocator::Scope serving(m_frames, op);
    const std::uint32_t begin = op.path.mark();
    KmemCache* cache = m_allocator->cache_of(object);
    m_writer.begin_free(op, cache, object, ObjectCall::Kmalloc);
    m_allocator->trace().begin(SlabPath::FreePages);
    m_kmalloc->free(object, op.cpu);
    m_writer.end_free(op, cache, ObjectCall::Kmalloc);
    log(op, {.ptr = object.value(), .call_site = op.path.text(caller).value(), .call = KmemCall::Kfree},
        cache, begin);
}

bool KernelObjects::reaches(SlabPath path) const {
    using enum SlabPath;
    const auto is_one_of = [path](std::initializer_list<SlabPath> paths) {
        return std::ranges::find(paths, path) != paths.end();
    };
    if (dynamic_cast<const Slub*>(m_allocator.get()) != nullptr)
        return is_one_of({AllocFast, AllocRefill, AllocCpuPartial, AllocNodePartial, AllocNewSlab, FreeFast,
                          FreeRemote, FreeFreeze, FreePartial, FreeDiscard, Failed});
    if (dynamic_cast<const Slab*>(m_allocator.get()) != nullptr)
        return is_one_of(
            {AllocFast, AllocRefill, AllocShared, AllocNewSlab, FreeFast, FreeFlush, FreeAlien, Failed});
    return is_one_of({AllocScan, AllocNewSlab, AllocPages, FreeBlock, FreePages, FreeDeferred, Failed});
}

void KernelObjects::declare(StatGroup group) const {
    group.gauge("nr_slab_reclaimable", m_pages.reclaimable(), "pages",
                "pages of objects that can be reclaimed now");
    group.gauge("nr_slab_unreclaimable", m_pages.unreclaimable(), "pages",
                "pages of other kernel objects now");
    group.counter("object_reports", m_report_count, "count",
                  "misuses of objects and failed allocations that the object allocator reported");
    const StatGroup slab = group.group("slab");
    const auto declare_paths = [&](const CacheCounters& counters, const auto& wanted) {
        StatGroup cache = slab.group(counters.name);
        for (std::size_t i = 0; i < slab_path_count; ++i) {
            const auto path = static_cast<SlabPath>(i);
            if (!wanted(path)) continue;
            const std::string served = " served by path " + std::string(name_of(path));
            cache.counter(name_of(path), counters.paths[i], "count",
                          path == SlabPath::Failed ? "allocations that failed"
                          : allocates(path)        ? "allocations" + served
                                                   : "frees" + served);
        }
    };
    const auto here = [this](SlabPath path) { return reaches(path); };
    std::vector<const KmemCache*> seen; // kinds may share one
    for (const KmemCache* cache : m_caches) {
        if (std::ranges::find(seen, cache) != seen.end()) continue;
        seen.push_back(cache);
        declare_paths(m_counters[cache->places.number], here);
    }
    declare_paths(m_kmalloc_counters, [&](SlabPath path) {
        return path == SlabPath::AllocPages || path == SlabPath::FreePages || reaches(path);
    });
}

std::vector<std::string> KernelObjects::cache_names() const {
    std::vector<std::string> names;
    for (const CacheCounters& each : m_counters) names.push_back(each.name);
    names.resize(m_boot_caches);
    names.emplace_back("created_later");
    return names;
}

} // namespace pagewalk::os
