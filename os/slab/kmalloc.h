#pragma once

#include "base/address.h"
#include "os/slab/kmem_cache.h"

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace pagewalk::os {

/// Which set of caches serves a request; several where the kernel was built with them.
enum class KmallocType : std::uint8_t { Normal, Cgroup, Reclaimable, Dma };
inline constexpr std::size_t kmalloc_type_count = 4;

/// How the kernel was built.
struct KmallocConfig {
    enum class Option : bool { Off, On };

    std::uint32_t smallest = 8; ///< bytes; 32 for SLAB
    std::uint64_t largest =
        8192; ///< bytes; above: the page allocator. 131072 gives the historical set of SLAB
    Option cgroups = Option::On;           ///< CONFIG_MEMCG_KMEM
    Option dma_zone = Option::On;          ///< CONFIG_ZONE_DMA
    Option hardened_usercopy = Option::On; ///< kmalloc caches are then never merged with
    SlabFlags flags;                       ///< slab_flag::hwcache_align for SLAB

    /// What Linux 6.1 uses with this allocator.
    enum class Kind : std::uint8_t { Slub, Slab, Slob };
    [[nodiscard]] static KmallocConfig for_kind(Kind kind);
};

/// Size classes: powers of two, and 96 and 192.
class KmallocClasses {
public:
    explicit KmallocClasses(const KmallocConfig& config) : m_config(config) {}

    [[nodiscard]] KmallocType type_of(GfpMask mask) const;
    /// Bytes of the class that serves `size`; 0 for none (zero or more than the largest).
    [[nodiscard]] std::uint64_t class_of(std::uint64_t size) const;
    /// kmalloc-96, kmalloc-rcl-1k, dma-kmalloc-8, ...
    [[nodiscard]] static std::string cache_name(KmallocType type, std::uint64_t class_bytes);
    [[nodiscard]] std::string cache_name(std::uint64_t size, GfpMask mask) const {
        return cache_name(type_of(mask), class_of(size));
    }

private:
    KmallocConfig m_config;
};

enum class ZeroMemory : bool { No, Yes };

/// What kvmalloc falls back to when there are no contiguous pages.
class VirtualMemorySource {
public:
    virtual ~VirtualMemorySource() = default;
    [[nodiscard]] virtual std::optional<VirtAddr> allocate(std::uint64_t bytes,
                                                           const SlabRequest& request) = 0;
    virtual void free(VirtAddr address, CpuId cpu) = 0;
    [[nodiscard]] virtual bool owns(VirtAddr address) const = 0;
};

/// The kmalloc family over one allocator.
class Kmalloc {
public:
    /// ZERO_SIZE_PTR: what a request for nothing gets. May be freed.
    static constexpr VirtAddr zero_size{16};

    Kmalloc(SlabAllocator& allocator, const KmallocConfig& config);

    /// Errors: TooLarge beyond kmalloc_max_size (with the kernel's warning), NoMemory.
    [[nodiscard]] std::expected<VirtAddr, SlabError> allocate(std::uint64_t size, const SlabRequest& request);
    /// kzalloc: the same with __GFP_ZERO.
    [[nodiscard]] std::expected<VirtAddr, SlabError> allocate_zeroed(std::uint64_t size, SlabRequest request);
    /// kfree. Nothing for null and zero_size; misuse is reported.
    void free(VirtAddr object, CpuId cpu);
    /// kfree_sensitive: clears first. Returns the bytes cleared.
    std::uint64_t free_sensitive(VirtAddr object, CpuId cpu);
    /// krealloc: the same object while it is large enough, else a new one. Size 0 frees.
    [[nodiscard]] std::expected<VirtAddr, SlabError> reallocate(VirtAddr object, std::uint64_t size,
                                                                const SlabRequest& request);
    /// kvmalloc: tries kmalloc without effort, then `fallback`.
    [[nodiscard]] std::expected<VirtAddr, SlabError>
    allocate_anywhere(std::uint64_t size, const SlabRequest& request, VirtualMemorySource* fallback);
    void free_anywhere(VirtAddr address, CpuId cpu, VirtualMemorySource* fallback);
    /// ksize.
    [[nodiscard]] std::uint64_t usable_size(VirtAddr object) const;

    /// The cache that serves `size`; null where the page allocator or SLOB's heap does.
    [[nodiscard]] KmemCache* cache_for(std::uint64_t size, GfpMask mask) const;
    [[nodiscard]] const KmallocClasses& classes() const { return m_classes; }
    /// Frames handed out beyond the caches.
    [[nodiscard]] std::uint64_t large_pages() const { return m_large_pages; }
    [[nodiscard]] SlabAllocator& allocator() const { return m_allocator; }

private:
    static constexpr std::size_t class_slots = 32;

    [[nodiscard]] std::expected<VirtAddr, SlabError> allocate_large(std::uint64_t size,
                                                                    const SlabRequest& request);
    [[nodiscard]] static std::size_t slot_of(std::uint64_t class_bytes);
    void create_caches();

    SlabAllocator& m_allocator;
    KmallocConfig m_config;
    KmallocClasses m_classes;
    std::array<std::array<KmemCache*, class_slots>, kmalloc_type_count> m_caches{};
    std::unordered_map<Pfn, unsigned> m_large; ///< first frame, order
    std::uint64_t m_large_pages = 0;
};

} // namespace pagewalk::os
