#include "os/kernel/object_cache.h"

#include "base/error.h"
#include "contract/kernel_layout.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr std::array<ObjectGeometry, object_kind_count> geometries{{
    {152, 0, 26},  // vm_area_struct
    {1152, 2, 14}, // mm_struct
    {104, 0, 39},  // anon_vma
    {64, 0, 64},   // anon_vma_chain
    {8448, 3, 3},  // task_struct
    {256, 0, 16},  // filp
    {1192, 2, 13}, // ext4_inode_cache
    {192, 0, 21},  // cred_jar
    {704, 2, 23},  // files_cache
    {64, 0, 64},   // fs_cache
    {2112, 3, 15}, // sighand_cache
    {1152, 2, 14}, // signal_cache
}};

} // namespace

const ObjectGeometry& ObjectCaches::geometry(ObjectKind kind) {
    return geometries[static_cast<std::size_t>(kind)];
}

ObjectCaches::ObjectCaches(FrameAllocator& frames) : m_frames(frames) {}

std::uint32_t ObjectCaches::add_slab(Operation& op, ObjectKind kind) {
    const ObjectGeometry& shape = geometry(kind);
    op.path.call(KernelFunction::AllocateSlab);
    op.path.call(KernelFunction::AllocPages);
    const auto frame =
        m_frames.allocate(op, {.mask = gfp::kernel | (shape.slab_order != 0 ? gfp::comp : GfpMask{}),
                               .order = shape.slab_order,
                               .purpose = AllocationPurpose::KernelObject});
    if (!frame) throw RunError("out of simulated memory for kernel objects; give the machine more memory");
    Cache& cache = this->cache(kind);
    std::uint32_t index = static_cast<std::uint32_t>(cache.slabs.size());
    if (cache.unused.empty()) {
        cache.slabs.emplace_back();
    } else {
        index = cache.unused.back();
        cache.unused.pop_back();
    }
    Slab& slab = cache.slabs[index];
    slab.frame = *frame;
    slab.partial = false;
    slab.free.resize(shape.objects_per_slab);
    for (std::uint16_t i = 0; i < shape.objects_per_slab; ++i)
        slab.free[i] = static_cast<std::uint16_t>(shape.objects_per_slab - 1 - i);
    PageDescriptor& page = m_frames.pages().at(*frame);
    page.owner_flags = frame_flags::kernel;
    page.set_owner(index);
    m_pages += 1ULL << shape.slab_order;
    return index;
}

VirtAddr ObjectCaches::allocate(Operation& op, ObjectKind kind) {
    Cache& cache = this->cache(kind);
    op.path.call(KernelFunction::KmemCacheAlloc);
    op.path.store(m_frames.addresses().slab_cpu(op.cpu, static_cast<std::size_t>(kind)));
    if (cache.current == no_slab || cache.slabs[cache.current].free.empty()) {
        op.path.call(KernelFunction::SlabAllocSlow);
        if (cache.partial.empty()) {
            cache.current = add_slab(op, kind);
        } else {
            cache.current = cache.partial.back();
            cache.partial.pop_back();
            cache.slabs[cache.current].partial = false;
        }
    }
    Slab& slab = cache.slabs[cache.current];
    const std::uint16_t number = slab.free.back();
    slab.free.pop_back();
    ++cache.in_use;
    const VirtAddr object = kernel_layout::direct_map(address_of(slab.frame)) +
                            std::uint64_t{number} * geometry(kind).object_bytes;
    op.path.store(object);
    return object;
}

void ObjectCaches::free(Operation& op, ObjectKind kind, VirtAddr object) {
    const ObjectGeometry& shape = geometry(kind);
    Cache& cache = this->cache(kind);
    const std::uint64_t offset = object - kernel_layout::direct_map_base;
    const Pfn frame{(offset >> page_shift) & ~((1ULL << shape.slab_order) - 1)};
    const auto index = static_cast<std::uint32_t>(m_frames.pages().peek(frame).owner());
    Slab& slab = cache.slabs[index];
    PAGEWALK_INVARIANT(slab.frame == frame);
    const std::uint64_t number = (offset - address_of(frame).value()) / shape.object_bytes;
    slab.free.push_back(static_cast<std::uint16_t>(number));
    --cache.in_use;
    op.path.call(KernelFunction::KmemCacheFree);
    op.path.store(object);
    op.path.store_page(frame);
    if (index == cache.current) return;
    if (slab.free.size() == shape.objects_per_slab && cache.partial.size() >= kept_empty) {
        if (slab.partial) cache.partial.erase(std::ranges::find(cache.partial, index));
        op.path.call(KernelFunction::DiscardSlab);
        m_pages -= 1ULL << shape.slab_order;
        m_frames.free(op, frame, shape.slab_order);
        slab.frame = no_pfn;
        slab.partial = false;
        cache.unused.push_back(index);
    } else if (!slab.partial) {
        slab.partial = true;
        cache.partial.push_back(index);
    }
}

} // namespace pagewalk::os
