#include "os/kernel/boot.h"

#include "base/error.h"
#include "contract/kernel_layout.h"

#include <algorithm>
#include <numeric>
#include <string>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;
constexpr std::uint64_t gib = 1ULL << 30;
constexpr std::uint64_t large = 2 * mib;
constexpr PhysRange low_memory{PhysAddr(0x1000), PhysAddr(0x9f000)}; // below the legacy hole; frame 0 is kept
constexpr PhysAddr legacy_end{mib};
constexpr std::uint64_t pci_hole_start = 3 * gib; // QEMU's and most PCs' memory below 4 GiB
constexpr PhysAddr image_start{16 * mib};         // CONFIG_PHYSICAL_START

constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t to) {
    return (value + to - 1) & ~(to - 1);
}
constexpr std::uint64_t align_down(std::uint64_t value, std::uint64_t to) { return value & ~(to - 1); }

/// Sections of the kernel image in KiB, in their order in memory; the image has no gaps here.
struct ImageSections {
    std::uint64_t code, rodata, data, init, bss;

    [[nodiscard]] std::uint64_t bytes() const {
        return align_up((code + rodata + data + init + bss) << 10, mib);
    }
};
/// Source: dmesg, "Memory:", of Debian's 6.1.0-56-amd64 and 6.1.0-50-686-pae.
constexpr ImageSections image_x86_64{14343, 9132, 2338, 2824, 17344};
constexpr ImageSections image_i386{9423, 3188, 1265, 928, 476};

constexpr const ImageSections& image_of(const MemoryMap& map) {
    return map.layout == ZoneLayout::I386 ? image_i386 : image_x86_64;
}
PhysAddr image_end(const MemoryMap& map) { return image_start + image_of(map).bytes(); }

/// QEMU 7.2's pc machine: memory is split where 3.5 GiB or more would reach the PCI hole, and then at 3 GiB.
constexpr std::uint64_t pc_split_from = 3 * gib + gib / 2;
constexpr PhysRange pc_low_memory{PhysAddr(0x1000), PhysAddr(0x9fc00)}; // the extended BIOS data area follows

/// Takes memory from the top of a node, as memblock does.
class EarlyMemory {
public:
    explicit EarlyMemory(MemoryMap& map) : m_map(map) {
        for (std::size_t node = 0; node < map.node_count(); ++node)
            m_free.push_back(ranges_of(NodeId(static_cast<std::uint16_t>(node))));
    }

    PhysRange take(NodeId node, std::uint64_t bytes, std::uint64_t align) {
        if (const auto found = take_from(m_free[index_of(node)], bytes, align)) return *found;
        return take_below(PhysAddr(~std::uint64_t{0}), bytes, align);
    }
    /// Ranges end at 4 GiB where they come near.
    PhysRange take_below(PhysAddr limit, std::uint64_t bytes, std::uint64_t align) {
        for (auto& free : m_free)
            if (const auto found = take_from(free, bytes, align, limit)) return *found;
        throw ConfigError("memory: the kernel's own data (" + format_quantity(bytes, Unit::Bytes) +
                          " more) does not fit; give the machine at least 128MiB");
    }

private:
    std::vector<PhysRange> ranges_of(NodeId node) const {
        std::vector<PhysRange> ranges;
        const auto add = [&](PhysAddr begin, PhysAddr end) {
            begin = std::max(begin, image_end(m_map));
            // What the 32-bit kernel cannot address all the time is no place for its own data.
            if (m_map.layout == ZoneLayout::I386) end = std::min(end, PhysAddr(m_map.lowmem_bytes));
            if (begin < end) ranges.push_back({begin, end});
        };
        for (const PhysRange& range : m_map.usable) {
            if (m_map.numa.empty()) {
                add(range.begin, range.end);
                continue;
            }
            for (const NumaRange& part : m_map.numa)
                if (part.node == node)
                    add(std::max(part.range.begin, range.begin), std::min(part.range.end, range.end));
        }
        return ranges;
    }
    std::optional<PhysRange> take_from(std::vector<PhysRange>& ranges, std::uint64_t bytes,
                                       std::uint64_t align, PhysAddr limit = PhysAddr(~std::uint64_t{0})) {
        for (auto range = ranges.rbegin(); range != ranges.rend(); ++range) {
            const std::uint64_t size = range->end - range->begin;
            if (size < bytes || range->end > limit) continue;
            const std::uint64_t begin = align_down(range->end.value() - bytes, align);
            if (begin < range->begin.value()) continue;
            const PhysRange taken{PhysAddr(begin), PhysAddr(begin + bytes)};
            m_map.reserved.push_back(taken);
            // What alignment leaves above stays with the page allocator.
            range->end = taken.begin;
            return taken;
        }
        return std::nullopt;
    }

    MemoryMap& m_map;
    std::vector<std::vector<PhysRange>> m_free;
};

PhysAddr end_of_memory(const MemoryMap& map) { return map.usable.back().end; }

/// Leaves that the direct map needs: whole usable memory from 0, large pages where they fit.
template <class Leaf>
void for_each_direct_leaf(const MemoryMap& map, const Leaf& leaf) {
    std::uint64_t at = 0;
    for (const PhysRange& range : map.usable) {
        at = std::max(at, align_down(range.begin.value(), large));
        const std::uint64_t end = align_up(range.end.value(), large);
        while (at < end) {
            const bool giant = at % gib == 0 && at + gib <= end;
            leaf(PhysAddr(at), giant ? 3U : 2U);
            at += giant ? gib : large;
        }
    }
}

/// Makes kernel tables from frames reserved for them.
class TableBuilder {
public:
    TableBuilder(BootLayout& layout, PageTableMemory& tables, unsigned levels)
        : m_layout(layout), m_tables(tables), m_levels(levels), m_root(next()) {
        m_tables.add(m_root);
    }

    void map(VirtAddr address, PhysAddr target, unsigned leaf_level, std::uint64_t flags) {
        PageTableMemory::Table* table = &m_tables.table(m_root);
        for (unsigned level = m_levels; level > leaf_level; --level) {
            PageTableEntry& entry = (*table)[table_index(address, level)];
            if (!entry.present()) {
                const Pfn frame = next();
                m_tables.add(frame);
                entry = PageTableEntry(frame, PageTableEntry::Present | PageTableEntry::Writable);
            }
            table = &m_tables.table(entry.frame());
        }
        (*table)[table_index(address, leaf_level)] = PageTableEntry(
            pfn_of(target), flags | PageTableEntry::Present | PageTableEntry::Global | PageTableEntry::Huge |
                                PageTableEntry::Accessed | PageTableEntry::Dirty);
    }
    [[nodiscard]] Pfn root() const { return m_root; }

private:
    Pfn next() {
        const PhysRange& range = m_layout.table_frames.front();
        const PhysAddr at = range.begin + m_used * page_size;
        PAGEWALK_INVARIANT(at < range.end);
        ++m_used;
        return pfn_of(at);
    }

    BootLayout& m_layout;
    PageTableMemory& m_tables;
    unsigned m_levels;
    std::uint64_t m_used = 0;
    Pfn m_root;
};

void add_image_resources(MemoryMap& map) {
    const ImageSections& image = image_of(map);
    PhysAddr at = image_start;
    const auto add = [&](std::uint64_t kib, const char* name) {
        map.resources.push_back({{at, at + (kib << 10)}, name});
        at = at + (kib << 10);
    };
    add(image.code, "Kernel code");
    add(image.rodata, "Kernel rodata");
    add(image.data, "Kernel data");
    at = at + (image.init << 10); // /proc/iomem does not show it
    add(image.bss, "Kernel bss");
}

/// Takes the ACPI tables' memory and names what the firmware reserves. Source: e820 of the captured machines.
void reserve_for_firmware(MemoryMap& map, std::uint64_t tables) {
    const auto low =
        std::ranges::find_if(map.usable, [](const PhysRange& range) { return range.begin == legacy_end; });
    if (low == map.usable.end() || low->end - low->begin <= tables)
        throw ConfigError("memory: the firmware's tables (" + format_quantity(tables, Unit::Bytes) +
                          ") do not fit below 4GiB");
    const auto reserve = [&](std::uint64_t begin, std::uint64_t end) {
        map.resources.push_back({{PhysAddr(begin), PhysAddr(end)}, "Reserved"});
    };
    reserve(pc_low_memory.end.value(), 0xa0000);          // extended BIOS data area
    reserve(0xf0000, legacy_end.value());                 // BIOS
    reserve(low->end.value() - tables, low->end.value()); // ACPI tables
    reserve(4 * gib - 256 * 1024, 4 * gib);               // BIOS flash
    reserve(0xfd'0000'0000, 0x100'0000'0000);             // HyperTransport, with AMD's CPUs
    low->end = PhysAddr(low->end.value() - tables);
    // Linux gives nothing of the first MiB away: firmware writes there.
    map.reserved.push_back({PhysAddr{}, legacy_end});
}

} // namespace

MemoryMap pc_memory_map(const std::vector<std::uint64_t>& node_bytes, std::size_t cpus,
                        const FirmwareConfig& firmware, std::size_t memory_only) {
    MemoryMap map;
    const bool is_pc = firmware.kind == Firmware::Pc;
    const std::uint64_t total = std::accumulate(node_bytes.begin(), node_bytes.end(), std::uint64_t{0});
    const std::uint64_t hole = is_pc && total < pc_split_from ? pc_split_from : pci_hole_start;
    std::uint64_t at = 0;
    for (std::size_t node = 0; node < node_bytes.size(); ++node) {
        std::uint64_t left = align_down(node_bytes[node], large);
        if (left == 0)
            throw ConfigError("memory: node " + std::to_string(node) + " has less than 2MiB of memory");
        while (left != 0) {
            if (at == hole) at = 4 * gib;
            const std::uint64_t size = at < hole ? std::min(left, hole - at) : left;
            const PhysRange range{PhysAddr(at), PhysAddr(at + size)};
            map.numa.push_back({NodeId(static_cast<std::uint16_t>(node)), range});
            if (range.begin == PhysAddr{} && range.end > legacy_end) {
                map.usable.push_back(is_pc ? pc_low_memory : low_memory);
                map.usable.push_back({legacy_end, range.end});
            } else if (!map.usable.empty() && map.usable.back().end == range.begin) {
                map.usable.back().end = range.end;
            } else {
                map.usable.push_back(range);
            }
            at += size;
            left -= size;
        }
    }
    map.resources.push_back({{PhysAddr{}, PhysAddr(page_size)}, "Reserved"});
    if (is_pc) reserve_for_firmware(map, firmware.tables);
    for (const PhysRange& range : map.usable) map.resources.push_back({range, "System RAM"});
    map.cpus.resize(cpus);
    const std::size_t nodes_with_cpus = node_bytes.size() - memory_only;
    const std::size_t per_node = (cpus + nodes_with_cpus - 1) / nodes_with_cpus;
    for (std::size_t cpu = 0; cpu < cpus; ++cpu)
        map.cpus[CpuId(static_cast<std::uint16_t>(cpu))] =
            NodeId(static_cast<std::uint16_t>(std::min(cpu / per_node, nodes_with_cpus - 1)));
    return map;
}

BootLayout lay_out_kernel(const MemoryMap& map, PagingLevels levels, std::uint64_t swiotlb) {
    BootLayout layout;
    layout.map = map;
    if (map.usable.empty() || end_of_memory(map) < image_end(map))
        throw ConfigError(
            "memory: the machine ends below the kernel image at 16MiB; give it at least 128MiB");
    layout.map.reserved.push_back({image_start, image_end(map)});
    add_image_resources(layout.map);
    EarlyMemory early(layout.map);

    if (swiotlb != 0) layout.swiotlb = early.take_below(PhysAddr(4 * gib), swiotlb, large);
    const std::size_t nodes = layout.map.node_count();
    const auto node_of = [](std::size_t i) { return NodeId(static_cast<std::uint16_t>(i)); };
    layout.addresses.node_data.resize(nodes);
    for (std::size_t i = 0; i < nodes; ++i)
        layout.addresses.node_data[node_of(i)] = kernel_layout::direct_map(
            early.take(node_of(i), KernelAddresses::node_data_bytes, page_size).begin);

    // A 2 MiB piece of the vmemmap describes 128 MiB; it lies on the node of the memory it describes. A
    // struct page of the 32-bit kernel is half as large.
    const std::uint64_t described =
        large / kernel_layout::struct_page_size * page_size * (map.layout == ZoneLayout::I386 ? 2 : 1);
    for (std::uint64_t at = 0; at < end_of_memory(map).value(); at += described) {
        const auto touches = [&](const PhysRange& range) {
            return range.begin.value() < at + described && range.end.value() > at;
        };
        if (std::ranges::none_of(map.usable, touches)) {
            layout.memmap.push_back({});
            continue;
        }
        const auto owner =
            std::ranges::find_if(map.numa, [&](const NumaRange& range) { return touches(range.range); });
        layout.memmap.push_back(early.take(owner == map.numa.end() ? NodeId{} : owner->node, large, large));
    }

    layout.addresses.percpu.resize(layout.map.cpus.size());
    for (std::size_t i = 0; i < layout.map.cpus.size(); ++i) {
        const auto cpu = static_cast<CpuId>(i);
        layout.addresses.percpu[cpu] = kernel_layout::direct_map(
            early.take(layout.map.cpus[cpu], KernelAddresses::percpu_bytes, page_size).begin);
    }
    layout.addresses.zero_page = pfn_of(early.take(NodeId{}, page_size, page_size).begin);

    std::uint64_t large_leaves = 0;
    for_each_direct_leaf(map, [&](PhysAddr, unsigned level) { large_leaves += level == 2 ? 1 : 0; });
    // One table for 512 large leaves, wherever they are, plus the upper levels; what is left over stays
    // reserved.
    const std::uint64_t direct = large_leaves / entries_per_table + 2 * map.usable.size() +
                                 end_of_memory(map).value() / level_span(4) + 1;
    const std::uint64_t memmap = layout.memmap.size() / entries_per_table + 2;
    const std::uint64_t count = 1 + direct + memmap + 4 + 3 * static_cast<std::uint64_t>(levels);
    layout.table_frames.push_back(early.take(NodeId{}, count * page_size, page_size));
    std::ranges::sort(layout.map.reserved, {}, [](const PhysRange& range) { return range.begin; });
    return layout;
}

void build_kernel_tables(BootLayout& layout, PageTableMemory& tables, PagingLevels levels) {
    TableBuilder builder(layout, tables, static_cast<unsigned>(levels));
    constexpr std::uint64_t data = PageTableEntry::Writable | PageTableEntry::NoExecute;
    for_each_direct_leaf(layout.map, [&](PhysAddr at, unsigned level) {
        builder.map(kernel_layout::direct_map(at), at, level, data);
        layout.direct_map_bytes[level - 2] += level_span(level);
    });
    for (std::size_t i = 0; i < layout.memmap.size(); ++i)
        if (layout.memmap[i].end != PhysAddr{})
            builder.map(kernel_layout::vmemmap_base + i * large, layout.memmap[i].begin, 2, data);
    for (std::uint64_t at = 0; at < image_of(layout.map).bytes(); at += large)
        builder.map(kernel_layout::text_base + at, image_start + at, 2, PageTableEntry::Writable);
    layout.addresses.root = builder.root();
}

} // namespace pagewalk::os
