#include "os/path/tlb_flush_ceiling.h"
#include "os/path/touch_path.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

struct TouchPath : testing::Test {
    TouchPath() { touched.record(true); }

    TouchPathWriter writer{2};
    CostTable costs;
    KernelPath path;
    PathLog log;
    Operation op{.path = {path, costs, KernelTiming::On}, .log = log};
    TouchSteps touched;

    [[nodiscard]] std::vector<StepKind> kinds() const {
        std::vector<StepKind> kinds;
        for (const KernelStep& step : path.steps()) kinds.push_back(step.kind);
        return kinds;
    }
};

TEST_F(TouchPath, KeepsTheOrderOfWhatWasTouched) {
    constexpr VirtAddr area(0xffff888000001000);
    touched.acquire(area);
    touched.work(AllocatorWork::VisitArea);
    touched.load(area);
    touched.work(AllocatorWork::WriteArea);
    touched.store(area + 64);
    touched.release(area);
    writer.append(op, touched);
    using enum StepKind;
    EXPECT_EQ(kinds(), (std::vector{AcquireLock, Execute, Load, Execute, Store, ReleaseLock}));
    EXPECT_EQ(path.steps()[0].address, area);
    EXPECT_EQ(path.steps()[1].address, costs.text(KernelFunction::VmapAreaStep));
    EXPECT_EQ(path.steps()[4].address, area + 64);
}

TEST_F(TouchPath, RunsAnEntryAtATimeAndStoresItsLineOnce) {
    for (std::uint64_t i = 0; i < 3; ++i)
        touched.entry(AllocatorWork::WriteEntry, VirtAddr(0xffff888000005000 + 8 * i));
    writer.append(op, touched);
    using enum StepKind;
    EXPECT_EQ(kinds(), (std::vector{Execute, Execute, Execute, Store}));
}

TEST_F(TouchPath, FlushesUpToTheCeilingPageByPageAndMoreAtOnceOnEveryCpu) {
    constexpr VirtAddr start(0xffffc90000000000);
    touched.flush(start, start + tlb_single_page_flush_ceiling * page_size);
    touched.flush(start, start + (tlb_single_page_flush_ceiling + 1) * page_size);
    writer.append(op, touched);
    EXPECT_EQ(path.invalidation(0).scope, TlbInvalidation::Scope::Range);
    EXPECT_EQ(path.invalidation(1).scope, TlbInvalidation::Scope::All);
    EXPECT_EQ(path.invalidation(1).cpus.count(), 2U);
}

TEST_F(TouchPath, RunsTheCodeOfEachAllocator) {
    touched.work(AllocatorWork::GetPartial);
    touched.work(AllocatorWork::SlobBlock, 2);
    writer.append(op, touched);
    ASSERT_EQ(path.steps().size(), 3U);
    EXPECT_EQ(path.steps()[0].address, costs.text(KernelFunction::GetPartialNode));
    EXPECT_EQ(path.steps()[2].address, costs.text(KernelFunction::SlobBlock));
}

} // namespace
} // namespace pagewalk::os
