#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "os/page/gfp.h"
#include "os/slab/page_source.h"
#include "os/slab/slab_flags.h"
#include "os/slab/slab_geometry.h"
#include "os/slab/slab_report.h"
#include "os/slab/slab_trace.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::os {

/// What kmem_cache_create is asked for.
struct CacheSpec {
    std::string name;
    std::uint64_t size = 0;  ///< bytes
    std::uint32_t align = 0; ///< bytes; 0 = as the flags say
    SlabFlags flags;
    Constructor constructor = Constructor::No;
    std::uint32_t usersize = 0; ///< bytes that may be copied to user space; such caches are never merged
    std::uint32_t useroffset = 0;
};

/// Where the kernel keeps the parts of a cache. Only set where somebody times what is done to it.
struct CachePlaces {
    std::uint16_t number = 0;            ///< of the cache, where its operations are recorded
    VirtAddr descriptor{};               ///< struct kmem_cache; SLOB: the one lock and list heads
    IndexedVec<CpuId, VirtAddr> cpus;    ///< kmem_cache_cpu, array_cache
    IndexedVec<NodeId, VirtAddr> nodes;  ///< kmem_cache_node: the list lock first
    IndexedVec<NodeId, VirtAddr> shared; ///< SLAB: shared arrays
    IndexedVec<NodeId, VirtAddr> alien;  ///< SLAB: a node's alien arrays, side by side

    [[nodiscard]] VirtAddr cpu(CpuId id) const { return cpus.empty() ? VirtAddr{} : cpus[id]; }
    [[nodiscard]] VirtAddr node(NodeId id) const { return nodes.empty() ? VirtAddr{} : nodes[id]; }
    [[nodiscard]] VirtAddr shared_array(NodeId id) const { return shared.empty() ? VirtAddr{} : shared[id]; }
    [[nodiscard]] VirtAddr alien_array(NodeId id, NodeId home) const {
        return alien.empty() ? VirtAddr{} : alien[id] + index_of(home) * alien_bytes;
    }
    static constexpr std::uint64_t alien_bytes = 128; ///< lock, header and 12 entries
};

/// An object cache as every allocator has it; each allocator adds its own part.
struct KmemCache {
    virtual ~KmemCache() = default;

    std::string name;
    std::vector<std::string> aliases; ///< names merged into it
    std::uint32_t object_size = 0;    ///< bytes; the largest of the merged
    std::uint32_t size = 0;           ///< bytes from object to object
    std::uint32_t align = 0;          ///< bytes
    SlabFlags flags;
    Constructor constructor = Constructor::No;
    std::uint32_t usersize = 0;
    int references = 1;        ///< creations merged into it
    GfpMask page_gfp;          ///< added to every page request
    std::uint64_t live = 0;    ///< objects handed out
    std::uint32_t growing = 0; ///< allocations that are at the page allocator
    CachePlaces places;
};

enum class CacheError : std::uint8_t {
    Invalid, ///< -EINVAL: unknown flag, no name, size 0 or beyond kmalloc_max_size
    TooBig,  ///< -E2BIG or -ENOSYS: no slab order holds an object
    Panic,   ///< the same for a cache with slab_flag::panic
};

enum class SlabError : std::uint8_t { NoMemory, TooLarge };

/// The context of an allocation.
struct SlabRequest {
    GfpMask gfp = gfp::kernel;
    CpuId cpu{}; ///< on which it begins
    NodeId node = any_node;
    VirtAddr caller{};
};

/// Numbers of /proc/slabinfo and sysfs for one cache.
struct CacheUsage {
    std::uint64_t active_objects = 0, objects = 0;
    std::uint64_t active_slabs = 0, slabs = 0;
    std::uint64_t shared_available = 0; ///< SLAB: objects in shared arrays
};

/// One of Linux 6.1's object allocators. Calls take effect at once, exactly as the kernel would; the bytes of
/// objects are not simulated. Misuse is reported (reports()) and leaves the state as it was. Contract: caches
/// handed out stay valid until destroyed; CPUs and nodes are those of the page source.
class SlabAllocator {
public:
    explicit SlabAllocator(PageSource& pages) : m_pages(pages) {}
    virtual ~SlabAllocator() = default;
    SlabAllocator(const SlabAllocator&) = delete;
    SlabAllocator& operator=(const SlabAllocator&) = delete;

    /// kmem_cache_create_usercopy. A compatible cache may be handed out instead of a new one (merging).
    /// Failures are reported with the kernel's words.
    [[nodiscard]] std::expected<KmemCache*, CacheError> create(const CacheSpec& spec);
    /// A cache that boot makes for the allocator's own use: never an alias. Contract: the size can be had.
    KmemCache* create_at_boot(const CacheSpec& spec);
    /// kmem_cache_destroy: drops one reference. False, with a report, when objects remain or are being
    /// allocated: the cache then stays.
    bool destroy(KmemCache& cache);

    [[nodiscard]] virtual std::expected<VirtAddr, SlabError> allocate(KmemCache& cache,
                                                                      const SlabRequest& request) = 0;
    /// kmem_cache_alloc_bulk: all of `objects` or none. Returns how many.
    [[nodiscard]] virtual std::size_t allocate_bulk(KmemCache& cache, const SlabRequest& request,
                                                    std::span<VirtAddr> objects);
    /// kmem_cache_free.
    virtual void free(KmemCache& cache, VirtAddr object, CpuId cpu) = 0;
    /// kmem_cache_free_bulk. Reorders `objects`.
    virtual void free_bulk(KmemCache& cache, std::span<VirtAddr> objects, CpuId cpu);
    /// kmem_cache_shrink: gives back every empty slab.
    virtual void shrink(KmemCache& cache, CpuId cpu) = 0;
    /// Bytes that the owner of `object` may use; 0 where there is no such object.
    [[nodiscard]] virtual std::uint64_t usable_size(VirtAddr object) const = 0;

    /// The cache that `object` lies in; null outside all slabs (and for SLOB, which does not know).
    [[nodiscard]] virtual KmemCache* cache_of(VirtAddr object) const = 0;
    [[nodiscard]] virtual CacheUsage usage(const KmemCache& cache) const = 0;

    /// Has kmalloc caches of its own (SLUB, SLAB), or serves sizes directly (SLOB)?
    enum class KmallocBy : bool { Caches, Size };
    [[nodiscard]] virtual KmallocBy kmalloc_by() const { return KmallocBy::Caches; }
    /// kmalloc below the page allocator's share, for KmallocBy::Size.
    [[nodiscard]] virtual std::expected<VirtAddr, SlabError> allocate_sized(std::uint64_t size,
                                                                            const SlabRequest& request);
    /// kfree of what allocate_sized gave. False when `object` is not in its pages.
    virtual bool free_sized(VirtAddr object, CpuId cpu);

    /// Slabs of typesafe_by_rcu caches wait here for a grace period.
    [[nodiscard]] virtual std::size_t waiting_for_grace_period() const { return m_rcu_blocks.size(); }
    /// A grace period has passed: the pages go back, as `cpu`'s callbacks would do it.
    virtual void grace_period_ended(CpuId cpu);

    /// Oldest first.
    [[nodiscard]] std::span<const std::unique_ptr<KmemCache>> caches() const { return m_caches; }
    /// By its own name or an alias; null where there is none.
    [[nodiscard]] KmemCache* find(std::string_view name) const;
    [[nodiscard]] SlabReports& reports() { return m_reports; }
    [[nodiscard]] const SlabReports& reports() const { return m_reports; }
    /// What the last operation did.
    [[nodiscard]] const SlabTrace& last_trace() const { return m_trace; }
    /// To record the steps of operations in it, and to empty it.
    [[nodiscard]] SlabTrace& trace() { return m_trace; }
    [[nodiscard]] PageSource& pages() const { return m_pages; }

    enum class Merging : bool { Off, On };
    /// slab_nomerge.
    void set_merging(Merging merging) { m_merging = merging; }

protected:
    struct RcuBlock {
        Pfn frame;
        unsigned order;
    };
    /// While it lives an allocation from the cache may wait for pages: the cache is not destroyed meanwhile.
    class Growing {
    public:
        explicit Growing(KmemCache& cache) : m_cache(cache) { ++m_cache.growing; }
        ~Growing() { --m_cache.growing; }
        Growing(const Growing&) = delete;
        Growing& operator=(const Growing&) = delete;

    private:
        KmemCache& m_cache;
    };

    /// Builds the allocator's own part; name, sizes asked for, flags and constructor are already set.
    [[nodiscard]] virtual std::expected<std::unique_ptr<KmemCache>, GeometryError>
    open(const CacheSpec& spec, std::uint32_t align) = 0;
    /// Empties the cache's arrays and lists. False when objects remain.
    [[nodiscard]] virtual bool shut_down(KmemCache& cache) = 0;
    [[nodiscard]] virtual bool may_merge() const { return true; }
    /// SLAB also wants the cache's own alignment to be a multiple of the new one.
    [[nodiscard]] virtual bool alignment_fits(const KmemCache& cache, std::uint32_t align) const {
        return cache.size % align == 0;
    }
    /// The new alias may need more of the object.
    virtual void grow_for_alias(KmemCache& cache, std::uint32_t object_size) {
        cache.object_size = std::max(cache.object_size, object_size);
    }

    KmemCache& adopt(std::unique_ptr<KmemCache> cache);
    [[nodiscard]] KmemCache* mergeable(const CacheSpec& spec) const;
    /// To the page source, now or after a grace period.
    void release_pages(const KmemCache& cache, Pfn frame, unsigned order, CpuId cpu);
    void report(SlabFault fault, Noticed noticed, const KmemCache* cache, VirtAddr object, std::string text);
    [[nodiscard]] static GfpMask page_gfp_of(SlabFlags flags);

    PageSource& m_pages;
    SlabReports m_reports;
    SlabTrace m_trace;

private:
    std::vector<std::unique_ptr<KmemCache>> m_caches;
    std::vector<RcuBlock> m_rcu_blocks;
    Merging m_merging = Merging::On;
};

} // namespace pagewalk::os
