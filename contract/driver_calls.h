#pragma once

#include <cstdint>

/// System calls beyond Linux's numbers: a program asks a driver of the simulated kernel to use the kernel's
/// allocators, as the ioctls of a test module do. Objects and caches have names (handles) that the program
/// chooses. The arguments of every call:
///     0  what: bytes (kmalloc, vmalloc), order (pages), or the cache's handle
///     1  the first object's handle; one that is in use names nobody else
///     2  how many objects, with consecutive handles; each is an operation of its own
///     3  allocations: gfp flags as numbered in Linux 6.1, 0 = GFP_KERNEL
///     4  allocations: bytes of each object that the driver then writes, from its start
/// CacheCreate takes the cache's handle, size, alignment and slab flags, CacheDestroy the handle.
namespace pagewalk {

enum class DriverCall : std::uint32_t {
    CacheCreate = 0x50570000,
    CacheDestroy,
    CacheAllocate, ///< kmem_cache_alloc
    CacheFree,     ///< kmem_cache_free
    Kmalloc,
    Kfree,
    Vmalloc,
    Vfree,
    AllocatePages, ///< alloc_pages
    FreePages,     ///< __free_pages
};
inline constexpr std::uint32_t driver_call_count = 10;

[[nodiscard]] constexpr bool is_driver_call(std::uint32_t number) {
    return number - static_cast<std::uint32_t>(DriverCall::CacheCreate) < driver_call_count;
}

/// I/O of a task's own past the page cache, as io_submit and io_getevents of a block device that was opened
/// with O_DIRECT.
enum class IoCall : std::uint32_t {
    /// Starts requests on consecutive sectors. Arguments: 0 read (0) or write (1), 1 the first sector, 2
    /// bytes
    /// of each, 3 how many, 4 how many the task may have under way with them: it waits until that is so.
    Submit = 0x50570100,
    Drain, ///< waits until none of the task's is under way, and gives its buffers back
};

[[nodiscard]] constexpr bool is_io_call(std::uint32_t number) {
    return number == static_cast<std::uint32_t>(IoCall::Submit) ||
           number == static_cast<std::uint32_t>(IoCall::Drain);
}

/// Receiving from a NIC and sending by it, as recvmsg and sendmsg of a UDP socket, with what a program does
/// with the data after or before.
enum class NetCall : std::uint32_t {
    /// Waits for a message and receives it. Arguments: 0 how (NetReceive), 1 bytes, 2 whether the program
    /// reads all of it (1) or nothing (0).
    Receive = 0x50570200,
    /// Sends a message: waits while the socket's buffer is full, not for the wire. Arguments: 0 how
    /// (NetSend), 1
    /// bytes, 2 whether the program writes all of it first (1) or nothing (0).
    Send,
};
/// How the data come to the NIC.
enum class NetSend : std::uint8_t {
    Copy,     ///< through the kernel's buffers
    ZeroCopy, ///< from the program's pages (MSG_ZEROCOPY)
};
/// How the data come to the program.
enum class NetReceive : std::uint8_t {
    Copy,  ///< from the kernel's buffers
    Remap, ///< their pages take the place of the program's
    Fixed, ///< they lie in memory that the program shares for good: fbufs, IO-Lite
};

[[nodiscard]] constexpr bool is_net_call(std::uint32_t number) {
    return number == static_cast<std::uint32_t>(NetCall::Receive) ||
           number == static_cast<std::uint32_t>(NetCall::Send);
}

} // namespace pagewalk
