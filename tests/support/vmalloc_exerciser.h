#pragma once

#include "tests/support/vmalloc_machine.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::os {

/// Drives vmalloc with arbitrary bytes on several CPUs and nodes and watches its promises: areas never
/// overlap and keep their guard page, each page is mapped to its own frame and to nothing after its area is
/// freed, plain requests get the lowest room, the three trees cover the address space, and when everything
/// is freed and purged the address space is whole again and every frame but the page tables has come back.
class VmallocExerciser {
public:
    explicit VmallocExerciser(VmallocConfig::Drain drain)
        : m_machine(vmalloc_memory(96ULL << 20, cpus, 2), {.drain = drain}),
          m_frames_before(free_frames() + m_machine.slab_pages.frames()),
          m_tables_before(m_machine.vmalloc.tables().tables()) {
        for (int i = 0; i < 64; ++i) m_lent.push_back(*m_machine.pages.allocate({.gfp = gfp::kernel}));
    }

    /// Returns what was broken; empty when nothing was.
    std::string run(std::span<const std::uint8_t> bytes) {
        m_bytes = bytes;
        while (!m_bytes.empty() && m_problem.empty()) {
            step();
            check_space();
        }
        if (m_problem.empty()) finish();
        return m_problem;
    }

private:
    static constexpr std::size_t cpus = 4;
    enum class Kind : std::uint8_t { Vmalloc, Vmap, Ram };
    struct Area {
        Kind kind{};
        std::uint64_t pages = 0;
        std::uint64_t span = 0; ///< bytes that nobody else may have
    };

    std::uint32_t next() {
        if (m_bytes.empty()) return 0;
        const std::uint8_t byte = m_bytes.front();
        m_bytes = m_bytes.subspan(1);
        return byte;
    }
    CpuId cpu() { return static_cast<CpuId>(next() % cpus); }
    Vmalloc& vmalloc() { return m_machine.vmalloc; }

    void demand(bool condition, const char* what) {
        if (!condition && m_problem.empty()) m_problem = what;
    }

    void step() {
        const std::uint32_t what = next() % 32;
        if (what < 12)
            allocate();
        else if (what < 15)
            map();
        else if (what < 19)
            map_ram();
        else if (what < 28)
            free_one();
        else if (what == 28)
            vmalloc().unmap_aliases(cpu());
        else if (what == 29)
            vmalloc().drain(cpu());
        else
            misuse();
    }

    void allocate() {
        VmallocRequest request;
        request.cpu = cpu();
        const std::uint32_t shape = next();
        request.size = 1 + next() * (shape % 8 == 0 ? 40000ULL : 700ULL);
        if (shape % 5 == 0) request.align = page_size << (next() % 8);
        if (shape % 7 == 0) request.flags = vm_flag::allow_huge;
        if (shape % 11 == 0) request.flags = vm_flag::flush_reset_perms;
        if (shape % 13 == 0) request.flags = vm_flag::no_guard;
        if (shape % 3 == 0) request.node = static_cast<NodeId>(next() % 2);
        if (shape % 17 == 0) {
            request.start = vmalloc_layout::modules_start;
            request.limit = vmalloc_layout::modules_limit;
        }
        const bool plain = request.align <= page_size && !request.flags.any(vm_flag::allow_huge);
        const std::uint64_t pages = (request.size + page_size - 1) / page_size;
        const std::uint64_t guard = request.flags.any(vm_flag::no_guard) ? 0 : page_size;
        const VirtAddr lowest = plain ? lowest_room(request.start, pages * page_size + guard) : VirtAddr{};
        const auto address = vmalloc().allocate(request);
        if (!address) return;
        const VmArea* area = vmalloc().find(*address);
        demand(area != nullptr && area->address == *address, "an area is not found");
        if (!m_problem.empty()) return;
        demand(!plain || *address == lowest, "a plain request did not get the lowest room");
        demand(address->value() % request.align == 0, "an area is not aligned");
        demand(area->pages.size() >= pages, "an area is too small");
        demand(area->size == area->pages.size() * page_size + guard, "an area has the wrong size");
        for (const Pfn frame : area->pages)
            demand(m_frames.insert(frame).second, "a frame was handed out twice");
        add(*address, {Kind::Vmalloc, area->pages.size(), area->size}, area->pages);
    }

    void map() {
        const std::size_t pages = 1 + next() % m_lent.size();
        const std::span<const Pfn> frames = std::span(m_lent).first(pages);
        const auto address = vmalloc().map(frames, {.cpu = cpu()});
        if (address) add(*address, {Kind::Vmap, pages, (pages + 1) * page_size}, frames);
    }

    void map_ram() {
        std::vector<Pfn> frames;
        const std::size_t pages = 1 + next() % 80;
        for (std::size_t i = 0; i < pages; ++i) frames.push_back(m_lent[i % m_lent.size()]);
        const CpuId by = cpu();
        const auto address = vmalloc().map_ram(frames, m_machine.pages.node_of(by), by);
        const std::uint64_t taken = pages <= VmapBlocks::most_pages ? std::bit_ceil(pages) : pages;
        if (address) add(*address, {Kind::Ram, pages, taken * page_size}, frames);
    }

    void add(VirtAddr address, const Area& area, std::span<const Pfn> frames) {
        const auto above = m_areas.lower_bound(address);
        demand(above == m_areas.end() || above->first >= address + area.span, "areas overlap above");
        if (above != m_areas.begin()) {
            const auto& [below, other] = *std::prev(above);
            demand(below + other.span <= address, "areas overlap below");
        }
        const VmallocTables& tables = vmalloc().tables();
        for (std::size_t i = 0; i < frames.size(); ++i)
            demand(tables.frame_at(address + i * page_size) == frames[i], "a page is mapped wrongly");
        if (area.span > area.pages * page_size)
            demand(!tables.frame_at(address + area.pages * page_size), "a guard page is mapped");
        m_areas.emplace(address, area);
    }

    void free_one() {
        if (m_areas.empty()) return;
        auto found = m_areas.begin();
        std::advance(found, static_cast<std::ptrdiff_t>((next() << 8 | next()) % m_areas.size()));
        release(found);
    }

    void release(std::map<VirtAddr, Area>::iterator found) {
        const auto [address, area] = *found;
        vmalloc().clear_reports(); // of allocations that failed
        if (area.kind == Kind::Vmalloc) {
            for (const Pfn frame : vmalloc().find(address)->pages) m_frames.erase(frame);
            vmalloc().free(address, cpu());
        } else if (area.kind == Kind::Vmap) {
            vmalloc().unmap(address, cpu());
        } else {
            vmalloc().unmap_ram(address, area.pages, cpu());
        }
        m_areas.erase(found);
        for (std::uint64_t i = 0; i < area.pages; ++i)
            demand(!vmalloc().tables().frame_at(address + i * page_size), "a freed page is still mapped");
        demand(vmalloc().reports().empty(), "a good free was reported");
    }

    void misuse() {
        const VirtAddr address = vmalloc_layout::start + (next() << 20 | next() << 12) + (next() & 1);
        const bool good = vmalloc().find(address) != nullptr && address.page_offset() == 0;
        if (good) return;
        vmalloc().clear_reports();
        vmalloc().free(address, cpu());
        demand(vmalloc().reports().size() == 1, "a bad free was not reported");
    }

    VirtAddr lowest_room(VirtAddr from, std::uint64_t bytes) {
        for (const VmapArea* at = vmalloc().space().free_areas().first(); at != nullptr; at = at->list_next)
            if (const VirtAddr start = std::max(at->start, from); start < at->end && at->end - start >= bytes)
                return start;
        return {};
    }

    void check_space() {
        const VmapSpace& space = vmalloc().space();
        std::uint64_t covered = 0;
        std::uint64_t lazy = 0;
        for (const VmapTree* tree : {&space.free_areas(), &space.busy_areas(), &space.lazy_areas()}) {
            demand(tree->is_sound(), "a tree is broken");
            for (const VmapArea* at = tree->first(); at != nullptr; at = at->list_next) {
                covered += at->size();
                if (tree == &space.lazy_areas()) lazy += at->size() >> page_shift;
            }
        }
        demand(covered == ~0ULL - 1, "address space was lost or doubled");
        demand(lazy == space.lazy_pages(), "lazy pages are miscounted");
    }

    void finish() {
        while (!m_areas.empty() && m_problem.empty()) release(m_areas.begin());
        for (const Pfn frame : m_lent) m_machine.pages.free(frame, 0, CpuId{});
        vmalloc().unmap_aliases(CpuId{});
        for (const auto& cache : m_machine.slub.caches()) m_machine.slub.shrink(*cache, CpuId{});
        demand(vmalloc().pages() == 0, "pages are still counted");
        demand(vmalloc().space().lazy_areas().empty(), "something waits after a purge");
        // Blocks that nothing was freed in stay with their CPU.
        if (vmalloc().blocks().count() == 0) {
            demand(vmalloc().space().busy_areas().empty(), "something is busy after everything was freed");
            demand(vmalloc().space().free_areas().size() == 1, "the free space is in pieces");
        }
        const std::uint64_t tables = vmalloc().tables().tables() - m_tables_before;
        demand(free_frames() + m_machine.slab_pages.frames() + tables == m_frames_before,
               "frames were lost or doubled");
    }

    std::uint64_t free_frames() const {
        std::int64_t sum = 0;
        for (const auto& zone : m_machine.frames->zones())
            sum += zone->exact_free_pages() + zone->pcp_pages();
        return static_cast<std::uint64_t>(sum);
    }

    VmallocMachine m_machine;
    std::uint64_t m_frames_before;
    std::uint64_t m_tables_before;
    std::vector<Pfn> m_lent; ///< frames of ours that are mapped for a while
    std::map<VirtAddr, Area> m_areas;
    std::set<Pfn> m_frames;
    std::span<const std::uint8_t> m_bytes;
    std::string m_problem;
};

} // namespace pagewalk::os
