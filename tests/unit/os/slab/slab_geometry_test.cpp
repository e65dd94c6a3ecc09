#include "os/slab/slab_geometry.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(AlignFor, RaisesSmallObjectsToAFractionOfALine) {
    EXPECT_EQ(align_for(slab_flag::hwcache_align, 0, 200), 64u);
    EXPECT_EQ(align_for(slab_flag::hwcache_align, 0, 32), 32u);
    EXPECT_EQ(align_for(slab_flag::hwcache_align, 0, 33), 64u);
    EXPECT_EQ(align_for(slab_flag::hwcache_align, 256, 33), 256u);
    EXPECT_EQ(align_for(slab_flag::must_hwcache_align, 0, 8), 64u);
    EXPECT_EQ(align_for({}, 4, 100), 8u);
}

TEST(KnownConstructor, KnowsInodesButNotTheirSecurityBlobs) {
    EXPECT_EQ(known_constructor("ext4_inode_cache"), Constructor::Yes);
    EXPECT_EQ(known_constructor("anon_vma"), Constructor::Yes);
    EXPECT_EQ(known_constructor("lsm_inode_cache"), Constructor::No);
    EXPECT_EQ(known_constructor("dentry"), Constructor::No);
}

TEST(PageOrderOf, RoundsUp) {
    EXPECT_EQ(page_order_of(1), 0u);
    EXPECT_EQ(page_order_of(4096), 0u);
    EXPECT_EQ(page_order_of(4097), 1u);
    EXPECT_EQ(page_order_of(16384), 2u);
    EXPECT_EQ(page_order_of(16385), 3u);
}

// Figures from sys/kernel/slab of Debian 6.1.192 with 1 and 4 CPUs.
TEST(SlubGeometry, GrowsSlabsWithTheNumberOfCpus) {
    const ObjectShape shape{736, 64, slab_flag::hwcache_align, Constructor::No};
    EXPECT_EQ(slub_geometry(shape, {.cpus = 1})->order, 1u);
    EXPECT_EQ(slub_geometry(shape, {.cpus = 1})->objects, 10u);
    EXPECT_EQ(slub_geometry(shape, {.cpus = 2})->order, 2u);
    EXPECT_EQ(slub_geometry(shape, {.cpus = 2})->objects, 21u);
}

TEST(SlubGeometry, PutsTheFreePointerBehindAConstructedObject) {
    const auto plain = slub_geometry({656, 8, {}, Constructor::No}, {});
    const auto constructed = slub_geometry({656, 8, {}, Constructor::Yes}, {});
    EXPECT_EQ(plain->size, 656u);
    EXPECT_EQ(plain->offset, 328u);
    EXPECT_EQ(constructed->size, 664u);
    EXPECT_EQ(constructed->offset, 656u);
}

TEST(SlubGeometry, MakesRoomForRedZonesAndTracking) {
    using namespace slab_flag;
    const auto g = slub_geometry({100, 8, red_zone | poison | store_user, Constructor::No}, {});
    EXPECT_EQ(g->inuse, 104u);  // 4 bytes of right red zone
    EXPECT_EQ(g->offset, 104u); // poison keeps the free pointer outside
    EXPECT_EQ(g->red_left_pad, 8u);
    EXPECT_EQ(g->size, 104u + 8 + 64 + 8 + 8);
    EXPECT_EQ(g->cpu_partial, 0u);
}

TEST(SlubGeometry, RefusesWhatNoSlabHolds) {
    EXPECT_FALSE(slub_geometry({0, 8, {}, Constructor::No}, {}));
    EXPECT_FALSE(slub_geometry({(4U << 20) + 1, 8, {}, Constructor::No}, {}));
    EXPECT_TRUE(slub_geometry({4U << 20, 8, {}, Constructor::No}, {}));
}

// Figures from the snapshot of a 6.1.192 kernel built with SLAB.
TEST(SlabGeometry, ChoosesWhereTheIndexLives) {
    using enum SlabManagement;
    const auto kmalloc_32 = slab_geometry({32, 64, {}, Constructor::No}, {});
    EXPECT_EQ(slab_geometry({256, 64, {}, Constructor::No}, {})->management, InObject);
    EXPECT_EQ(kmalloc_32->size, 64u);
    EXPECT_EQ(slab_geometry({32, 32, {}, Constructor::No}, {})->management, OnSlab);
    EXPECT_EQ(slab_geometry({32, 32, {}, Constructor::No}, {})->objects, 124u);
    EXPECT_EQ(slab_geometry({2048, 64, slab_flag::typesafe_by_rcu, Constructor::No}, {})->management,
              OffSlab);
}

TEST(SlabGeometry, UsesTheRestForColours) {
    const auto dio = slab_geometry({640, 64, slab_flag::panic, Constructor::No}, {});
    EXPECT_EQ(dio->objects, 6u);
    EXPECT_EQ(dio->colours, 4u);
    EXPECT_EQ(dio->limit, 54u);
    EXPECT_EQ(dio->batchcount, 27u);
    EXPECT_EQ(dio->shared, 0u);
    EXPECT_EQ(slab_geometry({640, 64, {}, Constructor::No}, {.cpus = 2})->shared, 8u);
}

TEST(SlobObjectSize, AddsAHeaderForRcu) {
    EXPECT_EQ(slob_object_size({95, 8, {}, Constructor::No}), 96u);
    EXPECT_EQ(slob_object_size({96, 8, slab_flag::typesafe_by_rcu, Constructor::No}), 120u);
}

} // namespace
} // namespace pagewalk::os
