#include "base/error.h"
#include "os/replay/slab_image.h"
#include "os/replay/sys_kernel_slab.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

const std::string header =
    "SNAP 0 cpus 1 nodes 1\n"
    "KC tiny size 64 object_size 64 offset 32 order 0 objs 64 minorder 0 minobjs 64 "
    "min_partial 5 cpu_partial 120 cpu_partial_slabs 4 align 64 red_left 0 flags 40002000 "
    "allocflags 0 refcount 1 ptr ffff888000000000\n";

TEST(SlabImage, ReadsFreelistsInOrder) {
    const SlabImage image = SlabImage::parse(
        header + "KCPU tiny 0 pfn 1f inuse 64 objects 64 frozen 1 : 3 1 2\nKN tiny 0\n", "snap");
    ASSERT_EQ(image.slub.size(), 1u);
    EXPECT_EQ(image.slub[0].cpu_slab[0].frame, Pfn(0x1f));
    EXPECT_EQ(image.slub[0].cpu_slab[0].free, (std::vector<std::uint16_t>{3, 1, 2}));
    EXPECT_EQ(image.slub[0].flags, slab_flag::hwcache_align);
}

TEST(SlabImage, SaysWhatItCannotRead) {
    const auto message = [](const std::string& text) -> std::string {
        try {
            (void)SlabImage::parse(text, "snap");
        } catch (const InputError& error) {
            return error.what();
        }
        return {};
    };
    EXPECT_NE(message("nothing here\n").find("snap"), std::string::npos);
    EXPECT_NE(message(header + "KCPU tiny 0 pfn 1f inuse 64 objects 64 frozen 1 : 64\nKN tiny 0\n")
                  .find("free object"),
              std::string::npos);
    EXPECT_NE(message(header + "KCPU tiny 7 pfn 1f inuse 64 objects 64 frozen 1 :\nKN tiny 0\n")
                  .find("cpu or node"),
              std::string::npos);
    EXPECT_NE(
        message(header + "KNP other 0 0 pfn 1f inuse 1 objects 64 frozen 0 : 1\nKN tiny 0\n").find("KC line"),
        std::string::npos);
    EXPECT_NE(message("SNAP 0 cpus 1 nodes 1\nSLOB 0 0 pfn 1 units 9 : 0/4 2/5\n").find("overlaps"),
              std::string::npos);
}

TEST(SlabImage, RestoresWhatItRead) {
    const std::string text = "SNAP 0 cpus 1 nodes 1\nSLOB 1 0 pfn a units 30 : 100/10 400/20\n";
    class NoPages final : public PageSource {
        std::optional<Pfn> allocate(const PageRequest&) override { return std::nullopt; }
        void free(Pfn, unsigned, CpuId) override {}
        std::size_t cpu_count() const override { return 1; }
        std::size_t node_count() const override { return 1; }
        NodeId node_of(CpuId) const override { return {}; }
        NodeId node_of(Pfn) const override { return {}; }
        std::span<const NodeId> fallback_order(NodeId) const override { return {}; }
    } pages;
    Slob slob(pages);
    const SlabImage image = SlabImage::parse(text, "snap");
    restore(image, slob);
    EXPECT_TRUE(differences(image.slob_lists[1], slob, 1).empty());
    EXPECT_FALSE(differences({}, slob, 1).empty());
}

TEST(SysKernelSlab, ReadsAttributesAndAliases) {
    const std::string text = "#name|object_size|slab_size|order|objs_per_slab|align|min_partial|cpu_partial|"
                             "slabs|objects|usersize|"
                             "reclaim_account|hwcache_align|destroy_by_rcu|cache_dma\n"
                             "pid -> :0000128\n"
                             ":0000128|120|128|0|32|64|5|120|2 N0=2|64 N0=64|0|0|1|0|0\n";
    const auto caches = parse_sys_kernel_slab(text, "file");
    ASSERT_EQ(caches.size(), 1u);
    EXPECT_EQ(caches[0].aliases, std::vector<std::string>{"pid"});
    EXPECT_EQ(caches[0].slabs, 2u);
    EXPECT_EQ(caches[0].flags, slab_flag::hwcache_align);
    EXPECT_THROW((void)parse_sys_kernel_slab("#name|object_size\na|x\n", "file"), InputError);
}

} // namespace
} // namespace pagewalk::os
