#include "os/slab/slab.h"
#include "tests/support/simple_pages.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

class SlabTest : public testing::Test {
protected:
    explicit SlabTest(std::size_t cpus = 1, std::size_t nodes = 1, SlabConfig config = {})
        : pages(cpus, nodes), slab(pages, with(config, cpus)) {}

    static SlabConfig with(SlabConfig config, std::size_t cpus) {
        config.parameters.cpus = static_cast<unsigned>(cpus);
        return config;
    }
    SlabCache& cache(std::uint64_t size, SlabFlags flags = {}, const char* name = "test") {
        CacheSpec spec;
        spec.name = name;
        spec.size = size;
        spec.flags = flags;
        spec.usersize = 1;
        return static_cast<SlabCache&>(**slab.create(spec));
    }
    VirtAddr take(KmemCache& from, unsigned cpu = 0, NodeId node = any_node) {
        SlabRequest request;
        request.cpu = static_cast<CpuId>(cpu);
        request.node = node;
        return slab.allocate(from, request).value();
    }
    std::vector<VirtAddr> take_many(SlabCache& from, std::size_t count, unsigned cpu = 0) {
        std::vector<VirtAddr> objects;
        while (objects.size() < count) objects.push_back(take(from, cpu));
        return objects;
    }
    void give(KmemCache& to, VirtAddr object, unsigned cpu = 0) {
        slab.free(to, object, static_cast<CpuId>(cpu));
    }

    SimplePages pages;
    Slab slab;
};

TEST_F(SlabTest, FillsAColdArrayWithSixteenObjectsAndHandsOutTheLast) {
    SlabCache& c = cache(128);
    ASSERT_EQ(c.geometry.batchcount, 60u);
    const VirtAddr first = take(c);
    EXPECT_EQ(first.page_offset(), 15u * 128);
    EXPECT_EQ(c.cpus[CpuId{0}].avail, 15u);
    EXPECT_EQ(take(c).page_offset(), 14u * 128);
    take_many(c, 14);
    take(c); // touched by now: a whole batch, as far as the slab goes
    EXPECT_EQ(c.cpus[CpuId{0}].avail, 15u);
}

TEST_F(SlabTest, HandsOutTheObjectFreedLast) {
    SlabCache& c = cache(128);
    const auto objects = take_many(c, 3);
    give(c, objects[0]);
    give(c, objects[2]);
    EXPECT_EQ(take(c), objects[2]);
    EXPECT_EQ(take(c), objects[0]);
}

TEST_F(SlabTest, FlushesTheOldestBatchOfAFullArray) {
    SlabCache& c = cache(2048);
    ASSERT_EQ(c.geometry.limit, 24u);
    const auto objects = take_many(c, 40);
    ArrayCache& array = c.cpus[CpuId{0}];
    const std::uint32_t room = array.limit - array.avail;
    for (std::size_t i = 0; i < room; ++i) give(c, objects[i]);
    EXPECT_EQ(array.avail, array.limit);
    const VirtAddr newest = array.entries[array.limit - 1];
    give(c, objects[room]);
    EXPECT_EQ(slab.last_trace().path, SlabPath::FreeFlush);
    EXPECT_EQ(array.avail, array.limit - array.batchcount + 1);
    EXPECT_EQ(array.entries[array.avail - 2], newest);
}

TEST_F(SlabTest, ColoursEachNewSlabDifferently) {
    SlabCache& c = cache(640, slab_flag::hwcache_align);
    ASSERT_EQ(c.geometry.colours, 4u);
    take_many(c, 5 * c.geometry.objects);
    std::vector<std::uint64_t> offsets;
    for (const SlabBlock* block = c.nodes[NodeId{0}].full.back(); block != nullptr; block = block->list_prev)
        offsets.push_back(block->first_object.page_offset());
    EXPECT_EQ(offsets, (std::vector<std::uint64_t>{64, 128, 192, 0, 64}));
}

TEST_F(SlabTest, MovesSlabsBetweenFullPartialAndFree) {
    SlabCache& c = cache(2048);
    SlabNode& node = c.nodes[NodeId{0}];
    const auto objects = take_many(c, 60);
    EXPECT_EQ(node.full.size(), 30u);
    for (const VirtAddr object : objects) give(c, object);
    EXPECT_EQ(node.total_slabs, node.full.size() + node.partial.size() + node.free.size());
    EXPECT_EQ(node.free_objects, 2 * node.free.size() + node.partial.size());
    EXPECT_LE(node.free_objects, node.free_limit);
    EXPECT_LT(pages.out.size(), 30u);
}

TEST_F(SlabTest, ReapingSparesWhatWasTouchedOnce) {
    SlabCache& c = cache(128);
    take(c);
    ArrayCache& array = c.cpus[CpuId{0}];
    const std::uint32_t before = array.avail;
    slab.reap(c, CpuId{}, ReapScope::CpuArrays);
    EXPECT_EQ(array.avail, before);
    EXPECT_FALSE(array.touched);
    slab.reap(c, CpuId{}, ReapScope::CpuArrays);
    EXPECT_EQ(array.avail, before - (before + 1) / 2); // fewer than a fifth of the limit: half of them
}

TEST_F(SlabTest, ReapingGivesBackFreeSlabsLeftAlone) {
    SlabCache& c = cache(2048);
    const auto objects = take_many(c, 24);
    for (const VirtAddr object : objects) give(c, object);
    for (int round = 0; round < 20; ++round) slab.reap_all(CpuId{}, ReapScope::CpuArraysAndNodes);
    EXPECT_TRUE(pages.out.empty());
}

TEST_F(SlabTest, ReapingPassesByCachesThatForbidIt) {
    SlabCache& c = cache(128, slab_flag::no_reap);
    take(c);
    const std::uint32_t before = c.cpus[CpuId{0}].avail;
    for (int round = 0; round < 5; ++round) slab.reap_all(CpuId{}, ReapScope::CpuArraysAndNodes);
    EXPECT_EQ(c.cpus[CpuId{0}].avail, before);
}

TEST_F(SlabTest, KeepsALargeIndexOffTheSlab) {
    CacheSpec index;
    index.name = "kmalloc-64";
    index.size = 64;
    auto& index_cache = static_cast<SlabCache&>(**slab.create(index));
    SlabCache& c = cache(2048, slab_flag::typesafe_by_rcu);
    ASSERT_EQ(c.geometry.management, SlabManagement::OffSlab);
    const VirtAddr object = take(c);
    EXPECT_EQ(index_cache.live, 1u + (c.nodes[NodeId{0}].total_slabs - 1));
    give(c, object);
    slab.shrink(c, CpuId{});
    EXPECT_EQ(index_cache.live, 0u);
}

TEST_F(SlabTest, TuneRefusesABatchBeyondTheLimit) {
    SlabCache& c = cache(128);
    EXPECT_FALSE(slab.tune(c, 10, 11, 0, CpuId{}));
    EXPECT_FALSE(slab.tune(c, 0, 0, 0, CpuId{}));
    EXPECT_TRUE(slab.tune(c, 10, 5, 0, CpuId{}));
    take(c);
    EXPECT_EQ(c.cpus[CpuId{0}].avail, 4u);
}

TEST_F(SlabTest, ReportsMisuseAndIgnoresIt) {
    SlabCache& c = cache(128, {}, "right");
    SlabCache& wrong = cache(512, {}, "wrong");
    const VirtAddr object = take(c);
    give(c, object + 8);
    give(c, VirtAddr{0x2000});
    give(wrong, object);
    give(c, object);
    const auto& kept = slab.reports().kept();
    ASSERT_EQ(kept.size(), 4u);
    EXPECT_EQ(kept[0].fault, SlabFault::InvalidPointer);
    EXPECT_EQ(kept[1].fault, SlabFault::NotSlab);
    EXPECT_EQ(kept[2].fault, SlabFault::WrongCache);
    EXPECT_EQ(kept[3].fault, SlabFault::DoubleFree);
    EXPECT_NE(kept[3].text.find("slab error in verify_redzone_free(): cache `right': double free detected"),
              std::string::npos);
    EXPECT_EQ(take(c), object);
}

TEST_F(SlabTest, DestroyFailsWhileObjectsRemain) {
    SlabCache& c = cache(128);
    const VirtAddr object = take(c);
    EXPECT_FALSE(slab.destroy(c));
    give(c, object);
    EXPECT_TRUE(slab.destroy(c));
    EXPECT_TRUE(pages.out.empty());
}

class SlabDebugTest : public SlabTest {
protected:
    SlabDebugTest() : SlabTest(1, 1, {.debugging = SlabConfig::Debugging::On}) {}
};

TEST_F(SlabDebugTest, FindsOverrunsAndWritesAfterFree) {
    SlabCache& c = cache(96, slab_flag::red_zone | slab_flag::poison);
    const VirtAddr object = take(c);
    slab.note_write(object + 96, 1, 7);
    give(c, object);
    ASSERT_EQ(slab.reports().count(), 1u);
    EXPECT_NE(slab.reports().kept()[0].text.find("memory outside object was overwritten"), std::string::npos);
    slab.note_write(object + 3, 1, 7);
    EXPECT_EQ(take(c), object);
    ASSERT_EQ(slab.reports().count(), 2u);
    EXPECT_EQ(slab.reports().kept()[1].fault, SlabFault::PoisonDamage);
    EXPECT_NE(slab.reports().kept()[1].text.find("Slab corruption"), std::string::npos);
}

class SlabNumaTest : public SlabTest {
protected:
    SlabNumaTest() : SlabTest(4, 2) {}
};

TEST_F(SlabNumaTest, SharesAFullArrayWithItsNode) {
    SlabCache& c = cache(2048);
    SlabNode& node = c.nodes[NodeId{0}];
    ASSERT_EQ(node.shared.limit, 8 * c.geometry.batchcount);
    const auto objects = take_many(c, 60, 0);
    for (const VirtAddr object : objects) give(c, object, 0);
    EXPECT_GT(node.shared.avail, 0u);
    const VirtAddr oldest_newest = node.shared.entries[node.shared.avail - 1];
    const VirtAddr taken = take(c, 1); // another CPU of the node
    EXPECT_EQ(taken, oldest_newest);
    EXPECT_EQ(slab.last_trace().path, SlabPath::AllocShared);
}

TEST_F(SlabNumaTest, CollectsOtherNodesObjectsInAlienArrays) {
    SlabCache& c = cache(2048);
    const auto objects = take_many(c, 13, 0);
    for (std::size_t i = 0; i < 12; ++i) give(c, objects[i], 2);
    EXPECT_EQ(c.nodes[NodeId{1}].alien[NodeId{0}].avail, 12u);
    give(c, objects[12], 2);
    EXPECT_EQ(c.stats.alien_overflow, 1u);
    EXPECT_EQ(c.stats.remote_frees, 13u);
    EXPECT_EQ(c.nodes[NodeId{1}].alien[NodeId{0}].avail, 1u);
    EXPECT_EQ(c.nodes[NodeId{0}].shared.avail, 12u);
}

TEST_F(SlabNumaTest, ServesTheNodeThatWasAskedFor) {
    SlabCache& c = cache(2048);
    const VirtAddr remote = take(c, 0, NodeId{1});
    EXPECT_EQ(slab.block_of(remote)->node, NodeId{1});
    EXPECT_EQ(c.cpus[CpuId{0}].avail, 0u);
    pages.empty_node = 1;
    EXPECT_EQ(slab.block_of(take(c, 0, NodeId{1}))->node, NodeId{1}); // one was left there
    EXPECT_EQ(slab.block_of(take(c, 0, NodeId{1}))->node, NodeId{0});
}

} // namespace
} // namespace pagewalk::os
