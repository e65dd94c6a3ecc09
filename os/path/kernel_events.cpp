#include "os/path/kernel_events.h"

#include "contract/driver_calls.h"

#include <cstdio>
#include <string>

namespace pagewalk::os {
namespace {

constexpr EnumNames<AllocationPurpose> purposes{
    {AllocationPurpose::Anonymous, "anonymous"},
    {AllocationPurpose::CopyOnWrite, "copy_on_write"},
    {AllocationPurpose::File, "file"},
    {AllocationPurpose::SharedMemory, "shared_memory"},
    {AllocationPurpose::PageTable, "page_table"},
    {AllocationPurpose::KernelObject, "kernel_object"},
    {AllocationPurpose::KernelStack, "kernel_stack"},
    {AllocationPurpose::Vmalloc, "vmalloc"},
    {AllocationPurpose::Driver, "driver"},
    {AllocationPurpose::Pipe, "pipe"},
    {AllocationPurpose::Socket, "socket"},
    {AllocationPurpose::SwapIn, "swap_in"},
    {AllocationPurpose::CompressedSwap, "compressed_swap"},
};
constexpr EnumNames<AllocationSource> sources{
    {AllocationSource::PcpHit, "pcp_hit"},
    {AllocationSource::PcpRefill, "pcp_refill"},
    {AllocationSource::Buddy, "buddy"},
    {AllocationSource::FallbackSteal, "fallback_steal"},
    {AllocationSource::HighAtomic, "highatomic"},
    {AllocationSource::MinWatermark, "min_watermark"},
    {AllocationSource::Reserve, "reserve"},
    {AllocationSource::DirectCompaction, "direct_compaction"},
    {AllocationSource::DirectReclaim, "direct_reclaim"},
    {AllocationSource::OutOfMemory, "out_of_memory"},
    {AllocationSource::Failed, "failed"},
};
constexpr EnumNames<FaultKind> kinds{
    {FaultKind::AnonymousWrite, "anonymous_write"},
    {FaultKind::AnonymousRead, "anonymous_read"},
    {FaultKind::FileMap, "file_map"},
    {FaultKind::FileMajor, "file_major"},
    {FaultKind::SwapCache, "swap_cache"},
    {FaultKind::SwapMajor, "swap_major"},
    {FaultKind::FileCow, "file_cow"},
    {FaultKind::Shared, "shared"},
    {FaultKind::CopyOnWrite, "copy_on_write"},
    {FaultKind::CopyOfZero, "copy_of_zero"},
    {FaultKind::Reuse, "reuse"},
    {FaultKind::MakeWritable, "make_writable"},
    {FaultKind::HugeWrite, "huge_write"},
    {FaultKind::HugeRead, "huge_read"},
    {FaultKind::HugeReuse, "huge_reuse"},
    {FaultKind::HugetlbNew, "hugetlb_new"},
    {FaultKind::HugetlbCopy, "hugetlb_copy"},
    {FaultKind::NumaHint, "numa_hint"},
    {FaultKind::NumaMigrate, "numa_migrate"},
    {FaultKind::Spurious, "spurious"},
    {FaultKind::Kill, "kill"},
};

constexpr EnumNames<KmemCall> kmem_calls{{KmemCall::KmemCacheAlloc, "kmem_cache_alloc"},
                                         {KmemCall::KmemCacheFree, "kmem_cache_free"},
                                         {KmemCall::Kmalloc, "kmalloc"},
                                         {KmemCall::Kfree, "kfree"}};
constexpr EnumNames<FilemapCall> filemap_calls{
    {FilemapCall::AddToPageCache, "mm_filemap_add_to_page_cache"},
    {FilemapCall::DeleteFromPageCache, "mm_filemap_delete_from_page_cache"}};
constexpr EnumNames<BlockCall> block_calls{
    {BlockCall::Read, "read"}, {BlockCall::Write, "write"}, {BlockCall::Flush, "flush"}};
constexpr EnumNames<ReclaimedBy> reclaimers{{ReclaimedBy::Kswapd, "kswapd"}, {ReclaimedBy::Direct, "direct"}};
constexpr EnumNames<KillReason> kill_reasons{{KillReason::BadAddress, "bad_address"},
                                             {KillReason::BusError, "bus_error"},
                                             {KillReason::OutOfMemory, "out_of_memory"},
                                             {KillReason::CgroupOutOfMemory, "cgroup_out_of_memory"}};
constexpr EnumNames<DriverCall, DriverCall::CacheCreate> driver_calls{
    {DriverCall::CacheCreate, "cache_create"},
    {DriverCall::CacheDestroy, "cache_destroy"},
    {DriverCall::CacheAllocate, "cache_allocate"},
    {DriverCall::CacheFree, "cache_free"},
    {DriverCall::Kmalloc, "kmalloc"},
    {DriverCall::Kfree, "kfree"},
    {DriverCall::Vmalloc, "vmalloc"},
    {DriverCall::Vfree, "vfree"},
    {DriverCall::AllocatePages, "allocate_pages"},
    {DriverCall::FreePages, "free_pages"}};

} // namespace

std::string_view name_of(AllocationPurpose purpose) { return purposes[purpose]; }
std::string_view name_of(AllocationSource source) { return sources[source]; }
std::string_view name_of(FaultKind kind) { return kinds[kind]; }

std::string_view name_of(KmemCall call) { return kmem_calls[call]; }

std::string_view name_of(FilemapCall call) { return filemap_calls[call]; }
std::string_view name_of(BlockCall call) { return block_calls[call]; }

std::string_view name_of(ReclaimedBy by) { return reclaimers[by]; }

std::string_view name_of(KillReason reason) { return kill_reasons[reason]; }

std::string to_string(const KillRecord& kill) {
    const auto kib = [](std::uint64_t value) { return std::to_string(value) + "kB"; };
    const bool bad_access = kill.reason == KillReason::BadAddress || kill.reason == KillReason::BusError;
    if (!bad_access)
        return std::string(kill.reason == KillReason::OutOfMemory ? "Out" : "Memory cgroup out") +
               " of memory: Killed process " + std::to_string(kill.task) + " (" + kill.name +
               ") total-vm:" + kib(kill.total_vm) + ", anon-rss:" + kib(kill.anon_rss) +
               ", file-rss:" + kib(kill.file_rss) + ", shmem-rss:" + kib(kill.shmem_rss) +
               ", UID:0 pgtables:" + kib(kill.page_tables) + " oom_score_adj:0";
    char address[24];
    std::snprintf(address, sizeof address, "0x%llx", static_cast<unsigned long long>(kill.address));
    return "task " + std::to_string(kill.task) +
           (kill.reason == KillReason::BusError ? ": SIGBUS at address " : ": SIGSEGV at address ") + address;
}

EventSchema AllocationEvent::schema() {
    using E = AllocationEvent;
    return {"allocations",
            "calls of the page allocator",
            sizeof(E),
            {event_column("time", &E::time, "ps", "when the kernel path reached the call"),
             event_column("latency", &E::latency, "ps", "from the call to its return"),
             event_column("pfn", &E::pfn, "", "first frame; all ones for a failure"),
             event_column("task", &E::task, "", "task on whose behalf"),
             event_column("gfp", &E::gfp, "", "allocation flags, numbered as in Linux 6.1"),
             event_column("cpu", &E::cpu, "", "CPU"),
             event_column("node", &E::node, "", "NUMA node that served"),
             event_column("zone", &E::zone, "", "zone that served"),
             event_column("order", &E::order, "", "log2 of the frames"),
             event_column("migratetype", &E::migratetype, "", "mobility asked for"),
             event_column("purpose", &E::purpose, "", "what the frames are for"),
             event_column("source", &E::source, "", "where the allocation was served from")},
            "page allocations"};
}

EventSchema KmemEvent::schema() {
    using E = KmemEvent;
    return {
        "kmem",
        "calls of the object allocator",
        sizeof(E),
        {event_column("time", &E::time, "ps", "when the kernel path reached the call"),
         event_column("latency", &E::latency, "ps", "from the call to its return"),
         event_column("ptr", &E::ptr, "", "kernel address of the object; 0 for a failure"),
         event_column("call_site", &E::call_site, "", "text address of the calling function"),
         event_column("bytes_req", &E::bytes_req, "bytes", "size asked for; 0 when freed"),
         event_column("bytes_alloc", &E::bytes_alloc, "bytes", "size taken; 0 when freed"),
         event_column("gfp_flags", &E::gfp_flags, "", "allocation flags, numbered as in Linux 6.1"),
         event_column("task", &E::task, "",
                      "task on whose behalf; 0: before the first program, in no time and in no histogram"),
         event_column("node", &E::node, "", "NUMA node asked for; -1: any"),
         event_column("cpu", &E::cpu, "", "CPU"),
         event_column("cache", &E::cache, "", "cache; pages: none serves this size"),
         event_column("call", &E::call, "", "tracepoint"),
         event_column("path", &E::path, "", "how the call was served")},
        "calls of the object allocator"};
}

EventSchema FaultEvent::schema() {
    using E = FaultEvent;
    return {"page_faults",
            "page faults of the program",
            sizeof(E),
            {event_column("time", &E::time, "ps", "entry into the kernel"),
             event_column("latency", &E::latency, "ps", "until the return to the program, sleeps included"),
             event_column("address", &E::address, "", "virtual address that faulted"),
             event_column("task", &E::task, "", "task"), event_column("cpu", &E::cpu, "", "CPU"),
             event_column("kind", &E::kind, "", "how the fault was resolved"),
             event_column("access", &E::access, "", "what the program did", enumerator_names<FaultAccess>())},
            "page faults"};
}

EventSchema FilemapEvent::schema() {
    using E = FilemapEvent;
    return {
        "filemap",
        "pages that come into page caches and leave them",
        sizeof(E),
        {event_column("time", &E::time, "ps", "when the operation, or its part since it last slept, began"),
         event_column("pfn", &E::pfn, "", "frame"),
         event_column("index", &E::index, "pages", "page of the file"),
         event_column("i_ino", &E::i_ino, "", "the file's number"),
         event_column("task", &E::task, "", "task on whose behalf; 0: before the first program"),
         event_column("cpu", &E::cpu, "", "CPU"), event_column("call", &E::call, "", "tracepoint")},
        "page cache changes",
        {0}};
}

EventSchema BlockEvent::schema() {
    using E = BlockEvent;
    return {"block_requests",
            "requests to the block device",
            sizeof(E),
            {event_column("time", &E::time, "ps", "when the device was told"),
             event_column("latency", &E::latency, "ps", "until its completion was handled"),
             event_column("waited", &E::waited, "ps", "in software queues before the device was told"),
             event_column("moved", &E::moved, "ps", "until its data had been moved; 0: not known"),
             event_column("sector", &E::sector, "", "first sector of 512 bytes"),
             event_column("nr_sector", &E::nr_sector, "", "sectors"),
             event_column("cpu", &E::cpu, "", "CPU that submitted"),
             event_column("call", &E::call, "", "what was asked for")},
            "requests"};
}

EventSchema PacketEvent::schema() {
    using E = PacketEvent;
    return {"packets",
            "packets that the NIC has received",
            sizeof(E),
            {event_column("time", &E::time, "ps", "when its last bit was on the wire"),
             event_column("moved", &E::moved, "ps", "until it and its descriptor were in memory"),
             event_column("latency", &E::latency, "ps", "until it was in its socket's queue"),
             event_column("bytes", &E::bytes, "bytes", "size"),
             event_column("flow", &E::flow, "", "flow that it belongs to"),
             event_column("cpu", &E::cpu, "", "CPU that polled it")},
            "packets"};
}

EventSchema FileReadEvent::schema() {
    using E = FileReadEvent;
    return {"file_reads",
            "reads of files by system calls",
            sizeof(E),
            {event_column("time", &E::time, "ps", "when the kernel path began with it"),
             event_column("latency", &E::latency, "ps", "to its end, waiting included"),
             event_column("index", &E::index, "pages", "first page of the file"),
             event_column("i_ino", &E::i_ino, "", "the file"),
             event_column("task", &E::task, "", "who reads"),
             event_column("pages", &E::pages, "pages", "read"),
             event_column("missing", &E::missing, "pages", "of those: were not in the page cache"),
             event_column("cpu", &E::cpu, "", "CPU")},
            "file reads"};
}

EventSchema ReclaimEvent::schema() {
    using E = ReclaimEvent;
    return {"reclaim",
            "passes of page reclaim over a node",
            sizeof(E),
            {event_column("time", &E::time, "ps", "when the kernel path began with it"),
             event_column("latency", &E::latency, "ps", "to its end"),
             event_column("task", &E::task, "", "kswapd, or the task that asked for memory"),
             event_column("scanned", &E::scanned, "pages", "of inactive lists"),
             event_column("reclaimed", &E::reclaimed, "pages", "freed"),
             event_column("written", &E::written, "pages", "on their way to swap"),
             event_column("refilled", &E::refilled, "pages", "of active lists, scanned"),
             event_column("cpu", &E::cpu, "", "CPU"), event_column("node", &E::node, "", "NUMA node"),
             event_column("priority", &E::priority, "", "part of the lists to scan, as a shift"),
             event_column("order", &E::order, "", "log2 of the frames that are needed in one block"),
             event_column("by", &E::by, "", "who reclaims")},
            "reclaim passes"};
}

EventSchema KillEvent::schema() {
    using E = KillEvent;
    return {"kills",
            "programs that the kernel killed",
            sizeof(E),
            {event_column("time", &E::time, "ps", "when it was decided"),
             event_column("address", &E::address, "", "virtual address of the access; 0 without memory"),
             event_column("task", &E::task, "", "task, or the process's first"),
             event_column("access", &E::access, "", "what the program did; read without memory"),
             event_column("reason", &E::reason, "", "why")},
            "programs killed"};
}

EventSchema DriverEvent::schema() {
    using E = DriverEvent;
    return {
        "driver",
        "operations of the allocation driver",
        sizeof(E),
        {event_column("time", &E::time, "ps", "when the kernel path reached the call"),
         event_column("latency", &E::latency, "ps", "from the call to its return"),
         event_column("address", &E::address, "", "of the object; 0 for a failure"),
         event_column("bytes", &E::bytes, "bytes", "asked for"), event_column("task", &E::task, "", "task"),
         event_column("cpu", &E::cpu, "", "CPU"),
         event_column("call", &E::call, "", "what was called", {driver_calls.begin(), driver_calls.end()})},
        "operations of the allocation driver",
        {0}};
}

} // namespace pagewalk::os
