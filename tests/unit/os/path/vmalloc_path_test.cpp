#include "os/kernel/boot.h"
#include "os/path/vmalloc_path.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

struct VmallocPath : testing::Test {
    BootLayout layout = lay_out_kernel(pc_memory_map({256ULL << 20}, 2), PagingLevels::Four);
    VmallocPathWriter writer{layout.addresses, 2};
    CostTable costs;
    KernelPath path;
    PathLog log;
    Operation op{.path = {path, costs, KernelTiming::On}, .log = log};
    VmallocTrace trace;

    [[nodiscard]] std::vector<StepKind> kinds() const {
        std::vector<StepKind> kinds;
        for (const KernelStep& step : path.steps()) kinds.push_back(step.kind);
        return kinds;
    }
};

TEST_F(VmallocPath, KeepsTheOrderOfTheTrace) {
    constexpr VirtAddr area(0xffff888000001000);
    trace.acquire(VmallocLock::Block, area);
    trace.area(VmallocStepKind::VisitArea, area);
    trace.area(VmallocStepKind::WriteArea, area + 64);
    trace.release(VmallocLock::Block, area);
    writer.write(op, trace);
    using enum StepKind;
    EXPECT_EQ(kinds(), (std::vector{AcquireLock, Execute, Load, Execute, Store, ReleaseLock}));
    EXPECT_EQ(path.steps()[0].address, area);
    EXPECT_EQ(path.steps()[1].address, costs.text(KernelFunction::VmapAreaStep));
    EXPECT_EQ(path.steps()[4].address, area + 64);
}

TEST_F(VmallocPath, RunsAnEntryAtATimeAndStoresItsLineOnce) {
    for (std::uint64_t i = 0; i < 3; ++i)
        trace.entry(VmallocStepKind::WriteEntries, PhysAddr(0x5000 + 8 * i));
    writer.write(op, trace);
    using enum StepKind;
    EXPECT_EQ(kinds(), (std::vector{Execute, Execute, Execute, Store}));
}

TEST_F(VmallocPath, GivesEachLockALineOfItsOwn) {
    trace.acquire(VmallocLock::Purge);
    trace.acquire(VmallocLock::BlockQueue, {}, 0);
    trace.acquire(VmallocLock::BlockQueue, {}, 1);
    writer.write(op, trace);
    ASSERT_EQ(path.steps().size(), 3U);
    EXPECT_NE(path.steps()[0].address.line(), path.steps()[1].address.line());
    EXPECT_NE(path.steps()[1].address.line(), path.steps()[2].address.line());
}

TEST_F(VmallocPath, FlushesAFewPagesOneByOneAndManyAtOnceOnEveryCpu) {
    constexpr VirtAddr start(0xffffc90000000000);
    trace.flush(start, start + 33 * page_size);
    trace.flush(start, start + 34 * page_size);
    writer.write(op, trace);
    EXPECT_EQ(path.invalidation(0).scope, TlbInvalidation::Scope::Range);
    EXPECT_EQ(path.invalidation(1).scope, TlbInvalidation::Scope::All);
    EXPECT_EQ(path.invalidation(1).cpus.count(), 2U);
}

TEST_F(VmallocPath, LeavesToTheAllocatorsWhatTheyWroteThemselves) {
    trace.pages(4);
    trace.frame(VmallocStepKind::AllocateTable, Pfn(7));
    trace.wake_drain();
    writer.write(op, trace);
    EXPECT_TRUE(path.steps().empty());
}

} // namespace
} // namespace pagewalk::os
