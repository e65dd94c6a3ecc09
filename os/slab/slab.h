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

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace pagewalk::os {

struct SlabCache;

/// A block of pages cut into objects, with the index array of its free objects.
struct SlabBlock {
    enum class List : std::uint8_t { None, Partial, Full, Free };

    Pfn frame{};
    VirtAddr first_object{}; ///< behind the colour
    SlabCache* cache = nullptr;
    NodeId node{};
    List list = List::None;
    std::uint32_t active = 0;              ///< objects that left the slab: handed out or in arrays
    std::unique_ptr<std::uint8_t[]> index; ///< free objects' numbers, from `active` on
    std::unique_ptr<std::uint64_t[]> allocated;
    VirtAddr index_object{}; ///< off-slab management: where the kernel keeps the index
    std::unique_ptr<ObjectDamage> damage;
    SlabBlock* list_prev = nullptr;
    SlabBlock* list_next = nullptr;

    [[nodiscard]] bool is_allocated(std::uint32_t object) const {
        return (allocated[object >> 6] >> (object & 63) & 1) != 0;
    }
    void mark_allocated(std::uint32_t object) { allocated[object >> 6] |= 1ULL << (object & 63); }
    void mark_free(std::uint32_t object) { allocated[object >> 6] &= ~(1ULL << (object & 63)); }
};

/// A stack of free objects: last in, first out; a flush takes the oldest.
struct ArrayCache {
    std::uint32_t avail = 0;
    std::uint32_t limit = 0;
    std::uint32_t batchcount = 0;
    bool touched = false;
    std::vector<VirtAddr> entries; ///< `limit` places, `avail` used

    void resize(std::uint32_t new_limit, std::uint32_t batch) {
        limit = new_limit;
        batchcount = batch;
        entries.resize(new_limit);
    }
};

struct SlabNode {
    LinkedList<SlabBlock> partial, full, free;
    std::uint64_t total_slabs = 0;
    std::uint64_t free_objects = 0;
    std::uint64_t free_limit = 0; ///< more free objects than this: empty slabs go back
    std::uint32_t colour_next = 0;
    bool free_touched = false; ///< an empty slab was taken since the last reaping
    ArrayCache shared;         ///< limit 0 where there is none
    IndexedVec<NodeId, ArrayCache> alien;
};

/// Counters of one cache, as CONFIG_DEBUG_SLAB keeps them.
struct SlabStats {
    std::uint64_t active = 0;      ///< objects out of their slabs, but for those that came with a new slab
    std::uint64_t allocations = 0; ///< objects moved from slabs to a CPU's array
    std::uint64_t most_active = 0;
    std::uint64_t grown = 0;
    std::uint64_t reaped = 0;
    std::uint64_t most_free_slabs = 0; ///< seen on a node when an array overflowed
    std::uint64_t node_allocations = 0;
    std::uint64_t remote_frees = 0;
    std::uint64_t alien_overflow = 0;
    std::uint64_t alloc_hit = 0, alloc_miss = 0, free_hit = 0, free_miss = 0;

    void note_taken() { most_active = std::max(most_active, ++active); }
};

struct SlabCache final : KmemCache {
    SlabGeometry geometry;
    SlabStats stats;
    Reciprocal reciprocal; ///< of size
    std::vector<std::uint16_t> random_sequence;
    IndexedVec<CpuId, ArrayCache> cpus;
    IndexedVec<NodeId, SlabNode> nodes;
    std::vector<std::unique_ptr<SlabBlock>> blocks;
    std::vector<SlabBlock*> pool;
};

struct SlabConfig {
    SlabParameters parameters;
    FreelistOrder freelist_order = FreelistOrder::Ascending;
    enum class Numa : bool { Off, On } numa = Numa::On;                 ///< CONFIG_NUMA
    enum class Debugging : bool { Off, On } debugging = Debugging::Off; ///< CONFIG_DEBUG_SLAB
    std::uint64_t seed = 0;
};

/// Which of a cache's lists a round of reaping looks at: the CPU's array always, the node's every other
/// round.
enum class ReapScope : bool { CpuArrays, CpuArraysAndNodes };

/// SLAB: array caches per CPU, shared and alien arrays per node, full, partial and free slabs, colouring,
/// reaping.
class Slab final : public SlabAllocator {
public:
    Slab(PageSource& pages, const SlabConfig& config);

    [[nodiscard]] std::expected<VirtAddr, SlabError> allocate(KmemCache& cache,
                                                              const SlabRequest& request) override;
    void free(KmemCache& cache, VirtAddr object, CpuId cpu) override;
    void shrink(KmemCache& cache, CpuId cpu) override;
    [[nodiscard]] std::uint64_t usable_size(VirtAddr object) const override;
    [[nodiscard]] KmemCache* cache_of(VirtAddr object) const override;
    [[nodiscard]] CacheUsage usage(const KmemCache& cache) const override;

    /// cache_reap of one cache on `cpu`, due every 2 s a CPU (every 4 s for the node): what was not touched
    /// since the last round is partly given back.
    void reap(SlabCache& cache, CpuId cpu, ReapScope scope);
    /// The same for every cache, and the next node's alien arrays.
    void reap_all(CpuId cpu, ReapScope scope);
    /// /proc/slabinfo's tunables: 1 <= batchcount <= limit. False when they are refused.
    bool tune(SlabCache& cache, std::uint32_t limit, std::uint32_t batchcount, std::uint32_t shared,
              CpuId cpu);
    void note_write(VirtAddr address, std::uint64_t bytes, std::uint8_t value);

    [[nodiscard]] SlabBlock* block_of(VirtAddr object) const;
    [[nodiscard]] std::uint32_t object_number(const SlabBlock& block, VirtAddr object) const;
    /// Of a place in an array_cache, behind its header.
    [[nodiscard]] static VirtAddr entry_of(VirtAddr array, std::uint32_t slot) {
        return array + array_header + std::uint64_t{slot} * word_bytes;
    }
    static constexpr std::uint64_t array_header = 16; ///< avail, limit, batchcount, touched
    [[nodiscard]] const SlabConfig& config() const { return m_config; }

    /// Building blocks for restoring a captured state.
    [[nodiscard]] SlabCache& restore_cache(std::unique_ptr<SlabCache> cache);
    [[nodiscard]] SlabBlock& restore_block(SlabCache& cache, Pfn frame, std::uint64_t first_object_offset);
    void put_on_list(SlabBlock& block, SlabBlock::List list);
    /// Replay, after a wrong prediction: `actual` was handed out instead of `predicted`.
    void correct(VirtAddr predicted, VirtAddr actual, CpuId cpu);

private:
    [[nodiscard]] std::expected<std::unique_ptr<KmemCache>, GeometryError> open(const CacheSpec& spec,
                                                                                std::uint32_t align) override;
    [[nodiscard]] bool shut_down(KmemCache& cache) override;
    [[nodiscard]] bool alignment_fits(const KmemCache& cache, std::uint32_t align) const override {
        return cache.size % align == 0 && align <= cache.align && cache.align % align == 0;
    }
    void set_up_arrays(SlabCache& cache);

    enum class At : bool { Front, Back };
    void move_to(SlabBlock& block, SlabBlock::List list, At at);
    [[nodiscard]] LinkedList<SlabBlock>& list_of(SlabNode& node, SlabBlock::List list) const;
    [[nodiscard]] SlabBlock* first_block(SlabNode& node) const;
    [[nodiscard]] VirtAddr take_from(SlabBlock& block);
    [[nodiscard]] VirtAddr take_first(SlabCache& cache, SlabNode& node);
    [[nodiscard]] std::uint32_t fill(ArrayCache& array, SlabBlock& block, std::uint32_t count);
    [[nodiscard]] static std::uint32_t transfer(ArrayCache& to, ArrayCache& from, std::uint32_t most);
    void settle(SlabBlock& block);

    [[nodiscard]] std::optional<VirtAddr> allocate_index(KmemCache& from, const SlabRequest& request);
    [[nodiscard]] VirtAddr refill(SlabCache& cache, const SlabRequest& request);
    void refill_from_node(SlabCache& cache, ArrayCache& array, NodeId id, std::uint32_t wanted);
    [[nodiscard]] VirtAddr take_on_node(SlabCache& cache, const SlabRequest& request, NodeId node);
    [[nodiscard]] VirtAddr take_anywhere(SlabCache& cache, const SlabRequest& request);
    [[nodiscard]] GfpMask exact_node(GfpMask mask) const;
    [[nodiscard]] SlabBlock* grow_begin(SlabCache& cache, const SlabRequest& request, GfpMask mask,
                                        NodeId node);
    void grow_end(SlabBlock* block);
    void thread_index(SlabBlock& block);
    void note_neighbours(const SlabBlock& block);
    void note_lines(VirtAddr from, std::uint32_t entries, TouchStep::Kind kind);
    [[nodiscard]] VirtAddr index_place(const SlabBlock& block, std::uint32_t number) const;

    [[nodiscard]] SlabBlock* check_free(const KmemCache& cache, VirtAddr object);
    [[nodiscard]] bool guards_intact(SlabBlock& block, std::uint32_t object, ObjectState state);
    void flush(SlabCache& cache, ArrayCache& array, CpuId cpu);
    void free_block(SlabCache& cache, std::span<const VirtAddr> objects, NodeId node,
                    std::vector<SlabBlock*>& empty);
    void free_alien(SlabCache& cache, VirtAddr object, NodeId local, NodeId home, CpuId cpu);
    void drain_alien(SlabCache& cache, ArrayCache& alien, NodeId home, CpuId cpu);
    void drain_array(SlabCache& cache, ArrayCache& array, NodeId node, CpuId cpu);
    void drain_oldest(SlabCache& cache, ArrayCache& array, std::uint32_t count, NodeId node, CpuId cpu);
    [[nodiscard]] std::uint64_t drain_free_slabs(SlabCache& cache, SlabNode& node, std::uint64_t most,
                                                 CpuId cpu);
    void drain_arrays(SlabCache& cache, CpuId cpu);
    void destroy_blocks(std::span<SlabBlock* const> blocks, CpuId cpu);
    void destroy_block(SlabBlock& block, CpuId cpu);

    SlabConfig m_config;
    Rng m_rng;
    FrameMap<SlabBlock> m_frames;
    IndexedVec<CpuId, NodeId> m_reap_node; ///< whose alien arrays a CPU drains next
};

} // namespace pagewalk::os
