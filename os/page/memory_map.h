#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "os/page/zone_type.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pagewalk::os {

/// Bytes [begin, end) of physical memory.
struct PhysRange {
    PhysAddr begin{};
    PhysAddr end{};

    bool operator==(const PhysRange&) const = default;
};

struct NumaRange {
    NodeId node{};
    PhysRange range;
};

/// A range of physical addresses that /proc/iomem names ("System RAM", "Kernel code").
struct PhysicalResource {
    PhysRange range;
    std::string name;
};

/// What the firmware and the boot loader tell the kernel about a machine, and how much the kernel itself had
/// taken before it handed memory to the page allocator.
struct MemoryMap {
    ZoneLayout layout = ZoneLayout::X86_64;
    std::vector<PhysRange> usable; ///< e820 "usable" ranges, ascending, after the kernel's trimming
    std::vector<NumaRange> numa;   ///< SRAT; empty = one node
    std::vector<std::vector<unsigned>> distances; ///< SLIT; empty = 10 to itself, 20 to others
    std::vector<PhysRange>
        reserved; ///< never given to the allocator: kernel image, memmap, early allocations
    /// Given to the allocator after watermarks were computed (init memory, initrd): managed, but not in
    /// watermarks.
    std::vector<PhysRange> freed_late;
    IndexedVec<CpuId, NodeId> cpus{NodeId{0}}; ///< the node of each CPU
    std::optional<std::uint64_t> kernelcore_bytes;
    std::optional<std::uint64_t> movablecore_bytes;
    /// What /proc/iomem shows, in any order. The allocator does not read it.
    std::vector<PhysicalResource> resources;
    unsigned pageblock_order = 9; ///< 10 where the kernel has no HUGETLB
    std::uint64_t lowmem_bytes =
        896ULL << 20;                  ///< i386: where HighMem begins. Source: x86 VMALLOC_RESERVE of 128 MiB
    bool transparent_hugepages = true; ///< khugepaged raises min_free_kbytes; off below 512 MiB

    /// Errors: ConfigError when ranges overlap or are out of order, a CPU is on an unknown node, the distance
    /// table has another size than there are nodes, or kernelcore and movablecore are both given.
    void validate() const;
    [[nodiscard]] std::size_t node_count() const;
    [[nodiscard]] unsigned distance(NodeId from, NodeId to) const;
};

/// Frames of one zone of one node as boot lays them out.
struct ZoneRange {
    NodeId node{};
    ZoneType type = ZoneType::Normal;
    Pfn begin{}; ///< spanned
    Pfn end{};
    std::uint64_t present = 0; ///< frames of usable memory between them
};

/// The machine's zones, node by node, lowest first; empty zones are left out. `reserved` memory is present.
[[nodiscard]] std::vector<ZoneRange> lay_out_zones(const MemoryMap& map);

/// Whole usable frames of the map, ascending: [first, second).
[[nodiscard]] std::vector<std::pair<Pfn, Pfn>> usable_frames(const MemoryMap& map);

} // namespace pagewalk::os
