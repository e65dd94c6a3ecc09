#include "base/rng.h"
#include "os/slab/kmalloc.h"
#include "tests/support/slab_invariants.h"
#include "tests/support/waiting_pages.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr CpuId cpu0{0}, cpu1{1};

enum class Kind : std::uint8_t { Slub, SlubDebugged, Slab, SlabWithoutNuma, Slob };

std::string name_of(Kind kind) {
    constexpr std::array names{"Slub", "SlubDebugged", "Slab", "SlabWithoutNuma", "Slob"};
    return names[static_cast<std::size_t>(kind)];
}

/// An object allocator whose page allocations are waited for, by tasks that a test lets go on.
struct Bench {
    explicit Bench(Kind kind, std::size_t cpus = 2, std::size_t nodes = 1)
        : pages(tasks, cpus, nodes), allocator(make(kind, cpus)) {}
    ~Bench() { tasks.unwind(); }

    std::unique_ptr<SlabAllocator> make(Kind kind, std::size_t cpus) {
        switch (kind) {
        case Kind::Slub:
        case Kind::SlubDebugged: {
            SlubConfig config;
            config.parameters.cpus = static_cast<unsigned>(cpus);
            if (kind == Kind::SlubDebugged)
                config.debug = slab_flag::consistency_checks | slab_flag::red_zone;
            return std::make_unique<Slub>(pages, config);
        }
        case Kind::Slab:
        case Kind::SlabWithoutNuma: {
            SlabConfig config;
            config.parameters.cpus = static_cast<unsigned>(cpus);
            if (kind == Kind::SlabWithoutNuma) config.numa = SlabConfig::Numa::Off;
            return std::make_unique<Slab>(pages, config);
        }
        case Kind::Slob:
            break;
        }
        return std::make_unique<Slob>(pages);
    }

    KmemCache& cache(std::uint32_t size, SlabFlags flags = {}) {
        return **allocator->create({.name = "size-" + std::to_string(size), .size = size, .flags = flags});
    }
    /// A task that allocates one object, which is put in `into`.
    WaitingTasks::Task& begin(KmemCache& from, CpuId cpu, VirtAddr& into, GfpMask mask = gfp::kernel) {
        return tasks.begin(cpu, [this, &from, cpu, &into, mask] {
            into = allocator->allocate(from, {.gfp = mask, .cpu = cpu}).value_or(VirtAddr{});
        });
    }
    /// An allocation that does not wait.
    VirtAddr atomically(KmemCache& from, CpuId cpu) {
        const bool scarce = std::exchange(pages.scarce, false);
        VirtAddr object;
        EXPECT_TRUE(begin(from, cpu, object, gfp::atomic).over());
        pages.scarce = scarce;
        return object;
    }

    WaitingTasks tasks;
    WaitingPages pages;
    std::unique_ptr<SlabAllocator> allocator;
};

TEST(SlubThatWaits, PutsItsSlabInThePlaceOfOneThatTheCpuGotMeanwhile) {
    Bench bench(Kind::Slub);
    auto& cache = static_cast<SlubCache&>(bench.cache(256));
    VirtAddr late;
    auto& task = bench.begin(cache, cpu0, late);
    ASSERT_FALSE(task.over());
    const VirtAddr early = bench.atomically(cache, cpu0);
    SlubSlab* const installed = cache.cpus[cpu0].slab;
    ASSERT_NE(installed, nullptr);
    bench.tasks.go_on(task);
    ASSERT_TRUE(task.over());
    EXPECT_NE(cache.cpus[cpu0].slab, installed);
    EXPECT_TRUE(installed->on_partial);
    EXPECT_FALSE(installed->frozen);
    EXPECT_EQ(installed->inuse, 1U); // its objects of the CPU's freelist went back to it
    EXPECT_EQ(static_cast<Slub&>(*bench.allocator).stats().cpu_slab_flush, 1U);
    EXPECT_NE(late, early);
    EXPECT_EQ(broken(*bench.allocator), "");
}

TEST(SlubThatWaits, GivesItsSlabToTheCpuWhereItGoesOn) {
    Bench bench(Kind::Slub);
    auto& cache = static_cast<SlubCache&>(bench.cache(256));
    VirtAddr late;
    auto& task = bench.begin(cache, cpu0, late);
    (void)bench.atomically(cache, cpu0);
    (void)bench.atomically(cache, cpu1);
    const SlubSlab* const of_cpu0 = cache.cpus[cpu0].slab;
    SlubSlab* const of_cpu1 = cache.cpus[cpu1].slab;
    bench.tasks.go_on(task, cpu1);
    EXPECT_EQ(cache.cpus[cpu0].slab, of_cpu0);
    EXPECT_NE(cache.cpus[cpu1].slab, of_cpu1);
    EXPECT_TRUE(of_cpu1->on_partial);
    const auto& slub = static_cast<const Slub&>(*bench.allocator);
    EXPECT_EQ(slub.cache_of(late), &cache);
    EXPECT_EQ(slub.slab_of(Pfn((late - kernel_layout::direct_map_base) >> page_shift)),
              cache.cpus[cpu1].slab);
    EXPECT_EQ(broken(*bench.allocator), "");
}

TEST(SlubThatWaits, FreesToItsCpusSlabMeanwhile) {
    Bench bench(Kind::Slub);
    auto& cache = static_cast<SlubCache&>(bench.cache(1024));
    std::vector<VirtAddr> objects;
    while (objects.size() < cache.geometry.objects) objects.push_back(bench.atomically(cache, cpu0));
    VirtAddr late;
    auto& task = bench.begin(cache, cpu0, late); // the slab is used up
    ASSERT_FALSE(task.over());
    for (const VirtAddr object : objects) bench.allocator->free(cache, object, cpu0);
    EXPECT_EQ(broken(*bench.allocator), "");
    bench.tasks.go_on(task);
    EXPECT_EQ(broken(*bench.allocator), "");
    EXPECT_EQ(cache.live, 1U);
}

TEST(SlabThatWaits, TakesWhatItsCpusArrayGotMeanwhileAndKeepsTheNewSlabWhole) {
    Bench bench(Kind::SlabWithoutNuma);
    auto& cache = static_cast<SlabCache&>(bench.cache(256));
    VirtAddr late;
    auto& task = bench.begin(cache, cpu0, late);
    ASSERT_FALSE(task.over());
    (void)bench.atomically(cache, cpu0);
    const ArrayCache& array = cache.cpus[cpu0];
    ASSERT_NE(array.avail, 0U);
    const VirtAddr next = array.entries[array.avail - 1];
    bench.tasks.go_on(task);
    EXPECT_EQ(late, next);
    EXPECT_EQ(cache.nodes[NodeId{0}].free.size(), 1U);
    EXPECT_EQ(broken(*bench.allocator), "");
}

TEST(SlabThatWaits, FillsTheArrayOfTheCpuWhereItGoesOn) {
    Bench bench(Kind::SlabWithoutNuma);
    auto& cache = static_cast<SlabCache&>(bench.cache(256));
    VirtAddr late;
    auto& task = bench.begin(cache, cpu0, late);
    bench.tasks.go_on(task, cpu1);
    EXPECT_EQ(cache.cpus[cpu0].avail, 0U);
    EXPECT_NE(cache.cpus[cpu1].avail, 0U);
    EXPECT_TRUE(cache.cpus[cpu1].touched);
    EXPECT_EQ(broken(*bench.allocator), "");
}

TEST(SlabThatWaits, FallsBackFromTheNodeWhereItGoesOn) {
    Bench bench(Kind::Slab, 2, 2);
    auto& cache = static_cast<SlabCache&>(bench.cache(256));
    VirtAddr late;
    // Its node gives nothing to those who may not reclaim: the task waits when it falls back.
    auto& task = bench.begin(cache, cpu0, late);
    ASSERT_FALSE(task.over());
    const VirtAddr early = bench.atomically(cache, cpu0);
    bench.tasks.go_on(task, cpu1);
    ASSERT_TRUE(task.over());
    EXPECT_NE(late, early);
    EXPECT_EQ(broken(*bench.allocator), "");
}

TEST(SlabThatWaits, MakesTheIndexOfASlabInTheMiddleOfIt) {
    Bench bench(Kind::SlabWithoutNuma);
    Kmalloc kmalloc(*bench.allocator, KmallocConfig::for_kind(KmallocConfig::Kind::Slab));
    KmemCache* const off_slab = &bench.cache(2048, slab_flag::typesafe_by_rcu);
    ASSERT_EQ(static_cast<SlabCache&>(*off_slab).geometry.management, SlabManagement::OffSlab);
    VirtAddr late;
    auto& task = bench.begin(*off_slab, cpu0, late);
    bench.tasks.go_on(task); // the slab's pages are there, those of its index are waited for
    ASSERT_FALSE(task.over());
    EXPECT_EQ(broken(*bench.allocator), "");
    const VirtAddr early = bench.atomically(*off_slab, cpu0);
    EXPECT_FALSE(bench.allocator->destroy(*off_slab));
    bench.tasks.go_on(task, cpu1);
    ASSERT_TRUE(task.over());
    EXPECT_NE(late, early);
    EXPECT_EQ(broken(*bench.allocator), "");
}

TEST(SlobThatWaits, GetsAPageOfItsOwnThoughRoomWasMadeMeanwhile) {
    Bench bench(Kind::Slob);
    KmemCache& cache = bench.cache(200);
    VirtAddr late;
    auto& task = bench.begin(cache, cpu0, late);
    ASSERT_FALSE(task.over());
    const VirtAddr early = bench.atomically(cache, cpu0);
    bench.tasks.go_on(task, cpu1);
    const auto& slob = static_cast<const Slob&>(*bench.allocator);
    EXPECT_NE(slob.page_of(late), slob.page_of(early));
    EXPECT_EQ(slob.list(0).size(), 2U);
    EXPECT_EQ(slob.list(0).front(), slob.page_of(late));
    EXPECT_EQ(broken(*bench.allocator), "");
}

class AllocatorThatWaits : public testing::TestWithParam<Kind> {};

TEST_P(AllocatorThatWaits, KeepsItsCache) {
    Bench bench(GetParam());
    KmemCache& cache = bench.cache(300);
    VirtAddr late;
    auto& task = bench.begin(cache, cpu0, late);
    ASSERT_FALSE(task.over());
    EXPECT_FALSE(bench.allocator->destroy(cache));
    EXPECT_EQ(bench.allocator->reports().count(), 1U);
    bench.tasks.go_on(task);
    bench.allocator->free(cache, late, cpu0);
    EXPECT_TRUE(bench.allocator->destroy(cache));
}

TEST_P(AllocatorThatWaits, GoesOnWithABulkWhereItIs) {
    Bench bench(GetParam());
    KmemCache& cache = bench.cache(1500);
    std::vector<VirtAddr> objects(40);
    std::size_t got = 0;
    auto& task =
        bench.tasks.begin(cpu0, [&] { got = bench.allocator->allocate_bulk(cache, {.cpu = cpu0}, objects); });
    for (std::size_t i = 0; !task.over(); ++i) {
        EXPECT_EQ(broken(*bench.allocator), "");
        bench.tasks.go_on(task, i % 2 == 0 ? cpu1 : cpu0);
    }
    EXPECT_EQ(got, objects.size());
    bench.allocator->free_bulk(cache, objects, cpu1);
    EXPECT_EQ(broken(*bench.allocator), "");
    EXPECT_TRUE(bench.allocator->destroy(cache));
    EXPECT_EQ(bench.allocator->reports().count(), 0U);
    EXPECT_TRUE(bench.pages.pages.out.empty());
}

/// Many tasks on four CPUs, each in the middle of something, that go on in any order and anywhere.
class Crowd {
public:
    Crowd(Kind kind, std::uint64_t seed) : m_bench(kind, cpus, 2), m_rng(seed, "slab_waiting") {
        m_kmalloc = std::make_unique<Kmalloc>(*m_bench.allocator,
                                              kind == Kind::Slab || kind == Kind::SlabWithoutNuma
                                                  ? KmallocConfig::for_kind(KmallocConfig::Kind::Slab)
                                                  : KmallocConfig{});
        for (const std::uint32_t size : {40U, 256U, 700U, 2048U, 5000U})
            m_caches.push_back(&m_bench.cache(size));
        for (const std::uint32_t size : {320U, 2048U})
            m_caches.push_back(&m_bench.cache(size, slab_flag::typesafe_by_rcu));
    }

    void run(int steps) {
        for (int i = 0; i < steps && m_problem.empty(); ++i) {
            m_bench.pages.scarce = m_rng.below(2) == 0;
            step();
            check();
        }
        while (m_bench.tasks.waiting() != 0 && m_problem.empty()) {
            m_bench.tasks.go_on(m_bench.tasks.any_waiting(m_rng), any_cpu());
            check();
        }
        finish();
    }
    [[nodiscard]] const std::string& problem() const { return m_problem; }
    [[nodiscard]] std::size_t waits() const { return m_bench.tasks.waits; }

private:
    static constexpr std::size_t cpus = 4;
    static constexpr std::size_t most_tasks = 12;
    struct Object {
        KmemCache* cache = nullptr; ///< null: kmalloc
        std::uint64_t bytes = 0;
    };

    CpuId any_cpu() { return static_cast<CpuId>(m_rng.below(cpus)); }

    void step() {
        const std::uint64_t what = m_rng.below(8);
        if (what < 3 && m_bench.tasks.waiting() != 0)
            m_bench.tasks.go_on(m_bench.tasks.any_waiting(m_rng), any_cpu());
        else if (what < 6 && m_bench.tasks.waiting() < most_tasks)
            allocate();
        else if (what == 6 && m_rng.below(20) == 0)
            tidy();
        else
            release(1 + m_rng.below(6));
    }

    void allocate() {
        KmemCache* cache = m_rng.below(6) == 0 ? nullptr : m_caches[m_rng.below(m_caches.size())];
        SlabRequest request{.gfp = m_rng.below(4) == 0 ? gfp::atomic : gfp::kernel, .cpu = any_cpu()};
        if (m_rng.below(4) == 0) request.node = static_cast<NodeId>(m_rng.below(2));
        const std::uint64_t count = 1 + m_rng.below(12);
        const std::uint64_t bytes = cache != nullptr ? cache->object_size : 1 + m_rng.below(20000);
        const auto& task = m_bench.tasks.begin(request.cpu, [this, cache, request, count, bytes] {
            SlabRequest here = request;
            for (std::uint64_t i = 0; i < count; ++i) {
                const auto object = cache != nullptr ? m_bench.allocator->allocate(*cache, here)
                                                     : m_kmalloc->allocate(bytes, here);
                here.cpu = m_bench.tasks.current_cpu(here.cpu);
                if (object) add(*object, {cache, bytes});
            }
        });
        if (request.gfp == gfp::atomic && !task.over()) m_problem = "an atomic allocation waits";
    }

    void add(VirtAddr at, const Object& object) {
        const auto after = m_live.lower_bound(at);
        if (after != m_live.end() && after->first < at + object.bytes) m_problem = "objects overlap";
        if (after != m_live.begin()) {
            const auto& [before, other] = *std::prev(after);
            if (before + other.bytes > at) m_problem = "objects overlap";
        }
        m_live.emplace(at, object);
    }

    void release(std::uint64_t count) {
        for (; count != 0 && !m_live.empty(); --count) {
            auto at = m_live.begin();
            std::advance(at, m_rng.below(m_live.size()));
            release(at->first, at->second);
            m_live.erase(at);
        }
    }
    void release(VirtAddr at, const Object& object) {
        if (object.cache != nullptr)
            m_bench.allocator->free(*object.cache, at, any_cpu());
        else
            m_kmalloc->free(at, any_cpu());
    }

    void tidy() {
        m_bench.allocator->grace_period_ended(any_cpu());
        for (KmemCache* cache : m_caches) m_bench.allocator->shrink(*cache, any_cpu());
        if (auto* slab = dynamic_cast<Slab*>(m_bench.allocator.get()))
            slab->reap_all(any_cpu(), ReapScope::CpuArraysAndNodes);
    }

    void check() {
        if (m_problem.empty()) m_problem = broken(*m_bench.allocator);
    }

    void finish() {
        if (!m_problem.empty()) return;
        for (const auto& [at, object] : m_live) release(at, object);
        m_bench.allocator->grace_period_ended(CpuId{});
        check();
        for (KmemCache* cache : m_caches)
            if (!m_bench.allocator->destroy(*cache)) m_problem = "a cache keeps objects";
        while (!m_bench.allocator->caches().empty() && m_problem.empty())
            if (!m_bench.allocator->destroy(*m_bench.allocator->caches().back()))
                m_problem = "a kmalloc cache keeps objects";
        m_bench.allocator->grace_period_ended(CpuId{});
        if (m_problem.empty() && !m_bench.pages.pages.out.empty()) m_problem = "pages were lost";
        if (m_problem.empty() && m_bench.pages.pages.bad_frees != 0) m_problem = "pages were freed twice";
    }

    Bench m_bench;
    std::unique_ptr<Kmalloc> m_kmalloc;
    Rng m_rng;
    std::vector<KmemCache*> m_caches;
    std::map<VirtAddr, Object> m_live;
    std::string m_problem;
};

TEST_P(AllocatorThatWaits, HandsOutEachObjectOnceInAnyInterleaving) {
    std::size_t waits = 0;
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        Crowd crowd(GetParam(), seed);
        crowd.run(1500);
        ASSERT_EQ(crowd.problem(), "") << "seed " << seed;
        waits += crowd.waits();
    }
    EXPECT_GT(waits, 1000U);
}

INSTANTIATE_TEST_SUITE_P(EveryAllocator, AllocatorThatWaits,
                         testing::Values(Kind::Slub, Kind::SlubDebugged, Kind::Slab, Kind::SlabWithoutNuma,
                                         Kind::Slob),
                         [](const auto& test) { return name_of(test.param); });

} // namespace
} // namespace pagewalk::os
