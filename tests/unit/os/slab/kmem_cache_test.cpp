#include "os/slab/kmem_cache.h"
#include "os/slab/slab.h"
#include "os/slab/slob.h"
#include "os/slab/slub.h"
#include "tests/support/simple_pages.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

CacheSpec spec(const char* name, std::uint64_t size, SlabFlags flags = {}) {
    CacheSpec made;
    made.name = name;
    made.size = size;
    made.flags = flags;
    return made;
}

class KmemCacheTest : public testing::Test {
protected:
    SimplePages pages;
    Slub slub{pages, {}};
};

TEST_F(KmemCacheTest, MergesCompatibleCaches) {
    KmemCache* first = slub.create(spec("first", 120)).value();
    EXPECT_EQ(slub.create(spec("second", 118)).value(), first);
    EXPECT_EQ(first->references, 2);
    EXPECT_EQ(first->aliases, std::vector<std::string>{"second"});
    EXPECT_EQ(slub.find("second"), first);
    EXPECT_TRUE(slub.destroy(*first));
    EXPECT_EQ(slub.find("first"), first);
    EXPECT_TRUE(slub.destroy(*first));
    EXPECT_EQ(slub.find("first"), nullptr);
}

TEST_F(KmemCacheTest, AnAliasMayUseTheWholeObject) {
    KmemCache* first = slub.create(spec("first", 116)).value();
    slub.create(spec("second", 120)).value();
    EXPECT_EQ(first->object_size, 120u);
}

TEST_F(KmemCacheTest, KeepsCachesApartThatMayNotMix) {
    KmemCache* plain = slub.create(spec("plain", 120)).value();
    EXPECT_NE(slub.create(spec("smaller", 104)).value(), plain); // a word or more would be lost
    EXPECT_NE(slub.create(spec("reclaimable", 120, slab_flag::reclaim_account)).value(), plain);
    EXPECT_NE(slub.create(spec("rcu", 120, slab_flag::typesafe_by_rcu)).value(), plain);
    EXPECT_NE(slub.create(spec("aligned", 120, slab_flag::hwcache_align)).value(), plain);
    CacheSpec constructed = spec("constructed", 120);
    constructed.constructor = Constructor::Yes;
    EXPECT_NE(slub.create(constructed).value(), plain);
    CacheSpec copied = spec("copied", 120);
    copied.usersize = 8;
    EXPECT_NE(slub.create(copied).value(), plain);
    slub.set_merging(SlabAllocator::Merging::Off);
    EXPECT_NE(slub.create(spec("late", 120)).value(), plain);
}

TEST_F(KmemCacheTest, SlabAlsoWantsTheAlignmentsToFit) {
    Slab slab(pages, {});
    KmemCache* words = slab.create(spec("words", 128)).value();
    KmemCache* lines = slab.create(spec("lines", 128, slab_flag::hwcache_align)).value();
    EXPECT_NE(words, lines);
    KmemCache* in_slub = slub.create(spec("words", 128)).value();
    EXPECT_EQ(slub.create(spec("lines", 128, slab_flag::hwcache_align)).value(), in_slub);
}

TEST_F(KmemCacheTest, SlobNeverMerges) {
    Slob slob(pages);
    EXPECT_NE(slob.create(spec("a", 64)).value(), slob.create(spec("b", 64)).value());
}

TEST_F(KmemCacheTest, RefusesBadRequestsInTheKernelsWords) {
    EXPECT_EQ(slub.create(spec("none", 0)).error(), CacheError::Invalid);
    EXPECT_EQ(slub.create(spec("huge", kmalloc_max_size + 1)).error(), CacheError::Invalid);
    EXPECT_EQ(slub.create(spec("", 64)).error(), CacheError::Invalid);
    EXPECT_EQ(slub.create(spec("odd", 64, SlabFlags{0x40000000})).error(), CacheError::Invalid);
    const auto& kept = slub.reports().kept();
    ASSERT_EQ(kept.size(), 7u);
    EXPECT_EQ(kept[0].text, "kmem_cache_create(none) integrity check failed\n");
    EXPECT_EQ(kept[6].text, "kmem_cache_create_usercopy(odd) failed with error -22\n");
    EXPECT_TRUE(slub.caches().empty());
}

TEST_F(KmemCacheTest, PanicsForACacheThatMustExist) {
    EXPECT_EQ(slub.create(spec("vital", 64, slab_flag::panic | SlabFlags{1})).error(), CacheError::Panic);
    EXPECT_NE(slub.reports().kept().at(0).text.find("Kernel panic - not syncing"), std::string::npos);
}

TEST_F(KmemCacheTest, AsksForPagesOfTheRightZone) {
    (void)slub.allocate(*slub.create(spec("dma", 64, slab_flag::cache_dma)).value(), {});
    EXPECT_TRUE(pages.requests.back().gfp.any(gfp::dma_zone));
    (void)slub.allocate(*slub.create(spec("dma32", 64, slab_flag::cache_dma32)).value(), {});
    EXPECT_TRUE(pages.requests.back().gfp.any(gfp::dma32_zone));
    (void)slub.allocate(*slub.create(spec("reclaimable", 64, slab_flag::reclaim_account)).value(), {});
    EXPECT_TRUE(pages.requests.back().gfp.any(gfp::reclaimable));
}

TEST_F(KmemCacheTest, BulkAllocationIsAllOrNothing) {
    KmemCache* cache = slub.create(spec("bulk", 1024)).value();
    std::vector<VirtAddr> objects(100);
    pages.blocks_left = 3;
    EXPECT_EQ(slub.allocate_bulk(*cache, {}, objects), 0u);
    EXPECT_EQ(cache->live, 0u);
    pages.blocks_left = 1000;
    EXPECT_EQ(slub.allocate_bulk(*cache, {}, objects), 100u);
    EXPECT_EQ(cache->live, 100u);
}

TEST_F(KmemCacheTest, CountsReportsItDoesNotKeep) {
    KmemCache* cache = slub.create(spec("cache", 64)).value();
    std::uint64_t heard = 0;
    slub.reports().listen([&](const SlabReport&) { ++heard; });
    for (std::size_t i = 0; i < SlabReports::capacity + 10; ++i) slub.free(*cache, VirtAddr{0x4000}, CpuId{});
    EXPECT_EQ(slub.reports().count(), SlabReports::capacity + 10);
    EXPECT_EQ(heard, SlabReports::capacity + 10);
    EXPECT_EQ(slub.reports().take().size(), SlabReports::capacity);
    EXPECT_TRUE(slub.reports().kept().empty());
}

} // namespace
} // namespace pagewalk::os
