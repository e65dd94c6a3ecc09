#include "os/slab/slab.h"

#include "base/error.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr std::uint32_t cold_refill_limit = 16; // an array not touched since the last reaping is filled less

constexpr GfpMask page_relevant = gfp::reclaim | gfp::high | gfp::io | gfp::fs | gfp::nowarn |
                                  gfp::retry_mayfail | gfp::nofail | gfp::noretry | gfp::memalloc |
                                  gfp::nomemalloc | gfp::atomic_bit | gfp::hardwall | gfp::thisnode;

} // namespace

Slab::Slab(PageSource& pages, const SlabConfig& config)
    : SlabAllocator(pages), m_config(config), m_rng(config.seed, "os/slab/slab"),
      m_reap_node(pages.cpu_count()) {
    for (std::size_t i = 0; i < m_reap_node.size(); ++i)
        m_reap_node[static_cast<CpuId>(i)] = pages.node_of(static_cast<CpuId>(i));
}

std::expected<VirtAddr, SlabError> Slab::allocate(KmemCache& base, const SlabRequest& request) {
    auto& cache = static_cast<SlabCache&>(base);
    VirtAddr object;
    if (request.node == any_node || request.node == m_pages.node_of(request.cpu)) {
        ArrayCache& array = cache.cpus[request.cpu];
        if (array.avail != 0) [[likely]] {
            m_trace.begin(SlabPath::AllocFast);
            ++cache.stats.alloc_hit;
            array.touched = true;
            object = array.entries[--array.avail];
            m_trace.array_slot = array.avail;
        } else {
            object = refill(cache, request);
            if (object == VirtAddr{} && m_config.numa == SlabConfig::Numa::On)
                object = take_on_node(cache, request, m_pages.node_of(m_pages.current_cpu(request.cpu)));
        }
    } else {
        m_trace.begin(SlabPath::AllocRefill);
        object = take_on_node(cache, request, request.node);
    }
    if (object == VirtAddr{}) {
        m_trace.path = SlabPath::Failed;
        if (!request.gfp.any(gfp::nowarn)) {
            char hex[16];
            std::snprintf(hex, sizeof hex, "%#x", request.gfp.bits());
            const int node = request.node == any_node ? -1 : static_cast<int>(index_of(request.node));
            report(SlabFault::OutOfMemory, Noticed::ByKernel, &cache, {},
                   "SLAB: Unable to allocate memory on node " + std::to_string(node) + ", gfp=" + hex + "(" +
                       to_string(request.gfp) + ")\n  cache: " + cache.name +
                       ", object size: " + std::to_string(cache.size) +
                       ", order: " + std::to_string(cache.geometry.order) + "\n");
        }
        return std::unexpected(SlabError::NoMemory);
    }
    SlabBlock& block = *block_of(object);
    const std::uint32_t number = object_number(block, object);
    if (block.damage) (void)guards_intact(block, number, ObjectState::Free);
    block.mark_allocated(number);
    ++cache.live;
    return object;
}

VirtAddr Slab::refill(SlabCache& cache, const SlabRequest& request) {
    m_trace.begin(SlabPath::AllocRefill);
    ++cache.stats.alloc_miss;
    const NodeId local = m_pages.node_of(request.cpu);
    CpuId cpu = request.cpu;
    ArrayCache* array = &cache.cpus[cpu];
    std::uint32_t wanted = array->batchcount;
    if (!array->touched && wanted > cold_refill_limit) wanted = cold_refill_limit;
    refill_from_node(cache, *array, local, wanted);
    std::uint32_t moved = array->avail;
    if (moved == 0) {
        m_trace.path = SlabPath::AllocNewSlab;
        SlabBlock* block = grow_begin(cache, request, exact_node(request.gfp), local);
        // The pages may have been waited for: this CPU's array may not be empty any more.
        cpu = m_pages.current_cpu(cpu);
        array = &cache.cpus[cpu];
        if (block != nullptr && array->avail == 0) {
            (void)fill(*array, *block, std::min(wanted, array->limit));
            moved = array->avail;
        }
        grow_end(block);
        if (array->avail == 0) return {};
    }
    m_trace.objects_moved += moved;
    if (m_trace.recording()) note_lines(entry_of(cache.places.cpu(cpu), 0), moved, TouchStep::Kind::Store);
    array->touched = true;
    m_trace.array_slot = array->avail - 1;
    return array->entries[--array->avail];
}

// From the node's shared array, else from the slabs on its lists.
void Slab::refill_from_node(SlabCache& cache, ArrayCache& array, NodeId id, std::uint32_t wanted) {
    SlabNode& node = cache.nodes[id];
    const VirtAddr lock = cache.places.node(id);
    m_trace.work(AllocatorWork::RefillArray);
    m_trace.load(lock);
    if (node.free_objects == 0 && node.shared.avail == 0) return;
    m_trace.lock(lock);
    if (m_trace.recording() && node.shared.avail != 0) {
        const VirtAddr shared = cache.places.shared_array(id);
        const std::uint32_t count = std::min({node.shared.avail, wanted, array.limit - array.avail});
        m_trace.work(AllocatorWork::MoveObject, count);
        m_trace.store(shared);
        note_lines(entry_of(shared, node.shared.avail - count), count, TouchStep::Kind::Load);
    }
    if (transfer(array, node.shared, wanted) != 0) {
        node.shared.touched = true;
        m_trace.path = SlabPath::AllocShared;
    } else {
        while (wanted > 0) {
            SlabBlock* block = first_block(node);
            if (block == nullptr) break;
            wanted = fill(array, *block, wanted);
            settle(*block);
        }
        node.free_objects -= array.avail;
    }
    m_trace.unlock(lock);
}

VirtAddr Slab::take_on_node(SlabCache& cache, const SlabRequest& request, NodeId id) {
    m_trace.work(AllocatorWork::TakeOnNode);
    m_trace.lock(cache.places.node(id));
    const VirtAddr taken = take_first(cache, cache.nodes[id]);
    m_trace.unlock(cache.places.node(id));
    if (taken != VirtAddr{}) return taken;
    // What comes with a new slab is not counted, as in the kernel.
    SlabBlock* block = grow_begin(cache, request, exact_node(request.gfp), id);
    const VirtAddr object = block == nullptr ? VirtAddr{} : take_from(*block);
    grow_end(block);
    return object != VirtAddr{} ? object : take_anywhere(cache, request);
}

// Another node's free objects before new pages from anywhere.
VirtAddr Slab::take_anywhere(SlabCache& cache, const SlabRequest& request) {
    if (request.gfp.any(gfp::thisnode)) return {};
    const NodeId local = m_pages.node_of(m_pages.current_cpu(request.cpu));
    for (const NodeId id : m_pages.fallback_order(local))
        if (cache.nodes[id].free_objects != 0)
            if (const VirtAddr object = take_first(cache, cache.nodes[id]); object != VirtAddr{})
                return object;
    SlabBlock* block = grow_begin(cache, request, request.gfp, local);
    grow_end(block);
    return block == nullptr ? VirtAddr{} : take_first(cache, cache.nodes[block->node]);
}

VirtAddr Slab::take_first(SlabCache& cache, SlabNode& node) {
    SlabBlock* block = first_block(node);
    if (block == nullptr) return {};
    ++cache.stats.node_allocations;
    cache.stats.note_taken();
    const VirtAddr object = take_from(*block);
    m_trace.store_page(block->frame);
    --node.free_objects;
    settle(*block);
    return object;
}

GfpMask Slab::exact_node(GfpMask mask) const {
    if (m_config.numa == SlabConfig::Numa::Off) return mask.without(gfp::nofail);
    return (mask | gfp::thisnode | gfp::nowarn).without(gfp::reclaim | gfp::nofail);
}

SlabBlock* Slab::grow_begin(SlabCache& cache, const SlabRequest& request, GfpMask mask, NodeId node_id) {
    const GfpMask pages = (mask & page_relevant) | cache.page_gfp | gfp::comp;
    const Growing growing(cache);
    m_trace.work(AllocatorWork::GrowCache);
    const std::optional<Pfn> frame =
        m_pages.allocate({pages, cache.geometry.order, request.cpu,
                          m_config.numa == SlabConfig::Numa::Off ? any_node : node_id});
    if (!frame) return nullptr;
    // The colour belongs to the node the pages came from.
    SlabNode& node = cache.nodes[m_pages.node_of(*frame)];
    if (++node.colour_next >= cache.geometry.colours) node.colour_next = 0;
    const std::uint32_t colour = node.colour_next >= cache.geometry.colours ? 0 : node.colour_next;
    SlabBlock& block = restore_block(cache, *frame, std::uint64_t{colour} * cache.geometry.colour_offset);
    if (cache.geometry.management == SlabManagement::OffSlab)
        if (KmemCache* index_cache = find(cache.geometry.freelist_bytes <= 64    ? "kmalloc-64"
                                          : cache.geometry.freelist_bytes <= 128 ? "kmalloc-128"
                                                                                 : "kmalloc-256"))
            if (index_cache != &cache) {
                if (const auto index = allocate_index(
                        *index_cache, {mask & page_relevant, m_pages.current_cpu(request.cpu), node_id, {}}))
                    block.index_object = *index;
            }
    thread_index(block);
    if (m_trace.recording()) {
        const std::uint32_t objects = cache.geometry.objects;
        m_trace.work(AllocatorWork::IndexObject, objects);
        for (std::uint32_t at = 0; at < objects; at += line_size) m_trace.store(index_place(block, at));
        if (cache.constructor == Constructor::Yes)
            for (std::uint32_t i = 0; i < objects; ++i)
                m_trace.store(block.first_object + std::uint64_t{i} * cache.size);
        m_trace.store_page(block.frame);
    }
    ++m_trace.slabs_allocated;
    ++cache.stats.grown;
    return &block;
}

// Another cache's operation within this one's: its steps are this one's, its name is not.
std::optional<VirtAddr> Slab::allocate_index(KmemCache& from, const SlabRequest& request) {
    const SlabSummary outer = m_trace.summary();
    m_trace.work(AllocatorWork::NestedAlloc);
    m_trace.store(from.places.cpu(request.cpu));
    const auto object = allocate(from, request);
    m_trace.summary() = outer;
    if (!object) return std::nullopt;
    return *object;
}

// Where the kernel keeps an entry of the slab's index: an object of its own, the slab's end or its last free
// object.
VirtAddr Slab::index_place(const SlabBlock& block, std::uint32_t number) const {
    if (block.index_object != VirtAddr{}) return block.index_object + number;
    const SlabCache& cache = *block.cache;
    const VirtAddr start = kernel_layout::direct_map(pagewalk::address_of(block.frame));
    if (cache.geometry.management == SlabManagement::InObject)
        return block.first_object + std::uint64_t{cache.geometry.objects - 1} * cache.size + number;
    return start + (page_size << cache.geometry.order) - cache.geometry.freelist_bytes + number;
}

void Slab::note_lines(VirtAddr from, std::uint32_t entries, TouchStep::Kind kind) {
    if (entries == 0) return;
    const VirtAddr last = (from + std::uint64_t{entries} * word_bytes - 1).line();
    for (VirtAddr line = from.line(); line <= last; line = line + line_size)
        kind == TouchStep::Kind::Load ? m_trace.load(line) : m_trace.store(line);
}

void Slab::grow_end(SlabBlock* block) {
    if (block == nullptr) return;
    SlabNode& node = block->cache->nodes[block->node];
    const VirtAddr lock = block->cache->places.node(block->node);
    m_trace.lock(lock);
    ++node.total_slabs;
    if (block->active == 0)
        move_to(*block, SlabBlock::List::Free, At::Back);
    else
        settle(*block);
    node.free_objects += block->cache->geometry.objects - block->active;
    m_trace.unlock(lock);
}

void Slab::thread_index(SlabBlock& block) {
    const SlabCache& cache = *block.cache;
    const std::uint32_t objects = cache.geometry.objects;
    if (cache.random_sequence.empty() || objects < 2) {
        for (std::uint32_t i = 0; i < objects; ++i) block.index[i] = static_cast<std::uint8_t>(i);
        return;
    }
    auto at = static_cast<std::uint32_t>(m_rng.below(objects));
    for (std::uint32_t i = 0; i < objects; ++i, at = at + 1 == objects ? 0 : at + 1)
        block.index[i] = static_cast<std::uint8_t>(cache.random_sequence[at]);
}

SlabBlock& Slab::restore_block(SlabCache& cache, Pfn frame, std::uint64_t first_object_offset) {
    const std::uint32_t objects = cache.geometry.objects;
    if (cache.pool.empty()) {
        auto made = std::make_unique<SlabBlock>();
        made->index = std::make_unique<std::uint8_t[]>(objects);
        made->allocated = std::make_unique<std::uint64_t[]>((objects + 63) / 64);
        made->cache = &cache;
        cache.pool.push_back(made.get());
        cache.blocks.push_back(std::move(made));
    }
    SlabBlock& block = *cache.pool.back();
    cache.pool.pop_back();
    block.frame = frame;
    block.first_object = kernel_layout::direct_map(pagewalk::address_of(frame)) + first_object_offset +
                         cache.geometry.object_offset;
    block.node = m_pages.node_of(frame);
    block.list = SlabBlock::List::None;
    block.active = 0;
    block.index_object = VirtAddr{};
    m_frames.set(frame, 1ULL << cache.geometry.order, &block);
    return block;
}

LinkedList<SlabBlock>& Slab::list_of(SlabNode& node, SlabBlock::List list) const {
    PAGEWALK_INVARIANT(list != SlabBlock::List::None);
    return list == SlabBlock::List::Partial ? node.partial
           : list == SlabBlock::List::Full  ? node.full
                                            : node.free;
}

void Slab::move_to(SlabBlock& block, SlabBlock::List list, At at) {
    SlabNode& node = block.cache->nodes[block.node];
    if (block.list != SlabBlock::List::None) {
        note_neighbours(block);
        list_of(node, block.list).remove(block);
    }
    block.list = list;
    if (list == SlabBlock::List::None) return;
    if (at == At::Front)
        list_of(node, list).push_front(block);
    else
        list_of(node, list).push_back(block);
    note_neighbours(block);
}

// The lists run through the struct pages, and their heads through the node's structure.
void Slab::note_neighbours(const SlabBlock& block) {
    if (!m_trace.recording()) return;
    const VirtAddr head = block.cache->places.node(block.node);
    for (const SlabBlock* each : {block.list_prev, block.list_next})
        m_trace.store(each == nullptr ? head : kernel_layout::struct_page(each->frame));
}

void Slab::put_on_list(SlabBlock& block, SlabBlock::List list) { move_to(block, list, At::Back); }

SlabBlock* Slab::first_block(SlabNode& node) const {
    if (!node.partial.empty()) return node.partial.front();
    node.free_touched = true;
    return node.free.front();
}

VirtAddr Slab::take_from(SlabBlock& block) {
    const std::uint8_t number = block.index[block.active++];
    return block.first_object + std::uint64_t{number} * block.cache->size;
}

std::uint32_t Slab::fill(ArrayCache& array, SlabBlock& block, std::uint32_t count) {
    const std::uint32_t before = array.avail;
    m_trace.load(index_place(block, block.active));
    SlabStats& stats = block.cache->stats;
    for (; count > 0 && block.active < block.cache->geometry.objects; --count) {
        ++stats.allocations;
        stats.note_taken();
        array.entries[array.avail++] = take_from(block);
    }
    m_trace.work(AllocatorWork::MoveObject, array.avail - before);
    m_trace.store_page(block.frame);
    return count;
}

void Slab::settle(SlabBlock& block) {
    const bool full = block.active == block.cache->geometry.objects;
    move_to(block, full ? SlabBlock::List::Full : SlabBlock::List::Partial, At::Front);
}

std::uint32_t Slab::transfer(ArrayCache& to, ArrayCache& from, std::uint32_t most) {
    const std::uint32_t count = std::min({from.avail, most, to.limit - to.avail});
    std::copy_n(from.entries.begin() + (from.avail - count), count, to.entries.begin() + to.avail);
    from.avail -= count;
    to.avail += count;
    return count;
}

SlabBlock* Slab::block_of(VirtAddr object) const {
    if (object < kernel_layout::direct_map_base || object >= kernel_layout::vmalloc_base) return nullptr;
    return m_frames.find(Pfn((object - kernel_layout::direct_map_base) >> page_shift));
}

std::uint32_t Slab::object_number(const SlabBlock& block, VirtAddr object) const {
    return block.cache->reciprocal.quotient(object - block.first_object);
}

SlabBlock* Slab::check_free(const KmemCache& cache, VirtAddr object) {
    SlabBlock* block = block_of(object);
    if (block == nullptr) [[unlikely]] {
        report(SlabFault::NotSlab, Noticed::ByKernel, &cache, object,
               "virt_to_cache: Object is not a Slab page!\n");
        return nullptr;
    }
    if (block->cache != &cache) [[unlikely]]
        report(SlabFault::WrongCache,
               m_config.debugging == SlabConfig::Debugging::On ? Noticed::ByKernel : Noticed::BySimulatorOnly,
               &cache, object,
               "cache_from_obj: Wrong slab cache. " + cache.name + " but object is from " +
                   block->cache->name + "\n");
    const std::string& own = block->cache->name;
    const std::uint32_t number = object < block->first_object ? 0 : object_number(*block, object);
    if (number >= block->cache->geometry.objects ||
        block->first_object + std::uint64_t{number} * block->cache->size != object) [[unlikely]] {
        report(SlabFault::InvalidPointer,
               m_config.debugging == SlabConfig::Debugging::On ? Noticed::ByKernel : Noticed::BySimulatorOnly,
               block->cache, object,
               "slab error in cache_free_debugcheck(): cache `" + own + "': invalid object pointer " +
                   pointer_text(object) + "\n");
        return nullptr;
    }
    if (!block->is_allocated(number)) [[unlikely]] {
        const bool red_zoned = block->cache->flags.any(slab_flag::red_zone);
        report(SlabFault::DoubleFree, red_zoned ? Noticed::ByKernel : Noticed::BySimulatorOnly, block->cache,
               object,
               "slab error in verify_redzone_free(): cache `" + own + "': double free detected\n" +
                   pointer_text(object) + ": redzone 1:0x9f911029d74e35b, redzone 2:0x9f911029d74e35b\n");
        return nullptr;
    }
    return block;
}

bool Slab::guards_intact(SlabBlock& block, std::uint32_t object, ObjectState state) {
    const SlabCache& cache = *block.cache;
    const VirtAddr at = block.first_object + std::uint64_t{object} * cache.size;
    const VirtAddr start = kernel_layout::direct_map(pagewalk::address_of(block.frame));
    bool intact = true;
    if (cache.flags.any(slab_flag::red_zone)) {
        // Any byte that was written differs from the red zone's pattern or is harmless.
        const auto before = block.damage->find(at - start - word_bytes, word_bytes, 0);
        const auto behind = block.damage->find(at - start + cache.size - 2 * word_bytes, word_bytes, 0);
        if (before || behind) {
            intact = false;
            report(SlabFault::RedZoneDamage, Noticed::ByKernel, &cache, at,
                   state == ObjectState::Free
                       ? "slab error in cache_alloc_debugcheck_after(): cache `" + cache.name +
                             "': double free, or memory outside object was overwritten\n"
                       : "slab error in verify_redzone_free(): cache `" + cache.name +
                             "': memory outside object was overwritten\n");
        }
    }
    if (state == ObjectState::Free && cache.flags.any(slab_flag::poison) &&
        cache.constructor == Constructor::No) {
        const auto body = block.damage->find(at - start, cache.object_size - 1, poison::free);
        const auto last = block.damage->find(at - start + cache.object_size - 1, 1, poison::end);
        if (body || last) {
            intact = false;
            report(SlabFault::PoisonDamage, Noticed::ByKernel, &cache, at,
                   "Slab corruption (Not tainted): " + cache.name + " start=" + pointer_text(at) +
                       ", len=" + std::to_string(cache.object_size) + "\n");
        }
    }
    block.damage->forget(at - start - cache.geometry.object_offset, cache.size);
    return intact;
}

void Slab::note_write(VirtAddr address, std::uint64_t bytes, std::uint8_t value) {
    SlabBlock* block = block_of(address);
    if (block == nullptr || !block->cache->flags.any(slab_flag::red_zone | slab_flag::poison)) return;
    const VirtAddr start = kernel_layout::direct_map(pagewalk::address_of(block->frame));
    if (!block->damage) block->damage = std::make_unique<ObjectDamage>();
    const std::uint64_t block_bytes = page_size << block->cache->geometry.order;
    block->damage->write(address - start, std::min(bytes, block_bytes - (address - start)), value);
}

void Slab::free(KmemCache& named, VirtAddr object, CpuId cpu) {
    SlabBlock* block = check_free(named, object);
    if (block == nullptr) [[unlikely]]
        return;
    SlabCache& cache = *block->cache;
    const std::uint32_t number = object_number(*block, object);
    if (block->damage) (void)guards_intact(*block, number, ObjectState::Active);
    block->mark_free(number);
    --cache.live;
    const NodeId local = m_pages.node_of(cpu);
    if (block->node != local && cache.nodes.size() > 1) {
        free_alien(cache, object, local, block->node, cpu);
        return;
    }
    ArrayCache& array = cache.cpus[cpu];
    if (array.avail < array.limit) {
        m_trace.begin(SlabPath::FreeFast);
        ++cache.stats.free_hit;
    } else {
        ++cache.stats.free_miss;
        flush(cache, array, cpu);
    }
    m_trace.array_slot = array.avail;
    array.entries[array.avail++] = object;
}

void Slab::flush(SlabCache& cache, ArrayCache& array, CpuId cpu) {
    m_trace.begin(SlabPath::FreeFlush);
    const NodeId id = m_pages.node_of(cpu);
    SlabNode& node = cache.nodes[id];
    std::uint32_t count = array.batchcount;
    std::vector<SlabBlock*> empty;
    const VirtAddr own = cache.places.cpu(cpu);
    m_trace.work(AllocatorWork::FlushArray);
    m_trace.lock(cache.places.node(id));
    if (const std::uint32_t room = node.shared.limit - node.shared.avail; room != 0) {
        count = std::min(count, room);
        if (m_trace.recording()) {
            const VirtAddr shared = cache.places.shared_array(id);
            m_trace.work(AllocatorWork::MoveObject, count);
            m_trace.store(shared);
            note_lines(entry_of(shared, node.shared.avail), count, TouchStep::Kind::Store);
        }
        std::copy_n(array.entries.begin(), count, node.shared.entries.begin() + node.shared.avail);
        node.shared.avail += count;
    } else {
        free_block(cache, std::span(array.entries).first(count), id, empty);
    }
    cache.stats.most_free_slabs = std::max(cache.stats.most_free_slabs, std::uint64_t{node.free.size()});
    m_trace.objects_moved += count;
    m_trace.unlock(cache.places.node(id));
    // The rest moves down.
    if (m_trace.recording()) note_lines(entry_of(own, 0), array.avail, TouchStep::Kind::Store);
    std::copy(array.entries.begin() + count, array.entries.begin() + array.avail, array.entries.begin());
    array.avail -= count;
    destroy_blocks(empty, cpu);
}

void Slab::free_block(SlabCache& cache, std::span<const VirtAddr> objects, NodeId id,
                      std::vector<SlabBlock*>& empty) {
    SlabNode& node = cache.nodes[id];
    node.free_objects += objects.size();
    cache.stats.active -= objects.size();
    for (const VirtAddr object : objects) {
        SlabBlock& block = *block_of(object);
        m_trace.work(AllocatorWork::FreeToSlab);
        m_trace.store_page(block.frame);
        m_trace.store(index_place(block, block.active - 1));
        block.index[--block.active] = static_cast<std::uint8_t>(object_number(block, object));
        if (block.active == 0)
            move_to(block, SlabBlock::List::Free, At::Front);
        else
            move_to(block, SlabBlock::List::Partial, At::Back);
    }
    while (node.free_objects > node.free_limit && !node.free.empty()) {
        node.free_objects -= cache.geometry.objects;
        --node.total_slabs;
        SlabBlock& block = *node.free.back();
        move_to(block, SlabBlock::List::None, At::Front);
        empty.insert(empty.begin(), &block);
    }
}

void Slab::free_alien(SlabCache& cache, VirtAddr object, NodeId local, NodeId home, CpuId cpu) {
    m_trace.begin(SlabPath::FreeAlien);
    ++cache.stats.remote_frees;
    ArrayCache& alien = cache.nodes[local].alien[home];
    const VirtAddr place = cache.places.alien_array(local, home);
    m_trace.work(AllocatorWork::FreeAlien);
    m_trace.lock(place);
    if (alien.avail == alien.limit) {
        ++cache.stats.alien_overflow;
        drain_alien(cache, alien, home, cpu);
    }
    m_trace.store(entry_of(place, alien.avail));
    alien.entries[alien.avail++] = object;
    m_trace.unlock(place);
}

void Slab::drain_alien(SlabCache& cache, ArrayCache& alien, NodeId home, CpuId cpu) {
    if (alien.avail == 0) return;
    SlabNode& node = cache.nodes[home];
    std::vector<SlabBlock*> empty;
    m_trace.lock(cache.places.node(home));
    if (node.shared.limit != 0) {
        const std::uint32_t at = node.shared.avail;
        const std::uint32_t moved = transfer(node.shared, alien, alien.limit);
        m_trace.work(AllocatorWork::MoveObject, moved);
        note_lines(entry_of(cache.places.shared_array(home), at), moved, TouchStep::Kind::Store);
    }
    free_block(cache, std::span(alien.entries).first(alien.avail), home, empty);
    m_trace.unlock(cache.places.node(home));
    alien.avail = 0;
    destroy_blocks(empty, cpu);
}

} // namespace pagewalk::os
