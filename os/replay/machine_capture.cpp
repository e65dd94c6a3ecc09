#include "os/replay/machine_capture.h"

#include "base/error.h"
#include "base/printable.h"
#include "os/page/page_map.h"
#include "os/replay/text_fields.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <regex>

namespace pagewalk::os {
namespace {

using FrameRange = std::pair<std::uint64_t, std::uint64_t>; // [first, second)

std::uint64_t number(const std::string& text, int base) { return std::stoull(text, nullptr, base); }

/// 1G, 512M, 4096K or bytes.
std::uint64_t bytes_with_suffix(const std::string& text) {
    std::size_t used = 0;
    std::uint64_t value = std::stoull(text, &used, 0);
    if (used < text.size()) switch (std::toupper(static_cast<unsigned char>(text[used]))) {
        case 'G':
            return value << 30;
        case 'M':
            return value << 20;
        case 'K':
            return value << 10;
        default:
            break;
        }
    return value;
}

struct Zoneinfo {
    unsigned node = 0;
    ZoneType type = ZoneType::Normal;
    std::uint64_t managed = 0;
};

/// A kernel resource of iomem in bytes, end exclusive.
std::optional<PhysRange> find_resource(const std::string& iomem, const std::string& name) {
    const std::regex line("([0-9a-f]+)-([0-9a-f]+) : " + name);
    std::smatch match;
    if (!std::regex_search(iomem, match, line)) return std::nullopt;
    return PhysRange{PhysAddr(number(match[1], 16)), PhysAddr(number(match[2], 16) + 1)};
}

class Builder {
public:
    explicit Builder(const CaptureFiles& files)
        : m_files(files), m_dmesg(files.read("dmesg")), m_iomem(files.read("iomem")) {}

    CapturedMachine build() {
        read_memory();
        read_layout();
        read_cpus();
        read_command_line();
        read_settings();
        read_zoneinfo();
        find_late_memory();
        read_resources();
        reserve();
        return std::move(m_machine);
    }

private:
    void read_memory() {
        static const std::regex line(R"(node\s+(\d+): \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\])");
        MemoryMap& map = m_machine.map;
        unsigned highest = 0;
        for_each_line(m_dmesg, [&](std::string_view text, std::size_t) {
            std::match_results<std::string_view::const_iterator> match;
            if (!std::regex_search(text.begin(), text.end(), match, line)) return;
            const auto node = static_cast<unsigned>(number(match[1], 10));
            const PhysRange range{PhysAddr(number(match[2], 16)), PhysAddr(number(match[3], 16) + 1)};
            highest = std::max(highest, node);
            map.usable.push_back(range);
            map.numa.push_back({static_cast<NodeId>(node), range});
        });
        if (map.usable.empty())
            throw InputError(m_files.path() + ": dmesg has no \"Early memory node ranges\"");
        std::ranges::sort(map.usable, {}, [](const PhysRange& range) { return range.begin; });
        if (highest == 0) map.numa.clear();
    }

    void read_layout() {
        MemoryMap& map = m_machine.map;
        std::smatch match;
        static const std::regex high(R"(HighMem\s+\[mem 0x([0-9a-f]+)-)");
        if (m_files.read("zoneinfo").find("zone  HighMem") != std::string::npos) {
            map.layout = ZoneLayout::I386;
            if (std::regex_search(m_dmesg, match, high)) map.lowmem_bytes = number(match[1], 16);
        } else if (m_files.read("zoneinfo").find("zone      DMA\n") == std::string::npos) {
            map.layout = ZoneLayout::X86_64NoDma;
        }
        if (m_files.contains("pagetypeinfo")) {
            static const std::regex order(R"(Page block order: (\d+))");
            if (std::regex_search(m_files.read("pagetypeinfo"), match, order))
                map.pageblock_order = static_cast<unsigned>(number(match[1], 10));
        }
    }

    void read_cpus() {
        MemoryMap& map = m_machine.map;
        std::smatch match;
        static const std::regex count(R"(nr_cpu_ids:(\d+))");
        if (!std::regex_search(m_dmesg, match, count))
            throw InputError(m_files.path() + ": dmesg does not say nr_cpu_ids");
        map.cpus = IndexedVec<CpuId, NodeId>(number(match[1], 10), NodeId{0});
        if (!m_files.contains("node_and_misc")) return;
        static const std::regex distance(R"(^node(\d+) distance: ([\d ]+))");
        static const std::regex list(R"(^node(\d+) cpulist: ([\d,-]*))");
        std::map<std::uint64_t, std::vector<unsigned>> rows; // of the nodes that are online, to those
        for_each_line(m_files.read("node_and_misc"), [&](std::string_view view, std::size_t) {
            const std::string text(view);
            if (std::regex_search(text, match, distance)) {
                std::vector<unsigned> row;
                const std::string values = match[2];
                static const std::regex word(R"(\d+)");
                for (std::sregex_iterator it(values.begin(), values.end(), word), end; it != end; ++it)
                    row.push_back(static_cast<unsigned>(number(it->str(), 10)));
                rows[number(match[1], 10)] = row;
            } else if (std::regex_search(text, match, list)) {
                const auto node = static_cast<NodeId>(number(match[1], 10));
                const std::string values = match[2];
                static const std::regex span(R"((\d+)(-(\d+))?)");
                for (std::sregex_iterator it(values.begin(), values.end(), span), end; it != end; ++it) {
                    const std::uint64_t first = number((*it)[1], 10);
                    const std::uint64_t last = (*it)[3].matched ? number((*it)[3], 10) : first;
                    for (std::uint64_t cpu = first; cpu <= last && cpu < map.cpus.size(); ++cpu)
                        map.cpus[static_cast<CpuId>(cpu)] = node;
                }
            }
        });
        set_distances(rows);
    }

    /// Nodes' numbers may have holes; those that are not online have no distances.
    void set_distances(const std::map<std::uint64_t, std::vector<unsigned>>& rows) {
        MemoryMap& map = m_machine.map;
        const std::size_t nodes = map.node_count();
        if (rows.empty() || rows.rbegin()->first >= nodes) return;
        constexpr unsigned local = 10;
        constexpr unsigned remote = 20; // Linux's defaults
        std::vector<std::vector<unsigned>> table(nodes, std::vector<unsigned>(nodes, remote));
        for (std::size_t node = 0; node < nodes; ++node) table[node][node] = local;
        for (const auto& [from, row] : rows) {
            if (row.size() != rows.size()) return;
            std::size_t column = 0;
            for (const auto& [to, ignored] : rows) table[from][to] = row[column++];
        }
        map.distances = std::move(table);
    }

    void read_command_line() {
        std::smatch match;
        static const std::regex core(R"(Kernel command line:.*\b(kernelcore|movablecore)=(\S+))");
        if (!std::regex_search(m_dmesg, match, core)) return;
        const std::string value = match[2];
        if (std::isdigit(static_cast<unsigned char>(value[0])) == 0)
            throw InputError(m_files.path() + ": dmesg: " + excerpt(match[1].str() + "=" + value) +
                             " is not modelled; allowed: a size such as 512M, or a percentage");
        // A percentage is of all memory, in whole pages.
        const std::uint64_t bytes = value.back() == '%'
                                        ? total_pages() * number(value, 10) / 100 << page_shift
                                        : bytes_with_suffix(value);
        (match[1] == "kernelcore" ? m_machine.map.kernelcore_bytes : m_machine.map.movablecore_bytes) = bytes;
    }

    [[nodiscard]] std::uint64_t total_pages() const {
        std::uint64_t pages = 0;
        for (const auto& [begin, end] : usable_frames(m_machine.map)) pages += end.value() - begin.value();
        return pages;
    }

    void read_settings() {
        if (!m_files.contains("proc_sys_vm")) return;
        PageSettings& settings = m_machine.settings;
        static const std::regex line(R"(^(\w+) = (\d+))");
        for_each_line(m_files.read("proc_sys_vm"), [&](std::string_view view, std::size_t) {
            const std::string text(view);
            std::smatch match;
            if (!std::regex_search(text, match, line)) return;
            const std::uint64_t value = number(match[2], 10);
            if (match[1] == "watermark_boost_factor") settings.watermark_boost_factor = value;
            if (match[1] == "watermark_scale_factor") settings.watermark_scale_factor = value;
            if (match[1] == "percpu_pagelist_high_fraction") settings.percpu_pagelist_high_fraction = value;
        });
    }

    void read_zoneinfo() {
        static const std::regex head(R"(^Node (\d+), zone\s+(\w+))");
        static const std::regex managed(R"(^\s+managed\s+(\d+))");
        for_each_line(m_files.read("zoneinfo"), [&](std::string_view view, std::size_t) {
            const std::string text(view);
            std::smatch match;
            if (std::regex_search(text, match, head)) {
                const auto type = zone_type_named(std::string(match[2]));
                if (!type)
                    throw InputError(m_files.path() + ": zoneinfo has a zone " + std::string(match[2]));
                m_zones.push_back({static_cast<unsigned>(number(match[1], 10)), *type, 0});
            } else if (!m_zones.empty() && std::regex_search(text, match, managed)) {
                m_zones.back().managed = number(match[1], 10);
            }
        });
    }

    /// The initrd, and what of the kernel's image is freed once it runs.
    void find_late_memory() {
        std::vector<PhysRange>& late = m_machine.map.freed_late;
        std::smatch match;
        // A 32-bit kernel moves the initrd out of high memory.
        static const std::regex moved(R"(Allocated new RAMDISK: \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\])");
        static const std::regex disk(R"(RAMDISK: \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\])");
        static const std::regex freed(R"(Freeing initrd memory: (\d+)K)");
        std::smatch size;
        if ((std::regex_search(m_dmesg, match, moved) || std::regex_search(m_dmesg, match, disk)) &&
            std::regex_search(m_dmesg, size, freed)) {
            const std::uint64_t begin = number(match[1], 16) & ~(page_size - 1);
            late.push_back({PhysAddr(begin), PhysAddr(begin + (number(size[1], 10) << 10))});
        }

        const auto code = find_resource(m_iomem, "Kernel code");
        const auto rodata = find_resource(m_iomem, "Kernel rodata");
        const auto data = find_resource(m_iomem, "Kernel data");
        const auto bss = find_resource(m_iomem, "Kernel bss");
        if (!code || !bss) throw InputError(m_files.path() + ": iomem does not show the kernel's image");
        m_image = {code->begin.value() >> page_shift, (bss->end.value() + page_size - 1) >> page_shift};
        static const std::regex line(R"(Freeing unused ([^:]+) memory: (\d+)K)");
        std::uint64_t init_bytes = 0;
        for (std::sregex_iterator it(m_dmesg.begin(), m_dmesg.end(), line), end; it != end; ++it) {
            const std::string what = (*it)[1];
            const std::uint64_t bytes = number((*it)[2], 10) << 10;
            const auto after = [&](const PhysRange& range) {
                const std::uint64_t begin = (range.end.value() + page_size - 1) & ~(page_size - 1);
                late.push_back({PhysAddr(begin), PhysAddr(begin + bytes)});
            };
            if (what.find("text/rodata gap") != std::string::npos)
                after(*code);
            else if (what.find("rodata/data gap") != std::string::npos && rodata)
                after(*rodata);
            else
                init_bytes += bytes;
        }
        // init sections and the like lie between data and bss, or before the data in kernels without such a
        // gap.
        const std::uint64_t gap_end = bss->begin.value() & ~(page_size - 1);
        const std::uint64_t gap_begin =
            data ? (data->end.value() + page_size - 1) & ~(page_size - 1) : gap_end;
        const std::uint64_t in_gap = std::min(init_bytes, gap_end - std::min(gap_begin, gap_end));
        if (in_gap != 0) late.push_back({PhysAddr(gap_end - in_gap), PhysAddr(gap_end)});
        if (const std::uint64_t rest = init_bytes - in_gap; rest != 0) {
            const std::uint64_t begin = m_image.second << page_shift;
            late.push_back({PhysAddr(begin), PhysAddr(begin + rest)});
        }
    }

    /// Firmware ranges from dmesg, as the kernel changed them, and the kernel's image.
    void read_resources() {
        static const std::regex firmware(R"(BIOS-e820: \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\] (.+))");
        static const std::regex change(
            R"(e820: (update|remove) \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\] usable( ==> reserved)?$)");
        std::vector<PhysicalResource>& resources = m_machine.map.resources;
        for_each_line(m_dmesg, [&](std::string_view view, std::size_t) {
            const std::string text(view);
            std::smatch match;
            if (std::regex_search(text, match, firmware)) {
                resources.push_back({range_of(match[1], match[2]), resource_name(match[3])});
            } else if (std::regex_search(text, match, change)) {
                const PhysRange range = range_of(match[2], match[3]);
                take_from_ram(range);
                if (match[1] == "update" && match[4].matched) resources.push_back({range, "Reserved"});
            }
        });
        if (resources.empty())
            for (const PhysRange& range : m_machine.map.usable) resources.push_back({range, "System RAM"});
        for (const char* section : {"Kernel code", "Kernel rodata", "Kernel data", "Kernel bss"})
            if (const auto range = find_resource(m_iomem, section)) resources.push_back({*range, section});
    }
    static PhysRange range_of(const std::string& first, const std::string& last) {
        return {PhysAddr(number(first, 16)), PhysAddr(number(last, 16) + 1)};
    }
    /// What /proc/iomem calls a firmware range of this type.
    static std::string resource_name(const std::string& type) {
        if (type == "usable") return "System RAM";
        if (type == "ACPI data") return "ACPI Tables";
        if (type == "ACPI NVS") return "ACPI Non-volatile Storage";
        if (type == "unusable") return "Unusable memory";
        return type == "soft reserved" ? "Soft Reserved" : "Reserved";
    }
    void take_from_ram(const PhysRange& taken) {
        std::vector<PhysicalResource> kept;
        for (const PhysicalResource& resource : m_machine.map.resources) {
            const PhysRange& range = resource.range;
            if (resource.name != "System RAM" || range.end <= taken.begin || taken.end <= range.begin) {
                kept.push_back(resource);
                continue;
            }
            if (range.begin < taken.begin) kept.push_back({{range.begin, taken.begin}, resource.name});
            if (taken.end < range.end) kept.push_back({{taken.end, range.end}, resource.name});
        }
        m_machine.map.resources = std::move(kept);
    }

    /// Reserves as many frames of each zone as it has present but not managed.
    void reserve() {
        MemoryMap& map = m_machine.map;
        const auto usable = usable_frames(map);
        for (const ZoneRange& zone : lay_out_zones(map)) {
            const auto known = std::ranges::find_if(m_zones, [&](const Zoneinfo& info) {
                return info.node == pagewalk::index_of(zone.node) && info.type == zone.type;
            });
            if (known == m_zones.end() || known->managed > zone.present)
                throw InputError(m_files.path() + ": zoneinfo and dmesg disagree about node " +
                                 std::to_string(pagewalk::index_of(zone.node)) + " zone " +
                                 std::string(name_of(zone.type)));
            std::uint64_t wanted = zone.present - known->managed;
            std::vector<FrameRange> pieces;
            for (const auto& [begin, end] : usable) {
                const std::uint64_t first = std::max(begin.value(), zone.begin.value());
                const std::uint64_t last = std::min(end.value(), zone.end.value());
                if (first < last) subtract_late({first, last}, pieces);
            }
            take(pieces, wanted, m_image);
            // The kernel keeps the first MiB for itself; all else it allocates from the top.
            if (zone.type == ZoneType::Dma)
                for (auto piece = pieces.begin(); piece != pieces.end() && wanted != 0; ++piece)
                    take_part(*piece, wanted, false);
            else
                for (auto piece = pieces.rbegin(); piece != pieces.rend() && wanted != 0; ++piece)
                    take_part(*piece, wanted, true);
        }
    }

    void subtract_late(FrameRange range, std::vector<FrameRange>& pieces) const {
        std::vector<FrameRange> late;
        for (const PhysRange& freed : m_machine.map.freed_late)
            late.emplace_back(freed.begin.value() >> page_shift, freed.end.value() >> page_shift);
        std::ranges::sort(late);
        for (const FrameRange& freed : late) {
            if (freed.second <= range.first || freed.first >= range.second) continue;
            if (freed.first > range.first) pieces.emplace_back(range.first, freed.first);
            range.first = std::min(freed.second, range.second);
        }
        if (range.first < range.second) pieces.push_back(range);
    }

    /// Takes what of `from` lies in `pieces`.
    void take(std::vector<FrameRange>& pieces, std::uint64_t& wanted, const FrameRange& from) {
        std::vector<FrameRange> left;
        for (const FrameRange& piece : pieces) {
            const std::uint64_t first = std::max(piece.first, from.first);
            const std::uint64_t last = std::min(std::min(piece.second, from.second), first + wanted);
            if (first >= last) {
                left.push_back(piece);
                continue;
            }
            add(first, last);
            wanted -= last - first;
            if (piece.first < first) left.emplace_back(piece.first, first);
            if (last < piece.second) left.emplace_back(last, piece.second);
        }
        pieces = left;
    }
    void take_part(const FrameRange& piece, std::uint64_t& wanted, bool from_top) {
        const std::uint64_t frames = std::min(wanted, piece.second - piece.first);
        if (from_top)
            add(piece.second - frames, piece.second);
        else
            add(piece.first, piece.first + frames);
        wanted -= frames;
    }
    void add(std::uint64_t first, std::uint64_t last) {
        m_machine.map.reserved.push_back({PhysAddr(first << page_shift), PhysAddr(last << page_shift)});
    }

    const CaptureFiles& m_files;
    const std::string& m_dmesg;
    const std::string& m_iomem;
    CapturedMachine m_machine;
    std::vector<Zoneinfo> m_zones;
    FrameRange m_image{};
};

} // namespace

CapturedMachine machine_from_capture(const CaptureFiles& files) {
    try {
        return Builder(files).build();
    } catch (const std::logic_error& error) { // a number out of range
        throw InputError(files.path() + ": dmesg, iomem or zoneinfo holds a number that is out of range");
    }
}

} // namespace pagewalk::os
