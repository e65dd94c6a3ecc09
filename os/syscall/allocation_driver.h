#pragma once

#include "base/stats.h"
#include "contract/driver_calls.h"
#include "contract/instruction_stream.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_objects.h"
#include "os/path/operation.h"
#include "os/vm/kernel_vmalloc.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pagewalk::os {

/// The driver of contract/driver_calls.h: uses the kernel's allocators as a program asks it to. What a
/// program names wrongly (a handle that is in use or stands for nothing, a cache that is not there) is
/// reported and changes nothing.
class AllocationDriver {
public:
    AllocationDriver(FrameAllocator& frames, KernelObjects& objects, KernelVmalloc& vmalloc)
        : m_frames(frames), m_objects(objects), m_vmalloc(vmalloc) {}

    /// Contract: is_driver_call(record.number).
    void serve(Operation& op, const SyscallRecord& record);

    void declare(StatGroup group) const;
    /// Calls refused: "kfree: handle 7 stands for nothing".
    [[nodiscard]] const std::vector<std::string>& reports() const { return m_reports; }

private:
    enum class Kind : std::uint8_t { Cached, Kmalloc, Vmalloc, Pages };
    struct Object {
        Kind kind = Kind::Kmalloc;
        VirtAddr address{};
        std::uint64_t bytes = 0; ///< asked for
        std::uint64_t slot = 0;  ///< bytes that it takes from its allocator
        KmemCache* cache = nullptr;
        Pfn frame = no_pfn; ///< of pages
        unsigned order = 0;
    };

    void dispatch(Operation& op, const SyscallRecord& record);
    void create_cache(Operation& op, const SyscallRecord& record);
    void destroy_cache(Operation& op, std::uint64_t handle);
    void allocate(Operation& op, Kind kind, const SyscallRecord& record);
    void free(Operation& op, Kind kind, const SyscallRecord& record);
    [[nodiscard]] bool make(Operation& op, Object& object, std::uint64_t what, GfpMask mask);
    void drop(Operation& op, const Object& object);
    void touch(Operation& op, const Object& object, std::uint64_t bytes);
    void note(Operation& op, DriverCall call, const Object& object, std::uint32_t begin);
    void report(std::string what);

    FrameAllocator& m_frames;
    KernelObjects& m_objects;
    KernelVmalloc& m_vmalloc;
    std::unordered_map<std::uint64_t, KmemCache*> m_caches; // by handle
    std::unordered_map<std::uint64_t, Object> m_live;       // by handle
    std::uint64_t m_live_objects = 0;
    std::uint64_t m_live_bytes = 0;
    std::uint64_t m_live_slot_bytes = 0;
    std::optional<std::uint64_t> m_first_pages; ///< of the object allocator, when the driver was first called
    std::uint64_t m_slab_pages = 0;             ///< since then
    std::vector<std::string> m_reports;
};

} // namespace pagewalk::os
