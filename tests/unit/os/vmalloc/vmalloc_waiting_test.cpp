#include "base/rng.h"
#include "tests/support/vmalloc_machine.h"
#include "tests/support/waiting_tasks.h"

#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr CpuId cpu0{0}, cpu1{1};

/// vmalloc's pages, waited for where the request allows that.
class WaitingVmallocPages final : public AllocatorTopology<VmallocPages> {
public:
    WaitingVmallocPages(PageAllocator& allocator, WaitingTasks& tasks)
        : AllocatorTopology(allocator), m_pages(allocator), m_tasks(tasks) {}

    std::optional<Pfn> allocate(const PageRequest& request) override {
        wait(request.gfp);
        return m_pages.allocate(request);
    }
    void free(Pfn frame, unsigned order, CpuId cpu) override { m_pages.free(frame, order, cpu); }
    std::size_t allocate_bulk(const PageRequest& request, std::span<Pfn> frames) override {
        wait(request.gfp);
        // A few at a time, so that the rest is waited for one by one.
        return m_pages.allocate_bulk(request, frames.first(std::min<std::size_t>(frames.size(), 3)));
    }
    void split(Pfn frame, unsigned order) override { m_pages.split(frame, order); }
    std::uint64_t total_pages() const override { return m_pages.total_pages(); }
    CpuId current_cpu(CpuId cpu) const override { return m_tasks.current_cpu(cpu); }

private:
    void wait(GfpMask mask) {
        if (mask.any(gfp::direct_reclaim)) m_tasks.wait();
    }

    AllocatorVmallocPages m_pages;
    WaitingTasks& m_tasks;
};

/// vmalloc's objects, likewise; knows which are out.
class WaitingObjects final : public VmallocObjects {
public:
    explicit WaitingObjects(WaitingTasks& tasks) : m_tasks(tasks) {}

    std::optional<VirtAddr> allocate_area(const SlabRequest& request) override { return take(request); }
    void free_area(VirtAddr object, CpuId) override { EXPECT_EQ(out.erase(object), 1U); }
    std::optional<VirtAddr> allocate(std::uint64_t, const SlabRequest& request) override {
        return take(request);
    }
    void free(VirtAddr object, CpuId) override { EXPECT_EQ(out.erase(object), 1U); }
    CpuId current_cpu(CpuId cpu) const override { return m_tasks.current_cpu(cpu); }

    std::set<VirtAddr> out;

private:
    VirtAddr take(const SlabRequest& request) {
        if (request.gfp.any(gfp::direct_reclaim)) m_tasks.wait();
        m_next = m_next + 4 * line_size;
        out.insert(m_next);
        return m_next;
    }

    WaitingTasks& m_tasks;
    VirtAddr m_next = kernel_layout::direct_map_base;
};

std::string broken(const VmapSpace& space) {
    std::uint64_t covered = 0, lazy = 0;
    for (const VmapTree* tree : {&space.free_areas(), &space.busy_areas(), &space.lazy_areas()}) {
        if (!tree->is_sound()) return "a tree is broken";
        for (const VmapArea* at = tree->first(); at != nullptr; at = at->list_next) {
            covered += at->size();
            if (tree == &space.lazy_areas()) lazy += at->size() >> page_shift;
        }
    }
    if (covered != ~0ULL - 1) return "address space was lost or doubled";
    return lazy == space.lazy_pages() ? "" : "lazy pages are miscounted";
}

struct Bench {
    WaitingTasks tasks;
    std::unique_ptr<PageAllocator> frames = boot_page_allocator(vmalloc_memory(64ULL << 20, 4, 2));
    WaitingVmallocPages pages{*frames, tasks};
    WaitingObjects objects{tasks};
    PageTableMemory memory;
    Pfn root = add_root();
    Vmalloc vmalloc{{}, memory, root, 4, pages, objects};

    ~Bench() { tasks.unwind(); }
    Pfn add_root() {
        const Pfn frame = *pages.allocate({.gfp = gfp::kernel});
        memory.add(frame);
        return frame;
    }
    WaitingTasks::Task& begin(CpuId cpu, std::uint64_t size, VirtAddr& into) {
        return tasks.begin(cpu, [this, cpu, size, &into] {
            into = vmalloc.allocate({.size = size, .cpu = cpu}).value_or(VirtAddr{});
        });
    }
    void finish(WaitingTasks::Task& task) {
        while (!task.over()) tasks.go_on(task);
    }
};

TEST(VmallocThatWaits, KeepsOneAreaInStoreForEachCpu) {
    Bench bench;
    VmapSpace space(bench.objects, 2, bench.vmalloc.trace());
    const auto take = [&] { ASSERT_TRUE(space.allocate({.size = page_size, .objects = {.cpu = cpu0}})); };
    take(); // cuts the free space in two, for which it uses what was in store
    const std::size_t before = bench.objects.out.size();
    auto& first = bench.tasks.begin(cpu0, take);
    auto& second = bench.tasks.begin(cpu0, take);
    bench.tasks.go_on(first); // both now wait for the area in store
    bench.tasks.go_on(second);
    bench.tasks.go_on(first);
    ASSERT_TRUE(first.over());
    bench.tasks.go_on(second); // finds that CPU 0 has one
    ASSERT_TRUE(second.over());
    EXPECT_EQ(bench.objects.out.size(), before + 3U); // the two areas and one in store
    EXPECT_EQ(broken(space), "");
}

TEST(VmallocThatWaits, StoresTheAreaWhereItGoesOn) {
    Bench bench;
    VmapSpace space(bench.objects, 2, bench.vmalloc.trace());
    const auto take = [&](CpuId cpu) {
        return [&space, cpu] { ASSERT_TRUE(space.allocate({.size = page_size, .objects = {.cpu = cpu}})); };
    };
    take(cpu0)(); // uses what was in store for a cut
    auto& task = bench.tasks.begin(cpu0, take(cpu0));
    bench.tasks.go_on(task, cpu0); // waits for the area in store
    bench.tasks.go_on(task, cpu1);
    ASSERT_TRUE(task.over());
    const std::size_t waits = bench.tasks.waits;
    auto& next = bench.tasks.begin(cpu1, take(cpu1));
    bench.tasks.go_on(next);
    ASSERT_TRUE(next.over());
    EXPECT_EQ(bench.tasks.waits, waits + 1); // only for its own: one was in store
}

TEST(VmallocThatWaits, CutsCongruentAreasWithWhatIsInStoreWhereItGoesOn) {
    Bench bench;
    VmapSpace space(bench.objects, 2, bench.vmalloc.trace());
    for (const CpuId cpu : {cpu0, cpu1, cpu1}) // the last one leaves one in store
        ASSERT_TRUE(space.allocate({.size = page_size, .objects = {.cpu = cpu}}));
    const std::size_t before = bench.objects.out.size();
    const std::uint64_t offset = 0, size = page_size;
    auto& task = bench.tasks.begin(cpu0, [&] {
        EXPECT_EQ(space.allocate_congruent({&offset, 1}, {&size, 1}, page_size, {.cpu = cpu0}).size(), 1U);
    });
    bench.tasks.go_on(task, cpu1);
    ASSERT_TRUE(task.over());
    EXPECT_EQ(bench.objects.out.size(), before + 1);
}

TEST(VmallocThatWaits, GivesABlockToTheCpuWhereItGoesOn) {
    Bench bench;
    const std::vector<Pfn> frames{*bench.pages.allocate({.gfp = gfp::kernel})};
    const auto map = [&](CpuId cpu, VirtAddr& into) {
        return [&bench, &frames, &into, cpu] { into = *bench.vmalloc.map_ram(frames, NodeId{0}, cpu); };
    };
    VirtAddr first, second;
    auto& task = bench.tasks.begin(cpu0, map(cpu0, first));
    bench.tasks.go_on(task, cpu1);
    bench.finish(task);
    bench.finish(bench.tasks.begin(cpu1, map(cpu1, second)));
    EXPECT_EQ(second, first + page_size);
    EXPECT_EQ(bench.vmalloc.blocks().count(), 1U);
}

TEST(VmallocThatWaits, UsesThePageTableThatANeighbourWasFasterToMake) {
    Bench bench;
    const std::uint64_t tables = bench.vmalloc.tables().tables();
    VirtAddr early, late;
    auto& slow = bench.begin(cpu0, page_size, late);
    const auto below_top = [&] { return bench.vmalloc.tables().tables() == tables; };
    while (bench.vmalloc.pages() == 0) bench.tasks.go_on(slow); // it has its page and waits for a table
    ASSERT_FALSE(slow.over());
    ASSERT_TRUE(below_top());
    auto& fast = bench.begin(cpu1, page_size, early);
    bench.finish(fast);
    EXPECT_EQ(bench.vmalloc.tables().tables(), tables + 2);
    bench.finish(slow);
    EXPECT_EQ(bench.vmalloc.tables().tables(), tables + 2);
    EXPECT_EQ(bench.vmalloc.tables().frame_at(early), bench.vmalloc.find(early)->pages[0]);
    EXPECT_EQ(bench.vmalloc.tables().frame_at(late), bench.vmalloc.find(late)->pages[0]);
}

TEST(VmallocThatWaits, HasItsAddressesBeforeItsPages) {
    Bench bench;
    VirtAddr early, late;
    auto& slow = bench.begin(cpu0, 4 * page_size, late);
    while (bench.vmalloc.space().busy_areas().empty()) bench.tasks.go_on(slow);
    const VmapArea& taken = *bench.vmalloc.space().busy_areas().first();
    EXPECT_EQ(taken.size(), 5 * page_size);
    bench.finish(bench.begin(cpu1, page_size, early));
    EXPECT_EQ(early, taken.end);
    bench.finish(slow);
    EXPECT_EQ(late, vmalloc_layout::start);
}

TEST(VmallocThatWaits, KeepsItsTraceToItself) {
    Bench bench;
    VmallocTrace& trace = bench.vmalloc.trace();
    trace.begin();
    trace.summary().pages_taken = 7;
    trace.visit_area(VirtAddr(64));
    {
        const VmallocTrace::Aside aside(&trace);
        EXPECT_TRUE(trace.steps().empty());
        EXPECT_EQ(trace.summary().pages_taken, 0U);
        trace.write_area(VirtAddr(128));
        trace.summary().pages_taken = 3;
    }
    ASSERT_EQ(trace.steps().size(), 2U);
    EXPECT_EQ(trace.steps()[1].address, VirtAddr(64));
    EXPECT_EQ(trace.summary().pages_taken, 7U);
}

/// Many tasks that map and unmap on four CPUs, each in the middle of something.
class Crowd {
public:
    explicit Crowd(std::uint64_t seed) : m_rng(seed, "vmalloc_waiting") {
        for (int i = 0; i < 8; ++i) m_lent.push_back(*m_bench.pages.allocate({.gfp = gfp::kernel}));
        m_objects_before = m_bench.objects.out.size();
    }

    void run(int steps) {
        for (int i = 0; i < steps && m_problem.empty(); ++i) {
            const std::uint64_t what = m_rng.below(8);
            if (what < 4 && m_bench.tasks.waiting() != 0)
                go_on();
            else if (what < 6 && m_bench.tasks.waiting() < most_tasks)
                begin();
            else if (m_rng.below(30) == 0)
                vmalloc().unmap_aliases(any_cpu());
            else if (!m_areas.empty())
                release();
            check();
        }
        while (m_bench.tasks.waiting() != 0 && m_problem.empty()) {
            go_on();
            check();
        }
        finish();
    }
    [[nodiscard]] const std::string& problem() const { return m_problem; }

private:
    static constexpr std::size_t most_tasks = 10;
    enum class Kind : std::uint8_t { Vmalloc, Vmap, Ram };
    struct Area {
        Kind kind{};
        std::vector<Pfn> pages;
    };

    CpuId any_cpu() { return static_cast<CpuId>(m_rng.below(4)); }
    void go_on() { m_bench.tasks.go_on(m_bench.tasks.any_waiting(m_rng), any_cpu()); }
    Vmalloc& vmalloc() { return m_bench.vmalloc; }

    void begin() {
        const auto kind = static_cast<Kind>(m_rng.below(3));
        const CpuId cpu = any_cpu();
        const std::uint64_t pages = 1 + m_rng.below(kind == Kind::Vmalloc ? 30 : m_lent.size());
        const bool huge = m_rng.below(12) == 0;
        m_bench.tasks.begin(cpu, [this, kind, cpu, pages, huge] {
            if (kind == Kind::Vmalloc) {
                const auto got = vmalloc().allocate({.size = huge ? 4ULL << 20 : pages * page_size,
                                                     .cpu = cpu,
                                                     .flags = huge ? vm_flag::allow_huge : VmFlags{}});
                if (got) add(*got, {kind, vmalloc().find(*got)->pages});
                return;
            }
            const auto lent = std::span(m_lent).first(pages);
            const auto got = kind == Kind::Vmap ? vmalloc().map(lent, {.cpu = cpu})
                                                : vmalloc().map_ram(lent, NodeId{0}, cpu);
            if (got) add(*got, {kind, {lent.begin(), lent.end()}});
        });
    }

    void add(VirtAddr at, Area area) {
        const auto after = m_areas.lower_bound(at);
        if (after != m_areas.end() && after->first < at + area.pages.size() * page_size)
            m_problem = "areas overlap";
        if (area.kind == Kind::Vmalloc)
            for (const Pfn frame : area.pages)
                if (!m_out.insert(frame).second) m_problem = "a frame was handed out twice";
        m_areas.emplace(at, std::move(area));
    }

    void release() {
        auto at = m_areas.begin();
        std::advance(at, m_rng.below(m_areas.size()));
        release(at);
    }
    void release(std::map<VirtAddr, Area>::iterator at) {
        const auto& [address, area] = *at;
        if (area.kind == Kind::Vmalloc) {
            for (const Pfn frame : area.pages) m_out.erase(frame);
            vmalloc().free(address, any_cpu());
        } else if (area.kind == Kind::Vmap) {
            vmalloc().unmap(address, any_cpu());
        } else {
            vmalloc().unmap_ram(address, area.pages.size(), any_cpu());
        }
        m_areas.erase(at);
    }

    void check() {
        if (m_problem.empty()) m_problem = broken(vmalloc().space());
        for (const auto& [address, area] : m_areas)
            for (std::size_t i = 0; i < area.pages.size(); ++i)
                if (vmalloc().tables().frame_at(address + i * page_size) != area.pages[i])
                    m_problem = "a page is mapped wrongly";
    }

    void finish() {
        while (!m_areas.empty() && m_problem.empty()) release(m_areas.begin());
        if (!m_problem.empty()) return;
        vmalloc().unmap_aliases(CpuId{});
        check();
        if (vmalloc().pages() != 0) m_problem = "pages are still counted";
        if (!vmalloc().space().lazy_areas().empty()) m_problem = "something waits after a purge";
        if (!vmalloc().reports().empty()) m_problem = vmalloc().reports().front();
        // A block that nothing was freed in stays: two objects each. Every CPU may have one in store.
        const std::size_t stored = 4;
        const std::size_t pieces = vmalloc().space().free_areas().size() - 1;
        if (m_bench.objects.out.size() > m_objects_before + stored + pieces + 2 * vmalloc().blocks().count())
            m_problem = "objects were lost";
    }

    Bench m_bench;
    Rng m_rng;
    std::vector<Pfn> m_lent;
    std::size_t m_objects_before = 0;
    std::map<VirtAddr, Area> m_areas;
    std::set<Pfn> m_out;
    std::string m_problem;
};

TEST(VmallocThatWaits, KeepsTheAddressSpaceWholeInAnyInterleaving) {
    for (std::uint64_t seed = 0; seed < 15; ++seed) {
        Crowd crowd(seed);
        crowd.run(1500);
        ASSERT_EQ(crowd.problem(), "") << "seed " << seed;
    }
}

} // namespace
} // namespace pagewalk::os
