#include "os/path/object_kind.h"

#include <array>
#include <string>

namespace pagewalk::os {
namespace {

using namespace slab_flag;

constexpr std::array<ObjectType, object_kind_count> types{{
    {"vmap_area", 64, 0, panic, 0, gfp::kernel, KernelFunction::VmAreaAlloc},
    {"mm_struct", 1104, 0, hwcache_align | panic | account, 384, gfp::kernel, KernelFunction::MmInit},
    {"radix_tree_node", 576, 0, panic | reclaim_account, 0, gfp::nofs, KernelFunction::FilemapAddFolio},
    {"maple_node", 256, 256, panic, 0, gfp::kernel, KernelFunction::MmapRegion},
    {"pid", 128, 0, hwcache_align | panic | account, 0, gfp::kernel, KernelFunction::KernelClone},
    {"anon_vma", 96, 0, typesafe_by_rcu | panic | account, 0, gfp::kernel, KernelFunction::AnonVmaPrepare},
    {"anon_vma_chain", 64, 0, panic | account, 0, gfp::kernel, KernelFunction::AnonVmaClone},
    {"cred_jar", 184, 0, hwcache_align | panic | account, 0, gfp::kernel, KernelFunction::KernelClone},
    {"task_struct", 8392, 64, panic | account, 2696, gfp::kernel, KernelFunction::KernelClone},
    {"sighand_cache", 2080, 0, hwcache_align | panic | typesafe_by_rcu | account, 0, gfp::kernel,
     KernelFunction::KernelClone},
    {"signal_cache", 1152, 0, hwcache_align | panic | account, 0, gfp::kernel | gfp::zero,
     KernelFunction::KernelClone},
    {"files_cache", 704, 0, hwcache_align | panic | account, 0, gfp::kernel, KernelFunction::KernelClone},
    {"fs_cache", 56, 0, hwcache_align | panic | account, 0, gfp::kernel, KernelFunction::KernelClone},
    {"vm_area_struct", 152, 0, panic | account, 0, gfp::kernel, KernelFunction::VmAreaAlloc},
    {"lsm_file_cache", 24, 0, panic, 0, gfp::kernel | gfp::zero, KernelFunction::OpenFile},
    {"lsm_inode_cache", 32, 0, panic, 0, gfp::nofs | gfp::zero, KernelFunction::OpenFile},
    {"names_cache", 4096, 0, hwcache_align | panic, 4096, gfp::kernel, KernelFunction::OpenFile},
    {"dentry", 192, 0, reclaim_account | panic | mem_spread | account, 32, gfp::kernel,
     KernelFunction::OpenFile},
    {"filp", 256, 0, hwcache_align | panic | account, 0, gfp::kernel | gfp::zero, KernelFunction::OpenFile},
    {"shmem_inode_cache", 776, 0, panic | account, 0, gfp::kernel, KernelFunction::OpenFile},
    {"ext4_inode_cache", 1184, 0, reclaim_account | mem_spread | account, 60, gfp::nofs,
     KernelFunction::OpenFile},
}};

} // namespace

const ObjectType& object_type(ObjectKind kind) { return types[static_cast<std::size_t>(kind)]; }

CacheSpec cache_spec(ObjectKind kind) {
    const ObjectType& type = object_type(kind);
    CacheSpec spec;
    spec.name = std::string(type.cache);
    spec.size = type.size;
    spec.align = type.align;
    spec.flags = type.flags;
    spec.constructor = known_constructor(type.cache);
    spec.usersize = type.usersize;
    return spec;
}

} // namespace pagewalk::os
