#pragma once

#include "base/address.h"
#include "os/kernel/frame_allocator.h"
#include "os/kernel/operation.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pagewalk::os {

enum class ObjectKind : std::uint8_t {
    VmArea,
    Mm,
    AnonVma,
    AnonVmaChain,
    Task,
    File,
    Inode,
    Credentials,
    Files,
    FileSystemState,
    SignalHandlers,
    Signals,
};
inline constexpr std::size_t object_kind_count = 12;

/// A cache's geometry. Source: slabinfo of Debian 6.1.192 (vm_area_struct, mm_struct, anon_vma,
/// anon_vma_chain, task_struct, filp, ext4_inode_cache,
/// cred_jar, files_cache, fs_cache, sighand_cache, signal_cache).
struct ObjectGeometry {
    std::uint32_t object_bytes = 0;
    std::uint8_t slab_order = 0;
    std::uint16_t objects_per_slab = 0;
};

/// Caches of kernel objects on pages of the page allocator. Each slab keeps its own free objects, last in
/// first out; objects come from the slab in use until it is full, then from the partial slab that was added
/// last. Empty slabs beyond a few per cache are given back.
class ObjectCaches {
public:
    explicit ObjectCaches(FrameAllocator& frames);

    /// Address of a new object. Throws RunError when no memory is left.
    [[nodiscard]] VirtAddr allocate(Operation& op, ObjectKind kind);
    void free(Operation& op, ObjectKind kind, VirtAddr object);

    [[nodiscard]] std::uint64_t pages() const { return m_pages; }
    [[nodiscard]] std::uint64_t objects(ObjectKind kind) const { return cache(kind).in_use; }
    [[nodiscard]] static const ObjectGeometry& geometry(ObjectKind kind);

private:
    static constexpr std::size_t kept_empty = 5; // MIN_PARTIAL of SLUB

    struct Slab {
        Pfn frame = no_pfn;
        bool partial = false; ///< listed in `partial`
        std::vector<std::uint16_t> free;
    };
    struct Cache {
        std::vector<Slab> slabs; ///< index is the owner word of the slab's first frame
        std::vector<std::uint32_t> unused;
        std::vector<std::uint32_t> partial;
        std::uint32_t current = no_slab;
        std::uint64_t in_use = 0;
    };
    static constexpr std::uint32_t no_slab = 0xffffffff;

    [[nodiscard]] Cache& cache(ObjectKind kind) { return m_caches[static_cast<std::size_t>(kind)]; }
    [[nodiscard]] const Cache& cache(ObjectKind kind) const {
        return m_caches[static_cast<std::size_t>(kind)];
    }
    [[nodiscard]] std::uint32_t add_slab(Operation& op, ObjectKind kind);

    FrameAllocator& m_frames;
    std::array<Cache, object_kind_count> m_caches;
    std::uint64_t m_pages = 0;
};

} // namespace pagewalk::os
