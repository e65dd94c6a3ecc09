#include "os/path/slab_path.h"

namespace pagewalk::os {
namespace {

// The kernel finds a slab by the struct page of the object and, within a large slab, that of the first page.
void load_slab_page(KernelPathBuilder& path, VirtAddr object) {
    path.load_page(Pfn((object - kernel_layout::direct_map_base) >> page_shift));
}

} // namespace

SlabPathWriter::SlabPathWriter(SlabAllocator& allocator)
    : m_allocator(allocator), m_slub(dynamic_cast<const Slub*>(&allocator)),
      m_slab(dynamic_cast<const Slab*>(&allocator)) {}

void SlabPathWriter::flush(Operation& op) {
    m_writer.append(op, m_allocator.trace());
    m_allocator.trace().clear();
}

void SlabPathWriter::begin_allocation(Operation& op, const KmemCache* cache, ObjectCall call) {
    m_allocator.trace().record(op.path.timed());
    if (!op.path.timed()) return;
    // SLOB's entry points are slob_alloc and little else.
    if (m_slub == nullptr && m_slab == nullptr) return;
    op.path.call(call == ObjectCall::Kmalloc ? KernelFunction::Kmalloc : KernelFunction::KmemCacheAlloc);
    if (cache == nullptr) return;
    op.path.load(cache->places.descriptor);
    op.path.store(cache->places.cpu(op.cpu));
}

void SlabPathWriter::end_allocation(Operation& op, const KmemCache* cache, VirtAddr object,
                                    std::uint64_t bytes, ClearObject clear) {
    if (!op.path.timed()) return;
    flush(op);
    if (cache != nullptr && m_slub != nullptr) {
        const auto& slub = static_cast<const SlubCache&>(*cache);
        op.path.load(object + slub.geometry.offset);
        // It is prefetched: the next allocation reads its link.
        if (const VirtAddr next = Slub::next_link(slub, op.cpu); next != VirtAddr{}) op.path.load(next);
    } else if (cache != nullptr && m_slab != nullptr) {
        const SlabTrace& trace = m_allocator.last_trace();
        op.path.load(Slab::entry_of(cache->places.cpu(op.cpu), trace.array_slot));
    }
    if (clear == ClearObject::Yes)
        op.path.clear_bytes(object, bytes);
    else
        op.path.store(object);
}

void SlabPathWriter::begin_free(Operation& op, const KmemCache* cache, VirtAddr object, ObjectCall call) {
    m_allocator.trace().record(op.path.timed());
    if (!op.path.timed()) return;
    load_slab_page(op.path, object);
    if (m_slub == nullptr && m_slab == nullptr) return;
    op.path.call(call == ObjectCall::Kmalloc ? KernelFunction::Kfree : KernelFunction::KmemCacheFree);
    if (cache == nullptr) return;
    op.path.load(cache->places.descriptor);
    op.path.load(cache->places.cpu(op.cpu));
    if (m_slub == nullptr) return;
    const Pfn frame((object - kernel_layout::direct_map_base) >> page_shift);
    if (const SlubSlab* slab = m_slub->slab_of(frame); slab != nullptr && slab->frame != frame)
        op.path.load_page(slab->frame);
    op.path.store(object + static_cast<const SlubCache&>(*cache).geometry.offset);
}

void SlabPathWriter::end_free(Operation& op, const KmemCache* cache, ObjectCall) {
    if (!op.path.timed()) return;
    flush(op);
    if (cache == nullptr) return;
    const SlabTrace& trace = m_allocator.last_trace();
    const VirtAddr own = cache->places.cpu(op.cpu);
    if (m_slub != nullptr) {
        if (trace.path == SlabPath::FreeFast) op.path.store(own);
    } else if (m_slab != nullptr && trace.path != SlabPath::FreeAlien) {
        op.path.store(own);
        op.path.store(Slab::entry_of(own, trace.array_slot));
    }
}

} // namespace pagewalk::os
