#include "os/replay/page_snapshot.h"

#include "base/error.h"
#include "os/replay/text_fields.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

namespace pagewalk::os {
namespace {

constexpr std::uint32_t word_lru = 1U << 4; // PG_lru of Linux 6.1
constexpr std::uint32_t word_reserved = 1U << 12;
constexpr std::uint32_t word_no_references = 1U << 30;
constexpr std::uint32_t word_free = 1U << 28;
constexpr std::uint32_t word_migratable = 1U << 31;

constexpr std::uint32_t zone_boosted = 1, zone_reclaim_active = 2;

/// Line by line; each handler knows one kind of line.
class Parser {
public:
    Parser(PageSnapshot& snapshot, const std::string& name) : m_snapshot(snapshot), m_name(name) {}

    void parse(std::string_view text) {
        for_each_line(text, [&](std::string_view line, std::size_t number) {
            const std::string_view kind = line.substr(0, line.find(' '));
            const auto handler = handlers().find(kind);
            if (handler == handlers().end()) return; // object allocator and LRU lines
            const TextFields fields(line, m_name, number);
            if (kind != "SNAP" && !m_have_header) fields.fail("SNAP", "must come before any other line");
            handler->second(*this, fields);
        });
        if (!m_have_header) throw InputError(m_name + ": has no SNAP line");
        if (!m_complete) throw InputError(m_name + ": is truncated (has no END line)");
        check();
    }

private:
    using Handler = std::function<void(Parser&, const TextFields&)>;

    static const std::unordered_map<std::string_view, Handler>& handlers() {
        static const std::unordered_map<std::string_view, Handler> table{
            {"SNAP", &Parser::header},
            {"ZONE", &Parser::zone},
            {"WMARK", &Parser::watermarks},
            {"LOWMEM", &Parser::lowmem},
            {"ZSTAT", &Parser::statistics},
            {"COMPACT", &Parser::compaction},
            {"NRFREE", &Parser::free_count},
            {"FL", &Parser::free_list},
            {"PCP", &Parser::pcp},
            {"PL", &Parser::pcp_list},
            {"PZS", &Parser::pcp_statistics},
            {"PB", &Parser::pageblocks},
            {"PF", &Parser::frames},
            {"MISSED", &Parser::missed},
            {"END", &Parser::end},
        };
        return table;
    }

    ZoneSnapshot& zone_at(const TextFields& fields) {
        const auto node = fields.number<unsigned>(1, "node");
        const auto index = fields.number<unsigned>(2, "zone");
        for (ZoneSnapshot& zone : m_snapshot.zones)
            if (pagewalk::index_of(zone.node) == node && zone.kernel_index == index) return zone;
        fields.fail("zone", std::to_string(node) + "." + std::to_string(index) + " has no ZONE line");
    }
    PcpSnapshot& pcp_at(const TextFields& fields) {
        ZoneSnapshot& zone = zone_at(fields);
        const auto cpu = fields.number<std::size_t>(3, "cpu");
        if (cpu >= m_snapshot.cpus)
            fields.fail("cpu", "is " + std::to_string(cpu) + " of " + std::to_string(m_snapshot.cpus));
        return zone.pcp[cpu];
    }
    Pfn frame_in(const ZoneSnapshot& zone, std::uint64_t frame, unsigned order,
                 const TextFields& fields) const {
        const std::uint64_t start = zone.start.value();
        if (frame < start || frame + (1ULL << order) > start + zone.spanned)
            fields.fail("frame", "0x" + hex_text(frame) + " is outside the zone");
        if ((frame & ((1ULL << order) - 1)) != 0)
            fields.fail("frame",
                        "0x" + hex_text(frame) + " is not aligned to its order " + std::to_string(order));
        return Pfn(frame);
    }
    static std::string hex_text(std::uint64_t value) {
        std::string text;
        do text.insert(text.begin(), "0123456789abcdef"[value & 0xf]);
        while ((value >>= 4) != 0);
        return text;
    }

    void header(const TextFields& fields) {
        m_have_header = true;
        m_snapshot.cpus = fields.number<std::size_t>(3, "cpus");
        m_snapshot.nodes = fields.number<std::size_t>(5, "nodes");
        m_snapshot.pageblock_order = fields.number<unsigned>(7, "pageblock_order");
        if (fields.number<unsigned>(9, "max_order") != max_order)
            fields.fail("max_order", "must be " + std::to_string(max_order) + " (Linux 6.1)");
        if (fields.number<unsigned>(11, "pcp_lists") != PerCpuPages::list_count)
            fields.fail("pcp_lists",
                        "must be " + std::to_string(PerCpuPages::list_count) + " (Linux 6.1.192)");
        if (m_snapshot.cpus == 0 || m_snapshot.cpus > 8192) fields.fail("cpus", "must be 1 to 8192");
        if (m_snapshot.nodes == 0 || m_snapshot.nodes > max_nodes) fields.fail("nodes", "must be 1 to 64");
        if (m_snapshot.pageblock_order <= costly_order || m_snapshot.pageblock_order >= max_order)
            fields.fail("pageblock_order", "must be 4 to 10");
    }
    void zone(const TextFields& fields) {
        ZoneSnapshot zone;
        zone.node = static_cast<NodeId>(fields.number<std::uint16_t>(1, "node"));
        if (pagewalk::index_of(zone.node) >= m_snapshot.nodes)
            fields.fail("node", "is not below SNAP's nodes");
        zone.kernel_index = fields.number<unsigned>(2, "zone");
        const auto type = fields.size() > 3 ? zone_type_named(fields[3]) : std::nullopt;
        if (!type) fields.fail("name", "is not a zone of Linux 6.1");
        zone.type = *type;
        zone.start = Pfn(fields.hex(5, "start"));
        zone.spanned = fields.number(7, "spanned");
        zone.present = fields.number(9, "present");
        zone.managed = fields.number(11, "managed");
        if (zone.spanned > 1ULL << 32 || zone.start.value() > 1ULL << 32)
            fields.fail("spanned", "is beyond 16 TiB");
        if (zone.present > zone.spanned) fields.fail("present", "is larger than spanned");
        if (zone.managed > zone.present) fields.fail("managed", "is larger than present");
        zone.pcp.resize(m_snapshot.cpus);
        m_snapshot.zones.push_back(std::move(zone));
    }
    void watermarks(const TextFields& fields) {
        ZoneSnapshot& zone = zone_at(fields);
        constexpr std::array names{"min", "low", "high", "promo"};
        for (std::size_t i = 0; i < names.size(); ++i)
            zone.watermarks[i] = fields.number(4 + 2 * i, names[i]);
        zone.boost = fields.number(12, "boost");
        zone.flags = fields.hex<std::uint32_t>(14, "flags");
        zone.highatomic = fields.number(16, "highatomic");
        zone.isolated = fields.number(18, "isolate");
    }
    void lowmem(const TextFields& fields) {
        ZoneSnapshot& zone = zone_at(fields);
        for (std::size_t i = 3; i < fields.size(); ++i)
            zone.lowmem_reserve.push_back(fields.number(i, "reserve"));
    }
    void statistics(const TextFields& fields) {
        zone_at(fields).free_pages = fields.number<std::int64_t>(3, "free");
    }
    void compaction(const TextFields& fields) {
        CompactionState& state = zone_at(fields).compaction;
        state.free_scanner = fields.hex(4, "free_pfn");
        state.migrate_scanner = {fields.hex(6, "migrate"), fields.hex(7, "migrate")};
        state.considered = fields.number<unsigned>(9, "considered");
        state.defer_shift = fields.number<unsigned>(11, "defer");
        state.order_failed = fields.number<unsigned>(13, "failed");
    }
    unsigned order_of(const TextFields& fields) const {
        const auto order = fields.number<unsigned>(3, "order");
        if (order >= max_order)
            fields.fail("order",
                        "is " + std::to_string(order) + "; the largest is " + std::to_string(max_order - 1));
        return order;
    }
    void free_count(const TextFields& fields) {
        zone_at(fields).free_counts[order_of(fields)] = fields.number(4, "count");
    }
    void free_list(const TextFields& fields) {
        ZoneSnapshot& zone = zone_at(fields);
        const unsigned order = order_of(fields);
        const auto type = fields.number<unsigned>(4, "migratetype");
        if (type >= zone.free_lists[order].size()) fields.fail("migratetype", "is not 0 to 4");
        for (std::size_t i = 6; i < fields.size(); ++i)
            zone.free_lists[order][type].push_back(frame_in(zone, fields.hex(i, "frame"), order, fields));
    }
    void pcp(const TextFields& fields) {
        PcpSnapshot& pcp = pcp_at(fields);
        pcp.count = fields.number<std::int64_t>(5, "count");
        pcp.high = fields.number<std::int64_t>(7, "high");
        pcp.batch = fields.number<std::int64_t>(9, "batch");
        pcp.free_factor = fields.number<unsigned>(11, "free_factor");
        pcp.expire = fields.number<unsigned>(13, "expire");
        if (pcp.free_factor > PerCpuPages::free_factor_max) fields.fail("free_factor", "is above 5");
        if (pcp.batch < 1) fields.fail("batch", "must be at least 1");
    }
    void pcp_list(const TextFields& fields) {
        ZoneSnapshot& zone = zone_at(fields);
        PcpSnapshot& pcp = pcp_at(fields);
        const auto list = fields.number<std::size_t>(4, "list");
        if (list >= PerCpuPages::list_count) fields.fail("list", "is not 0 to 13");
        const unsigned order = PerCpuPages::order_of(list, m_snapshot.pageblock_order);
        for (std::size_t i = 6; i < fields.size(); ++i) {
            const std::string_view both = fields[i];
            const std::size_t slash = both.find('/');
            if (slash == std::string_view::npos) fields.fail("block", "is not frame/type");
            std::uint64_t frame = 0;
            std::uint32_t type = 0;
            const auto a = std::from_chars(both.data(), both.data() + slash, frame, 16);
            const auto b = std::from_chars(both.data() + slash + 1, both.data() + both.size(), type, 16);
            if (a.ptr != both.data() + slash || b.ptr != both.data() + both.size() ||
                type >= migratetype_count)
                fields.fail("block", "\"" + std::string(both) + "\" is not frame/type");
            pcp.lists[list].push_back(frame_in(zone, frame, order, fields));
            pcp.types[list].push_back(type);
        }
    }
    void pcp_statistics(const TextFields& fields) {
        PcpSnapshot& pcp = pcp_at(fields);
        pcp.stat_threshold = fields.number<std::int32_t>(5, "thr");
        pcp.free_diff = fields.number<std::int32_t>(6, "diff");
    }
    void pageblocks(const TextFields& fields) {
        PageblockRun run;
        run.first = fields.hex(3, "start");
        run.blocks = fields.number(4, "blocks");
        const auto type = fields.number<int>(5, "migratetype");
        if (type < 0) return; // a hole
        if (type >= 5) fields.fail("migratetype", "is not 0 to 4");
        if (run.first + (run.blocks << m_snapshot.pageblock_order) > 1ULL << 32)
            fields.fail("blocks", "is beyond 16 TiB");
        run.type = static_cast<Migratetype>(type);
        m_snapshot.pageblocks.push_back(run);
    }
    void frames(const TextFields& fields) {
        m_snapshot.frames.push_back(
            {fields.hex(1, "start"), fields.number(2, "count"), fields.hex<std::uint32_t>(3, "word")});
    }
    void missed(const TextFields& fields) {
        for (std::size_t i = 2; i < fields.size(); i += 2)
            if (fields.number(i, "MISSED") != 0)
                fields.fail("MISSED", "is not 0: the capture lost probe events");
    }
    void end(const TextFields& fields) {
        m_complete = true;
        if (fields.number(2, "trunc") != 0) fields.fail("trunc", "is not 0: the snapshot is incomplete");
    }

    void check() const {
        if (m_snapshot.zones.empty()) throw InputError(m_name + ": has no ZONE line");
        for (const ZoneSnapshot& zone : m_snapshot.zones) {
            const std::string where = m_name + ": node " + std::to_string(pagewalk::index_of(zone.node)) +
                                      " zone " + std::string(name_of(zone.type));
            for (unsigned order = 0; order < max_order; ++order) {
                std::uint64_t blocks = 0;
                for (const auto& list : zone.free_lists[order]) blocks += list.size();
                if (blocks != zone.free_counts[order])
                    throw InputError(where + ": the FL lines of order " + std::to_string(order) + " hold " +
                                     std::to_string(blocks) + " blocks, NRFREE says " +
                                     std::to_string(zone.free_counts[order]));
            }
            for (std::size_t cpu = 0; cpu < zone.pcp.size(); ++cpu) {
                std::int64_t count = 0;
                for (std::size_t list = 0; list < PerCpuPages::list_count; ++list)
                    count += static_cast<std::int64_t>(zone.pcp[cpu].lists[list].size())
                             << PerCpuPages::order_of(list, m_snapshot.pageblock_order);
                if (count != zone.pcp[cpu].count)
                    throw InputError(where + ": the PL lines of cpu " + std::to_string(cpu) + " hold " +
                                     std::to_string(count) + " frames, PCP says " +
                                     std::to_string(zone.pcp[cpu].count));
            }
        }
    }

    PageSnapshot& m_snapshot;
    const std::string& m_name;
    bool m_have_header = false;
    bool m_complete = false;
};

/// The zone types of a layout, by the kernel's number.
std::vector<ZoneType> zones_of(ZoneLayout layout) {
    std::vector<ZoneType> result;
    for (std::size_t i = 0; i < zone_type_count; ++i)
        if (has_zone(layout, static_cast<ZoneType>(i))) result.push_back(static_cast<ZoneType>(i));
    return result;
}

/// Puts a block of the snapshot on a list after checking that nothing else holds it.
void claim(PageMap& pages, Pfn frame, unsigned order) {
    for (std::uint64_t i = 0; i < 1ULL << order; ++i) {
        PageDescriptor& page = pages.at(frame + i);
        if (page.is(PageState::Buddy) || page.is(PageState::OnPcp))
            throw InputError("snapshot: frame " + std::to_string((frame + i).value()) + " is on two lists");
        page = PageDescriptor{};
    }
}

} // namespace

PageSnapshot PageSnapshot::parse(std::string_view text, const std::string& name) {
    PageSnapshot snapshot;
    Parser(snapshot, name).parse(text);
    return snapshot;
}

ZoneLayout PageSnapshot::layout() const {
    for (const ZoneSnapshot& zone : zones) {
        if (zone.type == ZoneType::HighMem) return ZoneLayout::I386;
        if (zone.type == ZoneType::Dma32 && zone.kernel_index == 0) return ZoneLayout::X86_64NoDma;
    }
    return ZoneLayout::X86_64;
}

std::unique_ptr<PageAllocator> PageSnapshot::build() const {
    AllocatorLayout description;
    description.layout = layout();
    description.pageblock_order = pageblock_order;
    description.distances.assign(nodes, std::vector<unsigned>(nodes, 20));
    for (std::size_t node = 0; node < nodes; ++node) description.distances[node][node] = 10;
    // CPUs are numbered node by node in these machines.
    for (std::size_t cpu = 0; cpu < cpus; ++cpu)
        description.cpus.push_back(static_cast<NodeId>(cpu * nodes / cpus));
    for (const ZoneSnapshot& zone : zones)
        description.zones.push_back(
            {zone.node, zone.type, zone.start, zone.start + zone.spanned, zone.present});
    auto allocator = std::make_unique<PageAllocator>(description);
    PageMap& pages = allocator->pages();

    for (const FrameRun& run : frames) {
        if ((run.word & (word_no_references | word_free)) != 0) {
            pages.fill(Pfn(run.first), std::min(Pfn(run.first + run.frames), pages.end()),
                       PageMap::Default::Plain);
            continue;
        }
        for (std::uint64_t frame = run.first; frame < std::min(run.first + run.frames, pages.end().value());
             ++frame) {
            PageDescriptor& page = pages.at(frame);
            page = PageDescriptor{};
            if ((run.word & word_reserved) != 0) {
                page.set(PageState::Reserved);
                continue;
            }
            page.set(PageState::Allocated);
            page.set(PageState::OrderUnknown);
            page.refcount = 1;
            if ((run.word & word_lru) != 0) page.set(PageState::Lru);
            if ((run.word & word_migratable) != 0) page.set(PageState::Migratable);
        }
    }
    for (const PageblockRun& run : pageblocks)
        for (std::uint64_t i = 0; i < run.blocks; ++i) {
            const std::uint64_t frame = run.first + (i << pageblock_order);
            if (frame < pages.end().value()) pages.set_pageblock_type(frame, run.type);
        }

    const std::vector<ZoneType> types = zones_of(description.layout);
    for (std::size_t index = 0; index < zones.size(); ++index) {
        const ZoneSnapshot& from = zones[index];
        Zone& zone = *allocator->zones()[index];
        zone.managed = from.managed;
        zone.watermarks = from.watermarks;
        zone.boost = from.boost;
        zone.highatomic_pages = from.highatomic;
        zone.isolated_pageblocks = from.isolated;
        zone.boosted = (from.flags & zone_boosted) != 0;
        zone.reclaim_active = (from.flags & zone_reclaim_active) != 0;
        zone.compaction = from.compaction;
        for (std::size_t i = 0; i < from.lowmem_reserve.size() && i < types.size(); ++i)
            zone.lowmem_reserve[pagewalk::os::index_of(types[i])] = from.lowmem_reserve[i];
        for (unsigned order = 0; order < max_order; ++order)
            for (std::size_t type = 0; type < from.free_lists[order].size(); ++type)
                for (const Pfn frame : from.free_lists[order][type]) {
                    claim(pages, frame, order);
                    allocator->buddy().add(zone, static_cast<std::uint32_t>(frame.value()), order,
                                           static_cast<Migratetype>(type), true, nullptr);
                }
        zone.free_pages = from.free_pages;
        for (std::size_t cpu = 0; cpu < cpus; ++cpu) {
            const PcpSnapshot& source = from.pcp[cpu];
            PerCpuPages& lists = zone.pcp[static_cast<CpuId>(cpu)];
            lists.count = source.count;
            lists.high = source.high;
            lists.batch = source.batch;
            lists.free_factor = static_cast<std::uint8_t>(source.free_factor);
            lists.expire = static_cast<std::uint8_t>(source.expire);
            lists.free_diff = source.free_diff;
            zone.stat_threshold = source.stat_threshold;
            for (std::size_t list = 0; list < PerCpuPages::list_count; ++list)
                for (std::size_t i = 0; i < source.lists[list].size(); ++i) {
                    const Pfn frame = source.lists[list][i];
                    claim(pages, frame, PerCpuPages::order_of(list, pageblock_order));
                    lists.lists[list].push_back(pages, static_cast<std::uint32_t>(frame.value()));
                    PageDescriptor& page = pages.at(frame);
                    page.set(PageState::OnPcp);
                    page.type = static_cast<std::uint8_t>(source.types[list][i] & 0x7);
                }
        }
        if (!from.pcp.empty()) {
            zone.pageset_high = from.pcp[0].high;
            zone.pageset_batch = from.pcp[0].batch;
        }
    }
    return allocator;
}

} // namespace pagewalk::os
