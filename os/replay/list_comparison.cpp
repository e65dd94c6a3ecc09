#include "os/replay/list_comparison.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::os {

ListComparison compare_lists(const PageAllocator& allocator, const PageSnapshot& captured) {
    const PageMap& pages = allocator.pages();
    ListComparison result;
    const auto compare = [&result](bool same, const std::string& what) {
        ++result.total;
        if (same)
            ++result.identical;
        else
            result.differences.push_back(what);
    };
    const auto compare_list = [&](const FrameList& mine, const std::vector<Pfn>& real,
                                  const std::string& what) {
        std::vector<Pfn> frames = mine.frames(pages);
        if (frames == real) return compare(true, what);
        std::string text = what + ": model has " + std::to_string(frames.size()) + " blocks, kernel " +
                           std::to_string(real.size());
        std::vector<Pfn> sorted = real;
        std::ranges::sort(sorted);
        std::ranges::sort(frames);
        if (sorted == frames) text += ", the same in another order";
        compare(false, text);
    };
    if (captured.zones.size() != allocator.zones().size())
        throw InputError("snapB has another number of zones than snapA");
    for (std::size_t i = 0; i < captured.zones.size(); ++i) {
        const ZoneSnapshot& real = captured.zones[i];
        const Zone& zone = *allocator.zones()[i];
        const std::string name =
            "zone " + std::to_string(pagewalk::index_of(zone.node)) + "." + std::string(name_of(zone.type));
        for (unsigned order = 0; order < max_order; ++order)
            for (std::size_t type = 0; type < real.free_lists[order].size(); ++type)
                compare_list(zone.areas[order].lists[type], real.free_lists[order][type],
                             name + " free list of order " + std::to_string(order) + ", " +
                                 std::string(name_of(static_cast<Migratetype>(type))));
        for (std::size_t cpu = 0; cpu < real.pcp.size(); ++cpu) {
            const PerCpuPages& mine = zone.pcp[static_cast<CpuId>(cpu)];
            const PcpSnapshot& theirs = real.pcp[cpu];
            const std::string on = name + " cpu " + std::to_string(cpu);
            for (std::size_t list = 0; list < PerCpuPages::list_count; ++list)
                compare_list(mine.lists[list], theirs.lists[list],
                             on + " per-CPU list " + std::to_string(list));
            compare(mine.count == theirs.count && mine.high == theirs.high && mine.batch == theirs.batch &&
                        mine.free_factor == theirs.free_factor,
                    on + " per-CPU counters: model count " + std::to_string(mine.count) + " high " +
                        std::to_string(mine.high) + " batch " + std::to_string(mine.batch) + " free_factor " +
                        std::to_string(mine.free_factor) + ", kernel " + std::to_string(theirs.count) + " " +
                        std::to_string(theirs.high) + " " + std::to_string(theirs.batch) + " " +
                        std::to_string(theirs.free_factor));
        }
        std::uint64_t differing = 0;
        for (const PageblockRun& run : captured.pageblocks)
            for (std::uint64_t block = 0; block < run.blocks; ++block) {
                const std::uint64_t frame = run.first + (block << captured.pageblock_order);
                const std::uint64_t inside = std::max(frame, zone.start.value());
                if (zone.spans(inside) && inside < frame + (1ULL << captured.pageblock_order) &&
                    pages.pageblock_type(frame) != run.type)
                    ++differing;
            }
        compare(differing == 0, name + " pageblock types: " + std::to_string(differing) + " differ");
    }
    return result;
}

} // namespace pagewalk::os
