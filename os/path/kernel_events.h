#pragma once

#include "base/enum_table.h"
#include "base/event_table.h"
#include "base/time.h"
#include "contract/kernel_interface.h"
#include "os/page/migratetype.h"
#include "os/page/zone_type.h"
#include "os/slab/slab_trace.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pagewalk::os {

/// What frames were allocated for.
enum class AllocationPurpose : std::uint8_t {
    Anonymous,
    CopyOnWrite,
    File,
    SharedMemory,
    PageTable,
    KernelObject,
    KernelStack,
    Vmalloc,
    Driver,         ///< alloc_pages of the allocation driver
    Pipe,           ///< data in a pipe
    Socket,         ///< data in socket buffers
    SwapIn,         ///< read back from swap
    CompressedSwap, ///< holds pages that a zram device has compressed
};
inline constexpr std::size_t allocation_purpose_count = enum_count<AllocationPurpose>;

/// Where an allocation was served from: the first five by the first pass over the zones, the rest by a stage
/// of the slow path.
enum class AllocationSource : std::uint8_t {
    PcpHit,
    PcpRefill,
    Buddy,
    FallbackSteal, ///< another type's block had to be taken
    HighAtomic,
    MinWatermark,     ///< below the low watermarks: kswapd is woken, memory goes down to the min watermarks
    Reserve,          ///< memory kept for those who free memory or have been killed
    DirectCompaction, ///< a block put together, or found after compacting
    DirectReclaim,    ///< after reclaim in the requester's context
    OutOfMemory,      ///< after the OOM killer was asked
    Failed,
};
inline constexpr std::size_t allocation_source_count = enum_count<AllocationSource>;

enum class FaultKind : std::uint8_t {
    AnonymousWrite, ///< demand-zero page
    AnonymousRead,  ///< the shared zero page
    FileMap,        ///< page cache pages mapped, those around the fault too
    FileMajor,      ///< read from the disk
    SwapCache,      ///< swapped out, still or already in the swap cache
    SwapMajor,      ///< read from swap
    FileCow,        ///< private copy of a page cache page
    Shared,         ///< page of a shared mapping, made or found
    CopyOnWrite,    ///< copy of a page shared since fork
    CopyOfZero,     ///< first write after a read
    Reuse,          ///< sole owner: made writable again
    MakeWritable,   ///< shared mapping: first write to a clean page
    HugeWrite,      ///< demand-zero huge page
    HugeRead,       ///< the shared huge zero page
    HugeReuse,      ///< sole owner of a huge page: made writable again
    HugetlbNew,     ///< page of a pool of hugetlbfs, for the first time in this place
    HugetlbCopy,    ///< copy of such a page
    NumaHint,       ///< marked by NUMA balancing
    NumaMigrate,    ///< likewise, and moved to the CPU's node
    Spurious,       ///< the entry allows it already
    Kill,           ///< outside every mapping, or forbidden
};
inline constexpr std::size_t fault_kind_count = enum_count<FaultKind>;

[[nodiscard]] std::string_view name_of(AllocationPurpose purpose);
[[nodiscard]] std::string_view name_of(AllocationSource source);
[[nodiscard]] std::string_view name_of(FaultKind kind);
/// Does it wait for a disk?
[[nodiscard]] constexpr bool is_major(FaultKind kind) {
    return kind == FaultKind::FileMajor || kind == FaultKind::SwapMajor;
}

/// One call of the page allocator.
struct AllocationEvent {
    std::uint64_t time = 0;    ///< ps, when the path reached the call
    std::uint64_t latency = 0; ///< ps
    std::uint64_t pfn = 0;     ///< all ones: failed
    std::uint32_t task = 0;
    std::uint32_t gfp = 0;
    std::uint16_t cpu = 0;
    std::uint16_t node = 0;
    ZoneType zone = ZoneType::Dma;
    std::uint8_t order = 0;
    Migratetype migratetype = Migratetype::Unmovable;
    AllocationPurpose purpose = AllocationPurpose::Anonymous;
    AllocationSource source = AllocationSource::PcpHit;
    std::array<std::uint8_t, 7> padding{};

    [[nodiscard]] static EventSchema schema();
};

/// One page fault.
struct FaultEvent {
    std::uint64_t time = 0;    ///< ps, entry into the kernel
    std::uint64_t latency = 0; ///< ps until the return to the program, sleeps included
    std::uint64_t address = 0;
    std::uint32_t task = 0;
    std::uint16_t cpu = 0;
    FaultKind kind = FaultKind::AnonymousWrite;
    std::uint8_t access = 0; ///< 0 read, 1 write, 2 execute

    [[nodiscard]] static EventSchema schema();
};

/// Which of the kernel's tracepoints an operation of an object allocator is.
enum class KmemCall : std::uint8_t { KmemCacheAlloc, KmemCacheFree, Kmalloc, Kfree };
[[nodiscard]] std::string_view name_of(KmemCall call);

/// One call of an object allocator, with the fields of the kernel's kmem tracepoints.
struct KmemEvent {
    std::uint64_t time = 0;    ///< ps, when the path reached the call
    std::uint64_t latency = 0; ///< ps
    std::uint64_t ptr = 0;
    std::uint64_t call_site = 0;
    std::uint32_t bytes_req = 0;
    std::uint32_t bytes_alloc = 0;
    std::uint32_t gfp_flags = 0;
    std::uint32_t task = 0;
    std::int16_t node = -1; ///< asked for; -1 any
    std::uint16_t cpu = 0;
    std::uint16_t cache = 0; ///< index into the names of the column
    KmemCall call = KmemCall::KmemCacheAlloc;
    SlabPath path = SlabPath::None;

    /// The machine names the values of column `cache`.
    [[nodiscard]] static EventSchema schema();
};

enum class FilemapCall : std::uint8_t { AddToPageCache, DeleteFromPageCache };
[[nodiscard]] std::string_view name_of(FilemapCall call);

/// A page that comes into a page cache or leaves it, with the fields of the kernel's filemap tracepoints.
struct FilemapEvent {
    std::uint64_t time = 0; ///< ps, when the operation, or its part since it last slept, began
    std::uint64_t pfn = 0;
    std::uint64_t index = 0; ///< page of the file
    std::uint32_t i_ino = 0;
    std::uint32_t task = 0;
    std::uint16_t cpu = 0;
    FilemapCall call = FilemapCall::AddToPageCache;
    std::array<std::uint8_t, 5> padding{};

    [[nodiscard]] static EventSchema schema();
};

enum class BlockCall : std::uint8_t { Read, Write, Flush };
[[nodiscard]] std::string_view name_of(BlockCall call);

/// A request to the block device, with the fields of the kernel's block tracepoints.
struct BlockEvent {
    std::uint64_t time = 0;    ///< ps, when the device was told
    std::uint64_t latency = 0; ///< ps, until its completion was handled
    std::uint64_t waited = 0;  ///< ps, in software queues before
    std::uint64_t moved = 0;   ///< ps, until its data had been moved
    std::uint64_t sector = 0;
    std::uint32_t nr_sector = 0;
    std::uint16_t cpu = 0;
    BlockCall call = BlockCall::Read;
    std::uint8_t padding = 0;

    [[nodiscard]] static EventSchema schema();
};

/// One operation of the allocation driver.
struct DriverEvent {
    std::uint64_t time = 0;    ///< ps, when the path reached the call
    std::uint64_t latency = 0; ///< ps, without what the driver then writes
    std::uint64_t address = 0; ///< of the object; 0: there was no memory
    std::uint64_t bytes = 0;   ///< asked for
    std::uint32_t task = 0;
    std::uint16_t cpu = 0;
    std::uint8_t call = 0; ///< DriverCall, from its first
    std::uint8_t padding = 0;

    [[nodiscard]] static EventSchema schema();
};

/// A packet that a NIC has received.
struct PacketEvent {
    std::uint64_t time = 0;    ///< ps, when its last bit was on the wire
    std::uint64_t moved = 0;   ///< ps, until it and its descriptor were in memory
    std::uint64_t latency = 0; ///< ps, until it was in its socket's queue
    std::uint32_t bytes = 0;
    std::uint32_t flow = 0;
    std::uint16_t cpu = 0;
    std::array<std::uint8_t, 6> padding{};

    [[nodiscard]] static EventSchema schema();
};

/// A read of a file by a system call.
struct FileReadEvent {
    std::uint64_t time = 0;    ///< ps, when the path began with it
    std::uint64_t latency = 0; ///< ps, waiting included
    std::uint64_t index = 0;   ///< the first page of the file
    std::uint32_t i_ino = 0;
    std::uint32_t task = 0;
    std::uint32_t pages = 0;
    std::uint32_t missing = 0; ///< of those: were not in the page cache
    std::uint16_t cpu = 0;
    std::array<std::uint8_t, 6> padding{};

    [[nodiscard]] static EventSchema schema();
};

/// Who reclaims pages.
enum class ReclaimedBy : std::uint8_t {
    Kswapd,
    Direct, ///< who asked for memory
};
[[nodiscard]] std::string_view name_of(ReclaimedBy by);

/// One pass of reclaim over a node.
struct ReclaimEvent {
    std::uint64_t time = 0;    ///< ps, when the path began with it
    std::uint64_t latency = 0; ///< ps
    std::uint32_t task = 0;
    std::uint32_t scanned = 0;   ///< pages of inactive lists
    std::uint32_t reclaimed = 0; ///< pages
    std::uint32_t written = 0;   ///< pages that go to swap
    std::uint32_t refilled = 0;  ///< pages of active lists scanned
    std::uint16_t cpu = 0;
    std::uint16_t node = 0;
    std::uint8_t priority = 0;
    std::uint8_t order = 0;
    ReclaimedBy by = ReclaimedBy::Kswapd;
    std::uint8_t padding = 0;

    [[nodiscard]] static EventSchema schema();
};

enum class KillReason : std::uint8_t {
    BadAddress,        ///< SIGSEGV
    BusError,          ///< SIGBUS: hugetlbfs has no page for it
    OutOfMemory,       ///< chosen by the OOM killer
    CgroupOutOfMemory, ///< likewise, among the processes of a program whose memory_limit was reached
};
[[nodiscard]] std::string_view name_of(KillReason reason);

/// A program that the kernel killed, in short.
struct KillEvent {
    std::uint64_t time = 0;    ///< ps
    std::uint64_t address = 0; ///< 0 where it was out of memory
    std::uint32_t task = 0;
    FaultAccess access = FaultAccess::Read;
    KillReason reason = KillReason::BadAddress;
    std::array<std::uint8_t, 2> padding{};

    [[nodiscard]] static EventSchema schema();
};

/// A program that the kernel killed.
struct KillRecord {
    Tick time{};
    std::uint32_t task = 0; ///< of the process's first thread where it was out of memory
    std::uint64_t address = 0;
    std::uint8_t access = 0;
    KillReason reason = KillReason::BadAddress;
    std::uint32_t program = 0; ///< its number among those of the run
    // OutOfMemory, CgroupOutOfMemory: what the process had, in KiB
    std::string name = {};
    std::uint64_t total_vm = 0, anon_rss = 0, file_rss = 0, shmem_rss = 0, page_tables = 0;
};
/// What happened, in the words of the kernel's log where it has any.
[[nodiscard]] std::string to_string(const KillRecord& kill);

} // namespace pagewalk::os
