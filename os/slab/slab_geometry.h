#pragma once

#include "os/slab/slab_flags.h"

#include <cstdint>
#include <expected>
#include <string_view>

namespace pagewalk::os {

inline constexpr std::uint32_t word_bytes = 8;
/// Largest object kmalloc serves, 4 MiB: 2^(max_order - 1) pages. Larger ones fail.
inline constexpr std::uint64_t kmalloc_max_size = 1ULL << 22;
inline constexpr unsigned slab_max_page_order = 11;

enum class Constructor : bool { No, Yes };

/// What a cache is asked to be.
struct ObjectShape {
    std::uint32_t size = 0;  ///< bytes
    std::uint32_t align = 0; ///< bytes, as align_for() gives it
    SlabFlags flags;
    Constructor constructor = Constructor::No;
};

enum class GeometryError : std::uint8_t { TooBig };

/// The alignment objects get: the caller's, raised to a cache line's power-of-two fraction for hwcache_align.
[[nodiscard]] std::uint32_t align_for(SlabFlags flags, std::uint32_t align, std::uint64_t size);

/// Does Linux 6.1 give the cache of this name a constructor? (Known from captures: inodes and a few others.)
[[nodiscard]] Constructor known_constructor(std::string_view cache_name);

/// Smallest order whose block holds `bytes`.
[[nodiscard]] unsigned page_order_of(std::uint64_t bytes);

/// Boot parameters of SLUB. Defaults: Linux 6.1's (Documentation/mm/slub.rst).
struct SlubParameters {
    unsigned cpus = 1;        ///< present; decides how many objects a slab should have
    unsigned min_order = 0;   ///< slub_min_order
    unsigned max_order = 3;   ///< slub_max_order
    unsigned min_objects = 0; ///< slub_min_objects; 0 = 4 * (bits of `cpus` + 1)
    enum class CpuPartial : bool { Off, On } cpu_partial = CpuPartial::On;
};

/// How SLUB lays out objects and slabs of one cache. Sizes in bytes.
struct SlubGeometry {
    std::uint32_t object_size = 0;
    std::uint32_t size = 0;   ///< distance between objects
    std::uint32_t inuse = 0;  ///< end of what the user and the right red zone take
    std::uint32_t offset = 0; ///< of the free pointer
    std::uint32_t align = 0;
    std::uint32_t red_left_pad = 0;
    unsigned order = 0, min_order = 0;
    std::uint32_t objects = 0, min_objects = 0; ///< per slab
    std::uint32_t min_partial = 0;
    std::uint32_t cpu_partial = 0, cpu_partial_slabs = 0;

    bool operator==(const SlubGeometry&) const = default;
};
[[nodiscard]] std::expected<SlubGeometry, GeometryError> slub_geometry(const ObjectShape& shape,
                                                                       const SlubParameters& parameters);

/// Parameters of SLAB. Defaults: Linux 6.1 on a machine with more than 32 MiB.
struct SlabParameters {
    unsigned cpus = 1;      ///< possible; more than one brings shared arrays
    unsigned max_order = 1; ///< slab_max_order
};

enum class SlabManagement : std::uint8_t {
    InObject, ///< the index array lives in the last free object
    OffSlab,  ///< in a kmalloc object
    OnSlab,   ///< at the end of the slab
};

/// How SLAB lays out objects and slabs of one cache. Sizes in bytes.
struct SlabGeometry {
    std::uint32_t object_size = 0;
    std::uint32_t size = 0;
    std::uint32_t align = 0;
    std::uint32_t object_offset = 0; ///< red zone before the object
    unsigned order = 0;
    std::uint32_t objects = 0; ///< per slab
    std::uint32_t colours = 0;
    std::uint32_t colour_offset = 0;
    std::uint32_t freelist_bytes = 0;
    SlabManagement management = SlabManagement::OnSlab;
    SlabFlags flags;                                     ///< debugging flags may have been dropped
    std::uint32_t limit = 0, batchcount = 0, shared = 0; ///< array caches

    bool operator==(const SlabGeometry&) const = default;
};
[[nodiscard]] std::expected<SlabGeometry, GeometryError> slab_geometry(const ObjectShape& shape,
                                                                       const SlabParameters& parameters);

/// SLOB rounds a cache's objects up to its 2-byte unit and adds a header for RCU.
[[nodiscard]] std::uint32_t slob_object_size(const ObjectShape& shape);

} // namespace pagewalk::os
