#include "os/slab/slab.h"
#include "os/slab/slab_sysfs.h"
#include "os/slab/slub.h"
#include "tests/support/simple_pages.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

CacheSpec spec(const char* name, std::uint64_t size) {
    return {.name = name, .size = size, .flags = slab_flag::hwcache_align};
}

class SlabSysfs : public testing::Test {
protected:
    SimplePages pages{2, 2};
    Slub slub{pages, {}};
    KmemCache& filp = *slub.create(spec("filp", 256)).value();
};

TEST_F(SlabSysfs, CountsByNode) {
    (void)slub.allocate(filp, {.cpu = CpuId{0}});
    (void)slub.allocate(filp, {.cpu = CpuId{1}});
    EXPECT_EQ(slab_attribute(filp, "slabs"), "2 N0=1 N1=1");
    EXPECT_EQ(slab_attribute(filp, "cpu_slabs"), "2 N0=1 N1=1");
    EXPECT_EQ(slab_attribute(filp, "total_objects"), "32 N0=16 N1=16");
    EXPECT_EQ(slab_attribute(filp, "objects"), "32 N0=16 N1=16"); // the CPUs' slabs count as full
    EXPECT_EQ(slab_attribute(filp, "partial"), "0");
    EXPECT_EQ(slab_attribute(filp, "slabs_cpu_partial"), "0(0)");
}

TEST_F(SlabSysfs, CountsWhatIsInUseOnPartialSlabs) {
    std::vector<VirtAddr> objects;
    for (int i = 0; i < 20; ++i) objects.push_back(slub.allocate(filp, {}).value());
    slub.flush_cpu(static_cast<SlubCache&>(filp), CpuId{0}); // the second slab holds 4 of 16
    EXPECT_EQ(slab_attribute(filp, "partial"), "1 N0=1");
    EXPECT_EQ(slab_attribute(filp, "objects_partial"), "4 N0=4");
    EXPECT_EQ(slab_attribute(filp, "objects"), "20 N0=20");
    EXPECT_EQ(slab_attribute(filp, "cpu_slabs"), "0");
}

TEST_F(SlabSysfs, TakesSlabsOnACpusPartialListToBeHalfFull) {
    std::vector<VirtAddr> objects;
    for (int i = 0; i < 48; ++i) objects.push_back(slub.allocate(filp, {}).value());
    slub.free(filp, objects[0], CpuId{0});
    slub.free(filp, objects[16], CpuId{0});
    EXPECT_EQ(slab_attribute(filp, "slabs_cpu_partial"), "16(2) C0=16(2)");
    EXPECT_EQ(slab_attribute(filp, "cpu_slabs"), "3 N0=3");
}

TEST_F(SlabSysfs, PrintsEveryAttributeItNames) {
    for (const std::string_view name : slab_attribute_names())
        EXPECT_NE(slab_attribute(filp, name), "") << name;
    EXPECT_EQ(slab_attribute(filp, "slab_size"), "256");
    EXPECT_EQ(slab_attribute(filp, "hwcache_align"), "1");
    EXPECT_EQ(slab_attribute(filp, "red_zone"), "0");
    EXPECT_EQ(slab_attribute(filp, "nonsense"), "");
}

TEST_F(SlabSysfs, ListsCachesAndTheirAliases) {
    (void)slub.create({.name = "first", .size = 64});
    (void)slub.create({.name = "second", .size = 64});
    EXPECT_EQ(sys_kernel_slab_text(slub),
              "#name|object_size|slab_size|order|objs_per_slab|align|min_partial|cpu_partial|slabs|objects|"
              "partial|cpu_slabs|slabs_cpu_partial|aliases|usersize|reclaim_account|hwcache_align|"
              "destroy_by_rcu|cache_dma\n"
              "filp|256|256|0|16|64|5|52|0|0|0|0|0(0)|0|0|0|1|0|0\n"
              "first|64|64|0|64|8|5|120|0|0|0|0|0(0)|1|0|0|0|0|0\n"
              "second -> first\n");
}

TEST(SlabSysfsText, IsSlubsAlone) {
    SimplePages pages;
    Slab slab(pages, {});
    EXPECT_EQ(sys_kernel_slab_text(slab), "");
    EXPECT_EQ(slab_attribute(*slab.create({.name = "filp", .size = 256}).value(), "order"), "");
}

} // namespace
} // namespace pagewalk::os
