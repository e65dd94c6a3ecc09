#include "os/vm/virtual_memory.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;
using test::page;
using test::VmRig;

struct Unmapping : testing::Test {
    VmRig rig;
    std::shared_ptr<AddressSpace> space = rig.new_space();

    void SetUp() override {
        rig.map_anonymous(*space, page(0), 64);
        for (std::uint64_t i = 0; i < 40; ++i) rig.touch(*space, page(i));
    }
    template <class Job>
    std::vector<KernelStep> steps_of(Job job) {
        Task& task = rig.run(cpu0, std::move(job));
        return {task.path.steps().begin(), task.path.steps().end()};
    }
};

TEST_F(Unmapping, FlushesPageByPageUpTo33PagesAndEverythingBeyond) {
    const auto scope_of = [&](std::uint64_t first, std::uint64_t pages) {
        const auto steps = steps_of(
            [&, first, pages](Operation& op) { rig.vm.munmap(op, *space, page(first), pages * page_size); });
        const auto flush = std::ranges::find(steps, StepKind::FlushTlb, &KernelStep::kind);
        return rig.tasks.back().path.invalidation(flush->count).scope;
    };
    EXPECT_EQ(scope_of(0, 33), TlbInvalidation::Scope::Range);
    EXPECT_EQ(scope_of(33, 31), TlbInvalidation::Scope::Range);
    rig.map_anonymous(*space, page(0), 64);
    rig.touch(*space, page(0));
    EXPECT_EQ(scope_of(0, 34), TlbInvalidation::Scope::AddressSpace);
}

TEST_F(Unmapping, FreesPagesOnlyBehindTheFlush) {
    const auto steps = steps_of([&](Operation& op) { rig.vm.munmap(op, *space, page(0), 64 * page_size); });
    EXPECT_EQ(rig.counters.nr_anon_pages, 0U);
    EXPECT_EQ(rig.counters.nr_page_table_pages, 0U);
    const auto flush = std::ranges::find(steps, StepKind::FlushTlb, &KernelStep::kind);
    ASSERT_NE(flush, steps.end());
    const VirtAddr free_text = rig.costs.text(KernelFunction::TlbBatchFree);
    const auto freeing = std::ranges::find(steps, free_text, &KernelStep::address);
    EXPECT_LT(flush, freeing);
}

TEST_F(Unmapping, OfAdviceKeepsTheAreaAndLetsOthersFault) {
    VirtualMemory::FaultResult other = VmRig::not_yet;
    Task& discarding =
        rig.begin(cpu0, [&](Operation& op) { rig.vm.discard(op, *space, page(0), 10 * page_size); });
    rig.run(cpu1, rig.fault(*space, page(0), other)); // both are readers
    EXPECT_EQ(other.kind, FaultKind::AnonymousWrite);
    rig.run_path(discarding);
    EXPECT_EQ(space->areas.size(), 1U);
    EXPECT_EQ(rig.counters.nr_anon_pages, 31U);
}

TEST_F(Unmapping, ForLaterTakesDirtyBitsOnly) {
    rig.run(cpu0, [&](Operation& op) { rig.vm.mark_free(op, *space, page(0), page_size); });
    EXPECT_TRUE(rig.entry(*space, page(0)).present());
    EXPECT_FALSE(rig.entry(*space, page(0)).has(PageTableEntry::Dirty));
    EXPECT_TRUE(rig.entry(*space, page(1)).has(PageTableEntry::Dirty));
}

TEST_F(Unmapping, ByTheOomReaperTakesAnonymousPagesThatAreNotLocked) {
    rig.at_once([&](Operation& op) { rig.vm.advise(op, *space, page(0), page(4), vm::locked, 0); });
    rig.at_once([&](Operation& op) { rig.vm.reap(op, *space); });
    EXPECT_EQ(rig.counters.nr_anon_pages, 4U);
    EXPECT_EQ(space->areas.size(), 2U);
}

TEST_F(Unmapping, ByTheOomReaperLeavesASpaceThatIsBeingChanged) {
    Task& changing =
        rig.begin(cpu0, [&](Operation& op) { rig.vm.protect(op, *space, page(0), page_size, vm::read); });
    rig.at_once([&](Operation& op) { rig.vm.reap(op, *space); });
    EXPECT_EQ(rig.counters.nr_anon_pages, 40U);
    rig.run_path(changing);
    rig.at_once([&](Operation& op) { rig.vm.reap(op, *space); });
    EXPECT_EQ(rig.counters.nr_anon_pages, 0U);
}

TEST_F(Unmapping, OfADirtySharedFilePageLeavesThePageDirty) {
    const auto file = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    rig.map(
        *space,
        {.start = page(100), .bytes = page_size, .flags = vm::read | vm::write | vm::shared, .inode = file});
    VirtualMemory::FaultResult result = VmRig::not_yet;
    rig.run(cpu0, rig.fault(*space, page(100), result));
    rig.complete(0);
    rig.pick(cpu0);
    EXPECT_EQ(rig.counters.nr_dirty, 1U); // page_mkwrite
    rig.at_once([&](Operation& op) { rig.vm.munmap(op, *space, page(100), page_size); });
    EXPECT_EQ(rig.counters.nr_dirty, 1U);
    EXPECT_EQ(rig.counters.nr_mapped, 0U);
}

} // namespace
} // namespace pagewalk::os
