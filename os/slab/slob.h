#pragma once

#include "base/address.h"
#include "contract/kernel_layout.h"
#include "os/slab/frame_map.h"
#include "os/slab/kmem_cache.h"
#include "os/slab/linked_list.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace pagewalk::os {

/// Free memory within a page, in units of 2 bytes.
struct SlobRun {
    std::uint16_t offset = 0;
    std::uint16_t units = 0;

    bool operator==(const SlobRun&) const = default;
};

/// A page of mixed objects. On a list while it has room.
struct SlobPage {
    static constexpr std::uint32_t unit_bytes = 2;
    static constexpr std::uint32_t units_per_page = 2048;
    static constexpr std::uint32_t start_bytes = 8; ///< every block starts at a multiple
    static constexpr std::size_t off_list = 3;

    Pfn frame{};
    NodeId node{};
    std::size_t list = off_list;
    std::uint32_t free_units = 0;
    std::vector<SlobRun> runs; ///< by offset
    std::array<std::uint16_t, 512>
        block_bytes{};      ///< by offset / start_bytes: size of a block that starts there
    bool inherited = false; ///< from a capture: it holds blocks whose sizes are not known
    SlobPage* list_prev = nullptr;
    SlobPage* list_next = nullptr;
};

struct SlobCache final : KmemCache {
    std::uint64_t large_pages = 0; ///< frames of objects of a page or more
};

struct SlobStats {
    std::uint64_t found_first = 0, found_later = 0, passed_over = 0, rotations = 0;
    std::uint64_t pages_taken = 0, pages_freed = 0;
};

struct SlobConfig {
    enum class Numa : bool { Off, On } numa = Numa::On; ///< CONFIG_NUMA: searches honour a requested node
};

/// SLOB: one heap of pages for all caches, three lists by size, first fit from where the last fit was.
class Slob final : public SlabAllocator {
public:
    static constexpr std::size_t list_count = 3;

    explicit Slob(PageSource& pages, const SlobConfig& config = {})
        : SlabAllocator(pages), m_config(config) {}

    [[nodiscard]] std::expected<VirtAddr, SlabError> allocate(KmemCache& cache,
                                                              const SlabRequest& request) override;
    void free(KmemCache& cache, VirtAddr object, CpuId cpu) override;
    void shrink(KmemCache&, CpuId) override {}
    /// Of a kmalloc object. Objects of caches have no header to tell.
    [[nodiscard]] std::uint64_t usable_size(VirtAddr object) const override;
    [[nodiscard]] KmemCache* cache_of(VirtAddr) const override { return nullptr; }
    [[nodiscard]] CacheUsage usage(const KmemCache& cache) const override;
    [[nodiscard]] KmallocBy kmalloc_by() const override { return KmallocBy::Size; }
    [[nodiscard]] std::expected<VirtAddr, SlabError> allocate_sized(std::uint64_t size,
                                                                    const SlabRequest& request) override;
    bool free_sized(VirtAddr object, CpuId cpu) override;
    [[nodiscard]] std::size_t waiting_for_grace_period() const override { return m_rcu_objects.size(); }
    void grace_period_ended(CpuId cpu) override;

    /// Below 256 bytes, below 1024, larger.
    [[nodiscard]] static std::size_t list_for(std::uint64_t bytes) {
        return bytes < 256 ? 0 : bytes < 1024 ? 1 : 2;
    }
    [[nodiscard]] const LinkedList<SlobPage>& list(std::size_t index) const { return m_lists[index]; }
    [[nodiscard]] SlobPage* page_of(VirtAddr object) const;
    /// Was `object` handed out by allocate_sized here, and not freed?
    [[nodiscard]] bool knows(VirtAddr object) const { return usable_size(object) != 0; }
    /// Where the kernel keeps slob_lock, with a line of list heads behind it.
    void set_globals(VirtAddr globals) { m_globals = globals; }
    [[nodiscard]] const SlobStats& stats() const { return m_stats; }

    /// Restores a captured page at the end of a list (off_list: full).
    SlobPage& restore_page(Pfn frame, std::size_t list, std::vector<SlobRun> runs);
    /// Replay: the next allocation's search has failed already, before something was freed by an interrupt.
    void skip_next_search() { m_skip_search = true; }
    /// Replay, after a wrong prediction: allocate_sized gave `predicted`, the kernel `actual`.
    void correct(VirtAddr predicted, VirtAddr actual, std::uint64_t size, CpuId cpu);
    [[nodiscard]] SlobCache& restore_cache(std::unique_ptr<SlobCache> cache) {
        return static_cast<SlobCache&>(adopt(std::move(cache)));
    }

private:
    [[nodiscard]] std::expected<std::unique_ptr<KmemCache>, GeometryError> open(const CacheSpec& spec,
                                                                                std::uint32_t align) override;
    [[nodiscard]] bool shut_down(KmemCache& cache) override { return cache.live == 0; }
    [[nodiscard]] bool may_merge() const override { return false; }

    [[nodiscard]] std::expected<VirtAddr, SlabError>
    take(std::uint32_t bytes, std::uint32_t align, std::uint32_t align_offset, const SlabRequest& request);
    [[nodiscard]] std::optional<std::uint32_t> take_from(SlobPage& page, std::uint32_t bytes,
                                                         std::uint32_t align, std::uint32_t align_offset);
    void give_back(SlobPage& page, std::uint32_t offset_bytes, std::uint32_t bytes, CpuId cpu);
    void note_neighbours(const SlobPage& page);
    [[nodiscard]] SlobPage& new_page(Pfn frame);
    void enlist(SlobPage& page, std::size_t list);
    void delist(SlobPage& page);
    void free_now(KmemCache& cache, VirtAddr object, CpuId cpu);

    struct Deferred {
        KmemCache* cache;
        VirtAddr object;
    };

    SlobConfig m_config;
    std::array<LinkedList<SlobPage>, list_count> m_lists;
    FrameMap<SlobPage> m_frames;
    std::vector<std::unique_ptr<SlobPage>> m_pages_made;
    std::vector<SlobPage*> m_pool;
    std::vector<Deferred> m_rcu_objects;
    SlobStats m_stats;
    bool m_skip_search = false;
    VirtAddr m_globals{};
};

} // namespace pagewalk::os
