#include "contract/kernel_layout.h"
#include "os/kernel/boot.h"
#include "os/page/boot.h"
#include "os/path/kernel_objects.h"
#include "tests/support/slab_invariants.h"
#include "tests/unit/os/file/file_rig.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using Kind = ObjectAllocatorConfig::Kind;
using test::cpu0, test::cpu1;

/// The object layer over a booted page allocator, with one operation whose path is looked at.
struct Bench {
    explicit Bench(Kind kind = Kind::Slub, std::size_t cpus = 1,
                   std::vector<std::uint64_t> nodes = {256ULL << 20})
        : layout(lay_out_kernel(pc_memory_map(nodes, cpus), PagingLevels::Four)),
          allocator(boot_page_allocator(layout.map)), config{.kind = kind},
          objects(frames, config, InitOnAlloc::Off, 1) {}

    [[nodiscard]] VirtAddr allocate(ObjectKind kind) {
        fresh();
        return objects.allocate(op, kind);
    }
    void free(ObjectKind kind, VirtAddr object) {
        fresh();
        objects.free(op, kind, object);
    }
    void fresh() {
        path.clear();
        log.clear();
    }
    [[nodiscard]] SlabPath served_by() const { return log.objects.back().event.path; }
    [[nodiscard]] std::uint64_t instructions() const {
        std::uint64_t sum = 0;
        for (const KernelStep& step : path.steps())
            if (step.kind == StepKind::Execute) sum += step.count;
        return sum;
    }
    [[nodiscard]] bool touches(VirtAddr address) const {
        for (const KernelStep& step : path.steps())
            if ((step.kind == StepKind::Load || step.kind == StepKind::Store) &&
                step.address.line() == address.line())
                return true;
        return false;
    }
    [[nodiscard]] std::size_t count(StepKind kind) const {
        std::size_t sum = 0;
        for (const KernelStep& step : path.steps()) sum += step.kind == kind ? 1 : 0;
        return sum;
    }

    BootLayout layout;
    std::unique_ptr<PageAllocator> allocator;
    ObjectAllocatorConfig config;
    KernelCounters counters;
    FrameAllocator frames{*allocator, layout.addresses, counters, InitOnAlloc::Off};
    KernelObjects objects;
    CostTable costs;
    KernelPath path;
    PathLog log;
    Operation op{.path = {path, costs, KernelTiming::On}, .log = log};
};

/// All that a workload did is undone: every cache has no object left but those that boot made.
void expect_all_returned(Bench& bench, const std::vector<std::pair<ObjectKind, VirtAddr>>& live) {
    for (const auto& [kind, object] : live) bench.free(kind, object);
    for (std::size_t i = 0; i < object_kind_count; ++i)
        EXPECT_EQ(bench.objects.objects(static_cast<ObjectKind>(i)), 0U);
}

class ObjectsOf : public testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(
    EveryAllocator, ObjectsOf, testing::Values(Kind::Slub, Kind::Slab, Kind::Slob), [](const auto& test) {
        return std::string(test.param == Kind::Slub ? "Slub" : test.param == Kind::Slab ? "Slab" : "Slob");
    });

TEST_P(ObjectsOf, NeverOverlap) {
    Bench bench(GetParam());
    std::map<std::uint64_t, std::uint64_t> taken;
    std::vector<std::pair<ObjectKind, VirtAddr>> live;
    for (int round = 0; round < 200; ++round)
        for (std::size_t i = 0; i < object_kind_count; ++i) {
            const auto kind = static_cast<ObjectKind>(i);
            const VirtAddr object = bench.allocate(kind);
            live.emplace_back(kind, object);
            taken[object.value()] = object.value() + object_type(kind).size;
        }
    ASSERT_EQ(taken.size(), live.size());
    std::uint64_t end = 0;
    for (const auto& [from, to] : taken) {
        EXPECT_GE(from, end);
        end = to;
    }
    expect_all_returned(bench, live);
}

TEST_P(ObjectsOf, GiveTheirPagesBackWhenDestroyed) {
    Bench bench(GetParam());
    const std::uint64_t before = bench.objects.pages();
    KmemCache& cache = **bench.objects.create(bench.op, {"mine", 200, 0, {}, Constructor::No, 200, 0});
    std::vector<VirtAddr> objects;
    for (int i = 0; i < 500; ++i)
        objects.push_back(*bench.objects.allocate(bench.op, cache, gfp::kernel, KernelFunction::OpenFile));
    EXPECT_GE(bench.objects.pages(), before + 25);
    for (const VirtAddr object : objects)
        bench.objects.free(bench.op, cache, object, KernelFunction::OpenFile);
    EXPECT_TRUE(bench.objects.destroy(bench.op, cache));
    EXPECT_LE(bench.objects.pages(), before + 1);
    EXPECT_EQ(bench.objects.reports().count(), 0U);
}

TEST_P(ObjectsOf, KeepTheirLocksBalanced) {
    Bench bench(GetParam(), 2);
    std::vector<std::pair<ObjectKind, VirtAddr>> live;
    std::uint64_t locks = 0;
    const auto check = [&] {
        int held = 0;
        for (const KernelStep& step : bench.path.steps()) {
            held += step.kind == StepKind::AcquireLock ? 1 : step.kind == StepKind::ReleaseLock ? -1 : 0;
            locks += step.kind == StepKind::AcquireLock ? 1 : 0;
            ASSERT_GE(held, 0);
        }
        ASSERT_EQ(held, 0);
    };
    for (int i = 0; i < 4000; ++i) {
        bench.op.cpu = static_cast<CpuId>(i % 2);
        const auto kind = static_cast<ObjectKind>(i * 7 % object_kind_count);
        live.emplace_back(kind, bench.allocate(kind));
        check();
    }
    for (std::size_t i = 0; i < live.size(); ++i) {
        bench.op.cpu = static_cast<CpuId>(i / 3 % 2);
        const auto& [kind, object] = live[i * 1013 % live.size()];
        bench.free(kind, object);
        check();
    }
    EXPECT_GT(locks, 50U);
}

TEST_P(ObjectsOf, TakeLongerWhenPagesAreNeeded) {
    Bench bench(GetParam());
    std::map<SlabPath, std::uint64_t> instructions;
    for (int i = 0; i < 400; ++i) {
        (void)bench.allocate(ObjectKind::VmArea);
        instructions[bench.served_by()] = bench.instructions();
        if (bench.served_by() == SlabPath::AllocNewSlab) {
            EXPECT_FALSE(bench.log.allocations.empty());
            EXPECT_EQ(bench.log.allocations.front().event.purpose, AllocationPurpose::KernelObject);
        }
    }
    const SlabPath fast = GetParam() == Kind::Slob ? SlabPath::AllocScan : SlabPath::AllocFast;
    ASSERT_TRUE(instructions.contains(fast));
    ASSERT_TRUE(instructions.contains(SlabPath::AllocNewSlab));
    EXPECT_GT(instructions[SlabPath::AllocNewSlab], 2 * instructions[fast]);
}

struct Objects : testing::Test, Bench {};

TEST_F(Objects, LieInSlabsOfTheRealGeometry) {
    std::set<std::uint64_t> pages;
    const VirtAddr first = allocate(ObjectKind::VmArea);
    for (int i = 1; i < 26; ++i) pages.insert(allocate(ObjectKind::VmArea).page().value()); // 26 a slab
    EXPECT_EQ(pages, std::set{first.page().value()});
    EXPECT_NE(allocate(ObjectKind::VmArea).page(), first.page());
}

TEST_F(Objects, AreHandedOutLastInFirstOut) {
    const VirtAddr first = allocate(ObjectKind::Mm);
    (void)allocate(ObjectKind::Mm);
    free(ObjectKind::Mm, first);
    EXPECT_EQ(allocate(ObjectKind::Mm), first);
}

TEST_F(Objects, TouchTheCpusStructureAndTheFreelistLink) {
    (void)allocate(ObjectKind::VmArea);
    const VirtAddr object = allocate(ObjectKind::VmArea);
    EXPECT_EQ(served_by(), SlabPath::AllocFast);
    const auto& cache = static_cast<const SlubCache&>(objects.cache(ObjectKind::VmArea));
    EXPECT_TRUE(touches(cache.places.cpu(CpuId{})));
    EXPECT_TRUE(touches(cache.places.descriptor));
    EXPECT_TRUE(touches(object + cache.geometry.offset));
    EXPECT_EQ(count(StepKind::AcquireLock), 0U);
    EXPECT_EQ(instructions(), costs[KernelFunction::KmemCacheAlloc].instructions);
}

TEST_F(Objects, GiveEmptySlabsBackBeyondAFew) {
    std::vector<VirtAddr> taken;
    const std::uint64_t before = objects.pages();
    for (int i = 0; i < 26 * 40; ++i) taken.push_back(allocate(ObjectKind::VmArea));
    EXPECT_EQ(objects.pages() - before, 40U);
    std::set<SlabPath> paths;
    for (const VirtAddr object : taken) {
        free(ObjectKind::VmArea, object);
        paths.insert(served_by());
    }
    EXPECT_TRUE(paths.contains(SlabPath::FreeFreeze));
    EXPECT_LT(objects.pages() - before, 20U);
}

TEST_F(Objects, OfReclaimableCachesAreCountedApart) {
    const std::uint64_t reclaimable = objects.reclaimable_pages();
    const std::uint64_t others = objects.unreclaimable_pages();
    (void)allocate(ObjectKind::Dentry);
    EXPECT_EQ(objects.reclaimable_pages(), reclaimable + 1);
    (void)allocate(ObjectKind::Task);
    EXPECT_EQ(objects.unreclaimable_pages(), others + 8);
}

TEST_F(Objects, OfKmallocHaveTheSizeOfTheirClass) {
    const VirtAddr object = *objects.kmalloc(op, 100, gfp::kernel, KernelFunction::OpenFile);
    EXPECT_EQ(log.objects.back().event.bytes_req, 100U);
    EXPECT_EQ(log.objects.back().event.bytes_alloc, 128U);
    EXPECT_EQ(objects.cache_names()[log.objects.back().event.cache], "kmalloc-128");
    objects.kfree(op, object, KernelFunction::OpenFile);
    EXPECT_EQ(log.objects.back().event.call, KmemCall::Kfree);
    const VirtAddr large = *objects.kmalloc(op, 100'000, gfp::kernel, KernelFunction::OpenFile);
    EXPECT_EQ(served_by(), SlabPath::AllocPages);
    EXPECT_EQ(log.objects.back().event.bytes_alloc, 131'072U);
    objects.kfree(op, large, KernelFunction::OpenFile);
    EXPECT_EQ(served_by(), SlabPath::FreePages);
}

TEST_F(Objects, FreedTwiceAreReportedAndStayAsTheyWere) {
    const VirtAddr object = allocate(ObjectKind::File);
    free(ObjectKind::File, object);
    objects.free(op, objects.cache(ObjectKind::File), object, KernelFunction::CloseFile);
    ASSERT_EQ(objects.reports().count(), 1U);
    EXPECT_EQ(objects.reports().kept().front().fault, SlabFault::DoubleFree);
    EXPECT_EQ(allocate(ObjectKind::File), object);
    EXPECT_NE(allocate(ObjectKind::File), object);
}

TEST_F(Objects, OfCachesReadWithoutLocksKeepTheirPagesForAGracePeriod) {
    std::vector<VirtAddr> taken;
    for (int i = 0; i < 39 * 60; ++i) taken.push_back(allocate(ObjectKind::AnonVma));
    for (const VirtAddr object : taken) free(ObjectKind::AnonVma, object);
    const std::uint64_t held = objects.pages();
    EXPECT_FALSE(objects.grace_period_due(Tick{}));
    ASSERT_TRUE(objects.grace_period_due(Tick(20'000'000'000ULL)));
    objects.end_grace_period(op);
    EXPECT_LT(objects.pages(), held);
}

TEST(SlabObjects, HaveColoursThatMoveThemToOtherLines) {
    Bench bench(Kind::Slab);
    std::set<std::uint64_t> offsets;
    const auto& cache = static_cast<const SlabCache&>(bench.objects.cache(ObjectKind::Signals));
    ASSERT_GT(cache.geometry.colours, 1U);
    for (int i = 0; i < 40; ++i) {
        const VirtAddr object = bench.allocate(ObjectKind::Signals);
        const auto& slab = static_cast<Slab&>(bench.objects.allocator());
        const SlabBlock& block = *slab.block_of(object);
        offsets.insert((block.first_object - kernel_layout::direct_map(address_of(block.frame))) / line_size);
    }
    EXPECT_EQ(offsets.size(), cache.geometry.colours);
}

TEST(SlobObjects, TouchEveryFreeBlockTheSearchLooksAt) {
    Bench bench(Kind::Slob);
    std::vector<VirtAddr> taken;
    for (int i = 0; i < 10; ++i) taken.push_back(bench.allocate(ObjectKind::AnonVmaChain));
    for (int i = 0; i < 10; i += 2) bench.free(ObjectKind::AnonVmaChain, taken[static_cast<std::size_t>(i)]);
    (void)bench.allocate(ObjectKind::Dentry); // fits none of the holes
    EXPECT_EQ(bench.served_by(), SlabPath::AllocScan);
    for (int i = 0; i < 10; i += 2) EXPECT_TRUE(bench.touches(taken[static_cast<std::size_t>(i)]));
    EXPECT_TRUE(bench.touches(bench.layout.addresses.slob_globals()) ||
                bench.count(StepKind::AcquireLock) == 1);
}

/// Objects of tasks that wait for pages, on each allocator.
class ObjectsOfTasks : public testing::TestWithParam<Kind> {
protected:
    void SetUp() override {
        cache = *rig.at_once([&](Operation& op) {
            return objects.create(op, {.name = "waited_for", .size = 512, .usersize = 512});
        });
        rig.use_up_memory();
    }
    void TearDown() override { rig.unwind(); }
    /// A job: an allocation.
    auto allocation(VirtAddr& into, GfpMask mask = gfp::kernel) {
        return [this, &into, mask](Operation& op) {
            into = objects.allocate(op, *cache, mask, KernelFunction::DriverIoctl).value_or(VirtAddr{});
        };
    }
    [[nodiscard]] std::uint64_t served(SlabPath path) const {
        return objects.counters()[cache->places.number].paths[static_cast<std::size_t>(path)];
    }

    test::FileRig rig{FileCache::Cold};
    KernelObjects objects{rig.frames, {.kind = GetParam()}, InitOnAlloc::Off, 1};
    KmemCache* cache = nullptr;
};
INSTANTIATE_TEST_SUITE_P(EveryAllocator, ObjectsOfTasks, testing::Values(Kind::Slub, Kind::Slab, Kind::Slob),
                         [](const auto& test) {
                             return std::string(test.param == Kind::Slub   ? "Slub"
                                                : test.param == Kind::Slab ? "Slab"
                                                                           : "Slob");
                         });

TEST_P(ObjectsOfTasks, AreServedOnTheCpuWhereTheTaskGoesOn) {
    VirtAddr late, early;
    Task& slow = rig.run(cpu0, allocation(late));
    ASSERT_EQ(rig.reclaimer.waiters.size(), 1U);
    rig.run(cpu0, allocation(early, gfp::atomic)); // from the reserve
    ASSERT_NE(early, VirtAddr{});
    rig.give_back_memory(500);
    ASSERT_EQ(rig.pick(cpu1), &slow);
    EXPECT_FALSE(TaskRunner::in_operation(slow));
    EXPECT_NE(late, VirtAddr{});
    EXPECT_NE(late, early);
    EXPECT_EQ(slow.log.objects.size(), 0U); // written down
    EXPECT_EQ(served(SlabPath::AllocNewSlab), 2U);
    EXPECT_EQ(broken(objects.allocator()), "");
    // Its first use is on its own path, behind what the other did meanwhile.
    const auto steps = slow.path.steps();
    EXPECT_TRUE(std::ranges::any_of(
        steps, [&](const KernelStep& step) { return step.kind == StepKind::Store && step.address == late; }));
}

TEST_P(ObjectsOfTasks, AreNotWaitedForByThoseWhoMayNot) {
    struct EagerReclaimer final : Reclaimer {
        FrameAllocator& frames;
        WaitQueue queue;
        EagerReclaimer(FrameAllocator& of, TaskRunner& runner) : frames(of), queue(runner) {}
        void wake_kswapd(Zone&, unsigned, GfpMask, ZoneType) override {
            Operation& op = frames.slow_path_operation();
            if (op.may_wait()) queue.wait(op);
        }
    } reclaimer(rig.frames, rig.runner);
    rig.allocator->set_reclaimer(&reclaimer);
    VirtAddr object;
    const Task& task = rig.run(cpu0, allocation(object, gfp::atomic));
    EXPECT_TRUE(reclaimer.queue.empty());
    EXPECT_FALSE(TaskRunner::in_operation(task));
    EXPECT_NE(object, VirtAddr{});
    rig.run(cpu1, allocation(object));
    while (reclaimer.queue.empty() && object != VirtAddr{}) rig.run(cpu1, allocation(object));
    EXPECT_FALSE(reclaimer.queue.empty()); // who may wait does
    rig.allocator->set_reclaimer(&rig.reclaimer);
    reclaimer.queue.wake_all({cpu1, rig.now});
    rig.unwind();
}

TEST_P(ObjectsOfTasks, AreCountedByThePathOfTheirOwnOperation) {
    VirtAddr late, early, again;
    rig.run(cpu0, allocation(late));
    rig.run(cpu1, allocation(early, gfp::atomic));
    rig.run(cpu1, allocation(again, gfp::atomic));
    rig.give_back_memory(500);
    rig.pick(cpu0);
    EXPECT_NE(late, VirtAddr{});
    EXPECT_EQ(served(SlabPath::AllocNewSlab), 2U);
    EXPECT_EQ(served(GetParam() == Kind::Slob ? SlabPath::AllocScan : SlabPath::AllocFast), 1U);
}

} // namespace
} // namespace pagewalk::os
