#include "os/slab/kmalloc.h"

#include "base/enum_table.h"
#include "contract/kernel_layout.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t slob_header = 8;

std::string size_text(std::uint64_t bytes) {
    if (bytes >= 1ULL << 20) return std::to_string(bytes >> 20) + "M";
    if (bytes >= 1ULL << 10) return std::to_string(bytes >> 10) + "k";
    return std::to_string(bytes);
}

} // namespace

KmallocConfig KmallocConfig::for_kind(Kind kind) {
    KmallocConfig config;
    if (kind == Kind::Slab) {
        config.smallest = 32;
        config.flags = slab_flag::hwcache_align;
    }
    return config;
}

KmallocType KmallocClasses::type_of(GfpMask mask) const {
    const bool dma = m_config.dma_zone == KmallocConfig::Option::On && mask.any(gfp::dma_zone);
    const bool cgroup = m_config.cgroups == KmallocConfig::Option::On && mask.any(gfp::account);
    if (dma) return KmallocType::Dma;
    if (mask.any(gfp::reclaimable)) return KmallocType::Reclaimable;
    return cgroup ? KmallocType::Cgroup : KmallocType::Normal;
}

std::uint64_t KmallocClasses::class_of(std::uint64_t size) const {
    if (size == 0 || size > m_config.largest) return 0;
    if (size > 64 && size <= 96) return 96;
    if (size > 128 && size <= 192) return 192;
    return std::max<std::uint64_t>(m_config.smallest, std::bit_ceil(size));
}

std::string KmallocClasses::cache_name(KmallocType type, std::uint64_t class_bytes) {
    constexpr EnumNames<KmallocType> prefixes{{KmallocType::Normal, "kmalloc-"},
                                              {KmallocType::Cgroup, "kmalloc-cg-"},
                                              {KmallocType::Reclaimable, "kmalloc-rcl-"},
                                              {KmallocType::Dma, "dma-kmalloc-"}};
    return std::string(prefixes[type]) + size_text(class_bytes);
}

Kmalloc::Kmalloc(SlabAllocator& allocator, const KmallocConfig& config)
    : m_allocator(allocator), m_config(config), m_classes(config) {
    if (allocator.kmalloc_by() == SlabAllocator::KmallocBy::Caches) create_caches();
}

std::size_t Kmalloc::slot_of(std::uint64_t class_bytes) {
    if (class_bytes == 96) return 1;
    if (class_bytes == 192) return 2;
    return static_cast<std::size_t>(std::countr_zero(class_bytes)) % class_slots;
}

// In the kernel's order, which decides merging and the order of /proc/slabinfo.
void Kmalloc::create_caches() {
    for (std::size_t i = 0; i < kmalloc_type_count; ++i) {
        const auto type = static_cast<KmallocType>(i);
        SlabFlags flags = m_config.flags | slab_flag::kmalloc;
        switch (type) {
        case KmallocType::Normal:
            break;
        case KmallocType::Cgroup:
            if (m_config.cgroups == KmallocConfig::Option::Off) continue;
            flags |= slab_flag::account;
            break;
        case KmallocType::Reclaimable:
            flags |= slab_flag::reclaim_account;
            break;
        case KmallocType::Dma:
            if (m_config.dma_zone == KmallocConfig::Option::Off) continue;
            flags |= slab_flag::cache_dma;
            break;
        }
        const auto create = [&](std::uint64_t bytes) {
            CacheSpec spec;
            spec.name = KmallocClasses::cache_name(type, bytes);
            spec.size = bytes;
            spec.align = std::has_single_bit(bytes) ? static_cast<std::uint32_t>(bytes) : 0;
            spec.flags = flags;
            if (m_config.hardened_usercopy == KmallocConfig::Option::On)
                spec.usersize = static_cast<std::uint32_t>(bytes);
            // Below the allocator's largest object, this cannot fail.
            m_caches[i][slot_of(bytes)] = m_allocator.create_at_boot(spec);
        };
        for (std::uint64_t bytes = m_config.smallest; bytes <= m_config.largest; bytes *= 2) {
            create(bytes);
            if (bytes == 64) create(96);
            if (bytes == 128) create(192);
        }
    }
}

KmemCache* Kmalloc::cache_for(std::uint64_t size, GfpMask mask) const {
    const std::uint64_t bytes = m_classes.class_of(size);
    if (bytes == 0 || m_allocator.kmalloc_by() == SlabAllocator::KmallocBy::Size) return nullptr;
    return m_caches[static_cast<std::size_t>(m_classes.type_of(mask))][slot_of(bytes)];
}

std::expected<VirtAddr, SlabError> Kmalloc::allocate(std::uint64_t size, const SlabRequest& request) {
    if (size == 0) return zero_size;
    if (m_allocator.kmalloc_by() == SlabAllocator::KmallocBy::Size) {
        if (size < page_size - slob_header) return m_allocator.allocate_sized(size, request);
        return allocate_large(size, request);
    }
    KmemCache* cache = cache_for(size, request.gfp);
    return cache == nullptr ? allocate_large(size, request) : m_allocator.allocate(*cache, request);
}

std::expected<VirtAddr, SlabError> Kmalloc::allocate_zeroed(std::uint64_t size, SlabRequest request) {
    request.gfp = request.gfp | gfp::zero;
    return allocate(size, request);
}

std::expected<VirtAddr, SlabError> Kmalloc::allocate_large(std::uint64_t size, const SlabRequest& request) {
    if (size > kmalloc_max_size) {
        if (!request.gfp.any(gfp::nowarn))
            m_allocator.reports().add({SlabFault::RequestTooLarge,
                                       Noticed::ByKernel,
                                       {},
                                       {},
                                       "WARNING: __alloc_pages: order " +
                                           std::to_string(page_order_of(size)) +
                                           " is beyond what the page allocator serves\n"});
        return std::unexpected(SlabError::TooLarge);
    }
    const unsigned order = page_order_of(size);
    GfpMask mask = request.gfp;
    // SLOB leaves single pages without the compound mark.
    if (order != 0 || m_allocator.kmalloc_by() == SlabAllocator::KmallocBy::Caches) mask = mask | gfp::comp;
    const auto frame = m_allocator.pages().allocate({mask, order, request.cpu, request.node});
    if (!frame) return std::unexpected(SlabError::NoMemory);
    m_large[*frame] = order;
    m_large_pages += 1ULL << order;
    return kernel_layout::direct_map(address_of(*frame));
}

void Kmalloc::free(VirtAddr object, CpuId cpu) {
    if (object <= zero_size) return;
    if (m_allocator.kmalloc_by() == SlabAllocator::KmallocBy::Size) {
        if (m_allocator.free_sized(object, cpu)) return;
    } else if (KmemCache* cache = m_allocator.cache_of(object)) {
        m_allocator.free(*cache, object, cpu);
        return;
    }
    const bool mapped = object >= kernel_layout::direct_map_base && object < kernel_layout::vmalloc_base;
    const Pfn frame{mapped ? (object - kernel_layout::direct_map_base) >> page_shift : 0};
    const auto found = mapped && object.page_offset() == 0 ? m_large.find(frame) : m_large.end();
    if (found == m_large.end()) {
        m_allocator.reports().add(
            {SlabFault::NotSlab,
             Noticed::ByKernel,
             {},
             object,
             "WARNING: free_large_kmalloc\nobject pointer: " + pointer_text(object) + "\n"});
        return;
    }
    const unsigned order = found->second;
    m_large.erase(found);
    m_large_pages -= 1ULL << order;
    m_allocator.pages().free(frame, order, cpu);
}

std::uint64_t Kmalloc::free_sensitive(VirtAddr object, CpuId cpu) {
    const std::uint64_t bytes = usable_size(object);
    free(object, cpu);
    return bytes;
}

std::expected<VirtAddr, SlabError> Kmalloc::reallocate(VirtAddr object, std::uint64_t size,
                                                       const SlabRequest& request) {
    if (size == 0) {
        free(object, request.cpu);
        return zero_size;
    }
    if (object > zero_size && usable_size(object) >= size) return object;
    const auto moved = allocate(size, request);
    if (moved) free(object, request.cpu);
    return moved;
}

std::expected<VirtAddr, SlabError> Kmalloc::allocate_anywhere(std::uint64_t size, const SlabRequest& request,
                                                              VirtualMemorySource* fallback) {
    SlabRequest easy = request;
    if (size > page_size) {
        // Not worth an effort, since there is another way.
        easy.gfp = (easy.gfp | gfp::nowarn).without(gfp::nofail);
        if (!easy.gfp.any(gfp::retry_mayfail)) easy.gfp = easy.gfp | gfp::noretry;
    }
    const auto object = allocate(size, easy);
    if (object || size <= page_size || fallback == nullptr) return object;
    // Without sleeping there is no page table to be had.
    if (!request.gfp.any(gfp::direct_reclaim)) return object;
    const auto mapped = fallback->allocate(size, request);
    if (!mapped) return std::unexpected(SlabError::NoMemory);
    return *mapped;
}

void Kmalloc::free_anywhere(VirtAddr address, CpuId cpu, VirtualMemorySource* fallback) {
    if (fallback != nullptr && fallback->owns(address))
        fallback->free(address, cpu);
    else
        free(address, cpu);
}

std::uint64_t Kmalloc::usable_size(VirtAddr object) const {
    if (object <= zero_size) return 0;
    if (const std::uint64_t bytes = m_allocator.usable_size(object); bytes != 0) return bytes;
    if (object < kernel_layout::direct_map_base || object >= kernel_layout::vmalloc_base) return 0;
    const auto found = m_large.find(Pfn((object - kernel_layout::direct_map_base) >> page_shift));
    return found == m_large.end() ? 0 : page_size << found->second;
}

} // namespace pagewalk::os
