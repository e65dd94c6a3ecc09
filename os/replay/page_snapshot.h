#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "os/page/migratetype.h"
#include "os/page/page_allocator.h"
#include "os/page/zone_type.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// One per-CPU list set of a snapshot.
struct PcpSnapshot {
    std::int64_t count = 0, high = 0, batch = 1;
    unsigned free_factor = 0, expire = 0;
    std::int32_t stat_threshold = 0, free_diff = 0;
    std::array<std::vector<Pfn>, PerCpuPages::list_count> lists;
    std::array<std::vector<std::uint32_t>, PerCpuPages::list_count> types; ///< saved type of each block
};

struct ZoneSnapshot {
    NodeId node{};
    unsigned kernel_index = 0; ///< the zone's number in that kernel
    ZoneType type = ZoneType::Normal;
    Pfn start{};
    std::uint64_t spanned = 0, present = 0, managed = 0;
    std::array<std::uint64_t, 4> watermarks{};
    std::uint64_t boost = 0;
    std::uint32_t flags = 0;
    std::uint64_t highatomic = 0, isolated = 0;
    std::vector<std::uint64_t> lowmem_reserve; ///< by the kernel's zone number
    std::int64_t free_pages = 0;
    std::array<std::array<std::vector<Pfn>, 5>, max_order> free_lists; ///< by order and type
    std::array<std::uint64_t, max_order> free_counts{};
    std::vector<PcpSnapshot> pcp;
    CompactionState compaction;
};

struct PageblockRun {
    std::uint64_t first = 0; ///< frame
    std::uint64_t blocks = 0;
    Migratetype type = Migratetype::Unmovable;
};

struct FrameRun {
    std::uint64_t first = 0; ///< frame
    std::uint64_t frames = 0;
    std::uint32_t word =
        0; ///< low bits page flags; 28 free, 27 page table, 29 tail, 30 no references, 31 migratable
};

/// A real kernel's page allocator at one instant, as its snapshot text has it.
struct PageSnapshot {
    std::size_t cpus = 1, nodes = 1;
    unsigned pageblock_order = 9;
    std::vector<ZoneSnapshot> zones;
    std::vector<PageblockRun> pageblocks;
    std::vector<FrameRun> frames;

    /// Errors: InputError naming `name`, the line and the field of what cannot be understood or contradicts
    /// another line (a list's length, a frame outside its zone, an event the capture missed).
    [[nodiscard]] static PageSnapshot parse(std::string_view text, const std::string& name);

    [[nodiscard]] ZoneLayout layout() const;
    /// An allocator in exactly this state. `distances` as in node_and_misc, empty = 10 and 20; `cpu_nodes`
    /// empty = spread evenly.
    [[nodiscard]] std::unique_ptr<PageAllocator> build() const;
};

} // namespace pagewalk::os
