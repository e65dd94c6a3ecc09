#include "os/slab/slab.h"
#include "os/slab/slob.h"
#include "os/slab/slub.h"
#include "tests/support/simple_pages.h"

#include <array>
#include <memory>

#include <benchmark/benchmark.h>

namespace pagewalk::os {
namespace {

enum class Kind { Slub, Slab, Slob };

std::unique_ptr<SlabAllocator> make(Kind kind, PageSource& pages) {
    if (kind == Kind::Slub) return std::make_unique<Slub>(pages, SlubConfig{});
    if (kind == Kind::Slab) return std::make_unique<Slab>(pages, SlabConfig{});
    return std::make_unique<Slob>(pages);
}

// One object back and forth through the interface that the OS layer uses: every pair takes the fast paths.
void alloc_free_pair(benchmark::State& state, Kind kind) {
    SimplePages pages;
    const auto allocator = make(kind, pages);
    CacheSpec spec;
    spec.name = "bench";
    spec.size = 192;
    spec.flags = slab_flag::hwcache_align;
    KmemCache& cache = **allocator->create(spec);
    const SlabRequest request;
    for (auto _ : state) {
        const auto object = allocator->allocate(cache, request);
        benchmark::DoNotOptimize(object);
        allocator->free(cache, *object, CpuId{});
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(alloc_free_pair, slub, Kind::Slub);
BENCHMARK_CAPTURE(alloc_free_pair, slab, Kind::Slab);
BENCHMARK_CAPTURE(alloc_free_pair, slob, Kind::Slob);

// More objects than a CPU holds go out and come back: slabs move between lists.
void batches(benchmark::State& state, Kind kind) {
    SimplePages pages;
    const auto allocator = make(kind, pages);
    CacheSpec spec;
    spec.name = "bench";
    spec.size = 192;
    KmemCache& cache = **allocator->create(spec);
    const SlabRequest request;
    std::array<VirtAddr, 1024> objects;
    for (auto _ : state) {
        for (VirtAddr& object : objects) object = *allocator->allocate(cache, request);
        for (const VirtAddr object : objects) allocator->free(cache, object, CpuId{});
        pages.requests.clear();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(objects.size()));
}
BENCHMARK_CAPTURE(batches, slub, Kind::Slub);
BENCHMARK_CAPTURE(batches, slab, Kind::Slab);
BENCHMARK_CAPTURE(batches, slob, Kind::Slob);

} // namespace
} // namespace pagewalk::os
