#include "os/slab/slab_config.h"
#include "os/slab/slabinfo.h"
#include "tests/support/simple_pages.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

CacheSpec spec(const char* name, std::uint64_t size) {
    CacheSpec made;
    made.name = name;
    made.size = size;
    made.flags = slab_flag::hwcache_align;
    return made;
}

TEST(Slabinfo, PrintsOneLineACacheNewestFirst) {
    SimplePages pages;
    const auto slub = make_object_allocator({}, pages, 0);
    KmemCache* bio = slub->create(spec("bio-96", 96)).value();
    (void)slub->create(spec("filp", 256));
    (void)slub->allocate(*bio, {});
    EXPECT_EQ(
        slabinfo_text(*slub),
        "slabinfo - version: 2.1\n"
        "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> "
        "<batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n"
        "filp                   0      0    256   16    1 : tunables    0    0    0 : slabdata      0      0 "
        "     0\n"
        "bio-96                32     32    128   32    1 : tunables    0    0    0 : slabdata      1      1 "
        "     0\n");
}

TEST(Slabinfo, ShowsSlabsTunables) {
    SimplePages pages;
    ObjectAllocatorConfig config;
    config.kind = ObjectAllocatorConfig::Kind::Slab;
    config.freelist_order = FreelistOrder::Ascending;
    const auto slab = make_object_allocator(config, pages, 0);
    (void)slab->allocate(*slab->create(spec("bio-96", 96)).value(), {});
    EXPECT_NE(slabinfo_text(*slab).find("bio-96                16     32    128   32    1 : tunables  120   "
                                        "60    0 : slabdata      1      1      0\n"),
              std::string::npos);
}

TEST(Slabinfo, PrintsSlabsStatisticsWhereItIsDebugged) {
    SimplePages pages;
    SlabConfig debugged;
    debugged.debugging = SlabConfig::Debugging::On;
    EXPECT_TRUE(slabinfo_text(Slab(pages, debugged))
                    .starts_with("slabinfo - version: 2.1 (statistics)\n# name            <active_objs> "
                                 "<num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> "
                                 "<batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> "
                                 "<sharedavail> : globalstat <listallocs> <maxobjs> <grown> <reaped> <error> "
                                 "<maxfreeable> <nodeallocs> <remotefrees> <alienoverflow> : cpustat "
                                 "<allochit> <allocmiss> <freehit> <freemiss>\n"));
    EXPECT_TRUE(slabinfo_text(Slab(pages, {})).starts_with("slabinfo - version: 2.1\n"));
    EXPECT_TRUE(
        slabinfo_text(Slub(pages, {}), SlabinfoFormat::Statistics).starts_with("slabinfo - version: 2.1\n"));
}

TEST(Slabinfo, CountsWhatSlabDid) {
    SimplePages pages(2, 2);
    Slab slab(pages, {});
    KmemCache& cache = *slab.create(spec("bio-96", 96)).value();
    std::vector<VirtAddr> objects;
    // A new slab of 32; an array not used before takes 16 at a time: misses at the 1st and 17th object, the
    // second of which takes the other 16.
    for (int i = 0; i < 20; ++i) objects.push_back(slab.allocate(cache, {}).value());
    // From node 1, where there is no slab: what comes with a new one is not counted; the next is.
    objects.push_back(slab.allocate(cache, {.node = NodeId{1}}).value());
    objects.push_back(slab.allocate(cache, {.node = NodeId{1}}).value());
    slab.free(cache, objects[0], CpuId{0});
    slab.free(cache, objects[1], CpuId{1});
    slab.free(cache, objects[20], CpuId{0});
    const std::string text = slabinfo_text(slab, SlabinfoFormat::Statistics);
    EXPECT_NE(
        text.find(" : globalstat      32     33     2    0    0    0    1    2    0 : cpustat     18      "
                  "2      1      0\n"),
        std::string::npos)
        << text;
}

TEST(Slabinfo, IsEmptyForSlob) {
    SimplePages pages;
    ObjectAllocatorConfig config;
    config.kind = ObjectAllocatorConfig::Kind::Slob;
    EXPECT_EQ(slabinfo_text(*make_object_allocator(config, pages, 0)), "");
}

TEST(Slabtop, PutsTheLargestCacheFirst) {
    SimplePages pages;
    const auto slub = make_object_allocator({}, pages, 0);
    KmemCache* small = slub->create(spec("small", 64)).value();
    KmemCache* large = slub->create(spec("large", 4096)).value();
    (void)slub->allocate(*small, {});
    (void)slub->allocate(*large, {});
    const std::string text = slabtop_text(*slub, 1);
    EXPECT_NE(text.find(" large\n"), std::string::npos);
    EXPECT_EQ(text.find(" small\n"), std::string::npos);
    EXPECT_NE(text.find("4.00K"), std::string::npos);
}

TEST(ObjectAllocatorConfig, IsChosenByOptions) {
    ObjectAllocatorConfig config;
    OptionSet options;
    config.declare(options.group("os"));
    options.set("os.slab", "slab", "--set");
    options.set("os.slab.historical_sizes", "on", "--set");
    EXPECT_THROW(options.set("os.slab", "slib", "--set"), ConfigError);
    SimplePages pages;
    const auto allocator = make_object_allocator(config, pages, 0);
    Kmalloc kmalloc(*allocator, kmalloc_config(config));
    EXPECT_NE(dynamic_cast<Slab*>(allocator.get()), nullptr);
    EXPECT_NE(allocator->find("kmalloc-128k"), nullptr);
}

} // namespace
} // namespace pagewalk::os
