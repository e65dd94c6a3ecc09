#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "base/rng.h"
#include "contract/kernel_layout.h"
#include "os/slab/frame_map.h"
#include "os/slab/freelist_random.h"
#include "os/slab/kmem_cache.h"
#include "os/slab/linked_list.h"
#include "os/slab/object_layout.h"
#include "os/slab/reciprocal.h"
#include "os/slab/slab_geometry.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace pagewalk::os {

struct SlubCache;

/// A block of pages cut into objects. Freelists are chains of object numbers beside the (unsimulated)
/// objects.
struct SlubSlab {
    static constexpr std::uint16_t none = 0xffff;

    Pfn frame{};
    VirtAddr first_object{};
    SlubCache* cache = nullptr;
    NodeId node{};
    std::uint8_t order = 0;
    bool frozen = false;     ///< belongs to a CPU
    bool on_partial = false; ///< on its node's partial list
    std::uint16_t freelist = none;
    std::uint32_t objects = 0;
    std::uint32_t inuse = 0; ///< handed out or on a CPU's freelist
    std::uint32_t slabs = 0; ///< on a CPU's partial list: length of the list from here
    SlubSlab* next_partial = nullptr;
    SlubSlab* list_prev = nullptr;
    SlubSlab* list_next = nullptr;
    std::unique_ptr<std::uint16_t[]> next;      ///< by object number
    std::unique_ptr<std::uint64_t[]> allocated; ///< bit by object number
    std::unique_ptr<ObjectDamage> damage;       ///< stray writes, debugged caches only
    std::unique_ptr<ObjectTrack[]> tracks;      ///< slab_flag::store_user only

    [[nodiscard]] bool is_allocated(std::uint32_t object) const {
        return (allocated[object >> 6] >> (object & 63) & 1) != 0;
    }
    void mark_allocated(std::uint32_t object) { allocated[object >> 6] |= 1ULL << (object & 63); }
    void mark_free(std::uint32_t object) { allocated[object >> 6] &= ~(1ULL << (object & 63)); }
};

struct SlubCpu {
    SlubSlab* slab = nullptr;
    std::uint16_t freelist = SlubSlab::none;
    SlubSlab* partial = nullptr;
};

struct SlubNode {
    LinkedList<SlubSlab> partial;
    std::uint64_t slabs = 0;
    std::uint64_t objects = 0;
};

struct SlubCache final : KmemCache {
    SlubGeometry geometry;
    Reciprocal reciprocal; ///< of size
    std::vector<std::uint16_t> random_sequence;
    IndexedVec<CpuId, SlubCpu> cpus;
    IndexedVec<NodeId, SlubNode> nodes;
    std::vector<std::unique_ptr<SlubSlab>> slabs; ///< every slab ever used; pool holds those without pages
    std::vector<SlubSlab*> pool;

    [[nodiscard]] bool debugged() const { return flags.any(slab_flag::debugging); }
};

/// Counters of /sys/kernel/slab/<cache> (CONFIG_SLUB_STATS), summed over all caches.
struct SlubStats {
    std::uint64_t alloc_fast = 0, alloc_slow = 0, alloc_refill = 0, alloc_cpu_partial = 0,
                  alloc_node_partial = 0;
    std::uint64_t alloc_slab = 0, order_fallback = 0;
    std::uint64_t free_fast = 0, free_slow = 0, free_frozen = 0, free_slab = 0;
    std::uint64_t cpu_partial_drain = 0, cpu_slab_flush = 0, node_mismatch = 0;
};

struct SlubConfig {
    SlubParameters parameters;
    FreelistOrder freelist_order = FreelistOrder::Random;
    enum class Hardening : bool { Off, On } hardening = Hardening::On; ///< CONFIG_SLAB_FREELIST_HARDENED
    SlabFlags debug;                                                   ///< slub_debug: added to every cache
    std::uint32_t remote_defrag_ratio = 1000; ///< of 1024: how often a remote node's partial slabs are tried
    std::uint64_t seed = 0;
};

/// SLUB: per-CPU slabs with freelists of their own, per-CPU partial slabs, per-node partial lists.
class Slub final : public SlabAllocator {
public:
    /// Chooses where in the cache's random sequence a new slab starts.
    using StartChooser = std::function<std::uint32_t(const SlubCache&, Pfn)>;

    Slub(PageSource& pages, const SlubConfig& config);

    [[nodiscard]] std::expected<VirtAddr, SlabError> allocate(KmemCache& cache,
                                                              const SlabRequest& request) override;
    void free(KmemCache& cache, VirtAddr object, CpuId cpu) override;
    void free_bulk(KmemCache& cache, std::span<VirtAddr> objects, CpuId cpu) override;
    void shrink(KmemCache& cache, CpuId cpu) override;
    [[nodiscard]] std::uint64_t usable_size(VirtAddr object) const override;
    [[nodiscard]] KmemCache* cache_of(VirtAddr object) const override;
    [[nodiscard]] CacheUsage usage(const KmemCache& cache) const override;

    /// Takes the CPU's slabs away from it: partial ones go to their nodes.
    void flush_cpu(SlubCache& cache, CpuId cpu);
    /// The slab that holds `frame`; null where there is none.
    [[nodiscard]] SlubSlab* slab_of(Pfn frame) const { return m_frames.find(frame); }
    [[nodiscard]] std::uint32_t object_number(const SlubSlab& slab, VirtAddr object) const;
    [[nodiscard]] static VirtAddr address_of(const SlubSlab& slab, std::uint32_t object) {
        return slab.first_object + std::uint64_t{object} * slab.cache->size;
    }
    /// Where an object's freelist link is while it is free.
    [[nodiscard]] static VirtAddr link_of(const SlubSlab& slab, std::uint32_t object) {
        return address_of(slab, object) + slab.cache->geometry.offset;
    }
    /// Link of the object that the CPU hands out next; null for none.
    [[nodiscard]] static VirtAddr next_link(const SlubCache& cache, CpuId cpu) {
        const SlubCpu& own = cache.cpus[cpu];
        return own.freelist == SlubSlab::none ? VirtAddr{} : link_of(*own.slab, own.freelist);
    }
    /// A simulated program writes `bytes` of `value` at `address`, inside its object or not. Remembered where
    /// the cache's flags let the kernel find it later.
    void note_write(VirtAddr address, std::uint64_t bytes, std::uint8_t value);

    [[nodiscard]] const SlubStats& stats() const { return m_stats; }
    [[nodiscard]] const SlubConfig& config() const { return m_config; }
    /// Replay: a real kernel's starts instead of random ones.
    void choose_starts(StartChooser chooser) { m_choose_start = std::move(chooser); }
    /// Building blocks for restoring a captured state.
    [[nodiscard]] SlubCache& restore_cache(std::unique_ptr<SlubCache> cache);
    [[nodiscard]] SlubSlab& restore_slab(SlubCache& cache, Pfn frame, std::uint32_t objects, unsigned order);
    /// Replay, after a wrong prediction: `actual` was handed out instead of `predicted`.
    void correct(VirtAddr predicted, VirtAddr actual, CpuId cpu);

private:
    [[nodiscard]] std::expected<std::unique_ptr<KmemCache>, GeometryError> open(const CacheSpec& spec,
                                                                                std::uint32_t align) override;
    [[nodiscard]] bool shut_down(KmemCache& cache) override;
    void grow_for_alias(KmemCache& cache, std::uint32_t object_size) override;

    // What an allocation finds: an object, of `slab`.
    struct Taken {
        SlubSlab* slab = nullptr;
        std::uint32_t object = 0;
    };
    [[nodiscard]] Taken take_slow(SlubCache& cache, const SlabRequest& request);
    [[nodiscard]] Taken take_from_cpu(SlubCpu& cpu, SlubSlab& slab);
    [[nodiscard]] SlubSlab* take_partial(SlubCache& cache, const SlabRequest& request);
    [[nodiscard]] SlubSlab* take_partial_of(SlubCache& cache, NodeId node, CpuId cpu);
    [[nodiscard]] SlubSlab* new_slab(SlubCache& cache, const SlabRequest& request);
    void report_out_of_memory(const SlubCache& cache, const SlabRequest& request);
    void flush_slab(SlubCache& cache, CpuId cpu);
    void thread_freelist(SlubSlab& slab);
    void load(SlubCpu& cpu, SlubSlab& slab);
    void deactivate(SlubCache& cache, SlubSlab& slab, std::uint16_t freelist, CpuId cpu);
    void put_cpu_partial(SlubCache& cache, SlubSlab& slab, CpuId cpu, bool drain);
    void unfreeze(SlubCache& cache, SlubSlab* first, CpuId cpu);
    void add_partial(SlubSlab& slab, bool tail);
    void remove_partial(SlubSlab& slab);
    void note_neighbours(const SlubSlab& slab);
    void discard(SlubSlab& slab, CpuId cpu);
    void release(SlubSlab& slab, CpuId cpu);

    // A chain of objects of one slab, linked from `head` to `tail`, goes back.
    struct Chain {
        std::uint16_t head, tail;
        std::uint32_t count;
    };
    [[nodiscard]] SlubSlab* check_free(const KmemCache& cache, VirtAddr object);
    void free_chain(SlubSlab& slab, Chain chain, CpuId cpu);
    void free_slow(SlubSlab& slab, Chain chain, CpuId cpu);

    // Debugged caches, slub_debug.cpp.
    [[nodiscard]] Taken take_debugged(SlubCache& cache, const SlabRequest& request);
    void free_debugged(SlubSlab& slab, std::uint16_t object, CpuId cpu);
    void initialise(SlubSlab& slab, std::uint32_t object);
    [[nodiscard]] bool check_object(SlubSlab& slab, std::uint32_t object, ObjectState state);
    [[nodiscard]] std::string object_report(const SlubSlab& slab, std::uint32_t object,
                                            const std::string& what, ObjectState state,
                                            const std::string& detail = {}) const;
    [[nodiscard]] std::string slab_line(const SlubSlab& slab) const;
    void report_object(SlabFault fault, Noticed noticed, const SlubSlab& slab, std::uint32_t object,
                       const std::string& what, const std::string& detail, const std::string& fix);

    SlubConfig m_config;
    Rng m_rng;
    FrameMap<SlubSlab> m_frames;
    SlubStats m_stats;
    StartChooser m_choose_start;
};

} // namespace pagewalk::os
