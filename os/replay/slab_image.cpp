#include "os/replay/slab_image.h"

#include "contract/kernel_layout.h"

#include <algorithm>
#include <set>

namespace pagewalk::os {
namespace {

std::string hex(std::uint64_t value) {
    char text[24];
    std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(value));
    return text;
}

// Chains `free` through the slab's links. Returns the head.
std::uint16_t thread(SlubSlab& slab, const std::vector<std::uint16_t>& free) {
    std::uint16_t head = SlubSlab::none;
    for (std::size_t i = free.size(); i-- != 0;) {
        slab.next[free[i]] = head;
        head = free[i];
        slab.mark_free(free[i]);
    }
    return head;
}

std::vector<std::uint16_t> unthread(const SlubSlab& slab, std::uint16_t head) {
    std::vector<std::uint16_t> free;
    for (; head != SlubSlab::none; head = slab.next[head]) free.push_back(head);
    return free;
}

SlubSlabImage image_of(const SlubSlab& slab, std::uint16_t head) {
    return {slab.frame, slab.inuse, slab.objects, 0, slab.frozen, unthread(slab, head), {}};
}

std::string describe(const SlubSlabImage& slab) {
    return "frame " + hex(slab.frame.value()) + " inuse " + std::to_string(slab.inuse) + " free " +
           std::to_string(slab.free.size()) +
           (slab.free.empty() ? "" : " first " + std::to_string(slab.free[0]));
}

template <class T>
std::string describe_lists(const char* what, const std::vector<T>& model, const std::vector<T>& real) {
    std::size_t same = 0;
    while (same < std::min(model.size(), real.size()) && model[same] == real[same]) ++same;
    return std::string(what) + ": model has " + std::to_string(model.size()) + ", kernel " +
           std::to_string(real.size()) + ", the first " + std::to_string(same) + " agree";
}

ArrayImage image_of(const ArrayCache& array) {
    return {array.touched, {array.entries.begin(), array.entries.begin() + array.avail}};
}

/// A cache with what SLUB and SLAB captures both tell of it.
template <class Cache, class Image>
std::unique_ptr<Cache> cache_from(const Image& captured) {
    auto made = std::make_unique<Cache>();
    made->name = captured.name;
    made->geometry = captured.geometry;
    made->object_size = captured.geometry.object_size;
    made->align = captured.geometry.align;
    made->flags = captured.flags;
    made->constructor = known_constructor(captured.name);
    made->page_gfp = captured.page_gfp;
    return made;
}

} // namespace

std::string_view name_of(AllocatorKind kind) {
    return kind == AllocatorKind::Slub ? "SLUB" : kind == AllocatorKind::Slab ? "SLAB" : "SLOB";
}

void restore(const SlabImage& image, Slub& slub) {
    for (auto captured = image.slub.rbegin(); captured != image.slub.rend(); ++captured) {
        auto made = cache_from<SlubCache>(*captured);
        made->random_sequence = captured->random_sequence;
        SlubCache& cache = slub.restore_cache(std::move(made));
        const auto add = [&](const SlubSlabImage& each) -> SlubSlab& {
            const unsigned order =
                each.objects == cache.geometry.objects ? cache.geometry.order : cache.geometry.min_order;
            SlubSlab& slab = slub.restore_slab(cache, each.frame, each.objects, order);
            slab.inuse = each.inuse;
            slab.frozen = each.frozen;
            for (std::uint32_t object = 0; object < each.objects; ++object) slab.mark_allocated(object);
            return slab;
        };
        std::set<Pfn> listed;
        for (std::size_t i = 0; i < image.cpus; ++i) {
            SlubCpu& cpu = cache.cpus[static_cast<CpuId>(i)];
            if (const SlubSlabImage& each = captured->cpu_slab[i]; each.frame != no_pfn) {
                SlubSlab& slab = add(each);
                cpu.slab = &slab;
                cpu.freelist = thread(slab, each.free);
                slab.freelist = thread(slab, each.freed_by_others);
                listed.insert(each.frame);
            }
            SlubSlab** link = &cpu.partial;
            for (const SlubSlabImage& each : captured->cpu_partial[i]) {
                SlubSlab& slab = add(each);
                slab.freelist = thread(slab, each.free);
                slab.slabs = each.slabs;
                *link = &slab;
                link = &slab.next_partial;
                listed.insert(each.frame);
            }
        }
        for (std::size_t i = 0; i < image.nodes; ++i)
            for (const SlubSlabImage& each : captured->node_partial[i]) {
                SlubSlab& slab = add(each);
                slab.freelist = thread(slab, each.free);
                slab.on_partial = true;
                cache.nodes[static_cast<NodeId>(i)].partial.push_back(slab);
                listed.insert(each.frame);
            }
        for (const auto& [frame, each] : captured->slabs)
            if (!listed.contains(Pfn(frame))) (void)add(each);
        cache.live = 0;
        for (const auto& slab : cache.slabs)
            for (std::uint32_t object = 0; object < slab->objects; ++object)
                cache.live += slab->is_allocated(object);
    }
}

std::vector<std::string> differences(const SlubCacheImage& image, const Slub& slub) {
    const auto* cache = static_cast<const SlubCache*>(slub.find(image.name));
    if (cache == nullptr) return {image.name + ": the model has no such cache"};
    std::vector<std::string> found;
    const auto differ = [&](const std::string& text) { found.push_back(image.name + ": " + text); };
    for (std::size_t i = 0; i < image.cpu_slab.size(); ++i) {
        const SlubCpu& cpu = cache->cpus[static_cast<CpuId>(i)];
        const SlubSlabImage& real = image.cpu_slab[i];
        const SlubSlabImage model = cpu.slab == nullptr ? SlubSlabImage{} : image_of(*cpu.slab, cpu.freelist);
        if (model != real)
            differ("cpu " + std::to_string(i) + " slab: model " + describe(model) + ", kernel " +
                   describe(real));
        std::vector<SlubSlabImage> partial;
        for (const SlubSlab* slab = cpu.partial; slab != nullptr; slab = slab->next_partial) {
            partial.push_back(image_of(*slab, slab->freelist));
            partial.back().slabs = slab->slabs;
        }
        if (partial != image.cpu_partial[i])
            differ(describe_lists(("cpu " + std::to_string(i) + " partial").c_str(), partial,
                                  image.cpu_partial[i]));
    }
    for (std::size_t i = 0; i < image.node_partial.size(); ++i) {
        std::vector<SlubSlabImage> partial;
        for (const SlubSlab* slab = cache->nodes[static_cast<NodeId>(i)].partial.front(); slab != nullptr;
             slab = slab->list_next)
            partial.push_back(image_of(*slab, slab->freelist));
        if (partial != image.node_partial[i])
            differ(describe_lists(("node " + std::to_string(i) + " partial").c_str(), partial,
                                  image.node_partial[i]));
    }
    std::uint64_t slabs = 0;
    for (const SlubNode& node : cache->nodes) slabs += node.slabs;
    if (slabs != image.slabs.size())
        differ("slabs: model " + std::to_string(slabs) + ", kernel " + std::to_string(image.slabs.size()));
    for (const auto& [frame, real] : image.slabs) {
        const SlubSlab* slab = slub.slab_of(Pfn(frame));
        if (slab == nullptr || slab->cache != cache)
            differ("frame " + hex(frame) + " is not a slab of the model's");
        else if (slab->inuse != real.inuse || slab->objects != real.objects || slab->frozen != real.frozen)
            differ("frame " + hex(frame) + ": model inuse " + std::to_string(slab->inuse) + ", kernel " +
                   std::to_string(real.inuse));
    }
    return found;
}

void restore(const SlabImage& image, Slab& slab) {
    for (auto captured = image.slab.rbegin(); captured != image.slab.rend(); ++captured) {
        auto made = cache_from<SlabCache>(*captured);
        SlabCache& cache = slab.restore_cache(std::move(made));
        for (std::size_t i = 0; i < image.nodes; ++i) {
            SlabNode& node = cache.nodes[static_cast<NodeId>(i)];
            const SlabNodeImage& real = captured->nodes[i];
            const auto add = [&](const std::vector<SlabBlockImage>& blocks, SlabBlock::List list) {
                for (const SlabBlockImage& each : blocks) {
                    SlabBlock& block = slab.restore_block(cache, each.frame, each.first_object_offset);
                    block.active = each.active;
                    for (std::uint32_t k = 0; k < cache.geometry.objects; ++k) block.mark_allocated(k);
                    for (std::size_t k = 0; k < each.free.size(); ++k) {
                        block.index[each.active + k] = each.free[k];
                        block.mark_free(each.free[k]);
                    }
                    slab.put_on_list(block, list);
                }
            };
            add(real.partial, SlabBlock::List::Partial);
            add(real.full, SlabBlock::List::Full);
            add(real.free, SlabBlock::List::Free);
            node.total_slabs = real.total_slabs;
            node.free_objects = real.free_objects;
            node.free_limit = real.free_limit;
            node.colour_next = real.colour_next;
            node.free_touched = real.free_touched;
        }
        const auto fill = [&](ArrayCache& array, const ArrayImage& real) {
            if (real.entries.size() > array.entries.size()) array.entries.resize(real.entries.size());
            array.touched = real.touched;
            array.avail = static_cast<std::uint32_t>(real.entries.size());
            std::ranges::copy(real.entries, array.entries.begin());
            for (const VirtAddr object : real.entries)
                if (SlabBlock* block = slab.block_of(object))
                    block->mark_free(slab.object_number(*block, object));
        };
        for (std::size_t i = 0; i < image.cpus; ++i)
            fill(cache.cpus[static_cast<CpuId>(i)], captured->cpus[i]);
        for (std::size_t i = 0; i < image.nodes; ++i)
            fill(cache.nodes[static_cast<NodeId>(i)].shared, captured->nodes[i].shared);
        for (const auto& block : cache.blocks)
            for (std::uint32_t k = 0; k < cache.geometry.objects; ++k) cache.live += block->is_allocated(k);
    }
}

std::vector<std::string> differences(const SlabCacheImage& image, const Slab& slab) {
    const auto* cache = static_cast<const SlabCache*>(slab.find(image.name));
    if (cache == nullptr) return {image.name + ": the model has no such cache"};
    std::vector<std::string> found;
    const auto differ = [&](const std::string& text) { found.push_back(image.name + ": " + text); };
    const auto compare_array = [&](const std::string& what, const ArrayCache& array, const ArrayImage& real) {
        const ArrayImage model = image_of(array);
        if (model.entries != real.entries) differ(describe_lists(what.c_str(), model.entries, real.entries));
        if (model.touched != real.touched)
            differ(what + ": touched " + (model.touched ? "only in the model" : "only in the kernel"));
    };
    for (std::size_t i = 0; i < image.cpus.size(); ++i)
        compare_array("cpu " + std::to_string(i) + " array", cache->cpus[static_cast<CpuId>(i)],
                      image.cpus[i]);
    for (std::size_t i = 0; i < image.nodes.size(); ++i) {
        const SlabNode& node = cache->nodes[static_cast<NodeId>(i)];
        const SlabNodeImage& real = image.nodes[i];
        const std::string where = "node " + std::to_string(i) + " ";
        compare_array(where + "shared array", node.shared, real.shared);
        const auto compare = [&](const char* what, std::uint64_t model, std::uint64_t kernel) {
            if (model != kernel)
                differ(where + what + ": model " + std::to_string(model) + ", kernel " +
                       std::to_string(kernel));
        };
        compare("slabs", node.total_slabs, real.total_slabs);
        compare("free slabs", node.free.size(), real.free_slabs);
        compare("free objects", node.free_objects, real.free_objects);
        compare("free limit", node.free_limit, real.free_limit);
        compare("next colour", node.colour_next, real.colour_next);
        compare("free slabs touched", node.free_touched, real.free_touched);
        const auto compare_list = [&](const char* what, const LinkedList<SlabBlock>& list,
                                      const std::vector<SlabBlockImage>& kernel) {
            std::vector<SlabBlockImage> model;
            for (const SlabBlock* block = list.front(); block != nullptr; block = block->list_next) {
                const VirtAddr start = kernel_layout::direct_map(address_of(block->frame));
                model.push_back(
                    {block->frame,
                     block->active,
                     block->first_object - start - cache->geometry.object_offset,
                     {block->index.get() + block->active, block->index.get() + cache->geometry.objects}});
            }
            if (model != kernel) differ(describe_lists((where + what).c_str(), model, kernel));
        };
        compare_list("partial list", node.partial, real.partial);
        compare_list("full list", node.full, real.full);
        compare_list("free list", node.free, real.free);
    }
    return found;
}

void restore(const SlabImage& image, Slob& slob) {
    for (auto captured = image.slob.rbegin(); captured != image.slob.rend(); ++captured) {
        auto made = std::make_unique<SlobCache>();
        made->name = captured->name;
        made->object_size = captured->object_size;
        made->size = captured->size;
        made->align = captured->align;
        made->flags = captured->flags;
        made->constructor = known_constructor(captured->name);
        (void)slob.restore_cache(std::move(made));
    }
    for (std::size_t list = 0; list < Slob::list_count; ++list)
        for (const SlobPageImage& page : image.slob_lists[list])
            slob.restore_page(page.frame, list, page.runs);
    for (const auto& [frame, owner] : image.owners)
        if (slob.page_of(kernel_layout::direct_map(address_of(Pfn(frame)))) == nullptr)
            slob.restore_page(Pfn(frame), SlobPage::off_list, {});
}

std::vector<std::string> differences(const std::vector<SlobPageImage>& image, const Slob& slob,
                                     std::size_t list) {
    std::vector<SlobPageImage> model;
    for (const SlobPage* page = slob.list(list).front(); page != nullptr; page = page->list_next)
        model.push_back({page->frame, page->runs});
    if (model == image) return {};
    return {describe_lists(("list " + std::to_string(list)).c_str(), model, image)};
}

} // namespace pagewalk::os
