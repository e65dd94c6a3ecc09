#include "os/path/object_kind.h"

#include "base/enum_table.h"

#include <string>

namespace pagewalk::os {
namespace {

using namespace slab_flag;

constexpr EnumTable<ObjectKind, ObjectType> types{
    {ObjectKind::VmapArea, {"vmap_area", 64, 0, panic, 0, gfp::kernel, KernelFunction::VmAreaAlloc}},
    {ObjectKind::Mm,
     {"mm_struct", 1104, 0, hwcache_align | panic | account, 384, gfp::kernel, KernelFunction::MmInit}},
    {ObjectKind::RadixTreeNode,
     {"radix_tree_node", 576, 0, panic | reclaim_account, 0, gfp::nofs, KernelFunction::FilemapAddFolio}},
    {ObjectKind::MapleNode, {"maple_node", 256, 256, panic, 0, gfp::kernel, KernelFunction::MmapRegion}},
    {ObjectKind::Pid,
     {"pid", 128, 0, hwcache_align | panic | account, 0, gfp::kernel, KernelFunction::KernelClone}},
    {ObjectKind::AnonVma,
     {"anon_vma", 96, 0, typesafe_by_rcu | panic | account, 0, gfp::kernel, KernelFunction::AnonVmaPrepare}},
    {ObjectKind::AnonVmaChain,
     {"anon_vma_chain", 64, 0, panic | account, 0, gfp::kernel, KernelFunction::AnonVmaClone}},
    {ObjectKind::Credentials,
     {"cred_jar", 184, 0, hwcache_align | panic | account, 0, gfp::kernel, KernelFunction::KernelClone}},
    {ObjectKind::Task,
     {"task_struct", 8392, 64, panic | account, 2696, gfp::kernel, KernelFunction::KernelClone}},
    {ObjectKind::SignalHandlers,
     {"sighand_cache", 2080, 0, hwcache_align | panic | typesafe_by_rcu | account, 0, gfp::kernel,
      KernelFunction::KernelClone}},
    {ObjectKind::Signals,
     {"signal_cache", 1152, 0, hwcache_align | panic | account, 0, gfp::kernel | gfp::zero,
      KernelFunction::KernelClone}},
    {ObjectKind::Files,
     {"files_cache", 704, 0, hwcache_align | panic | account, 0, gfp::kernel, KernelFunction::KernelClone}},
    {ObjectKind::FileSystemState,
     {"fs_cache", 56, 0, hwcache_align | panic | account, 0, gfp::kernel, KernelFunction::KernelClone}},
    {ObjectKind::VmArea,
     {"vm_area_struct", 152, 0, panic | account, 0, gfp::kernel, KernelFunction::VmAreaAlloc}},
    {ObjectKind::FileSecurity,
     {"lsm_file_cache", 24, 0, panic, 0, gfp::kernel | gfp::zero, KernelFunction::OpenFile}},
    {ObjectKind::InodeSecurity,
     {"lsm_inode_cache", 32, 0, panic, 0, gfp::nofs | gfp::zero, KernelFunction::OpenFile}},
    {ObjectKind::PathName,
     {"names_cache", 4096, 0, hwcache_align | panic, 4096, gfp::kernel, KernelFunction::OpenFile}},
    {ObjectKind::Dentry,
     {"dentry", 192, 0, reclaim_account | panic | mem_spread | account, 32, gfp::kernel,
      KernelFunction::OpenFile}},
    {ObjectKind::File,
     {"filp", 256, 0, hwcache_align | panic | account, 0, gfp::kernel | gfp::zero, KernelFunction::OpenFile}},
    {ObjectKind::ShmemInode,
     {"shmem_inode_cache", 776, 0, panic | account, 0, gfp::kernel, KernelFunction::OpenFile}},
    {ObjectKind::KhugepagedSlot,
     {"khugepaged_mm_slot", 112, 8, {}, 0, gfp::kernel | gfp::zero, KernelFunction::HugeAnonymousPage}},
    {ObjectKind::Inode,
     {"ext4_inode_cache", 1184, 0, reclaim_account | mem_spread | account, 60, gfp::nofs,
      KernelFunction::OpenFile}},
};

} // namespace

const ObjectType& object_type(ObjectKind kind) { return types[kind]; }

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
