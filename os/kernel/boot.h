#pragma once

#include "base/ids.h"
#include "base/option.h"
#include "contract/page_table.h"
#include "os/page/memory_map.h"
#include "os/path/kernel_addresses.h"

#include <array>
#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// Levels of the page tables: 4, or 5 with 57-bit addresses.
enum class PagingLevels : std::uint8_t { Four = 4, Five = 5 };

/// What lies below 4 GiB besides memory.
enum class Firmware : std::uint8_t {
    Bare, ///< nothing: all memory but 640 KiB to 1 MiB is usable, the hole begins at 3 GiB
    Pc,   ///< QEMU 7.2's `pc` machine with SeaBIOS: the e820 of the captured machines
};

struct FirmwareConfig {
    Firmware kind = Firmware::Bare;
    /// Pc: bytes at the end of the memory below 4 GiB that hold the ACPI tables. Source: e820 of the captured
    /// machines, 140 KiB on x86-64 and 128 KiB on i386.
    std::uint64_t tables = 140ULL << 10;
};

/// An e820-like map of a PC: `node_bytes[i]` of memory on node i, the hole below 4 GiB moved above it, 640
/// KiB to 1 MiB left out. CPUs are dealt in equal runs to all nodes but the last `memory_only`; nodes may
/// outnumber them. Throws ConfigError for a node without memory, or where the firmware's tables do not fit.
[[nodiscard]] MemoryMap pc_memory_map(const std::vector<std::uint64_t>& node_bytes, std::size_t cpus,
                                      const FirmwareConfig& firmware = {}, std::size_t memory_only = 0);

/// What the kernel takes before the page allocator starts.
struct BootLayout {
    MemoryMap map; ///< the machine's, with the kernel's own memory in `reserved`
    KernelAddresses addresses;
    std::vector<PhysRange> table_frames;             ///< reserved for the kernel's page tables
    std::array<std::uint64_t, 2> direct_map_bytes{}; ///< mapped with 2 MiB and with 1 GiB pages
    PhysRange swiotlb{};                             ///< reserved for bounce buffers; empty: none
    std::vector<PhysRange> memmap; ///< reserved behind the vmemmap, 64 bytes a frame, 2 MiB pieces
};

/// Reserves the kernel image, the memmap of each node, node data, per-CPU areas, the zero page, the kernel's
/// page tables and, below 4 GiB, so many bytes of bounce buffers. Throws ConfigError where they do not fit.
[[nodiscard]] BootLayout lay_out_kernel(const MemoryMap& map, PagingLevels levels, std::uint64_t swiotlb = 0);

/// Fills the kernel half of the page tables with real entries: direct map with 1 GiB and 2 MiB pages, vmemmap
/// and kernel text with 2 MiB pages, all global. Sets layout.addresses.root.
void build_kernel_tables(BootLayout& layout, PageTableMemory& tables, PagingLevels levels);

} // namespace pagewalk::os
