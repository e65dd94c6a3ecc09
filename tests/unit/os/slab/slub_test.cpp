#include "os/slab/slub.h"
#include "tests/support/simple_pages.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

class SlubTest : public testing::Test {
protected:
    SlubTest() : pages(4, 2), slub(pages, config()) {}

    static SlubConfig config() {
        SlubConfig config;
        config.freelist_order = FreelistOrder::Ascending;
        config.parameters.cpus = 1;
        config.remote_defrag_ratio = 1024;
        return config;
    }
    SlubCache& cache(std::uint64_t size, SlabFlags flags = {}, const char* name = "test") {
        CacheSpec spec;
        spec.name = name;
        spec.size = size;
        spec.flags = flags;
        spec.usersize = 1; // keeps caches of one test apart
        return static_cast<SlubCache&>(**slub.create(spec));
    }
    VirtAddr take(KmemCache& from, unsigned cpu = 0, NodeId node = any_node) {
        SlabRequest request;
        request.cpu = static_cast<CpuId>(cpu);
        request.node = node;
        return slub.allocate(from, request).value();
    }
    void give(KmemCache& to, VirtAddr object, unsigned cpu = 0) {
        slub.free(to, object, static_cast<CpuId>(cpu));
    }
    std::vector<VirtAddr> take_slab(SlubCache& from, unsigned cpu = 0) {
        std::vector<VirtAddr> objects;
        for (std::uint32_t i = 0; i < from.geometry.objects; ++i) objects.push_back(take(from, cpu));
        return objects;
    }

    SimplePages pages;
    Slub slub;
};

TEST_F(SlubTest, HandsOutANewSlabInAddressOrder) {
    SlubCache& c = cache(256);
    const VirtAddr first = take(c);
    EXPECT_EQ(take(c), first + 256);
    EXPECT_EQ(take(c), first + 512);
    EXPECT_EQ(pages.out.size(), 1u);
}

TEST_F(SlubTest, ReusesTheObjectFreedLast) {
    SlubCache& c = cache(256);
    const VirtAddr a = take(c);
    const VirtAddr b = take(c);
    give(c, a);
    give(c, b);
    EXPECT_EQ(take(c), b);
    EXPECT_EQ(take(c), a);
    EXPECT_EQ(slub.last_trace().path, SlabPath::AllocFast);
}

TEST_F(SlubTest, FollowsTheRandomSequenceFromTheChosenStart) {
    SlubConfig random = config();
    random.freelist_order = FreelistOrder::Random;
    Slub other(pages, random);
    CacheSpec spec;
    spec.name = "random";
    spec.size = 256;
    auto& c = static_cast<SlubCache&>(**other.create(spec));
    other.choose_starts([](const SlubCache&, Pfn) { return 3U; });
    const auto count = static_cast<std::uint32_t>(c.random_sequence.size());
    ASSERT_EQ(count, c.geometry.objects);
    std::set<VirtAddr> seen;
    for (std::uint32_t i = 0; i < count; ++i) {
        const VirtAddr object = other.allocate(c, {}).value();
        EXPECT_EQ((object.value() & (page_size - 1)) / 256, c.random_sequence[(3 + i) % count]);
        seen.insert(object);
    }
    EXPECT_EQ(seen.size(), count);
}

TEST_F(SlubTest, FreezesAFullSlabThatGetsAnObjectBack) {
    SlubCache& c = cache(256);
    const auto objects = take_slab(c);
    const VirtAddr other = take(c); // a second slab becomes the CPU's
    give(c, objects[5]);
    EXPECT_EQ(slub.last_trace().path, SlabPath::FreeFreeze);
    ASSERT_NE(c.cpus[CpuId{0}].partial, nullptr);
    EXPECT_TRUE(c.cpus[CpuId{0}].partial->frozen);
    give(c, other);
}

TEST_F(SlubTest, TakesTheCpuPartialSlabBeforeANewOne) {
    SlubCache& c = cache(256);
    const auto first = take_slab(c);
    take_slab(c);
    give(c, first[5]);
    EXPECT_EQ(take(c), first[5]);
    EXPECT_EQ(slub.last_trace().path, SlabPath::AllocCpuPartial);
    EXPECT_EQ(pages.out.size(), 2u);
}

TEST_F(SlubTest, TakesOverWhatOtherCpusFreedIntoItsSlab) {
    SlubCache& c = cache(256);
    const auto objects = take_slab(c);
    give(c, objects[3], 1);
    EXPECT_EQ(slub.last_trace().path, SlabPath::FreeRemote);
    give(c, objects[7], 1);
    EXPECT_EQ(take(c), objects[7]);
    EXPECT_EQ(slub.last_trace().path, SlabPath::AllocRefill);
    EXPECT_EQ(take(c), objects[3]);
}

TEST_F(SlubTest, DrainsAFullCpuPartialListToTheNode) {
    SlubCache& c = cache(256);
    const std::uint32_t most = c.geometry.cpu_partial_slabs;
    std::vector<VirtAddr> one_of_each;
    for (std::uint32_t i = 0; i <= most + 1; ++i) one_of_each.push_back(take_slab(c).front());
    for (std::uint32_t i = 0; i < most; ++i) give(c, one_of_each[i]);
    EXPECT_TRUE(c.nodes[NodeId{0}].partial.empty());
    give(c, one_of_each[most]);
    EXPECT_EQ(c.nodes[NodeId{0}].partial.size(), most);
    EXPECT_EQ(c.cpus[CpuId{0}].partial->slabs, 1u);
    EXPECT_EQ(slub.stats().cpu_partial_drain, 1u);
}

TEST_F(SlubTest, KeepsMinPartialEmptySlabsAndGivesBackTheRest) {
    SlubCache& c = cache(256);
    std::vector<VirtAddr> objects;
    for (int i = 0; i < 40; ++i)
        for (const VirtAddr object : take_slab(c)) objects.push_back(object);
    for (const VirtAddr object : objects) give(c, object);
    for (unsigned cpu = 0; cpu < 4; ++cpu) slub.flush_cpu(c, static_cast<CpuId>(cpu));
    EXPECT_EQ(c.live, 0u);
    EXPECT_EQ(c.nodes[NodeId{0}].partial.size(), c.geometry.min_partial);
    EXPECT_EQ(pages.out.size(), c.geometry.min_partial);
    slub.shrink(c, CpuId{});
    EXPECT_TRUE(pages.out.empty());
}

TEST_F(SlubTest, ShrinkPutsTheFullestSlabsFirst) {
    SlubCache& c = cache(256);
    const auto a = take_slab(c);
    const auto b = take_slab(c);
    for (int i = 0; i < 3; ++i) give(c, a[static_cast<std::size_t>(i)]);
    give(c, b[0]);
    slub.shrink(c, CpuId{});
    const SlubSlab* first = c.nodes[NodeId{0}].partial.front();
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->inuse, c.geometry.objects - 1);
    EXPECT_EQ(first->list_next->inuse, c.geometry.objects - 3);
}

TEST_F(SlubTest, ServesTheNodeThatWasAskedFor) {
    SlubCache& c = cache(256);
    const VirtAddr local = take(c, 0);
    const VirtAddr remote = take(c, 0, NodeId{1});
    EXPECT_EQ(slub.slab_of(Pfn((local - kernel_layout::direct_map_base) >> page_shift))->node, NodeId{0});
    EXPECT_EQ(slub.slab_of(Pfn((remote - kernel_layout::direct_map_base) >> page_shift))->node, NodeId{1});
    EXPECT_EQ(slub.stats().node_mismatch, 1u);
    // The slab that was pushed aside waits on its node's list, with what the CPU had not used.
    EXPECT_EQ(c.nodes[NodeId{0}].partial.front()->inuse, 1u);
}

TEST_F(SlubTest, FallsBackToTheSmallestOrder) {
    SlubConfig many = config();
    many.parameters.cpus = 64;
    Slub other(pages, many);
    CacheSpec spec;
    spec.name = "large";
    spec.size = 1024;
    auto& c = static_cast<SlubCache&>(**other.create(spec));
    ASSERT_EQ(c.geometry.order, 3u);
    pages.largest_order = 0;
    EXPECT_TRUE(other.allocate(c, {}).has_value());
    EXPECT_EQ(other.stats().order_fallback, 1u);
    EXPECT_EQ(c.nodes[NodeId{0}].objects, 4u);
    // First try: no effort. Second: what the caller allowed.
    EXPECT_FALSE(pages.requests[0].gfp.any(gfp::reclaim));
    EXPECT_TRUE(pages.requests[0].gfp.all(gfp::noretry | gfp::nowarn | gfp::nomemalloc | gfp::comp));
    EXPECT_TRUE(pages.requests[1].gfp.all(gfp::kernel));
    EXPECT_FALSE(pages.requests[1].gfp.any(gfp::noretry));
}

TEST_F(SlubTest, ReportsThatThereIsNoMemory) {
    SlubCache& c = cache(256, {}, "poor");
    pages.blocks_left = 0;
    const auto object = slub.allocate(c, {});
    ASSERT_FALSE(object);
    EXPECT_EQ(object.error(), SlabError::NoMemory);
    ASSERT_EQ(slub.reports().kept().size(), 1u);
    EXPECT_NE(slub.reports().kept()[0].text.find(
                  "SLUB: Unable to allocate memory on node -1, gfp=0xcc0(GFP_KERNEL)"),
              std::string::npos);
    EXPECT_NE(slub.reports().kept()[0].text.find("cache: poor, object size: 256"), std::string::npos);
}

TEST_F(SlubTest, BulkFreeGathersObjectsOfOneSlab) {
    SlubCache& c = cache(256);
    auto objects = take_slab(c);
    take(c); // the first slab is nobody's now
    slub.free_bulk(c, objects, CpuId{});
    EXPECT_EQ(slub.stats().free_slow, 1u);
    EXPECT_EQ(c.live, 1u);
    EXPECT_EQ(slub.reports().count(), 0u);
}

TEST_F(SlubTest, KeepsRcuSlabsForAGracePeriod) {
    SlubCache& c = cache(256, slab_flag::typesafe_by_rcu);
    give(c, take(c));
    slub.shrink(c, CpuId{});
    EXPECT_EQ(slub.waiting_for_grace_period(), 1u);
    EXPECT_EQ(pages.out.size(), 1u);
    slub.grace_period_ended(CpuId{});
    EXPECT_TRUE(pages.out.empty());
}

TEST_F(SlubTest, ReportsADoubleFreeAndIgnoresIt) {
    SlubCache& c = cache(256);
    const VirtAddr a = take(c);
    const VirtAddr b = take(c);
    give(c, a);
    give(c, a);
    ASSERT_EQ(slub.reports().kept().size(), 1u);
    EXPECT_EQ(slub.reports().kept()[0].fault, SlabFault::DoubleFree);
    EXPECT_EQ(slub.reports().kept()[0].noticed, Noticed::ByKernel); // hardening: freed last, freed again
    EXPECT_NE(slub.reports().kept()[0].text.find("BUG test (Not tainted): Object already free"),
              std::string::npos);
    give(c, b);
    give(c, a);
    EXPECT_EQ(slub.reports().kept()[1].noticed, Noticed::BySimulatorOnly);
    EXPECT_EQ(take(c), b);
    EXPECT_EQ(take(c), a);
    EXPECT_NE(take(c), a);
}

TEST_F(SlubTest, FreesToTheRightCacheWhenGivenTheWrongOne) {
    SlubCache& c = cache(256, {}, "right");
    SlubCache& wrong = cache(512, {}, "wrong");
    const VirtAddr object = take(c);
    give(wrong, object);
    ASSERT_EQ(slub.reports().kept().size(), 1u);
    EXPECT_EQ(slub.reports().kept()[0].text,
              "cache_from_obj: Wrong slab cache. wrong but object is from right\n");
    EXPECT_EQ(c.live, 0u);
    EXPECT_EQ(take(c), object);
}

TEST_F(SlubTest, ReportsAddressesThatAreNoObjects) {
    SlubCache& c = cache(256);
    const VirtAddr object = take(c);
    give(c, object + 8);
    give(c, kernel_layout::direct_map_base);
    give(c, VirtAddr{0x1000});
    ASSERT_EQ(slub.reports().kept().size(), 3u);
    EXPECT_EQ(slub.reports().kept()[0].fault, SlabFault::InvalidPointer);
    EXPECT_EQ(slub.reports().kept()[1].fault, SlabFault::NotSlab);
    EXPECT_EQ(slub.reports().kept()[1].text, "virt_to_cache: Object is not a Slab page!\n");
    EXPECT_EQ(c.live, 1u);
}

TEST_F(SlubTest, DestroyReportsEveryObjectThatRemains) {
    SlubCache& c = cache(256, {}, "leaky");
    take(c);
    const VirtAddr leaked = take(c);
    EXPECT_FALSE(slub.destroy(c));
    ASSERT_EQ(slub.reports().kept().size(), 2u);
    const std::string& text = slub.reports().kept()[0].text;
    EXPECT_NE(text.find("Objects remaining in leaky on __kmem_cache_shutdown()"), std::string::npos);
    EXPECT_NE(text.find("Object " + pointer_text(leaked) + " @offset=256"), std::string::npos);
    EXPECT_NE(slub.reports().kept()[1].text.find("kmem_cache_destroy leaky: Slab cache still has objects"),
              std::string::npos);
    EXPECT_EQ(slub.find("leaky"), &c);
}

class SlubDebugTest : public SlubTest {
protected:
    static constexpr SlabFlags all =
        slab_flag::consistency_checks | slab_flag::red_zone | slab_flag::poison | slab_flag::store_user;
};

TEST_F(SlubDebugTest, FindsAnOverrunWhenTheObjectIsFreed) {
    SlubCache& c = cache(100, all);
    const VirtAddr object = take(c);
    slub.note_write(object + 96, 6, 0x41); // two bytes too far
    give(c, object);
    ASSERT_EQ(slub.reports().kept().size(), 1u);
    const SlabReport& report = slub.reports().kept()[0];
    EXPECT_EQ(report.fault, SlabFault::RedZoneDamage);
    EXPECT_NE(report.text.find("BUG test (Not tainted): Right Redzone overwritten"), std::string::npos);
    EXPECT_NE(report.text.find(pointer_text(object + 100) + "-" + pointer_text(object + 101)),
              std::string::npos);
    EXPECT_NE(report.text.find("First byte 0x41 instead of 0xcc"), std::string::npos);
    EXPECT_NE(report.text.find("FIX test: Object at " + pointer_text(object) + " not freed"),
              std::string::npos);
    EXPECT_EQ(c.live, 1u);
    give(c, object); // the damage was repaired
    EXPECT_EQ(c.live, 0u);
    EXPECT_EQ(slub.reports().count(), 1u);
}

TEST_F(SlubDebugTest, FindsAnUnderrun) {
    SlubCache& c = cache(100, all);
    const VirtAddr object = take(c);
    slub.note_write(object - 1, 1, 0);
    give(c, object);
    ASSERT_EQ(slub.reports().count(), 1u);
    EXPECT_NE(slub.reports().kept()[0].text.find("Left Redzone overwritten"), std::string::npos);
}

TEST_F(SlubDebugTest, FindsAWriteAfterFreeAtTheNextAllocation) {
    SlubCache& c = cache(100, all);
    const VirtAddr object = take(c);
    give(c, object);
    slub.note_write(object + 10, 4, 0x42);
    const VirtAddr next = take(c);
    ASSERT_EQ(slub.reports().count(), 1u);
    EXPECT_EQ(slub.reports().kept()[0].fault, SlabFault::PoisonDamage);
    EXPECT_NE(slub.reports().kept()[0].text.find("Poison overwritten"), std::string::npos);
    EXPECT_NE(slub.reports().kept()[0].text.find("Marking all objects used"), std::string::npos);
    EXPECT_NE(next.page(), object.page()); // the damaged slab is not used again
}

TEST_F(SlubDebugTest, IgnoresWritesWithinALiveObject) {
    SlubCache& c = cache(100, all);
    const VirtAddr object = take(c);
    slub.note_write(object, 100, 0x42);
    give(c, object);
    EXPECT_EQ(take(c), object);
    EXPECT_EQ(slub.reports().count(), 0u);
}

TEST_F(SlubDebugTest, SaysWhoAllocated) {
    SlubCache& c = cache(100, all);
    SlabRequest request;
    request.caller = VirtAddr{0xffffffff81234567ULL};
    const VirtAddr object = slub.allocate(c, request).value();
    slub.note_write(object - 1, 1, 0);
    give(c, object);
    EXPECT_NE(slub.reports().kept().at(0).text.find("Allocated in 0xffffffff81234567 cpu=0"),
              std::string::npos);
}

} // namespace
} // namespace pagewalk::os
