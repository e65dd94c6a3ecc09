#include "os/slab/slub.h"

#include "base/error.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr std::uint16_t none = SlubSlab::none;

// What of a request's mask reaches the page allocator.
constexpr GfpMask page_relevant = gfp::reclaim | gfp::high | gfp::io | gfp::fs | gfp::nowarn |
                                  gfp::retry_mayfail | gfp::nofail | gfp::noretry | gfp::memalloc |
                                  gfp::nomemalloc | gfp::atomic_bit | gfp::hardwall | gfp::thisnode;

bool node_fits(const SlubSlab& slab, NodeId node) { return node == any_node || slab.node == node; }

} // namespace

Slub::Slub(PageSource& pages, const SlubConfig& config)
    : SlabAllocator(pages), m_config(config), m_rng(config.seed, "os/slab/slub") {}

std::expected<VirtAddr, SlabError> Slub::allocate(KmemCache& base, const SlabRequest& request) {
    auto& cache = static_cast<SlubCache&>(base);
    SlubCpu& cpu = cache.cpus[request.cpu];
    Taken taken;
    if (cpu.freelist != none && node_fits(*cpu.slab, request.node)) [[likely]] {
        m_trace.begin(SlabPath::AllocFast);
        ++m_stats.alloc_fast;
        taken = {cpu.slab, cpu.freelist};
        cpu.freelist = cpu.slab->next[taken.object];
    } else {
        taken = take_slow(cache, request);
        if (taken.slab == nullptr) return std::unexpected(SlabError::NoMemory);
    }
    taken.slab->mark_allocated(taken.object);
    ++cache.live;
    return address_of(*taken.slab, taken.object);
}

Slub::Taken Slub::take_slow(SlubCache& cache, const SlabRequest& request) {
    ++m_stats.alloc_slow;
    if (cache.debugged()) return take_debugged(cache, request);
    SlubCpu& cpu = cache.cpus[request.cpu];
    m_trace.begin(SlabPath::AllocRefill);
    m_trace.work(AllocatorWork::AllocSlow);
    for (;;) {
        if (cpu.slab != nullptr && !node_fits(*cpu.slab, request.node)) {
            ++m_stats.node_mismatch;
            SlubSlab& slab = *std::exchange(cpu.slab, nullptr);
            deactivate(cache, slab, std::exchange(cpu.freelist, none), request.cpu);
        } else if (cpu.slab != nullptr) {
            SlubSlab& slab = *cpu.slab;
            m_trace.store_page(slab.frame);
            if (slab.freelist != none) {
                if (m_trace.path == SlabPath::AllocRefill)
                    ++m_stats.alloc_refill;
                else
                    ++m_stats.alloc_cpu_partial;
                return take_from_cpu(cpu, slab);
            }
            slab.frozen = false; // full: nobody's until one of its objects is freed
            cpu.slab = nullptr;
        }
        if (cpu.partial == nullptr) break;
        m_trace.path = SlabPath::AllocCpuPartial;
        m_trace.load_page(cpu.partial->frame);
        m_trace.store(cache.places.cpu(request.cpu));
        cpu.slab = cpu.partial;
        cpu.partial = std::exchange(cpu.slab->next_partial, nullptr);
    }
    if (SlubSlab* slab = take_partial(cache, request)) {
        ++m_stats.alloc_node_partial;
        m_trace.path = SlabPath::AllocNodePartial;
        return take_from_cpu(cpu, *slab);
    }
    SlubSlab* slab = new_slab(cache, request);
    if (slab == nullptr) return {};
    m_trace.path = SlabPath::AllocNewSlab;
    // The pages may have been waited for: whoever has given this CPU a slab since loses it to the new one.
    const CpuId here = m_pages.current_cpu(request.cpu);
    flush_slab(cache, here);
    return take_from_cpu(cache.cpus[here], *slab);
}

Slub::Taken Slub::take_from_cpu(SlubCpu& cpu, SlubSlab& slab) {
    load(cpu, slab);
    const Taken taken{&slab, cpu.freelist};
    cpu.freelist = slab.next[taken.object];
    return taken;
}

void Slub::load(SlubCpu& cpu, SlubSlab& slab) {
    m_trace.objects_moved += slab.objects - slab.inuse;
    cpu.slab = &slab;
    cpu.freelist = std::exchange(slab.freelist, none);
    slab.inuse = slab.objects;
    slab.frozen = true;
}

SlubSlab* Slub::take_partial(SlubCache& cache, const SlabRequest& request) {
    const NodeId local = m_pages.node_of(request.cpu);
    SlubSlab* slab = take_partial_of(cache, request.node == any_node ? local : request.node, request.cpu);
    if (slab != nullptr || request.node != any_node || cache.nodes.size() == 1) return slab;
    // The kernel takes its chance from the time stamp counter.
    if (m_config.remote_defrag_ratio == 0 || m_rng.below(1024) > m_config.remote_defrag_ratio) return nullptr;
    for (const NodeId node : m_pages.fallback_order(local))
        if (cache.nodes[node].partial.size() > cache.geometry.min_partial)
            if ((slab = take_partial_of(cache, node, request.cpu)) != nullptr) return slab;
    return nullptr;
}

SlubSlab* Slub::take_partial_of(SlubCache& cache, NodeId node, CpuId cpu) {
    LinkedList<SlubSlab>& partial = cache.nodes[node].partial;
    if (partial.empty()) return nullptr;
    m_trace.work(AllocatorWork::GetPartial);
    m_trace.lock(cache.places.node(node));
    SlubSlab* first = nullptr;
    std::uint32_t extra = 0;
    while (!partial.empty()) {
        SlubSlab& slab = *partial.front();
        m_trace.store_page(slab.frame);
        remove_partial(slab);
        slab.frozen = true;
        if (first == nullptr) {
            first = &slab;
        } else {
            m_trace.work(AllocatorWork::AcquireSlab);
            put_cpu_partial(cache, slab, cpu, false);
            ++extra;
        }
        if (cache.geometry.cpu_partial == 0 || extra > cache.geometry.cpu_partial_slabs / 2) break;
    }
    m_trace.unlock(cache.places.node(node));
    return first;
}

SlubSlab* Slub::new_slab(SlubCache& cache, const SlabRequest& request) {
    const SlubGeometry& geometry = cache.geometry;
    const auto request_pages = [&](GfpMask mask, unsigned order) {
        if (order != 0) mask = mask | gfp::comp;
        return m_pages.allocate({mask, order, request.cpu, request.node});
    };
    const GfpMask mask = (request.gfp & page_relevant) | cache.page_gfp;
    const Growing growing(cache);
    m_trace.work(AllocatorWork::NewSlab);
    // A large order is tried without effort: a slab of the smallest order will do.
    GfpMask easy = (mask | gfp::nowarn | gfp::noretry).without(gfp::nofail);
    if (easy.any(gfp::direct_reclaim) && geometry.order > geometry.min_order)
        easy = (easy | gfp::nomemalloc).without(gfp::reclaim);
    unsigned order = geometry.order;
    std::uint32_t objects = geometry.objects;
    std::optional<Pfn> frame = request_pages(easy, order);
    if (!frame) {
        order = geometry.min_order;
        objects = geometry.min_objects;
        frame = request_pages(geometry.order != 0 ? mask | gfp::comp : mask, order);
        if (frame) ++m_stats.order_fallback;
    }
    if (!frame) {
        m_trace.path = SlabPath::Failed;
        if (!request.gfp.any(gfp::nowarn)) report_out_of_memory(cache, request);
        return nullptr;
    }
    SlubSlab& slab = restore_slab(cache, *frame, objects, order);
    thread_freelist(slab);
    ++m_trace.slabs_allocated;
    ++m_stats.alloc_slab;
    if (m_trace.recording()) {
        m_trace.work(AllocatorWork::SetUpObject, slab.objects);
        for (std::uint16_t object = slab.freelist; object != none; object = slab.next[object])
            m_trace.store(link_of(slab, object));
        m_trace.store_page(slab.frame);
        m_trace.store(cache.places.node(slab.node));
    }
    return &slab;
}

void Slub::report_out_of_memory(const SlubCache& cache, const SlabRequest& request) {
    const SlubGeometry& geometry = cache.geometry;
    const int node = request.node == any_node ? -1 : static_cast<int>(index_of(request.node));
    char hex[16];
    std::snprintf(hex, sizeof hex, "%#x", request.gfp.bits());
    std::string text = "SLUB: Unable to allocate memory on node " + std::to_string(node) + ", gfp=" + hex +
                       "(" + to_string(request.gfp) + ")\n  cache: " + cache.name +
                       ", object size: " + std::to_string(cache.object_size) +
                       ", buffer size: " + std::to_string(cache.size) +
                       ", default order: " + std::to_string(geometry.order) +
                       ", min order: " + std::to_string(geometry.min_order) + "\n";
    for (std::size_t i = 0; i < cache.nodes.size(); ++i) {
        const SlubNode& each = cache.nodes[static_cast<NodeId>(i)];
        std::uint64_t free = 0;
        for (const SlubSlab* slab = each.partial.front(); slab != nullptr; slab = slab->list_next)
            free += slab->objects - slab->inuse;
        text += "  node " + std::to_string(i) + ": slabs: " + std::to_string(each.slabs) +
                ", objs: " + std::to_string(each.objects) + ", free: " + std::to_string(free) + "\n";
    }
    report(SlabFault::OutOfMemory, Noticed::ByKernel, &cache, {}, std::move(text));
}

void Slub::thread_freelist(SlubSlab& slab) {
    const SlubCache& cache = *slab.cache;
    std::uint16_t* link = &slab.freelist;
    const auto append = [&](std::uint16_t object) {
        *link = object;
        link = &slab.next[object];
    };
    if (cache.random_sequence.empty() || slab.objects < 2) {
        for (std::uint32_t object = 0; object < slab.objects; ++object)
            append(static_cast<std::uint16_t>(object));
    } else {
        // A slab of the smallest order passes over the numbers it does not have.
        const auto count = static_cast<std::uint32_t>(cache.random_sequence.size());
        std::uint32_t at = m_choose_start ? m_choose_start(cache, slab.frame)
                                          : static_cast<std::uint32_t>(m_rng.below(count));
        for (std::uint32_t seen = 0; seen < count; ++seen, at = at + 1 == count ? 0 : at + 1)
            if (cache.random_sequence[at] < slab.objects) append(cache.random_sequence[at]);
    }
    *link = none;
}

SlubSlab& Slub::restore_slab(SlubCache& cache, Pfn frame, std::uint32_t objects, unsigned order) {
    if (cache.pool.empty()) {
        auto made = std::make_unique<SlubSlab>();
        const std::uint32_t most = std::max(objects, cache.geometry.objects);
        made->next = std::make_unique<std::uint16_t[]>(most);
        made->allocated = std::make_unique<std::uint64_t[]>((most + 63) / 64);
        if (cache.flags.any(slab_flag::store_user)) made->tracks = std::make_unique<ObjectTrack[]>(most);
        made->cache = &cache;
        cache.pool.push_back(made.get());
        cache.slabs.push_back(std::move(made));
    }
    SlubSlab& slab = *cache.pool.back();
    cache.pool.pop_back();
    slab.frame = frame;
    slab.first_object = kernel_layout::direct_map(pagewalk::address_of(frame)) + cache.geometry.red_left_pad;
    slab.node = m_pages.node_of(frame);
    slab.order = static_cast<std::uint8_t>(order);
    slab.frozen = slab.on_partial = false;
    slab.freelist = none;
    slab.objects = objects;
    slab.inuse = slab.slabs = 0;
    slab.next_partial = nullptr;
    m_frames.set(frame, 1ULL << order, &slab);
    SlubNode& node = cache.nodes[slab.node];
    ++node.slabs;
    node.objects += objects;
    return slab;
}

void Slub::deactivate(SlubCache& cache, SlubSlab& slab, std::uint16_t freelist, CpuId cpu) {
    const bool to_tail = slab.freelist != none; // others have freed into it: it is cold here
    m_trace.work(AllocatorWork::Deactivate);
    if (freelist != none) {
        std::uint16_t last = freelist;
        std::uint32_t count = 1;
        for (; slab.next[last] != none; last = slab.next[last], ++count) m_trace.load(link_of(slab, last));
        slab.next[last] = slab.freelist;
        slab.freelist = freelist;
        slab.inuse -= count;
        m_trace.objects_moved += count;
    }
    slab.frozen = false;
    if (slab.inuse == 0 && cache.nodes[slab.node].partial.size() >= cache.geometry.min_partial) {
        m_trace.store_page(slab.frame);
        discard(slab, cpu);
    } else if (slab.freelist != none) {
        m_trace.lock(cache.places.node(slab.node));
        m_trace.store_page(slab.frame);
        add_partial(slab, to_tail);
        m_trace.unlock(cache.places.node(slab.node));
    } else {
        m_trace.store_page(slab.frame);
    }
}

void Slub::put_cpu_partial(SlubCache& cache, SlubSlab& slab, CpuId cpu, bool drain) {
    SlubCpu& own = cache.cpus[cpu];
    SlubSlab* old = own.partial;
    SlubSlab* overflow = nullptr;
    if (old != nullptr && drain && old->slabs >= cache.geometry.cpu_partial_slabs)
        overflow = std::exchange(old, nullptr);
    m_trace.work(AllocatorWork::PutPartial);
    if (old != nullptr) m_trace.load_page(old->frame);
    m_trace.store_page(slab.frame);
    m_trace.store(cache.places.cpu(cpu));
    slab.slabs = (old == nullptr ? 0 : old->slabs) + 1;
    slab.next_partial = old;
    own.partial = &slab;
    if (overflow != nullptr) {
        unfreeze(cache, overflow, cpu);
        ++m_stats.cpu_partial_drain;
    }
}

void Slub::unfreeze(SlubCache& cache, SlubSlab* first, CpuId cpu) {
    SlubSlab* empty = nullptr;
    const SlubNode* locked = nullptr;
    VirtAddr lock{};
    while (first != nullptr) {
        SlubSlab& slab = *first;
        first = std::exchange(slab.next_partial, nullptr);
        const SlubNode& node = cache.nodes[slab.node];
        m_trace.work(AllocatorWork::Unfreeze);
        m_trace.load_page(slab.frame);
        if (&node != locked) {
            if (locked != nullptr) m_trace.unlock(lock);
            locked = &node;
            m_trace.lock(lock = cache.places.node(slab.node));
        }
        m_trace.store_page(slab.frame);
        slab.frozen = false;
        if (slab.inuse == 0 && node.partial.size() >= cache.geometry.min_partial)
            slab.next_partial = std::exchange(empty, &slab);
        else
            add_partial(slab, true);
    }
    if (locked != nullptr) m_trace.unlock(lock);
    while (empty != nullptr) discard(*std::exchange(empty, empty->next_partial), cpu);
}

void Slub::add_partial(SlubSlab& slab, bool tail) {
    LinkedList<SlubSlab>& partial = slab.cache->nodes[slab.node].partial;
    slab.on_partial = true;
    if (tail)
        partial.push_back(slab);
    else
        partial.push_front(slab);
    note_neighbours(slab);
}

// The list runs through the struct pages, and its head through the node's line.
void Slub::note_neighbours(const SlubSlab& slab) {
    if (!m_trace.recording()) return;
    const VirtAddr head = slab.cache->places.node(slab.node);
    m_trace.work(AllocatorWork::MoveOnList);
    for (const SlubSlab* each : {slab.list_prev, slab.list_next})
        m_trace.store(each == nullptr ? head : kernel_layout::struct_page(each->frame));
}

void Slub::remove_partial(SlubSlab& slab) {
    note_neighbours(slab);
    slab.on_partial = false;
    slab.cache->nodes[slab.node].partial.remove(slab);
}

void Slub::discard(SlubSlab& slab, CpuId cpu) {
    ++m_stats.free_slab;
    m_trace.work(AllocatorWork::Discard);
    m_trace.store(slab.cache->places.node(slab.node));
    release(slab, cpu);
}

void Slub::release(SlubSlab& slab, CpuId cpu) {
    SlubCache& cache = *slab.cache;
    SlubNode& node = cache.nodes[slab.node];
    --node.slabs;
    node.objects -= slab.objects;
    m_frames.set(slab.frame, 1ULL << slab.order, nullptr);
    slab.damage.reset();
    cache.pool.push_back(&slab);
    release_pages(cache, slab.frame, slab.order, cpu);
}

std::uint32_t Slub::object_number(const SlubSlab& slab, VirtAddr object) const {
    return slab.cache->reciprocal.quotient(object - slab.first_object);
}

SlubSlab* Slub::check_free(const KmemCache& cache, VirtAddr object) {
    SlubSlab* slab = object < kernel_layout::direct_map_base || object >= kernel_layout::vmalloc_base
                         ? nullptr
                         : m_frames.find(Pfn((object - kernel_layout::direct_map_base) >> page_shift));
    if (slab == nullptr) [[unlikely]] {
        report(SlabFault::NotSlab, Noticed::ByKernel, &cache, object,
               "virt_to_cache: Object is not a Slab page!\n");
        return nullptr;
    }
    if (slab->cache != &cache) [[unlikely]] {
        const bool checks = m_config.hardening == SlubConfig::Hardening::On ||
                            slab->cache->flags.any(slab_flag::consistency_checks);
        report(SlabFault::WrongCache, checks ? Noticed::ByKernel : Noticed::BySimulatorOnly, &cache, object,
               "cache_from_obj: Wrong slab cache. " + cache.name + " but object is from " +
                   slab->cache->name + "\n");
    }
    const bool below = object < slab->first_object;
    const std::uint32_t number = below ? 0 : object_number(*slab, object);
    if (below || number >= slab->objects || address_of(*slab, number) != object) [[unlikely]] {
        report(
            SlabFault::InvalidPointer,
            slab->cache->flags.any(slab_flag::consistency_checks) ? Noticed::ByKernel
                                                                  : Noticed::BySimulatorOnly,
            slab->cache, object,
            object_report(*slab, 0, "Invalid object pointer " + pointer_text(object), ObjectState::Active) +
                "FIX " + slab->cache->name + ": Object at " + pointer_text(object) + " not freed\n");
        return nullptr;
    }
    if (!slab->is_allocated(number)) [[unlikely]] {
        // Hardening sees a free of the object freed last; full checks see all.
        const SlubCache& own = *slab->cache;
        bool last_freed = slab->freelist == number;
        for (const SlubCpu& each : own.cpus)
            last_freed = last_freed || (each.slab == slab && each.freelist == number);
        const bool checks = own.flags.any(slab_flag::consistency_checks) ||
                            (m_config.hardening == SlubConfig::Hardening::On && last_freed);
        report_object(SlabFault::DoubleFree, checks ? Noticed::ByKernel : Noticed::BySimulatorOnly, *slab,
                      number, "Object already free", "", "Object at " + pointer_text(object) + " not freed");
        return nullptr;
    }
    return slab;
}

void Slub::free(KmemCache& cache, VirtAddr object, CpuId cpu) {
    SlubSlab* slab = check_free(cache, object);
    if (slab == nullptr) [[unlikely]]
        return;
    const auto number = static_cast<std::uint16_t>(object_number(*slab, object));
    slab->mark_free(number);
    --slab->cache->live;
    free_chain(*slab, {number, number, 1}, cpu);
}

void Slub::free_chain(SlubSlab& slab, Chain chain, CpuId cpu) {
    SlubCpu& own = slab.cache->cpus[cpu];
    if (&slab == own.slab) [[likely]] {
        m_trace.begin(SlabPath::FreeFast);
        ++m_stats.free_fast;
        slab.next[chain.tail] = own.freelist;
        own.freelist = chain.head;
        return;
    }
    m_trace.begin(SlabPath::FreeRemote);
    ++m_stats.free_slow;
    if (slab.cache->debugged()) {
        for (std::uint16_t object = chain.head;;) {
            const std::uint16_t following = slab.next[object];
            free_debugged(slab, object, cpu);
            if (object == chain.tail) return;
            object = following;
        }
    }
    free_slow(slab, chain, cpu);
}

void Slub::free_slow(SlubSlab& slab, Chain chain, CpuId cpu) {
    SlubCache& cache = *slab.cache;
    m_trace.work(AllocatorWork::FreeSlow);
    const bool was_full = slab.freelist == none;
    slab.next[chain.tail] = slab.freelist;
    slab.freelist = chain.head;
    slab.inuse -= chain.count;
    // The lock is taken first where the slab may have to change lists.
    const bool to_cpu = was_full && cache.geometry.cpu_partial != 0;
    const bool locks = !slab.frozen && !to_cpu && (was_full || slab.inuse == 0);
    const VirtAddr lock = cache.places.node(slab.node);
    if (locks) m_trace.lock(lock);
    m_trace.store_page(slab.frame);
    if (slab.frozen) {
        ++m_stats.free_frozen;
        return;
    }
    if (to_cpu) {
        slab.frozen = true;
        m_trace.path = SlabPath::FreeFreeze;
        put_cpu_partial(cache, slab, cpu, true);
        return;
    }
    if (!locks) return;
    if (slab.inuse == 0 && cache.nodes[slab.node].partial.size() >= cache.geometry.min_partial) {
        if (slab.on_partial) remove_partial(slab);
        m_trace.path = SlabPath::FreeDiscard;
        m_trace.unlock(lock);
        discard(slab, cpu);
        return;
    }
    if (was_full) {
        m_trace.path = SlabPath::FreePartial;
        add_partial(slab, true);
    }
    m_trace.unlock(lock);
}

// As the kernel detaches freelists: from the end, gathering objects of one slab with a look-ahead of three
// others.
void Slub::free_bulk(KmemCache& cache, std::span<VirtAddr> objects, CpuId cpu) {
    std::size_t left = objects.size();
    while (left != 0) {
        const VirtAddr first = objects[--left];
        SlubSlab* slab = check_free(cache, first);
        if (slab == nullptr) continue;
        const auto number = static_cast<std::uint16_t>(object_number(*slab, first));
        slab->mark_free(number);
        Chain chain{number, number, 1};
        std::size_t same = left;
        int look_ahead = 3;
        for (std::size_t at = left; at != 0;) {
            const VirtAddr object = objects[--at];
            if (cache_of(object) == slab->cache &&
                m_frames.find(Pfn((object - kernel_layout::direct_map_base) >> page_shift)) == slab) {
                if (check_free(cache, object) != nullptr) {
                    const auto another = static_cast<std::uint16_t>(object_number(*slab, object));
                    slab->mark_free(another);
                    slab->next[another] = chain.head;
                    chain.head = another;
                    ++chain.count;
                }
                --same;
                if (at != same) std::swap(objects[at], objects[same]);
                continue;
            }
            if (--look_ahead == 0) break;
        }
        left = same;
        slab->cache->live -= chain.count;
        free_chain(*slab, chain, cpu);
    }
}

void Slub::flush_cpu(SlubCache& cache, CpuId cpu) {
    flush_slab(cache, cpu);
    if (SlubSlab* partial = std::exchange(cache.cpus[cpu].partial, nullptr)) unfreeze(cache, partial, cpu);
}

void Slub::flush_slab(SlubCache& cache, CpuId cpu) {
    SlubCpu& own = cache.cpus[cpu];
    SlubSlab* slab = std::exchange(own.slab, nullptr);
    if (slab == nullptr) return;
    ++m_stats.cpu_slab_flush;
    deactivate(cache, *slab, std::exchange(own.freelist, none), cpu);
}

} // namespace pagewalk::os
