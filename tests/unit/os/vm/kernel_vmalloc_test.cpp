#include "os/vm/kernel_vmalloc.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0, test::cpu1;

struct AreasOfTasks : testing::Test {
    AreasOfTasks() {
        rig.at_once([this](Operation& op) {
            vmalloc.emplace(VmallocConfig{}, rig.frames, rig.objects, rig.tables, rig.table_memory, 4U, op);
        });
    }
    ~AreasOfTasks() override { rig.unwind(); }

    /// A job: an area of `pages` pages.
    auto allocation(std::uint64_t pages, VirtAddr& into) {
        return [this, pages, &into](Operation& op) {
            into = vmalloc->allocate(op, pages * page_size, gfp::kernel).value_or(VirtAddr{});
        };
    }
    /// How often a task's path has locked the address space.
    [[nodiscard]] std::ptrdiff_t locks(const Task& task, VmallocLock lock) const {
        const VirtAddr at = rig.addresses.vmalloc_locks() + static_cast<std::uint64_t>(lock) * line_size;
        return std::ranges::count_if(task.path.steps(), [at](const KernelStep& step) {
            return step.kind == StepKind::AcquireLock && step.address == at;
        });
    }

    test::VmRig rig;
    std::optional<KernelVmalloc> vmalloc;
};

TEST_F(AreasOfTasks, HaveTheStepsOfTheirOwnOperationThoughItWaits) {
    VirtAddr first, reference, late;
    rig.run(cpu0, allocation(8, first));
    const Task& undisturbed = rig.run(cpu0, allocation(8, reference));
    const std::ptrdiff_t taken = locks(undisturbed, VmallocLock::Free);
    ASSERT_GT(taken, 0);
    rig.use_up_memory();
    Task& slow = rig.run(cpu0, allocation(8, late));
    ASSERT_EQ(rig.reclaimer.waiters.size(), 1U);
    const Task& other = rig.run(cpu1, [&](Operation& op) { vmalloc->free(op, first); });
    EXPECT_EQ(locks(other, VmallocLock::Free), 0);
    EXPECT_GT(locks(other, VmallocLock::Lazy), 0);
    do rig.give_back_memory(500);
    while (rig.pick(cpu1) != nullptr);
    ASSERT_FALSE(TaskRunner::in_operation(slow));
    EXPECT_EQ(locks(slow, VmallocLock::Free), taken);
    EXPECT_EQ(locks(slow, VmallocLock::Lazy), 0);
}

TEST_F(AreasOfTasks, AreGivenBackWhenTheirPagesDoNotCome) {
    const std::size_t areas = vmalloc->areas().space().busy_areas().size();
    rig.use_up_memory();
    VirtAddr late(1);
    Task& slow = rig.run(cpu0, allocation(8, late));
    ASSERT_EQ(rig.reclaimer.waiters.size(), 1U);
    rig.allocator->set_reclaimer(nullptr); // what it waited for does not come
    rig.reclaimer.waiters.wake_all({cpu0, rig.now});
    rig.pick(cpu1);
    ASSERT_FALSE(TaskRunner::in_operation(slow));
    EXPECT_EQ(late, VirtAddr{});
    EXPECT_EQ(vmalloc->areas().space().busy_areas().size(), areas);
    EXPECT_EQ(vmalloc->areas().pages(), 0U);
}

TEST_F(AreasOfTasks, KeepTheirPagesInOrderWhenSeveralWait) {
    rig.use_up_memory();
    VirtAddr one, two;
    rig.run(cpu0, allocation(40, one));
    rig.run(cpu1, allocation(40, two));
    for (int i = 0; i < 40 && (one == VirtAddr{} || two == VirtAddr{}); ++i) {
        rig.give_back_memory(500);
        while (rig.pick(i % 2 == 0 ? cpu0 : cpu1) != nullptr) {
        }
    }
    ASSERT_NE(one, VirtAddr{});
    ASSERT_NE(two, VirtAddr{});
    for (const VirtAddr area : {one, two}) {
        const VmArea& there = *vmalloc->areas().find(area);
        ASSERT_EQ(there.pages.size(), 40U);
        for (std::size_t i = 0; i < there.pages.size(); ++i)
            EXPECT_EQ(vmalloc->areas().tables().frame_at(area + i * page_size), there.pages[i]);
    }
    rig.at_once([&](Operation& op) {
        vmalloc->free(op, one);
        vmalloc->free(op, two);
    });
    EXPECT_EQ(vmalloc->areas().pages(), 0U);
}

} // namespace
} // namespace pagewalk::os
