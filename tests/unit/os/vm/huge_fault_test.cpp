#include "os/vm/virtual_memory.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::base;
using test::cpu0;
using test::cpu1;
using test::page;
using test::VmRig;

constexpr std::uint64_t huge = HugePages::frames;

struct HugeFaults : testing::Test {
    VmRig rig;
    std::shared_ptr<AddressSpace> space = rig.new_space();

    [[nodiscard]] PageTableEntry leaf(VirtAddr at) {
        const PteSlot slot = rig.tables.find_leaf(*space, at);
        return slot ? *slot.entry : PageTableEntry{};
    }
    [[nodiscard]] static VmConfig with(ThpConfig thp) {
        VmConfig config;
        config.thp = thp;
        return config;
    }
};

TEST_F(HugeFaults, WriteMapsTwoMebibytesAtOnce) {
    rig.map_anonymous(*space, page(0), huge);
    EXPECT_EQ(rig.touch(*space, page(5)).kind, FaultKind::HugeWrite);
    const PageTableEntry entry = leaf(page(5));
    EXPECT_TRUE(entry.has(PageTableEntry::Huge) && entry.has(PageTableEntry::Writable));
    EXPECT_EQ(entry.frame().value() % huge, 0U);
    EXPECT_EQ(space->anon_pages, huge);
    EXPECT_EQ(rig.counters.nr_anon_pages, huge);
    EXPECT_EQ(rig.counters.nr_anon_thps, 1U);
    EXPECT_EQ(rig.counters.nr_lru_anon, huge); // on its list at once
    EXPECT_EQ(rig.counters.thp_fault_alloc, 1U);
    EXPECT_EQ(space->table_pages, 3U); // levels 3 and 2, and one kept for a split
    EXPECT_EQ(rig.tables.deposited().count(), 1U);
}

TEST_F(HugeFaults, PopulatingAgainReferencesThePageThatASmallEntryMapsAPartOf) {
    rig.map_anonymous(*space, page(0), huge);
    rig.touch(*space, page(0));
    const Pfn head = leaf(page(0)).frame();
    const auto referenced_by_populating = [&] {
        rig.at_once([&](Operation& op) { rig.vm.populate(op, *space, page(3), page_size); });
        return (rig.frames.pages().peek(head).owner_flags & frame_flags::referenced) != 0;
    };
    EXPECT_FALSE(referenced_by_populating()); // touch_pmd sets the entry's bit alone
    rig.at_once([&](Operation& op) { rig.vm.munmap(op, *space, page(7), page_size); });
    EXPECT_TRUE(referenced_by_populating());
}

TEST_F(HugeFaults, FitIntoTheirAreaOrAreSmall) {
    rig.map_anonymous(*space, page(1), huge);
    EXPECT_EQ(rig.touch(*space, page(1)).kind, FaultKind::AnonymousWrite);    // begins behind a border
    EXPECT_EQ(rig.touch(*space, page(huge)).kind, FaultKind::AnonymousWrite); // ends before the next
    EXPECT_EQ(rig.counters.thp_fault_fallback, 0U);
}

TEST_F(HugeFaults, AreSmallWhereALevel1TableIs) {
    rig.map_anonymous(*space, page(0), 4);
    rig.touch(*space, page(0));
    rig.map_anonymous(*space, page(4), huge - 4); // now one area of 2 MiB
    EXPECT_EQ(rig.touch(*space, page(9)).kind, FaultKind::AnonymousWrite);
}

TEST_F(HugeFaults, FollowTheAdvice) {
    rig.map(*space,
            {.start = base, .bytes = HugePages::bytes, .flags = vm::read | vm::write | vm::no_huge_page});
    EXPECT_EQ(rig.touch(*space, page(0)).kind, FaultKind::AnonymousWrite);
    VmRig advised(FileCache::Cold, with({.enabled = ThpEnabled::Madvise}));
    const auto other = advised.new_space();
    advised.map(*other, {.start = base, .bytes = HugePages::bytes, .flags = vm::read | vm::write});
    advised.map(
        *other,
        {.start = page(huge), .bytes = HugePages::bytes, .flags = vm::read | vm::write | vm::huge_page});
    EXPECT_EQ(advised.touch(*other, page(0)).kind, FaultKind::AnonymousWrite);
    EXPECT_EQ(advised.touch(*other, page(huge)).kind, FaultKind::HugeWrite);
}

TEST_F(HugeFaults, FallBackToSmallPagesWhereNoBlockIsFree) {
    rig.use_up_memory();
    for (std::size_t i = 0; i < rig.taken.size(); i += 2) (void)rig.allocator->free(rig.taken[i], 0, cpu0);
    rig.map_anonymous(*space, page(0), huge);
    EXPECT_EQ(rig.touch(*space, page(0)).kind, FaultKind::AnonymousWrite);
    EXPECT_EQ(rig.counters.thp_fault_fallback, 1U);
    EXPECT_EQ(space->anon_pages, 1U);
}

TEST_F(HugeFaults, ReadMapsOneZeroPageForAll) {
    rig.map_anonymous(*space, page(0), 2 * huge);
    EXPECT_EQ(rig.touch(*space, page(3), FaultAccess::Read).kind, FaultKind::HugeRead);
    EXPECT_EQ(rig.touch(*space, page(huge), FaultAccess::Read).kind, FaultKind::HugeRead);
    EXPECT_EQ(leaf(page(0)).frame(), leaf(page(huge)).frame());
    EXPECT_TRUE(rig.vm.is_zero_page(leaf(page(0)).frame()));
    EXPECT_FALSE(leaf(page(0)).has(PageTableEntry::Writable));
    EXPECT_EQ(rig.counters.thp_zero_page_alloc, 1U);
    EXPECT_EQ(space->anon_pages, 0U);
}

TEST_F(HugeFaults, WriteToTheZeroPageTakesOneSmallPage) {
    rig.map_anonymous(*space, page(0), huge);
    rig.touch(*space, page(0), FaultAccess::Read);
    EXPECT_EQ(rig.touch(*space, page(9)).kind, FaultKind::CopyOfZero);
    EXPECT_EQ(rig.counters.thp_split_pmd, 1U);
    EXPECT_EQ(space->anon_pages, 1U);
    EXPECT_EQ(rig.entry(*space, page(8)).frame(), rig.addresses.zero_page);
    EXPECT_EQ(rig.tables.deposited().count(), 0U);
}

TEST_F(HugeFaults, AfterAForkCopySmallPages) {
    rig.map_anonymous(*space, page(0), huge);
    rig.touch(*space, page(0));
    const Pfn head = leaf(page(0)).frame();
    const auto child = rig.at_once([&](Operation& op) { return rig.vm.fork(op, *space); });
    EXPECT_EQ(rig.touch(*child, page(3)).kind, FaultKind::CopyOnWrite);
    EXPECT_EQ(rig.counters.thp_split_pmd, 1U);
    EXPECT_TRUE(leaf(page(3)).has(PageTableEntry::Huge)); // the parent's is as it was
    EXPECT_EQ(rig.entry(*child, page(4)).frame(), head + 4);
    EXPECT_EQ(rig.vm.huge_pages().mapcount(head + 3), 1U);
    EXPECT_EQ(rig.vm.huge_pages().mapcount(head + 4), 2U);
    EXPECT_EQ(rig.counters.nr_anon_pages, huge + 1);
    EXPECT_EQ(rig.counters.thp_deferred_split_page, 0U); // the parent maps all of it
}

TEST_F(HugeFaults, ReuseTheWholePageOnceItIsTheirsAlone) {
    rig.map_anonymous(*space, page(0), huge);
    rig.touch(*space, page(0));
    const auto child = rig.at_once([&](Operation& op) { return rig.vm.fork(op, *space); });
    rig.at_once([&](Operation& op) { rig.vm.drop_user(op, *child); });
    EXPECT_EQ(rig.touch(*space, page(7)).kind, FaultKind::HugeReuse);
    EXPECT_TRUE(leaf(page(7)).has(PageTableEntry::Writable));
    EXPECT_EQ(rig.counters.thp_split_pmd, 0U);
}

TEST_F(HugeFaults, ReuseASmallPartOnlyWhenItIsTheLast) {
    rig.map_anonymous(*space, page(0), huge);
    rig.touch(*space, page(0));
    const auto child = rig.at_once([&](Operation& op) { return rig.vm.fork(op, *space); });
    rig.touch(*space, page(0)); // splits the parent's entry
    rig.at_once([&](Operation& op) { rig.vm.drop_user(op, *child); });
    EXPECT_EQ(rig.counters.thp_deferred_split_page, 1U); // nobody maps its first page
    for (std::uint64_t i = 1; i + 1 < huge; ++i)
        ASSERT_EQ(rig.touch(*space, page(i)).kind, FaultKind::CopyOnWrite) << i;
    EXPECT_EQ(rig.touch(*space, page(huge - 1)).kind, FaultKind::Reuse);
}

TEST_F(HugeFaults, ThatAnotherOvertookGiveTheirPageBack) {
    rig.map(*space,
            {.start = base, .bytes = 2 * HugePages::bytes, .flags = vm::read | vm::write | vm::huge_page});
    rig.touch(*space, page(huge)); // tables and anon_vma are there
    VirtualMemory::FaultResult first = VmRig::not_yet, second = VmRig::not_yet;
    rig.use_up_memory();
    rig.run(cpu0, rig.fault(*space, page(0), first));
    rig.run(cpu1, rig.fault(*space, page(1), second));
    ASSERT_EQ(rig.reclaimer.waiters.size(), 2U);
    rig.give_back_memory(rig.taken.size());
    rig.pick(cpu0);
    rig.pick(cpu1);
    EXPECT_EQ(first.kind, FaultKind::HugeWrite);
    EXPECT_EQ(second.kind, FaultKind::Spurious);
    EXPECT_EQ(space->anon_pages, 2 * huge);
    EXPECT_EQ(rig.tables.deposited().count(), 2U);
    EXPECT_EQ(space->table_pages, 4U);
}

TEST_F(HugeFaults, ClearThePageWithTheTouchedPartLast) {
    rig.map_anonymous(*space, page(0), huge);
    VirtualMemory::FaultResult result = VmRig::not_yet;
    const Task& task = rig.begin(cpu0, rig.fault(*space, page(100), result));
    VirtAddr last{};
    std::uint64_t bytes = 0;
    for (const KernelStep& step : task.path.steps())
        if (step.kind == StepKind::ClearPages) {
            last = step.address;
            if (step.count == page_size) bytes += step.count;
        }
    const Pfn head = leaf(page(0)).frame();
    EXPECT_EQ(last, kernel_layout::direct_map(address_of(head + 100)));
    EXPECT_GE(bytes, HugePages::bytes); // in pieces, so that a quantum can end between two
}

} // namespace
} // namespace pagewalk::os
