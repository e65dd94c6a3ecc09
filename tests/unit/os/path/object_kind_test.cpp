#include "os/path/object_kind.h"
#include "os/slab/slub.h"
#include "tests/support/simple_pages.h"

#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

struct Captured {
    std::uint32_t slab_size;
    std::uint32_t objects_per_slab;
    unsigned order;
};

/// slab_size, objs_per_slab and order of sys_kernel_slab on a machine of 2 CPUs: groundtruth c-static.
const std::map<std::string, Captured> captured{
    {"vmap_area", {64, 64, 0}},
    {"mm_struct", {1152, 14, 2}},
    {"radix_tree_node", {584, 14, 1}},
    {"maple_node", {256, 16, 0}},
    {"pid", {128, 32, 0}},
    {"anon_vma", {104, 39, 0}},
    {"anon_vma_chain", {64, 64, 0}},
    {"cred_jar", {192, 21, 0}},
    {"task_struct", {8448, 3, 3}},
    {"sighand_cache", {2112, 15, 3}},
    {"signal_cache", {1152, 14, 2}},
    {"files_cache", {704, 23, 2}},
    {"fs_cache", {64, 64, 0}},
    {"vm_area_struct", {152, 26, 0}},
    {"lsm_file_cache", {24, 170, 0}},
    {"lsm_inode_cache", {32, 128, 0}},
    {"names_cache", {4096, 8, 3}},
    {"dentry", {192, 21, 0}},
    {"filp", {256, 16, 0}},
    {"shmem_inode_cache", {784, 20, 2}},
    {"khugepaged_mm_slot", {112, 36, 0}},
    {"ext4_inode_cache", {1192, 13, 2}},
};

TEST(ObjectKind, GivesSlubTheGeometryOfTheCapturedKernel) {
    for (std::size_t i = 0; i < object_kind_count; ++i) {
        const CacheSpec spec = cache_spec(static_cast<ObjectKind>(i));
        const auto real = captured.find(spec.name);
        ASSERT_NE(real, captured.end()) << spec.name;
        const std::uint32_t align = align_for(spec.flags, spec.align, spec.size);
        SlubParameters machine;
        machine.cpus = 2;
        const auto geometry = slub_geometry(
            {static_cast<std::uint32_t>(spec.size), align, spec.flags, spec.constructor}, machine);
        ASSERT_TRUE(geometry.has_value());
        EXPECT_EQ(geometry->size, real->second.slab_size) << spec.name;
        EXPECT_EQ(geometry->objects, real->second.objects_per_slab) << spec.name;
        EXPECT_EQ(geometry->order, real->second.order) << spec.name;
    }
}

TEST(ObjectKind, MergesWhatTheCapturedKernelMerges) {
    SimplePages pages;
    Slub slub(pages, SlubConfig{});
    std::map<std::string, std::set<std::string>> names;
    for (std::size_t i = 0; i < object_kind_count; ++i) {
        const CacheSpec spec = cache_spec(static_cast<ObjectKind>(i));
        names[(*slub.create(spec))->name].insert(spec.name);
    }
    // Of these, only the ones that share :A-0000064 there.
    EXPECT_EQ(names["anon_vma_chain"], (std::set<std::string>{"anon_vma_chain", "fs_cache"}));
    EXPECT_EQ(names.size(), object_kind_count - 1);
}

} // namespace
} // namespace pagewalk::os
