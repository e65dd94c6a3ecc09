#pragma once

#include "base/enum_table.h"
#include "os/page/gfp.h"
#include "os/path/kernel_function.h"
#include "os/slab/kmem_cache.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pagewalk::os {

/// Kernel objects that have a cache of their own.
enum class ObjectKind : std::uint8_t {
    VmapArea,
    Mm,
    RadixTreeNode,
    MapleNode,
    Pid,
    AnonVma,
    AnonVmaChain,
    Credentials,
    Task,
    SignalHandlers,
    Signals,
    Files,
    FileSystemState,
    VmArea,
    FileSecurity,
    InodeSecurity,
    PathName,
    Dentry,
    File,
    ShmemInode,
    KhugepagedSlot,
    Inode,
};
inline constexpr std::size_t object_kind_count = enum_count<ObjectKind>;

/// A kind's cache as the kernel creates it, and how its objects are asked for.
struct ObjectType {
    std::string_view cache;
    std::uint32_t size = 0;  ///< bytes
    std::uint32_t align = 0; ///< bytes; 0 = as the flags say
    SlabFlags flags;
    std::uint32_t usersize = 0;
    GfpMask gfp = gfp::kernel;
    KernelFunction caller{}; ///< call_site of its tracepoints
};

/// In the order in which the kernel creates the caches. Source: sys_kernel_slab and slabinfo of
/// Debian 6.1.192 (sizes, alignment, usersize, merging); flags that do not show there are the ones of the
/// kernel's kmem_cache_create calls.
[[nodiscard]] const ObjectType& object_type(ObjectKind kind);
[[nodiscard]] CacheSpec cache_spec(ObjectKind kind);

} // namespace pagewalk::os
