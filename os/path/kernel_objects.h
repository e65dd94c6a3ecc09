#pragma once

#include "base/address.h"
#include "base/stats.h"
#include "os/path/frame_allocator.h"
#include "os/path/object_kind.h"
#include "os/path/operation.h"
#include "os/path/slab_pages.h"
#include "os/path/slab_path.h"
#include "os/slab/kmalloc.h"
#include "os/slab/slab_config.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// What has been asked of one cache, by the path that served it.
struct CacheCounters {
    std::string name;
    std::array<std::uint64_t, slab_path_count> paths{};
};

/// The simulated kernel's objects: its object allocator, the caches it makes at boot and kmalloc. Every call
/// takes effect at once and appends what it touches to the operation's path, between two marks.
class KernelObjects {
public:
    /// Boots the allocator: its own caches, kmalloc's, and those of the kinds. Throws RunError where there is
    /// no memory for them.
    KernelObjects(FrameAllocator& frames, const ObjectAllocatorConfig& config, InitOnAlloc init_on_alloc,
                  std::uint64_t seed);
    KernelObjects(const KernelObjects&) = delete;
    KernelObjects& operator=(const KernelObjects&) = delete;

    /// Address of a new object. Throws RunError when no memory is left.
    [[nodiscard]] VirtAddr allocate(Operation& op, ObjectKind kind);
    void free(Operation& op, ObjectKind kind, VirtAddr object);

    /// kmem_cache_alloc of any cache, kmalloc and kfree; `caller` is what the tracepoints name. Errors:
    /// NoMemory, TooLarge.
    [[nodiscard]] std::expected<VirtAddr, SlabError> allocate(Operation& op, KmemCache& cache, GfpMask mask,
                                                              KernelFunction caller);
    void free(Operation& op, KmemCache& cache, VirtAddr object, KernelFunction caller);
    [[nodiscard]] std::expected<VirtAddr, SlabError> kmalloc(Operation& op, std::uint64_t bytes, GfpMask mask,
                                                             KernelFunction caller);
    /// ksize.
    [[nodiscard]] std::uint64_t usable_size(VirtAddr object) const { return m_kmalloc->usable_size(object); }
    void kfree(Operation& op, VirtAddr object, KernelFunction caller);
    /// kmem_cache_create, and kmem_cache_destroy: false, with a report, when objects remain.
    [[nodiscard]] std::expected<KmemCache*, CacheError> create(Operation& op, const CacheSpec& spec);
    bool destroy(Operation& op, KmemCache& cache);

    /// Makes some slabs of each kind and frees their objects.
    void stock(Operation& op);

    /// Slabs of caches whose readers do not lock go back once every CPU has passed through the scheduler.
    [[nodiscard]] bool grace_period_due(Tick now) const {
        return m_grace_end <= now && m_allocator->waiting_for_grace_period() != 0;
    }
    void end_grace_period(Operation& op);

    /// Pages held now.
    [[nodiscard]] std::uint64_t pages() const { return m_pages.reclaimable() + m_pages.unreclaimable(); }
    [[nodiscard]] const std::uint64_t& reclaimable_pages() const { return m_pages.reclaimable(); }
    [[nodiscard]] const std::uint64_t& unreclaimable_pages() const { return m_pages.unreclaimable(); }
    /// Objects of a kind in use now.
    [[nodiscard]] std::uint64_t objects(ObjectKind kind) const { return m_live[index(kind)]; }
    [[nodiscard]] KmemCache& cache(ObjectKind kind) { return *m_caches[index(kind)]; }
    [[nodiscard]] SlabAllocator& allocator() { return *m_allocator; }
    [[nodiscard]] const SlabAllocator& allocator() const { return *m_allocator; }
    [[nodiscard]] const SlabReports& reports() const { return m_allocator->reports(); }
    [[nodiscard]] SlabReports& reports() { return m_allocator->reports(); }
    /// By cache, in the order of creation; the first is for sizes that no cache serves. Numbered as the
    /// events' caches.
    [[nodiscard]] const std::deque<CacheCounters>& counters() const { return m_counters; }
    /// Of the caches that boot has made, as the events number them; all later ones share the last number.
    [[nodiscard]] std::vector<std::string> cache_names() const;
    /// Pages held, and in a group "slab" one of each kind's cache and one of kmalloc.
    void declare(StatGroup group) const;

private:
    [[nodiscard]] static std::size_t index(ObjectKind kind) { return static_cast<std::size_t>(kind); }
    void place(Operation& op, KmemCache& cache);
    void place_slab_arrays(Operation& op, KmemCache& cache);
    [[nodiscard]] VirtAddr boot_object(Operation& op, std::uint64_t bytes, NodeId node, KmemCache* from);
    [[nodiscard]] std::uint16_t number_of(const KmemCache* cache) const;
    [[nodiscard]] bool reaches(SlabPath path) const;
    [[nodiscard]] bool clears(const KmemCache* cache, GfpMask mask) const;
    void log(Operation& op, KmemEvent event, const KmemCache* cache, std::uint32_t begin);

    FrameAllocator& m_frames;
    InitOnAlloc m_init;
    SlabPages m_pages;
    std::unique_ptr<SlabAllocator> m_allocator;
    SlabPathWriter m_writer;
    std::unique_ptr<Kmalloc> m_kmalloc;
    KmemCache* m_descriptors = nullptr; ///< the cache of struct kmem_cache
    KmemCache* m_nodes = nullptr;       ///< of struct kmem_cache_node
    std::array<KmemCache*, object_kind_count> m_caches{};
    std::array<std::uint64_t, object_kind_count> m_live{};
    std::deque<CacheCounters> m_counters;
    std::uint16_t m_boot_caches = 0;                 ///< how many of them boot has made
    CacheCounters m_kmalloc_counters{"kmalloc", {}}; ///< all sizes together
    static constexpr std::uint16_t no_cache = 0;
    std::uint64_t m_percpu_used = 0; ///< bytes of a CPU's area
    Tick m_grace_end = no_time;
    std::uint64_t m_report_count = 0;
};

} // namespace pagewalk::os
