#pragma once

#include "base/address.h"
#include "os/slab/slab.h"
#include "os/slab/slob.h"
#include "os/slab/slub.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

enum class AllocatorKind : std::uint8_t { Slub, Slab, Slob };
[[nodiscard]] std::string_view name_of(AllocatorKind kind);

/// A SLUB slab on some list: its free objects' numbers, next first.
struct SlubSlabImage {
    Pfn frame = no_pfn;
    std::uint32_t inuse = 0;
    std::uint32_t objects = 0;
    std::uint32_t slabs = 0; ///< on a CPU's partial list
    bool frozen = false;
    std::vector<std::uint16_t> free;
    /// A CPU's slab: freed by other CPUs and not taken over yet. Snapshots have their number only.
    std::vector<std::uint16_t> freed_by_others;

    bool operator==(const SlubSlabImage&) const = default;
};

struct SlubCacheImage {
    std::string name;
    SlubGeometry geometry;
    SlabFlags flags;
    GfpMask page_gfp;
    std::vector<std::uint16_t> random_sequence;
    std::vector<SlubSlabImage> cpu_slab; ///< by CPU; no_pfn where there is none; `free` is the CPU's freelist
    std::vector<std::vector<SlubSlabImage>> cpu_partial;  ///< by CPU, newest first
    std::vector<std::vector<SlubSlabImage>> node_partial; ///< by node, first to be taken first
    std::map<std::uint64_t, SlubSlabImage> slabs;         ///< all, by frame, without freelists
};

/// A SLAB slab on one of a node's lists: free objects' numbers, next first.
struct SlabBlockImage {
    Pfn frame = no_pfn;
    std::uint32_t active = 0;
    std::uint64_t first_object_offset = 0; ///< the slab's colour, bytes
    std::vector<std::uint8_t> free;

    bool operator==(const SlabBlockImage&) const = default;
};

struct ArrayImage {
    bool touched = false;
    std::vector<VirtAddr> entries; ///< the last is handed out next

    bool operator==(const ArrayImage&) const = default;
};

struct SlabNodeImage {
    std::uint64_t total_slabs = 0, free_slabs = 0, free_objects = 0, free_limit = 0;
    std::uint32_t colour_next = 0;
    bool free_touched = false;
    ArrayImage shared;
    std::vector<SlabBlockImage> partial, full, free;

    bool operator==(const SlabNodeImage&) const = default;
};

struct SlabCacheImage {
    std::string name;
    SlabGeometry geometry;
    SlabFlags flags;
    GfpMask page_gfp;
    std::vector<ArrayImage> cpus;
    std::vector<SlabNodeImage> nodes;
};

struct SlobPageImage {
    Pfn frame = no_pfn;
    std::vector<SlobRun> runs;

    bool operator==(const SlobPageImage&) const = default;
};

struct SlobCacheImage {
    std::string name;
    std::uint32_t object_size = 0, size = 0, align = 0;
    SlabFlags flags;
};

/// The object allocator of a kernel, real or simulated, at one instant.
struct SlabImage {
    AllocatorKind kind = AllocatorKind::Slub;
    std::size_t cpus = 1, nodes = 1;
    std::vector<SlubCacheImage> slub; ///< newest cache first, as the kernel's list has them
    std::vector<SlabCacheImage> slab;
    std::vector<SlobCacheImage> slob;
    std::array<std::vector<SlobPageImage>, Slob::list_count> slob_lists;
    std::map<std::uint64_t, std::string> owners; ///< cache name by every slab's first frame

    /// Errors: InputError naming `name`, the line and the field of what cannot be understood.
    [[nodiscard]] static SlabImage parse(std::string_view text, const std::string& name);
};

/// Puts an allocator without caches into a captured state.
void restore(const SlabImage& image, Slub& slub);
void restore(const SlabImage& image, Slab& slab);
void restore(const SlabImage& image, Slob& slob);

/// Where simulated and captured state differ, in words; empty = identical.
[[nodiscard]] std::vector<std::string> differences(const SlubCacheImage& image, const Slub& slub);
[[nodiscard]] std::vector<std::string> differences(const SlabCacheImage& image, const Slab& slab);
[[nodiscard]] std::vector<std::string> differences(const std::vector<SlobPageImage>& image, const Slob& slob,
                                                   std::size_t list);

} // namespace pagewalk::os
