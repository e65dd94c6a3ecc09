#include "os/slab/slabinfo.h"

#include "os/slab/slab.h"
#include "os/slab/slub.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <vector>

namespace pagewalk::os {
namespace {

struct Row {
    const KmemCache* cache = nullptr;
    CacheUsage usage;
    std::uint32_t objects_per_slab = 0;
    unsigned order = 0;
    std::uint32_t limit = 0, batchcount = 0, shared = 0;

    [[nodiscard]] std::uint64_t bytes() const { return usage.slabs * (page_size << order); }
};

Row row_of(const SlabAllocator& allocator, const KmemCache& cache) {
    Row row{&cache, allocator.usage(cache)};
    if (const auto* slub = dynamic_cast<const SlubCache*>(&cache)) {
        row.objects_per_slab = slub->geometry.objects;
        row.order = slub->geometry.order;
    } else if (const auto* slab = dynamic_cast<const SlabCache*>(&cache)) {
        const SlabGeometry& g = slab->geometry;
        row.objects_per_slab = g.objects;
        row.order = g.order;
        row.limit = g.limit;
        row.batchcount = g.batchcount;
        row.shared = g.shared;
    }
    return row;
}

std::vector<Row> rows_of(const SlabAllocator& allocator) {
    std::vector<Row> rows;
    for (std::size_t i = allocator.caches().size(); i-- != 0;)
        rows.push_back(row_of(allocator, *allocator.caches()[i]));
    return rows;
}

bool has_slabinfo(const SlabAllocator& allocator) {
    return allocator.kmalloc_by() == SlabAllocator::KmallocBy::Caches;
}

std::string statistics_text(const SlabStats& stats) {
    constexpr std::uint64_t errors = 0; // the kernel has the column, but counts nothing in it
    char text[256];
    std::snprintf(text, sizeof text,
                  " : globalstat %7" PRIu64 " %6" PRIu64 " %5" PRIu64 " %4" PRIu64 " %4" PRIu64 " %4" PRIu64
                  " %4" PRIu64 " %4" PRIu64 " %4" PRIu64 " : cpustat %6" PRIu64 " %6" PRIu64 " %6" PRIu64
                  " %6" PRIu64,
                  stats.allocations, stats.most_active, stats.grown, stats.reaped, errors,
                  stats.most_free_slabs, stats.node_allocations, stats.remote_frees, stats.alien_overflow,
                  stats.alloc_hit, stats.alloc_miss, stats.free_hit, stats.free_miss);
    return text;
}

} // namespace

SlabinfoFormat slabinfo_format(const SlabAllocator& allocator) {
    const auto* slab = dynamic_cast<const Slab*>(&allocator);
    return slab != nullptr && slab->config().debugging == SlabConfig::Debugging::On
               ? SlabinfoFormat::Statistics
               : SlabinfoFormat::Plain;
}

std::string slabinfo_text(const SlabAllocator& allocator) {
    return slabinfo_text(allocator, slabinfo_format(allocator));
}

std::string slabinfo_text(const SlabAllocator& allocator, SlabinfoFormat format) {
    if (!has_slabinfo(allocator)) return {};
    const bool statistics =
        format == SlabinfoFormat::Statistics && dynamic_cast<const Slab*>(&allocator) != nullptr;
    std::string text = std::string("slabinfo - version: 2.1") + (statistics ? " (statistics)" : "") +
                       "\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : "
                       "tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> "
                       "<sharedavail>";
    if (statistics)
        text += " : globalstat <listallocs> <maxobjs> <grown> <reaped> <error> <maxfreeable> <nodeallocs> "
                "<remotefrees> <alienoverflow> : cpustat <allochit> <allocmiss> <freehit> <freemiss>";
    text += "\n";
    for (const Row& row : rows_of(allocator)) {
        char line[256];
        std::snprintf(line, sizeof line,
                      "%-17s %6" PRIu64 " %6" PRIu64
                      " %6u %4u %4u : tunables %4u %4u %4u : slabdata %6" PRIu64 " %6" PRIu64 " %6" PRIu64,
                      row.cache->name.substr(0, 100).c_str(), row.usage.active_objects, row.usage.objects,
                      row.cache->size, row.objects_per_slab, 1U << row.order, row.limit, row.batchcount,
                      row.shared, row.usage.active_slabs, row.usage.slabs, row.usage.shared_available);
        text += line;
        if (statistics) text += statistics_text(static_cast<const SlabCache&>(*row.cache).stats);
        text += "\n";
    }
    return text;
}

std::string slabtop_text(const SlabAllocator& allocator, std::size_t lines) {
    std::vector<Row> rows = rows_of(allocator);
    std::ranges::stable_sort(rows, std::ranges::greater{}, &Row::bytes);
    std::string text = "  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME\n";
    for (const Row& row : rows) {
        if (lines-- == 0) break;
        const std::uint64_t use =
            row.usage.objects == 0 ? 0 : 100 * row.usage.active_objects / row.usage.objects;
        // Hundredths of a KiB, rounded as slabtop rounds them.
        const std::uint64_t size = (std::uint64_t{row.cache->size} * 100 + 512) / 1024;
        char line[256];
        std::snprintf(line, sizeof line,
                      "%6" PRIu64 " %6" PRIu64 " %3" PRIu64 "%% %4" PRIu64 ".%02" PRIu64 "K %6" PRIu64
                      " %8u %9" PRIu64 "K %s\n",
                      row.usage.objects, row.usage.active_objects, use, size / 100, size % 100,
                      row.usage.slabs, row.objects_per_slab, row.bytes() / 1024,
                      row.cache->name.substr(0, 100).c_str());
        text += line;
    }
    return text;
}

} // namespace pagewalk::os
