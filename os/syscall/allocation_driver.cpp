#include "os/syscall/allocation_driver.h"

#include <algorithm>
#include <array>

namespace pagewalk::os {
namespace {

constexpr std::size_t kept_reports = 100;
constexpr std::array<const char*, 4> kinds{"kmem_cache", "kmalloc", "vmalloc", "alloc_pages"};

} // namespace

void AllocationDriver::report(std::string what) {
    if (m_reports.size() < kept_reports) m_reports.push_back("allocation driver: " + std::move(what));
}

void AllocationDriver::declare(StatGroup group) const {
    group.gauge("live_objects", m_live_objects, "count", "objects of the allocation driver now");
    group.gauge("live_bytes", m_live_bytes, "bytes", "bytes that it has asked for and not freed");
    group.gauge("slab_pages", m_slab_pages, "pages",
                "pages that the object allocator holds now, beyond those at the driver's first call");
    group.gauge("live_slot_bytes", m_live_slot_bytes, "bytes", "bytes that these take from their allocators");
}

void AllocationDriver::serve(Operation& op, const SyscallRecord& record) {
    if (!m_first_pages) m_first_pages = m_objects.pages();
    op.path.call(KernelFunction::DriverIoctl);
    dispatch(op, record);
    m_slab_pages = m_objects.pages() - std::min(m_objects.pages(), *m_first_pages);
}

void AllocationDriver::dispatch(Operation& op, const SyscallRecord& record) {
    switch (static_cast<DriverCall>(record.number)) {
    case DriverCall::CacheCreate:
        create_cache(op, record);
        break;
    case DriverCall::CacheDestroy:
        destroy_cache(op, record.arguments[0]);
        break;
    case DriverCall::CacheAllocate:
        allocate(op, Kind::Cached, record);
        break;
    case DriverCall::CacheFree:
        free(op, Kind::Cached, record);
        break;
    case DriverCall::Kmalloc:
        allocate(op, Kind::Kmalloc, record);
        break;
    case DriverCall::Kfree:
        free(op, Kind::Kmalloc, record);
        break;
    case DriverCall::Vmalloc:
        allocate(op, Kind::Vmalloc, record);
        break;
    case DriverCall::Vfree:
        free(op, Kind::Vmalloc, record);
        break;
    case DriverCall::AllocatePages:
        allocate(op, Kind::Pages, record);
        break;
    case DriverCall::FreePages:
        free(op, Kind::Pages, record);
        break;
    }
}

void AllocationDriver::create_cache(Operation& op, const SyscallRecord& record) {
    const std::uint64_t handle = record.arguments[0];
    if (m_caches.contains(handle)) return report("cache handle " + std::to_string(handle) + " is in use");
    const CacheSpec spec{.name = "driver-" + std::to_string(handle),
                         .size = record.arguments[1],
                         .align = static_cast<std::uint32_t>(record.arguments[2]),
                         .flags = SlabFlags(static_cast<std::uint32_t>(record.arguments[3])),
                         .usersize = static_cast<std::uint32_t>(record.arguments[1])}; // never merged
    if (const auto cache = m_objects.create(op, spec)) m_caches.emplace(handle, *cache);
}

void AllocationDriver::destroy_cache(Operation& op, std::uint64_t handle) {
    const auto found = m_caches.find(handle);
    if (found == m_caches.end())
        return report("cache handle " + std::to_string(handle) + " stands for nothing");
    if (m_objects.destroy(op, *found->second)) m_caches.erase(found);
}

bool AllocationDriver::make(Operation& op, Object& object, std::uint64_t what, GfpMask mask) {
    switch (object.kind) {
    case Kind::Cached: {
        const auto cache = m_caches.find(what);
        if (cache == m_caches.end()) {
            report("cache handle " + std::to_string(what) + " stands for nothing");
            return false;
        }
        object.cache = cache->second;
        object.bytes = object.cache->object_size;
        object.slot = object.cache->size;
        const auto address = m_objects.allocate(op, *object.cache, mask, KernelFunction::DriverIoctl);
        if (address) object.address = *address;
        return address.has_value();
    }
    case Kind::Kmalloc: {
        object.bytes = what;
        const auto address = m_objects.kmalloc(op, what, mask, KernelFunction::DriverIoctl);
        if (address) object.address = *address;
        if (address) object.slot = m_objects.usable_size(*address);
        return address.has_value();
    }
    case Kind::Vmalloc: {
        object.bytes = what;
        object.slot = (what + page_size - 1) & ~(page_size - 1);
        const auto address = m_vmalloc.allocate(op, what, mask);
        if (address) object.address = *address;
        return address.has_value();
    }
    case Kind::Pages: {
        object.order = static_cast<unsigned>(std::min<std::uint64_t>(what, max_order));
        object.bytes = object.slot = page_size << object.order;
        op.path.call(KernelFunction::AllocPages);
        const auto frame = m_frames.allocate(
            op, {.mask = mask, .order = object.order, .purpose = AllocationPurpose::Driver});
        if (frame) object.frame = *frame;
        if (frame) object.address = kernel_layout::direct_map(address_of(*frame));
        return frame.has_value();
    }
    }
    return false;
}

void AllocationDriver::touch(Operation& op, const Object& object, std::uint64_t bytes) {
    bytes = std::min(bytes, object.bytes);
    for (std::uint64_t at = 0; at < bytes; at += line_size) op.path.store(object.address + at);
}

void AllocationDriver::allocate(Operation& op, Kind kind, const SyscallRecord& record) {
    const auto& arguments = record.arguments;
    const GfpMask mask = arguments[3] == 0 ? gfp::kernel : GfpMask(static_cast<std::uint32_t>(arguments[3]));
    for (std::uint64_t i = 0; i < arguments[2]; ++i) {
        const std::uint64_t handle = arguments[1] + i;
        if (m_live.contains(handle)) {
            report(std::string(kinds[static_cast<std::size_t>(kind)]) + ": handle " + std::to_string(handle) +
                   " is in use");
            continue;
        }
        Object object{.kind = kind};
        const std::uint32_t begin = op.path.mark();
        const bool made = make(op, object, arguments[0], mask);
        note(op, static_cast<DriverCall>(record.number), object, begin);
        if (!made) continue;
        touch(op, object, arguments[4]);
        m_live_bytes += object.bytes;
        m_live_slot_bytes += object.slot;
        ++m_live_objects;
        m_live.emplace(handle, object);
    }
}

void AllocationDriver::drop(Operation& op, const Object& object) {
    switch (object.kind) {
    case Kind::Cached:
        m_objects.free(op, *object.cache, object.address, KernelFunction::DriverIoctl);
        break;
    case Kind::Kmalloc:
        m_objects.kfree(op, object.address, KernelFunction::DriverIoctl);
        break;
    case Kind::Vmalloc:
        m_vmalloc.free(op, object.address);
        break;
    case Kind::Pages:
        m_frames.free(op, object.frame, object.order);
        break;
    }
}

void AllocationDriver::free(Operation& op, Kind kind, const SyscallRecord& record) {
    for (std::uint64_t i = 0; i < record.arguments[2]; ++i) {
        const std::uint64_t handle = record.arguments[1] + i;
        const auto found = m_live.find(handle);
        if (found == m_live.end() || found->second.kind != kind) {
            report(std::string(kinds[static_cast<std::size_t>(kind)]) + ": handle " + std::to_string(handle) +
                   " stands for nothing to free");
            continue;
        }
        const Object object = found->second;
        m_live.erase(found);
        m_live_bytes -= object.bytes;
        m_live_slot_bytes -= object.slot;
        --m_live_objects;
        const std::uint32_t begin = op.path.mark();
        drop(op, object);
        note(op, static_cast<DriverCall>(record.number), object, begin);
    }
}

void AllocationDriver::note(Operation& op, DriverCall call, const Object& object, std::uint32_t begin) {
    op.log.driver_calls.push_back(
        {{.address = object.address.value(),
          .bytes = object.bytes,
          .task = static_cast<std::uint32_t>(op.task),
          .cpu = static_cast<std::uint16_t>(op.cpu),
          .call = static_cast<std::uint8_t>(static_cast<std::uint32_t>(call) -
                                            static_cast<std::uint32_t>(DriverCall::CacheCreate))},
         begin,
         op.path.mark()});
}

} // namespace pagewalk::os
