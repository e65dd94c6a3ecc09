#pragma once

#include "base/ids.h"
#include "os/kernel/kernel_addresses.h"
#include "os/kernel/kernel_counters.h"
#include "os/kernel/operation.h"
#include "os/page/page_allocator.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <span>

namespace pagewalk::os {

/// What a frame's owner notes in PageDescriptor::owner_flags.
namespace frame_flags {
inline constexpr std::uint16_t anonymous = 1;
inline constexpr std::uint16_t file = 2; ///< in a page cache
inline constexpr std::uint16_t shmem = 4;
inline constexpr std::uint16_t dirty = 8;
inline constexpr std::uint16_t table = 16;
inline constexpr std::uint16_t kernel = 32;
inline constexpr std::uint16_t in_lru_batch = 64; ///< on its way to an LRU list, in some CPU's batch
} // namespace frame_flags

/// Are newly allocated pages cleared whoever asks? Debian's kernels do.
enum class InitOnAlloc : std::uint8_t { Off, On };

/// The page allocator as the rest of the kernel calls it: takes effect at once, and appends to the
/// operation's path what the call touches, between two marks.
class FrameAllocator {
public:
    FrameAllocator(PageAllocator& allocator, const KernelAddresses& addresses, KernelCounters& counters,
                   InitOnAlloc init_on_alloc)
        : m_allocator(allocator), m_addresses(addresses), m_counters(counters), m_init(init_on_alloc) {}

    struct Request {
        GfpMask mask;
        unsigned order = 0;
        AllocationPurpose purpose = AllocationPurpose::Anonymous;
        std::optional<NodeId> node; ///< preferred; the CPU's own where none is given
    };

    /// Frames with a reference count of 1. Errors: NoMemory as the kernel would return null.
    [[nodiscard]] std::expected<Pfn, AllocError> allocate(Operation& op, const Request& request);

    /// Frees a block; its descriptor must have no users left.
    void free(Operation& op, Pfn frame, unsigned order);
    /// Frees single frames, as the end of a munmap does.
    void free_batch(Operation& op, std::span<const Pfn> frames);

    [[nodiscard]] PageMap& pages() { return m_allocator.pages(); }
    [[nodiscard]] PageAllocator& allocator() { return m_allocator; }
    [[nodiscard]] const KernelAddresses& addresses() const { return m_addresses; }

private:
    [[nodiscard]] static AllocationSource source_of(const AllocTrace& trace);
    void describe(Operation& op, const Request& request, const AllocTrace& trace, const Zone& zone,
                  Pfn frame);
    void describe_lists(Operation& op, const AllocTrace& trace);
    void describe_free(Operation& op, const AllocTrace& trace);
    void forget(Pfn frame);

    PageAllocator& m_allocator;
    const KernelAddresses& m_addresses;
    KernelCounters& m_counters;
    InitOnAlloc m_init;
};

} // namespace pagewalk::os
