#include "os/slab/slab_geometry.h"

#include "base/address.h"

#include <algorithm>
#include <array>
#include <bit>

namespace pagewalk::os {
namespace {

constexpr std::uint32_t cache_line_bytes = 64;
constexpr std::uint32_t track_bytes = 32;          // caller, stack handle, cpu, pid, time
constexpr std::uint32_t max_slub_objects = 32767;  // 15 bits in struct slab
constexpr std::uint32_t max_slab_objects = 255;    // byte-sized index
constexpr std::uint32_t smallest_slab_object = 16; // keeps the index within a byte
constexpr std::uint32_t rcu_header_bytes = 24;     // SLOB: rcu_head and size
constexpr std::uint32_t slob_unit_bytes = 2;
constexpr std::uint64_t largest_small_kmalloc = 8192;

constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; }

constexpr std::uint64_t slab_bytes(unsigned order) { return page_size << order; }

// SLUB: the smallest order that leaves at most 1/fraction of the slab unused.
unsigned slub_order_for(std::uint64_t size, std::uint64_t objects, unsigned min_order, unsigned max_order,
                        std::uint64_t fraction) {
    if (slab_bytes(min_order) / size > max_slub_objects) return page_order_of(size * max_slub_objects) - 1;
    unsigned order = std::max(min_order, page_order_of(objects * size));
    for (; order <= max_order; ++order)
        if (slab_bytes(order) % size <= slab_bytes(order) / fraction) break;
    return order;
}

std::expected<unsigned, GeometryError> slub_order(std::uint64_t size, const SlubParameters& parameters) {
    std::uint64_t objects = parameters.min_objects;
    if (objects == 0) objects = 4ULL * (static_cast<unsigned>(std::bit_width(parameters.cpus)) + 1);
    objects = std::min(objects, slab_bytes(parameters.max_order) / size);
    for (; objects > 1; --objects)
        for (std::uint64_t fraction = 16; fraction >= 4; fraction /= 2) {
            const unsigned order =
                slub_order_for(size, objects, parameters.min_order, parameters.max_order, fraction);
            if (order <= parameters.max_order) return order;
        }
    unsigned order = slub_order_for(size, 1, parameters.min_order, parameters.max_order, 1);
    if (order <= parameters.max_order) return order;
    order = slub_order_for(size, 1, parameters.min_order, slab_max_page_order, 1);
    if (order < slab_max_page_order) return order;
    return std::unexpected(GeometryError::TooBig);
}

struct SlabFit {
    unsigned order = 0;
    std::uint32_t objects = 0;
    std::uint64_t left_over = 0;
};

// Size of the kmalloc object that holds an off-slab index of `bytes`, and whether its own cache is off-slab
// (never: its objects are small enough to be managed on their slab or in an object).
std::uint64_t index_object_bytes(std::uint64_t bytes) {
    if (bytes > largest_small_kmalloc) return slab_bytes(page_order_of(bytes));
    if (bytes > 64 && bytes <= 96) return 128;
    if (bytes > 128 && bytes <= 192) return 192;
    return std::max<std::uint64_t>(32, std::bit_ceil(bytes));
}

SlabFit slab_fit(std::uint64_t size, SlabManagement management, SlabFlags flags, std::uint64_t object_size,
                 unsigned max_order) {
    SlabFit best;
    for (unsigned order = 0; order < slab_max_page_order; ++order) {
        const std::uint64_t per_object = management == SlabManagement::OnSlab ? size + 1 : size;
        const std::uint64_t objects = slab_bytes(order) / per_object;
        if (objects == 0) continue;
        if (objects > max_slab_objects) break;
        if (management == SlabManagement::OffSlab && index_object_bytes(objects) > object_size / 2) continue;
        best = {order, static_cast<std::uint32_t>(objects), slab_bytes(order) % per_object};
        if (flags.any(slab_flag::reclaim_account) || order >= max_order) break;
        if (best.left_over * 8 <= slab_bytes(order)) break;
    }
    return best;
}

} // namespace

std::uint32_t align_for(SlabFlags flags, std::uint32_t align, std::uint64_t size) {
    if (flags.any(slab_flag::must_hwcache_align)) {
        align = std::max(align, cache_line_bytes);
    } else if (flags.any(slab_flag::hwcache_align)) {
        std::uint32_t line_part = cache_line_bytes;
        while (line_part > 1 && size <= line_part / 2) line_part /= 2;
        align = std::max(align, line_part);
    }
    return static_cast<std::uint32_t>(align_up(std::max(align, word_bytes), word_bytes));
}

Constructor known_constructor(std::string_view cache_name) {
    constexpr std::array<std::string_view, 10> others{
        "anon_vma",        "bdev_cache",    "dax_cache",
        "fuse_inode",      "iint_cache",    "inode_cache",
        "radix_tree_node", "sighand_cache", "userfaultfd_ctx_cache",
        "xfs_inode"};
    // A security blob, the one cache of this name pattern that holds no inodes.
    if (cache_name == "lsm_inode_cache") return Constructor::No;
    const bool known =
        cache_name.ends_with("_inode_cache") || std::ranges::find(others, cache_name) != others.end();
    return known ? Constructor::Yes : Constructor::No;
}

unsigned page_order_of(std::uint64_t bytes) {
    if (bytes <= page_size) return 0;
    return static_cast<unsigned>(std::bit_width((bytes - 1) >> page_shift));
}

std::expected<SlubGeometry, GeometryError> slub_geometry(const ObjectShape& shape,
                                                         const SlubParameters& parameters) {
    using namespace slab_flag;
    SlubGeometry g;
    g.object_size = shape.size;
    g.align = shape.align;
    std::uint64_t size = align_up(shape.size, word_bytes);
    if (shape.flags.any(red_zone) && size == shape.size) size += word_bytes;
    g.inuse = static_cast<std::uint32_t>(size);
    const bool remembers_request = shape.flags.all(store_user | kmalloc);
    if (remembers_request || shape.flags.any(typesafe_by_rcu | poison) ||
        (shape.flags.any(red_zone) && shape.size < word_bytes) || shape.constructor == Constructor::Yes) {
        g.offset = static_cast<std::uint32_t>(size);
        size += word_bytes;
    } else {
        g.offset = shape.size / 2 / word_bytes * word_bytes;
    }
    if (shape.flags.any(store_user))
        size += 2 * track_bytes + (shape.flags.any(kmalloc) ? sizeof(std::uint32_t) : 0);
    if (shape.flags.any(red_zone)) {
        g.red_left_pad = static_cast<std::uint32_t>(align_up(word_bytes, shape.align));
        size += word_bytes + g.red_left_pad;
    }
    size = align_up(size, shape.align);
    if (shape.size == 0 || size > slab_bytes(slab_max_page_order - 1))
        return std::unexpected(GeometryError::TooBig);
    g.size = static_cast<std::uint32_t>(size);
    const auto order = slub_order(size, parameters);
    if (!order) return std::unexpected(order.error());
    g.order = *order;
    g.min_order = page_order_of(size);
    g.objects = static_cast<std::uint32_t>(slab_bytes(g.order) / size);
    g.min_objects = static_cast<std::uint32_t>(slab_bytes(g.min_order) / size);
    const auto log2 = static_cast<std::uint32_t>(std::bit_width(size) - 1);
    g.min_partial = std::clamp<std::uint32_t>(log2 / 2, 5, 10);
    if (parameters.cpu_partial == SlubParameters::CpuPartial::On && !shape.flags.any(debugging))
        g.cpu_partial = size >= page_size ? 6 : size >= 1024 ? 24 : size >= 256 ? 52 : 120;
    g.cpu_partial_slabs = (g.cpu_partial * 2 + g.objects - 1) / g.objects;
    return g;
}

std::expected<SlabGeometry, GeometryError> slab_geometry(const ObjectShape& shape,
                                                         const SlabParameters& parameters) {
    using namespace slab_flag;
    SlabGeometry g;
    g.object_size = shape.size;
    g.flags = shape.flags;
    std::uint64_t size = align_up(shape.size, word_bytes);
    std::uint32_t align = word_bytes;
    if (g.flags.any(red_zone)) size = align_up(size, word_bytes);
    align = std::max(align, shape.align);
    if (align > word_bytes) g.flags = g.flags.without(red_zone | store_user);
    g.align = align;
    g.colour_offset = std::max(cache_line_bytes, align);
    if (g.flags.any(red_zone)) {
        g.object_offset = word_bytes;
        size += 2 * word_bytes;
    }
    if (g.flags.any(store_user)) size += word_bytes;
    size = align_up(size, align);
    if (size < smallest_slab_object) size = align_up(smallest_slab_object, align);
    if (shape.size == 0 || size > slab_bytes(slab_max_page_order - 1))
        return std::unexpected(GeometryError::TooBig);

    const auto accept = [&](SlabManagement management, const SlabFit& fit) {
        g.management = management;
        g.order = fit.order;
        g.objects = fit.objects;
        g.colours = static_cast<std::uint32_t>(fit.left_over / g.colour_offset);
    };
    const auto fit_as = [&](SlabManagement management) {
        return slab_fit(size, management, g.flags, shape.size, parameters.max_order);
    };
    bool found = false;
    if (shape.constructor == Constructor::No && !g.flags.any(typesafe_by_rcu)) {
        const SlabFit fit = fit_as(SlabManagement::InObject);
        if (fit.objects != 0 && fit.objects <= shape.size)
            accept(SlabManagement::InObject, fit), found = true;
    }
    if (!found && !g.flags.any(noleaktrace)) {
        const SlabFit fit = fit_as(SlabManagement::OffSlab);
        if (fit.objects != 0 && fit.left_over < fit.objects)
            accept(SlabManagement::OffSlab, fit), found = true;
    }
    if (!found) {
        const SlabFit fit = fit_as(SlabManagement::OnSlab);
        if (fit.objects == 0) return std::unexpected(GeometryError::TooBig);
        accept(SlabManagement::OnSlab, fit);
    }
    g.size = static_cast<std::uint32_t>(size);
    g.freelist_bytes = g.objects;
    g.limit = size > 131072 ? 1 : size > page_size ? 8 : size > 1024 ? 24 : size > 256 ? 54 : 120;
    g.batchcount = (g.limit + 1) / 2;
    g.shared = size <= page_size && parameters.cpus > 1 ? 8 : 0;
    return g;
}

std::uint32_t slob_object_size(const ObjectShape& shape) {
    const std::uint64_t size =
        shape.size + (shape.flags.any(slab_flag::typesafe_by_rcu) ? rcu_header_bytes : 0);
    return static_cast<std::uint32_t>(align_up(size, slob_unit_bytes));
}

} // namespace pagewalk::os
